import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedCloudWatch } from '../../local/services/cloudwatch.ts';
import { describeAlarmSource } from './alarm-source.ts';
import { alarmStage } from './alarm-stage.ts';

describeAlarmSource({
  name: 'cloudwatch',
  make: () => {
    const clock = virtualClock();
    const cloudwatch = new SimulatedCloudWatch({ clock, region: 'eu-west-1', account: '111122223333' });
    return alarmStage({
      now: () => clock.now(),
      connect: (intercept) => {
        const client = new CloudWatchClient({ region: 'eu-west-1', cacheMiddleware: true });
        attach(client, cloudwatch.operations, { clock, intercept });
        return client;
      },
      settle: async () => cloudwatch.evaluate(),
      pass: (ms) => clock.advance(ms),
    });
  },
});
