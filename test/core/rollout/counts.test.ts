import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COUNTED, countsAtEnd, countsOf } from '../../../core/rollout/counts.ts';
import type { Outcome, RolloutEvent } from '../../../core/rollout/event.ts';
import type { Rollout } from '../../../core/rollout/state.ts';

const ended = (change: Partial<Rollout>): Rollout =>
  ({ outcome: 'reverted', lastEventAt: 9_500, ...change }) as Rollout;
const leaving = { at: 5_000, cause: 'canary', reason: 'errors', outcome: 'reverted' } as const;

describe('the end of a rollout', () => {
  test.each([
    ['completed', 'RolloutsCompleted'],
    ['reverted', 'RolloutsReverted'],
    ['refused', 'RolloutsRefused'],
    ['superseded', 'RolloutsSuperseded'],
    ['halted', 'RolloutsHalted'],
  ] satisfies [Outcome, string][])('that is %s adds to %s', (outcome, name) => {
    expect(countsAtEnd(ended({ outcome }))).toEqual({ [name]: 1 });
  });

  test('counts the seconds from the first word to the end where users met the canary', () => {
    expect(countsAtEnd(ended({ leaving, left: [], raisedAt: 1_000 }))).toEqual({
      RolloutsReverted: 1,
      RevertSeconds: 4.5,
    });
    expect(countsAtEnd(ended({ leaving, left: [] }))).not.toHaveProperty('RevertSeconds');
    expect(countsAtEnd(ended({ left: [], raisedAt: 1_000 }))).not.toHaveProperty('RevertSeconds');
    expect(countsAtEnd(ended({ leaving, raisedAt: 1_000 }))).not.toHaveProperty('RevertSeconds');
  });

  test('counts nothing before it has come', () => {
    expect(countsAtEnd(ended({ outcome: undefined, leaving, left: [], raisedAt: 1_000 }))).toEqual({});
  });
});

describe('an event', () => {
  test.each(['pass', 'inconclusive', 'suspect', 'fail', 'broken'])('of a verdict %s is counted', (status) => {
    const counts = countsOf({ type: 'Measured', at: 0, verdict: { status }, alarms: [] } as never);
    expect(Object.keys(counts).map((name) => name.toLowerCase())).toEqual([`verdicts${status}`]);
  });

  test('of a pause is counted unless a person ordered it', () => {
    const counted = (why: string) => countsOf({ type: 'Paused', why } as RolloutEvent);
    expect(counted('suspect')).toEqual({ RolloutsPaused: 1 });
    expect(counted('broken')).toEqual({ RolloutsPaused: 1 });
    expect(counted('human')).toEqual({});
  });

  test('of a recall is counted, and as a doubt from the second one on; a wait for counts is none', () => {
    const counted = (nth: number, waitsFor?: string) =>
      countsOf({
        ...{ type: 'RecallOrdered', at: 0, nth, weight: 25, reason: '', remaining: 0 },
        ...(waitsFor === undefined ? {} : { waitsFor }),
      });
    expect([counted(1), counted(2), counted(3), counted(0, 'api')]).toEqual([
      { RolloutsRecalled: 1 },
      { RolloutsRecalled: 1, RolloutsDoubted: 1 },
      { RolloutsRecalled: 1, RolloutsDoubted: 1 },
      {},
    ]);
  });

  test('of a stable version that is gone is counted', () => {
    expect(countsOf({ type: 'StableGone', at: 0, target: 'api' })).toEqual({ StableVersionsGone: 1 });
  });

  test('of a release turned away and of a takeover is counted', () => {
    expect(countsOf({ type: 'RolloutDeclined', outcome: 'superseded' } as RolloutEvent)).toEqual({
      RolloutsSuperseded: 1,
    });
    expect(countsOf({ type: 'TookOver', at: 0, epoch: 2, reason: '' })).toEqual({ RolloutsTakenOver: 1 });
  });

  test('of the end itself is not: the stream counts it', () => {
    expect(countsOf({ type: 'RolloutClosed', at: 0, outcome: 'halted', reason: '' })).toEqual({});
  });
});

test('only seconds are no count', () => {
  for (const [name, unit] of Object.entries(COUNTED))
    expect(unit).toBe(name.endsWith('Seconds') ? 'Seconds' : 'Count');
});

test('the page of metrics names each of them, and no other', () => {
  const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
  // Those of sites have a table of their own.
  const [table = ''] = page.split('\n\n').filter((part) => part.includes('`RolloutsPaused`'));
  const rows = table.split('\n').filter((line) => /^\| `/.test(line));
  const named = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(named.sort()).toEqual(Object.keys(COUNTED).sort());
});
