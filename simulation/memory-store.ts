import type { AppendRecord, WrittenEvent } from '../adapters/dynamodb-stream.ts';
import { BOOKKEEPING } from '../core/people/transition.ts';
import { WAKING } from '../core/rollout/event.ts';
import type { JournalRecord, Store } from '../local/controller.ts';
import { memoryBudget } from './memory-budget.ts';
import { memoryJournal } from './memory-journal.ts';
import { memoryNotes } from './memory-notes.ts';

/** Keeps journal, budget and notes in memory, with the promises of the real ones: on the simulated DynamoDB a rollout takes 1.7 times as long to play. */
export const memoryStore: Store = ({ clock, perSecond, told }) => ({
  journal: memoryJournal((record) => told(record, appendedBy(record), writtenBy(record))),
  budget: memoryBudget(clock, perSecond),
  notes: memoryNotes(),
});

function appendedBy({ rollout, events }: JournalRecord): AppendRecord[] {
  const { rolloutId, service } = rollout.opening;
  const ended = events.some(({ type }) => type === 'RolloutClosed');
  const wakes = events.some(({ type }) => WAKING.has(type));
  return ended || wakes ? [{ rolloutId, service, ended, wakes }] : [];
}

function writtenBy({ rollout, events }: JournalRecord): WrittenEvent[] {
  const { rolloutId } = rollout.opening;
  const first = rollout.version - events.length + 1;
  return events.flatMap(({ type }, index) =>
    BOOKKEEPING.includes(type) ? [] : [{ rolloutId, n: first + index, sequence: `${first + index}` }],
  );
}
