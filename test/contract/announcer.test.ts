import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { eventBridgeAnnouncer } from '../../adapters/eventbridge-announcer.ts';
import type { Transition } from '../../core/people/transition.ts';
import { virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedEventBridge } from '../../local/services/eventbridge.ts';
import { describeAnnouncer } from './announcer.ts';

describeAnnouncer({
  name: 'EventBridge',
  make: () => {
    const clock = virtualClock();
    let left = 0;
    let refusal = { code: '', n: 0 };
    const bridge = new SimulatedEventBridge({
      clock,
      random: seededRandom(1),
      fails: ({ Detail = '' }) => {
        if (left === 0 || (JSON.parse(Detail) as Transition).n !== refusal.n) return undefined;
        left -= 1;
        return refusal.code;
      },
    });
    const client = new EventBridgeClient({ region: 'eu-west-1', cacheMiddleware: true });
    const put = bridge.operations.PutEventsCommand;
    bridge.operations.PutEventsCommand = (input) => {
      const answer = put(input);
      return { ...answer, Entries: answer.Entries?.filter(({ ErrorCode }) => ErrorCode !== '') ?? [] };
    };
    attach(client, bridge.operations, { clock });
    const taken: Transition[] = [];
    bridge.rule({
      name: 'all',
      pattern: { source: ['spillway'], 'detail-type': ['Rollout Raised'] },
      target: async ({ detail }) => void taken.push(detail as unknown as Transition),
    });
    return {
      clock,
      announcer: eventBridgeAnnouncer(client, clock),
      refuse(times, code, n) {
        left = times;
        refusal = { code, n };
      },
      async taken() {
        await clock.advance(60_000);
        return taken;
      },
    };
  },
});
