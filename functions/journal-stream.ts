import * as z from 'zod';
import { streamRecords } from '../adapters/dynamodb-stream.ts';
import type { Waiting } from '../core/ports.ts';
import { countsAtEnd } from '../core/rollout/counts.ts';
import { openingPorts } from './_aws.ts';
import { wake } from './_journal.ts';
import { count } from './_observe.ts';
import { lambda, type Opens, type Task } from './_task.ts';
import { openRelease } from './open-rollout.ts';

/** What the journal's stream says of one append. */
const Input = z.object({
  records: z.array(
    z.object({ rolloutId: z.string(), service: z.string(), ended: z.boolean(), wakes: z.boolean() }),
  ),
});

/** Repeats what must not be lost: the wake after somebody wrote, and the opening of the release that waited for an end. */
export const journalStream: Task<z.infer<typeof Input>, { opened: string[] }, Opens> = {
  input: Input,
  async run({ records }, ports) {
    const opened: string[] = [];
    for (const { rolloutId, service, ended, wakes } of records) {
      const over = ended ? await ports.journal.read(rolloutId) : undefined;
      if (over !== undefined) count(countsAtEnd(over));
      if (wakes) await wake(rolloutId, ports);
      const waiting: Waiting | undefined = ended ? (await ports.journal.service(service)).waiting : undefined;
      if (waiting === undefined) continue;
      const result = await openRelease(waiting.manifest, ports, waiting.attempt);
      opened.push(result.rolloutId);
    }
    return { opened };
  },
};

/** The function on AWS, which gets the table's stream as it is. */
export const handler = lambda({ ...journalStream, input: streamRecords }, openingPorts);
