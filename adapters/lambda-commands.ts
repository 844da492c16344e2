import type { LambdaClient } from '@aws-sdk/client-lambda';
import { signedCommand } from '../core/people/signed-command.ts';
import type { Clock, Commands, Tokens } from '../core/ports.ts';
import { call } from './_call.ts';

/** Commands by the function Command, which is invoked and waited for, each in a token that proves who gives it. */
export function lambdaCommands(
  client: LambdaClient,
  signs: { tokens: Tokens; clock: Clock },
  FunctionName: string,
): Commands {
  const advice = 'see whether the rollout did what you asked for, and give the command again if not';
  const taker = { client, clock: signs.clock, FunctionName, name: 'Command', advice };
  return { give: async (request) => call(taker, await signedCommand(request, signs)) };
}
