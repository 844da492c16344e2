import * as z from 'zod/mini';
import { streamRecords } from '../adapters/dynamodb-stream.ts';
import { follow } from '../controller/follow.ts';
import { aws } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { executionsOn, journalOn, openingsOn } from './_ports.ts';

/** What the journal's stream says of one append. */
const Input = z.object({
  records: z.array(
    z.object({ rolloutId: z.string(), service: z.string(), ended: z.boolean(), wakes: z.boolean() }),
  ),
});

/** Repeats what must not be lost: the wake after somebody wrote, and the opening of the release that waited for an end. */
export const journalStream: Task<
  z.infer<typeof Input>,
  { opened: string[] },
  'executions' | 'journal' | 'observer' | 'openings'
> = {
  input: Input,
  async run({ records }, ports) {
    return { opened: await follow(records, ports) };
  },
};

/** The function on AWS, which gets the table's stream as it is. */
export const handler = lambda({ ...journalStream, input: streamRecords }, () => ({
  executions: executionsOn(aws),
  journal: journalOn(aws),
  observer,
  openings: openingsOn(aws),
}));
