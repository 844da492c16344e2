import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { isPausable } from '../../../core/people/standing.ts';
import {
  callOf,
  DETAIL_TYPES,
  type Transition,
  transitionOf,
  transitionSchema,
} from '../../../core/people/transition.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { evolve, type Rollout } from '../../../core/rollout/state.ts';
import { textOf } from '../../house/project.ts';
import {
  actor,
  closed,
  inVerify,
  measured,
  minute,
  onFirstStep,
  opened,
  paused,
  resumed,
  revertOrdered,
  stateAfter,
} from '../rollout/given.ts';

function transitionsOf(events: RolloutEvent[], since?: string): Transition[] {
  let before: Rollout | undefined;
  return events.flatMap((event) => {
    const after = evolve(before, event);
    const transition = transitionOf(event, before, after, since);
    before = after;
    return transition === undefined ? [] : [transition];
  });
}

const last = (events: RolloutEvent[], since?: string): Transition => {
  const found = transitionsOf(events, since).at(-1);
  if (found === undefined) throw new Error('There is no transition.');
  return found;
};

const reverted = (at: number): RolloutEvent => ({
  type: 'Reverted',
  at: minute(at),
  targets: [{ name: 'api', primary: '7', changed: true, drifted: false }],
  cause: 'canary',
  reason: 'canary 7 of 272 failed',
  exposure: { requests: 272, failed: 7, seconds: 180 },
});

describe('a transition', () => {
  test('names its rollout, what happened, and who caused it', () => {
    expect(last([...onFirstStep(), paused(2)])).toEqual({
      schema: 1,
      id: 'checkout-api--r8--1#4',
      kind: 'paused',
      detailType: 'Rollout Paused',
      ...{ environment: 'prod', service: 'checkout-api', rolloutId: 'checkout-api--r8--1', release: 'r8' },
      n: 4,
      at: minute(2),
      line: expect.stringMatching(/^paused by ada: lunch; reverts in/),
      state: 'lunch',
      weight: 10,
      importance: 'important',
      by: actor('ada'),
    });
  });

  test('is numbered by its event, and bookkeeping is none', () => {
    const found = transitionsOf(onFirstStep());
    expect(found.map(({ kind, n }) => [kind, n])).toEqual([
      ['opened', 1],
      ['raised', 3],
    ]);
  });

  test('reports at once that a revert begins, then what it found, with the commits between which it lies', () => {
    const events = [
      opened({ commit: 'c3d4c3d4c3d4c3d4' }),
      ...onFirstStep().slice(1),
      revertOrdered(3),
      reverted(4),
      closed(4, 'reverted'),
    ];
    const found = transitionsOf(events, 'a1b2a1b2a1b2a1b2').slice(-3);
    expect(found.map(({ kind, line, weight }) => ({ kind, line, weight }))).toEqual([
      { kind: 'reverting', line: 'reverting', weight: 10 },
      { kind: 'restored', line: 'api: version 7 serves again', weight: 0 },
      {
        kind: 'reverted',
        line: expect.stringMatching(
          /^r8 reverted: .*; 7 of 272 canary requests failed in 3 min .*; commits a1b2a1b\.\.c3d4c3d$/,
        ),
        weight: 0,
      },
    ]);
    expect(last(events).line).toMatch(/; commit c3d4c3d$/);
    expect(found.map(({ outcome }) => outcome)).toEqual([undefined, undefined, 'reverted']);
  });

  test('is made of a verdict that changed, and every ten minutes of one that stays', () => {
    const kinds = (...minutes: ['pass' | 'inconclusive' | 'suspect', number][]) => {
      const events = minutes.map(([status, at]) => measured(status, [at - 1, at]));
      return transitionsOf([...onFirstStep(), ...events]).flatMap(({ kind, at, importance }) =>
        kind === 'judged' || kind === 'measured' ? [[kind, (at - minute(0)) / 60_000, importance]] : [],
      );
    };
    expect(kinds(['inconclusive', 2], ['pass', 3], ['pass', 4])).toEqual([['judged', 4, 'detail']]);
    expect(kinds(['pass', 3], ['suspect', 4])).toEqual([
      ['judged', 4, 'detail'],
      ['judged', 5, 'important'],
    ]);
    expect(kinds(['pass', 3], ['pass', 8], ['pass', 9], ['pass', 14], ['pass', 16])).toEqual([
      ['judged', 4, 'detail'],
      ['measured', 10, 'detail'],
    ]);
  });

  test('pages if it brings the rollout into a state that needs a person, and not again while that lasts', () => {
    const without = paused(2, { why: 'inconclusive' });
    const gone: RolloutEvent = { type: 'StableGone', at: minute(4), target: 'api' };
    const events = [
      ...onFirstStep(),
      without,
      { type: 'AlarmRaised', at: minute(3), alarm: 'a', since: minute(3) } as const,
    ];
    expect(
      transitionsOf(events)
        .slice(-2)
        .map(({ kind, importance }) => [kind, importance]),
    ).toEqual([
      ['paused', 'page'],
      ['alarmed', 'important'],
    ]);
    expect(last([...events, gone]).importance).toBe('important');
    expect(last([...onFirstStep(), gone]).importance).toBe('page');
    expect(last([...onFirstStep(), paused(2)]).importance).toBe('important');
    expect(last([...onFirstStep(), revertOrdered(3), reverted(4), closed(4, 'halted')]).importance).toBe(
      'page',
    );
  });

  test('is known by the type of its event if a newer version wrote that', () => {
    const newer = { type: 'MoonRose', at: minute(5), phase: 'full' } as unknown as RolloutEvent;
    expect(last([...onFirstStep(), newer])).toMatchObject({
      kind: 'unknown',
      detailType: 'Rollout Changed',
      line: 'MoonRose (of a newer version)',
    });
  });

  test('holds no character that moves a cursor or reverses a text, and no text without end', () => {
    const hostile = `\u202Eevil\u001b[2J\n::error::<!channel> ${'x'.repeat(10_000)}`;
    const by = { ...actor(hostile), name: hostile };
    const events = [...onFirstStep(), paused(2, { by, reason: hostile })];
    for (const each of transitionsOf(events)) {
      expect(JSON.stringify(each)).not.toMatch(/[\p{Cc}\p{Cf}]|\\u/u);
      expect(JSON.stringify(each).length).toBeLessThan(5_000);
    }
  });
});

