import { countsAtEnd } from '../core/rollout/counts.ts';
import type { Needs } from './ports.ts';
import { wake } from './wake.ts';

/** What one append of the journal asks for. */
interface Appended {
  rolloutId: string;
  service: string;
  ended: boolean;
  wakes: boolean;
}

/** Repeats what must not be lost: the wake after somebody wrote, and the opening of the release that waited for an end. Answers what was opened. */
export async function follow(
  records: Appended[],
  ports: Needs<'executions' | 'journal' | 'observer' | 'openings'>,
): Promise<string[]> {
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
  return opened;
}
