import * as z from 'zod/mini';
import { eventRecords } from '../adapters/dynamodb-stream.ts';
import { announce } from '../controller/announce.ts';
import { aws } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { announcerOn, deadLettersOn, journalOn, notesOn } from './_ports.ts';

/** Events that the journal's stream reports. */
const Input = z.object({
  events: z.array(z.object({ rolloutId: z.string(), n: z.number(), sequence: z.string() })),
});

/** What Lambda is answered: the stream goes on after the last record that is not among these (Lambda developer guide, "Reporting batch item failures"). */
interface BatchAnswer {
  batchItemFailures: { itemIdentifier: string }[];
}

/** Announces what happens to rollouts on the event bus. */
export const transitions: Task<
  z.infer<typeof Input>,
  BatchAnswer,
  'announcer' | 'deadLetters' | 'journal' | 'notes' | 'observer'
> = {
  input: Input,
  async run({ events }, ports) {
    const failed = await announce(events, ports);
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  },
};

/** The function on AWS, which gets the table's stream as it is. */
export const handler = lambda({ ...transitions, input: eventRecords }, () => ({
  announcer: announcerOn(aws),
  deadLetters: deadLettersOn(aws),
  journal: journalOn(aws),
  notes: notesOn(aws),
  observer,
}));
