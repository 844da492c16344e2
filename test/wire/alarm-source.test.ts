import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { describeAlarmSource } from '../contract/alarm-source.ts';
import { alarmStage } from '../contract/alarm-stage.ts';
import { connect, freshAccount } from './account.ts';

describeAlarmSource({
  name: 'cloudwatch over the wire',
  make: () => {
    const account = freshAccount();
    const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
    return alarmStage({
      now: Date.now,
      connect: (intercept) => connect(CloudWatchClient, account, intercept),
      settle: () => pass(0),
      pass,
    });
  },
});
