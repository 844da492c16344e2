import type { Clock, DeadLetters } from '../core/ports.ts';
import { nameOf, unavailable } from './_aws.ts';
import { type Signing, signedCalls } from './signed-calls.ts';

/** The dead letters of a function in its queue of SQS. */
export function sqsDeadLetters(
  signing: { config: Signing; fetch: typeof globalThis.fetch },
  { clock, queueUrl }: { clock: Clock; queueUrl: string },
): DeadLetters {
  const call = signedCalls(signing, clock);
  return {
    async put(letter) {
      const input = { QueueUrl: queueUrl, MessageBody: JSON.stringify(letter) };
      const answer = await call('sqs', 'AmazonSQS.SendMessage', input, '1.0').catch((error: unknown) => {
        throw unavailable(`The queue of dead letters could not be reached (${nameOf(error)}).`, error);
      });
      if (answer.ok) return;
      throw unavailable(
        `The queue of dead letters did not take a letter (HTTP ${answer.status}).`,
        undefined,
      );
    },
  };
}
