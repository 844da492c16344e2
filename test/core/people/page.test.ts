import { describe, expect, test } from 'vitest';
import { acknowledged, type PageNote, pageAfter, pageAfterDeath, pageOf } from '../../../core/people/page.ts';
import {
  closed,
  minute,
  onFirstStep,
  paused,
  proven,
  resumed,
  revertOrdered,
  stateAfter,
  tookOver,
} from '../rollout/given.ts';

const HELD = stateAfter(onFirstStep(), paused(5, { why: 'inconclusive' }));
const RUNNING = stateAfter(onFirstStep(), paused(5, { why: 'inconclusive' }), resumed(6));
const DEATH = {
  rolloutId: HELD.opening.rolloutId,
  epoch: 1,
  name: `${HELD.opening.rolloutId}-1`,
  how: 'ABORTED',
};

type Rollout = typeof HELD;
const at = (minutes: number, before: PageNote | undefined, rollout: Rollout = HELD, isOver = false) =>
  pageAfter(before, rollout, { now: minute(minutes), isOver });
const dead = (minutes: number, before: PageNote | undefined, rollout: Rollout = HELD) =>
  at(minutes, pageAfterDeath(before, rollout, { ...DEATH, at: minute(minutes) }), rollout);
const taken = (minutes: number, before: PageNote | undefined, page?: string) =>
  acknowledged(before, HELD, { page, by: proven('ada'), at: minute(minutes) });
const linesOf = (note: PageNote | undefined) =>
  (note?.besides ?? []).map(({ kind, line }) => `${kind}: ${line}`);

describe('a page', () => {
  test('is repeated every 15 minutes, and nothing changes in between', () => {
    const begun = at(5, undefined);
    expect(at(19, begun)).toBe(begun);
    const second = at(20, begun);
    expect(linesOf(second)).toEqual([
      expect.stringMatching(/^repeated: it still needs a person, paged 2 times/),
    ]);
    expect(at(34, second)).toBe(second);
    expect(linesOf(at(50, second)).at(-1)).toMatch(/paged 3 times/);
  });

  test('is over with the state that paged, and if somebody has looked', () => {
    const begun = at(5, undefined);
    expect(pageOf(at(6, begun, RUNNING))).toEqual({ besides: [] });
    expect(pageOf(at(6, begun, HELD, true))).toEqual({ besides: [] });
    expect(at(6, undefined, RUNNING)).toBeUndefined();
  });

  test('is not repeated once somebody has acknowledged it, which is said once', () => {
    const note = taken(6, at(5, undefined));
    expect(taken(7, note)).toBe(note);
    expect(at(40, note)).toBe(note);
    expect(linesOf(note)).toEqual(['acknowledged: ada acknowledged it: the page is not repeated']);
    expect(pageOf(note)).toMatchObject({ paged: { acknowledgedBy: proven('ada') } });
    expect(pageOf(note).nextAt).toBeUndefined();
  });

  test('that is over, or never came, cannot be acknowledged', () => {
    expect(taken(6, undefined)).toBeUndefined();
    expect(taken(6, at(5, undefined), 'paused 1')).toBeUndefined();
    expect(taken(7, at(6, at(5, undefined), RUNNING))).toBeUndefined();
  });
});

describe('a death', () => {
  test('is said once, and pages by its own reason whatever else somebody is paged for', () => {
    const note = dead(8, at(5, undefined));
    expect(dead(9, note)).toBe(note);
    expect(linesOf(note)).toEqual([expect.stringMatching(/^died: its execution ended ABORTED/)]);
    expect(pageOf(note).paged?.reason).toMatch(/^its execution ended ABORTED/);
    // The pause is over, and the execution still dead.
    expect(pageOf(at(9, note, RUNNING)).paged?.reason).toMatch(/^its execution ended ABORTED/);
  });

  test('pages although the pause before it was acknowledged, and that stays acknowledged', () => {
    const note = dead(8, taken(6, at(5, undefined)));
    expect(pageOf(note).paged?.acknowledgedBy).toBeUndefined();
    const lines = linesOf(at(23, note));
    expect(lines.at(-1)).toMatch(/^repeated: .*its execution ended/);
    expect(lines.length).toBe(3);
    const next = at(24, note, stateAfter(onFirstStep(), paused(5, { why: 'inconclusive' }), tookOver(2, 23)));
    expect(pageOf(next)).toMatchObject({ paged: { acknowledgedBy: proven('ada') } });
  });

  test('is acknowledged by itself, and the pause beside it goes on', () => {
    const both = dead(8, at(5, undefined));
    const note = taken(9, both, pageOf(both).paged?.key);
    expect(pageOf(note).paged?.key).toMatch(/^paused/);
    expect(pageOf(note).nextAt).toBe(minute(20));
    expect(pageOf(taken(9, both)).nextAt).toBeUndefined();
  });

  test('of a rollout that has ended, or that another execution carries, is none', () => {
    const ended = stateAfter(onFirstStep(), closed(8, 'reverted'));
    expect(dead(9, undefined, ended)).toBeUndefined();
    const carried = stateAfter(onFirstStep(), tookOver(2, 8));
    expect(dead(9, undefined, carried)).toBeUndefined();
  });
});

