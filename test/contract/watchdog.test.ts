import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { schedulerWatchdog } from '../../adapters/scheduler-watchdog.ts';
import { virtualClock } from '../../local/clock.ts';
import { attach, awsError } from '../../local/sdk.ts';
import { SimulatedScheduler } from '../../local/services/scheduler.ts';
import { describeWatchdog, type WatchdogStage } from './watchdog.ts';

const FUNCTION = 'arn:aws:lambda:eu-west-1:111122223333:function:Watchdog';
const MACHINE = 'arn:aws:states:eu-west-1:111122223333:stateMachine:rollout';

function schedulerStage(): WatchdogStage {
  // Not a whole minute: schedules fire on those, and what is armed is not.
  const clock = virtualClock(Date.UTC(2026, 0, 5, 9, 0, 17, 250));
  const fired: ReturnType<WatchdogStage['fired']> = [];
  let isReachable = true;
  const scheduler = new SimulatedScheduler({
    clock,
    region: 'eu-west-1',
    account: '111122223333',
    invoke: async ({ Arn, Input }) => {
      if (Arn !== FUNCTION && Arn !== MACHINE) throw new Error(`${Arn} was never asked for.`);
      fired.push({ at: clock.now(), what: Arn === FUNCTION ? 'look' : 'machine', input: JSON.parse(Input) });
    },
  });
  const client = new SchedulerClient({ region: 'eu-west-1', cacheMiddleware: true });
  attach(client, scheduler.operations, {
    clock,
    intercept: (_command, _input, call) => {
      if (!isReachable) throw awsError('InternalServerException', 'try again', 500);
      return call();
    },
  });
  const roleArn = 'arn:aws:iam::111122223333:role/scheduler';
  return {
    watchdog: schedulerWatchdog(client, {
      functionArn: FUNCTION,
      stateMachineArn: MACHINE,
      roleArn,
      groupName: 'spillway',
    }),
    now: () => clock.now(),
    arrange: {
      pass: (ms) => clock.advance(ms),
      disconnect: () => {
        isReachable = false;
      },
    },
    fired: () => fired,
  };
}

describeWatchdog({ name: 'scheduler', make: schedulerStage });
