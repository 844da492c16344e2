import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { isPassing, isThrottle, nameOf, patiently, reach, unavailable } from './_aws.ts';

/** A function of the controller that another one calls and waits for. */
interface Called {
  client: LambdaClient;
  clock: Clock;
  FunctionName: string;
  /** What it is called in a sentence. */
  name: string;
  /** What to do if nobody can say what it did. */
  advice: string;
  /** True if it is not to be waited for while it has no room. */
  isHasty?: boolean;
}

/** How long a call is made again while the function has no room, as in a storm of releases. */
const NO_ROOM_MS = 8_000;

/**
 * Calls a function and answers what it answers. The client must wait longer than that function may run, and never ask twice by itself.
 * @throws RolloutError as if it had been thrown here; Unavailable if nobody can say what the function did
 */
export async function call<Answer>(
  { client, clock, FunctionName, name, advice, isHasty = false }: Called,
  payload: object,
): Promise<Answer> {
  const unanswered = (why: string, cause?: unknown) =>
    unavailable(`${name} did not answer (${why}); ${advice}.`, cause);
  const text = JSON.stringify(payload);
  const command = new InvokeCommand({ FunctionName, Payload: new TextEncoder().encode(text) });
  const until = clock.now() + (isHasty ? 0 : NO_ROOM_MS);
  const told = await patiently(text, clock, () => client.send(command), until).catch((error: unknown) => {
    if (isThrottle(error))
      throw unavailable(
        `${name} has no room for another call, and did nothing; try again in a moment.`,
        error,
      );
    throw isPassing(error) ? unanswered(nameOf(error), error) : error;
  });
  const answer = JSON.parse(new TextDecoder().decode(told.Payload));
  if (told.FunctionError === undefined) return answer as Answer;
  const { errorType, errorMessage = 'no message' } = answer as { errorType?: string; errorMessage?: string };
  // What is no refusal of ours stands in the log of that function.
  throw RolloutError.named(errorType, errorMessage) ?? unanswered(`${errorType ?? 'Error'}: ${errorMessage}`);
}

/** Hands something to a function that is not waited for: Lambda keeps what it has taken, and tries it again. @throws RolloutError Unavailable if it was not taken */
export async function hand(
  { client, FunctionName, name }: Pick<Called, 'client' | 'FunctionName' | 'name'>,
  payload: object,
): Promise<void> {
  const Payload = new TextEncoder().encode(JSON.stringify(payload));
  const command = new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload });
  await reach(name, () => client.send(command));
}
