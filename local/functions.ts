import type { Ports } from '../controller/ports.ts';
import { type Handler, lambda, type Task } from '../functions/_lambda.ts';
import { abort } from '../functions/abort.ts';
import { alarmEvent } from '../functions/alarm-event.ts';
import { apiIam } from '../functions/api-iam.ts';
import { apiPublic } from '../functions/api-public.ts';
import { beacon } from '../functions/beacon.ts';
import { closeRollout } from '../functions/close-rollout.ts';
import { command } from '../functions/command.ts';
import { continueAsNew } from '../functions/continue-as-new.ts';
import { decide } from '../functions/decide.ts';
import { hold } from '../functions/hold.ts';
import { journalStream } from '../functions/journal-stream.ts';
import { measure } from '../functions/measure.ts';
import { notify } from '../functions/notify.ts';
import { openRollout } from '../functions/open-rollout.ts';
import { promoteCanary } from '../functions/promote-canary.ts';
import { publishRelease } from '../functions/publish-release.ts';
import { readJournal } from '../functions/read-rollout.ts';
import { revertTraffic } from '../functions/revert-traffic.ts';
import { runHook } from '../functions/run-hook.ts';
import { shiftTraffic } from '../functions/shift-traffic.ts';
import { slackAction } from '../functions/slack-action.ts';
import { transitions } from '../functions/transitions.ts';
import { watchdog } from '../functions/watchdog.ts';
import { FUNCTIONS, type FunctionName } from '../infra/facts.ts';

/** The code of each function. */
const TASKS = {
  Abort: abort,
  AlarmEvent: alarmEvent,
  ApiIam: apiIam,
  ApiPublic: apiPublic,
  Beacon: beacon,
  CloseRollout: closeRollout,
  Command: command,
  ContinueAsNew: continueAsNew,
  Decide: decide,
  Hold: hold,
  JournalStream: journalStream,
  Measure: measure,
  Notify: notify,
  OpenRollout: openRollout,
  PromoteCanary: promoteCanary,
  PublishRelease: publishRelease,
  ReadRollout: readJournal,
  RevertTraffic: revertTraffic,
  RunHook: runHook,
  ShiftTraffic: shiftTraffic,
  SlackAction: slackAction,
  Transitions: transitions,
  Watchdog: watchdog,
} satisfies Record<FunctionName, unknown>;

/** The controller's functions by name, as they are deployed: the real handlers, each with ports of its own. */
export function controllerFunctions(makePorts: (name: FunctionName) => Ports): Record<FunctionName, Handler> {
  const made = FUNCTIONS.map((name) => {
    // What each task takes and answers is its own matter.
    const task = TASKS[name] as Task<unknown, unknown, keyof Ports>;
    return [name, lambda(task, () => makePorts(name))] as const;
  });
  return Object.fromEntries(made) as Record<FunctionName, Handler>;
}
