import type { AppendRecord } from '../adapters/dynamodb-stream.ts';
import { WAKING } from '../core/rollout/event.ts';
import type { JournalRecord, Store } from '../local/controller.ts';
import { memoryBudget } from './memory-budget.ts';
import { memoryJournal } from './memory-journal.ts';

/** Keeps journal and budget in memory, with the promises of the real ones: on the simulated DynamoDB a rollout takes 1.7 times as long to play. */
export const memoryStore: Store = ({ clock, perSecond, told }) => ({
  journal: memoryJournal((record) => told(record, appendedBy(record))),
  budget: memoryBudget(clock, perSecond),
});

function appendedBy({ rollout, events }: JournalRecord): AppendRecord[] {
  const { rolloutId, service } = rollout.opening;
  const ended = events.some(({ type }) => type === 'RolloutClosed');
  const wakes = events.some(({ type }) => WAKING.has(type));
  return ended || wakes ? [{ rolloutId, service, ended, wakes }] : [];
}
