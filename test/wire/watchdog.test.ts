import { CreateScheduleGroupCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { schedulerWatchdog } from '../../adapters/scheduler-watchdog.ts';
import { awsError } from '../../local/sdk.ts';
import { describeWatchdog, type WatchdogStage } from '../contract/watchdog.ts';
import { connect, freshAccount } from './account.ts';

async function schedulerStage(): Promise<WatchdogStage> {
  const account = freshAccount();
  const { id, region } = account;
  await connect(SchedulerClient, account).send(new CreateScheduleGroupCommand({ Name: 'spillway' }));
  let isReachable = true;
  const client = connect(SchedulerClient, account, (_command, _input, call) => {
    if (!isReachable) throw awsError('InternalServerException', 'try again', 500);
    return call();
  });
  return {
    watchdog: schedulerWatchdog(client, {
      functionArn: `arn:aws:lambda:${region}:${id}:function:Watchdog`,
      stateMachineArn: `arn:aws:states:${region}:${id}:stateMachine:rollout`,
      roleArn: `arn:aws:iam::${id}:role/scheduler`,
      groupName: 'spillway',
    }),
    now: Date.now,
    arrange: {
      pass: () => Promise.reject(new Error('The program has no clock that could be advanced.')),
      disconnect: () => {
        isReachable = false;
      },
    },
    fired: () => [],
  };
}

const noClock = 'minutes and hours would have to pass on the real clock';

describeWatchdog({
  name: 'scheduler over the wire',
  make: schedulerStage,
  exceptions: {
    'replaces what was frozen when it is armed again, and looks on once per round': noClock,
    'takes its first look not before two minutes, and then one in every two': noClock,
    'starts the machine at the deadline, with all that the revert path needs': noClock,
    'moves its deadline when it is armed again': noClock,
    'looks on after the deadline, in case the last-resort revert needs a second one': noClock,
    'is silent once it is disarmed, also at the deadline': noClock,
    'can be disarmed after its deadline has passed': noClock,
    'can be armed again after it was disarmed': noClock,
    'watches each rollout by itself': noClock,
  },
});
