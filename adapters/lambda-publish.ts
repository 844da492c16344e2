import { GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import type { Clock, Publisher } from '../core/ports.ts';
import { reach } from './_aws.ts';

/** Longest a call waits for a version before it says `pending`; the function that calls ends within 10 s. */
const POLL_MS = 6_000;
const POLL_EVERY_MS = 1_500;

/** Publishes versions of a Lambda function, and waits for those that are not Active yet (SnapStart, VPC). */
export function lambdaPublisher(client: LambdaClient, clock: Clock): Publisher {
  return {
    async publish({ key, ref, canary }) {
      const until = clock.now() + POLL_MS;
      for (;;) {
        const { State, StateReason } = await reach(key, () =>
          client.send(
            new GetFunctionConfigurationCommand({ FunctionName: ref.functionName, Qualifier: canary }),
          ),
        );
        if (State === undefined || State === 'Active') return { version: canary };
        if (State !== 'Pending')
          throw new RolloutError(
            'TargetInvalid',
            `Version ${canary} of ${ref.functionName} is ${State} (${StateReason ?? 'no reason given'}); publish another one.`,
          );
        if (clock.now() >= until) return 'pending';
        await clock.sleep(POLL_EVERY_MS);
      }
    },
    async restore() {},
  };
}
