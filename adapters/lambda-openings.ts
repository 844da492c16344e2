import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import type { Clock, Openings } from '../core/ports.ts';
import { isPassing, nameOf, patiently, unavailable } from './_aws.ts';

/** What OpenRollout answers. */
interface Answer {
  rolloutId?: string;
  errorType?: string;
  errorMessage?: string;
}

/** How long an opening is handed over again while OpenRollout has no room, as in a storm of releases: the caller waits for the opening itself for 62 s, and has 75 s. */
const NO_ROOM_MS = 8_000;

/** Openings by OpenRollout, which is invoked and waited for: the caller learns what it did not do. The client must wait longer than that function may run, and never ask twice by itself. */
export function lambdaOpenings(client: LambdaClient, clock: Clock, FunctionName: string): Openings {
  return {
    async open(handed) {
      const text = JSON.stringify(handed);
      const Payload = new TextEncoder().encode(text);
      const command = new InvokeCommand({ FunctionName, Payload });
      const until = clock.now() + NO_ROOM_MS;
      const told = await patiently(text, clock, () => client.send(command), until).catch((error: unknown) => {
        throw isPassing(error) ? unanswered(nameOf(error), error) : error;
      });
      const answer = JSON.parse(new TextDecoder().decode(told.Payload)) as Answer;
      if (told.FunctionError !== undefined) throw errorFrom(answer);
      return answer.rolloutId || undefined;
    },
  };
}

/** As if it had been opened here; what is no refusal of ours stands in the log of OpenRollout. */
function errorFrom({ errorType, errorMessage = 'no message' }: Answer): RolloutError {
  return (
    RolloutError.named(errorType, errorMessage) ?? unanswered(`${errorType ?? 'Error'}: ${errorMessage}`)
  );
}

function unanswered(why: string, cause?: unknown): RolloutError {
  const message = `OpenRollout did not answer (${why}); see whether the rollout is there, and order it again if not.`;
  return unavailable(message, cause);
}
