import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { Clicks } from '../core/ports.ts';

/** Hands clicks to SlackAction, which Lambda calls once it has answered that it will. */
export function lambdaClicks(client: LambdaClient, FunctionName: string): Clicks {
  return {
    async hand(click) {
      const Payload = new TextEncoder().encode(JSON.stringify(click));
      await client.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }));
    },
  };
}
