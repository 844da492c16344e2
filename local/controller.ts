import { type Handler, lambda, type Ports } from '../functions/_task.ts';
import { alarmEvent } from '../functions/alarm-event.ts';
import { closeRollout } from '../functions/close-rollout.ts';
import { command } from '../functions/command.ts';
import { continueAsNew } from '../functions/continue-as-new.ts';
import { deadMan } from '../functions/dead-man.ts';
import { decide } from '../functions/decide.ts';
import { hold } from '../functions/hold.ts';
import { journalStream } from '../functions/journal-stream.ts';
import { measure } from '../functions/measure.ts';
import { openRollout } from '../functions/open-rollout.ts';
import { promoteCanary } from '../functions/promote-canary.ts';
import { publishRelease } from '../functions/publish-release.ts';
import { readJournal } from '../functions/read-rollout.ts';
import { revertTraffic } from '../functions/revert-traffic.ts';
import { runHook } from '../functions/run-hook.ts';
import { shiftTraffic } from '../functions/shift-traffic.ts';

export const CONTROLLER = [
  'AlarmEvent',
  'CloseRollout',
  'Command',
  'ContinueAsNew',
  'DeadMan',
  'Decide',
  'Hold',
  'JournalStream',
  'Measure',
  'OpenRollout',
  'PromoteCanary',
  'PublishRelease',
  'ReadRollout',
  'RevertTraffic',
  'RunHook',
  'ShiftTraffic',
] as const;
export type ControllerFunction = (typeof CONTROLLER)[number];

/** The controller's functions by name, as they are deployed: the real handlers, each with ports of its own. */
export function controllerFunctions(
  makePorts: (name: ControllerFunction) => Ports,
): Record<ControllerFunction, Handler> {
  return {
    AlarmEvent: lambda(alarmEvent, () => makePorts('AlarmEvent')),
    CloseRollout: lambda(closeRollout, () => makePorts('CloseRollout')),
    Command: lambda(command, () => makePorts('Command')),
    ContinueAsNew: lambda(continueAsNew, () => makePorts('ContinueAsNew')),
    DeadMan: lambda(deadMan, () => makePorts('DeadMan')),
    Decide: lambda(decide, () => makePorts('Decide')),
    Hold: lambda(hold, () => makePorts('Hold')),
    JournalStream: lambda(journalStream, () => makePorts('JournalStream')),
    Measure: lambda(measure, () => makePorts('Measure')),
    OpenRollout: lambda(openRollout, () => makePorts('OpenRollout')),
    PromoteCanary: lambda(promoteCanary, () => makePorts('PromoteCanary')),
    PublishRelease: lambda(publishRelease, () => makePorts('PublishRelease')),
    ReadRollout: lambda(readJournal, () => makePorts('ReadRollout')),
    RevertTraffic: lambda(revertTraffic, () => makePorts('RevertTraffic')),
    RunHook: lambda(runHook, () => makePorts('RunHook')),
    ShiftTraffic: lambda(shiftTraffic, () => makePorts('ShiftTraffic')),
  };
}
