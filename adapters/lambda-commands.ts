import type { LambdaClient } from '@aws-sdk/client-lambda';
import { signedCommand } from '../core/people/signed-command.ts';
import type { Clock, Commands, Tokens } from '../core/ports.ts';
import { OPENS, takerOf } from '../core/rollout/command-request.ts';
import { call } from './_call.ts';

/** Commands by the functions that take them, which are invoked and waited for, each in a token that proves who gives it. */
export function lambdaCommands(
  client: LambdaClient,
  signs: { tokens: Tokens; clock: Clock },
  arns: Record<ReturnType<typeof takerOf>, string>,
): Commands {
  const advice = 'see whether the rollout did what you asked for, and give the command again if not';
  return {
    async give(request) {
      const name = takerOf(request.command);
      // Whoever waits here holds one of few executions of the API, which an abort may need.
      const isHasty = OPENS.includes(request.command);
      const taker = { client, clock: signs.clock, FunctionName: arns[name], name, advice, isHasty };
      return call(taker, await signedCommand(request, signs));
    },
  };
}
