import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { signedClick } from '../core/people/signed-click.ts';
import type { Clicks, Clock, Tokens } from '../core/ports.ts';

/** Hands clicks, signed, to SlackAction, which Lambda calls once it has answered that it will. */
export function lambdaClicks(
  client: LambdaClient,
  signer: { tokens: Tokens; clock: Clock },
  FunctionName: string,
): Clicks {
  return {
    async hand(click) {
      const Payload = new TextEncoder().encode(JSON.stringify(await signedClick(click, signer)));
      await client.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }));
    },
  };
}
