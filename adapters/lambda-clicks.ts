import type { LambdaClient } from '@aws-sdk/client-lambda';
import { signedClick } from '../core/people/signed-click.ts';
import type { Clicks, Clock, Tokens } from '../core/ports.ts';
import { hand } from './_call.ts';

/** Hands clicks, signed, to SlackAction, which Lambda calls once it has answered that it will. */
export function lambdaClicks(
  client: LambdaClient,
  signer: { tokens: Tokens; clock: Clock },
  FunctionName: string,
): Clicks {
  const called = { client, FunctionName, name: 'SlackAction' };
  return { hand: async (click) => hand(called, await signedClick(click, signer)) };
}
