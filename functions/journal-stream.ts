import * as z from 'zod/mini';
import { streamRecords } from '../adapters/dynamodb-stream.ts';
import { wake } from '../controller/wake.ts';
import { countsAtEnd } from '../core/rollout/counts.ts';
import { awsExecutions, awsJournal, awsOpenings } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';

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
    // First of all: an opening takes seconds, and one that fails has the whole batch sent again.
    for (const { rolloutId, wakes } of records) if (wakes) await wake(rolloutId, ports);
    const opened: string[] = [];
    for (const { rolloutId, service } of records.filter(({ ended }) => ended)) {
      const over = await ports.journal.read(rolloutId);
      if (over !== undefined) ports.observer.count(countsAtEnd(over));
      if ((await ports.journal.service(service)).waiting === undefined) continue;
      // Waited for: a record is done with only once the release is opened, and is sent again until then.
      const next = await ports.openings.open({ open: 'waiting', service });
      if (next !== undefined) opened.push(next);
    }
    return { opened };
  },
};

/** The function on AWS, which gets the table's stream as it is. */
export const handler = lambda({ ...journalStream, input: streamRecords }, () => ({
  executions: awsExecutions(),
  journal: awsJournal(),
  observer,
  openings: awsOpenings(),
}));
