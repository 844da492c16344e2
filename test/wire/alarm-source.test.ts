import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { describeAlarmSource } from '../contract/alarm-source.ts';
import { alarmStage } from '../contract/alarm-stage.ts';
import { around, freshAccount } from './account.ts';

describeAlarmSource({
  name: 'cloudwatch over the wire',
  make: () => {
    const { config } = freshAccount();
    const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
    return alarmStage({
      now: Date.now,
      connect: (intercept) => around(new CloudWatchClient(config), intercept),
      settle: () => pass(0),
      pass,
    });
  },
});