describe('what a rollout needs a person for', () => {
  test('is over once it resumes, is reverted, or a person ended it', () => {
    const held = [...onFirstStep(), paused(2, { why: 'doubt' })];
    expect(callOf(stateAfter(held))).toMatchObject({ key: `paused ${minute(2)}` });
    expect(callOf(stateAfter([...held, resumed(3)]))).toBeUndefined();
    expect(callOf(stateAfter([...held, revertOrdered(3)]))).toBeUndefined();
    expect(callOf(stateAfter([...inVerify(), closed(12, 'completed')]))).toBeUndefined();
  });
});

test('a rollout can be paused once, and until its canary has to leave', () => {
  expect(isPausable(stateAfter(onFirstStep()))).toBe(true);
  for (const event of [paused(2), revertOrdered(2), closed(2, 'superseded')])
    expect(isPausable(stateAfter(onFirstStep(), event))).toBe(false);
  expect(isPausable(stateAfter(onFirstStep(), paused(2), resumed(3)))).toBe(true);
});

describe('recorded rollouts', () => {
  const folder = new URL('../../histories/0.1.0/', import.meta.url);
  const eventsIn = (name: string) =>
    readFileSync(new URL(name, folder), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event?.item)
      .filter((item) => item !== undefined)
      .map((item) => ({ rolloutId: item.rolloutId.S, event: JSON.parse(item.body.S) as RolloutEvent }));
  const histories = readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) =>
      Object.entries(Object.groupBy(eventsIn(name), ({ rolloutId }) => rolloutId)).map(
        ([rolloutId, all = []]): [string, string, RolloutEvent[]] => [
          name,
          rolloutId,
          all.map(({ event }) => event),
        ],
      ),
    );

  test.each(histories)('%s, %s: every transition has the published shape', (_, __, events) => {
    const found = transitionsOf(events);
    expect(found.length).toBeGreaterThan(0);
    for (const each of found) expect(transitionSchema.safeParse(each).error).toBeUndefined();
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
    expect(found.map(({ n }) => n)).toEqual([...found.map(({ n }) => n)].sort((a, b) => a - b));
    expect(found.at(-1)?.outcome).toBeDefined();
  });
});

describe('the page of transitions', () => {
  const page = textOf('docs/reference/transitions.md');
  const rows = [...page.matchAll(/^\| `(\w+)` \| ([^|]+?) \|/gm)].map(([, name = '', second = '']) => [
    name,
    second,
  ]);

  test('names every kind and its detail type', () => {
    expect(Object.fromEntries(rows.filter(([, second]) => second?.startsWith('Rollout ')))).toEqual(
      DETAIL_TYPES,
    );
  });

  test('names every field, as the schema does', () => {
    const { properties = {} } = z.toJSONSchema(transitionSchema);
    expect(rows.flatMap(([name, second]) => (second?.startsWith('Rollout ') ? [] : [name]))).toEqual(
      Object.keys(properties),
    );
  });
});