describe('a revert that fails', () => {
  const ordered = [...onFirstStep(), revertOrdered(5)];
  const REVERTING = stateAfter(ordered);
  const SECOND = stateAfter(ordered, tookOver(2, 8));
  const THIRD = stateAfter(ordered, tookOver(2, 8), tookOver(3, 12));
  const ended = stateAfter(ordered, tookOver(2, 8), closed(13, 'reverted'));
  const diedAt = (minutes: number, before: PageNote | undefined, rollout: Rollout) =>
    at(
      minutes,
      pageAfterDeath(before, rollout, {
        ...{ ...DEATH, epoch: rollout.epoch, name: `${DEATH.rolloutId}-${rollout.epoch}` },
        at: minute(minutes),
      }),
      rollout,
    );
  const urgent = (note: PageNote | undefined) =>
    (note?.besides ?? []).filter(({ importance }) => importance === 'page').map(({ kind }) => kind);

  test('pages once through deaths and takeovers, is repeated, and stays acknowledged until it has ended', () => {
    const first = diedAt(6, undefined, REVERTING);
    const replaced = at(8, first, SECOND);
    const again = diedAt(10, replaced, SECOND);
    expect(urgent(again)).toEqual(['died']);
    expect(pageOf(again).paged).toMatchObject({
      key: 'revert',
      reason: expect.stringMatching(/^its revert has failed/),
    });
    const repeated = at(21, at(12, again, THIRD), THIRD);
    expect(urgent(repeated)).toEqual(['died', 'repeated']);
    const taken = acknowledged(repeated, THIRD, { page: 'revert', by: proven('ada'), at: minute(22) });
    const last = at(90, diedAt(23, taken, THIRD), THIRD);
    expect(urgent(last)).toEqual(['died', 'repeated']);
    expect(pageOf(last)).toMatchObject({ paged: { key: 'revert', acknowledgedBy: proven('ada') } });
    expect(pageOf(at(91, last, ended)).paged).toBeUndefined();
  });

  test('pages by itself where no execution has died, once the watchdog would replace the one that carries it', () => {
    expect(at(6.9, undefined, REVERTING)).toBeUndefined();
    const late = at(7, undefined, REVERTING);
    expect(linesOf(late)).toEqual([expect.stringMatching(/^stuck: its revert has failed so far/)]);
    expect(urgent(diedAt(9, at(8, late, SECOND), SECOND))).toEqual(['stuck']);
    expect(at(7, undefined, ended)).toBeUndefined();
  });

  test('leaves a death from before the order what it was', () => {
    const note = at(6, dead(4, undefined, stateAfter(onFirstStep())), REVERTING);
    expect(pageOf(note).paged?.key).toMatch(/^died/);
    expect(pageOf(at(7, note, REVERTING)).paged?.key).toBe('revert');
  });
});

test('what was said keeps its place and its number, whatever is said later', () => {
  const first = at(20, at(5, undefined));
  const said = first?.besides[0];
  expect(said).toMatchObject({ n: HELD.version, k: 1 });
  const later = stateAfter(
    onFirstStep(),
    paused(5, { why: 'inconclusive' }),
    resumed(6),
    paused(30, { why: 'inconclusive' }),
  );
  const second = at(46, at(31, first, later), later);
  expect(second?.besides).toEqual([said, expect.objectContaining({ n: later.version, k: 2 })]);
  // Whoever knows less of the rollout does not say something before that.
  expect(taken(47, second)?.besides.at(-1)).toMatchObject({ n: later.version, k: 3 });
});
