import { describe, expect, test } from 'vitest';
import { FOLDED_MIN_MS, foldedAfter, KEPT_MS } from '../../../core/analysis/fold.ts';
import { type Folded, withFolded } from '../../../core/analysis/folded.ts';
import { type Packed, packed, unpacked } from '../../../core/analysis/packed.ts';
import type { ReadWindow, Series, SpreadWindow, WatchRule, Window } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { WINDOW_MS } from '../../../core/units.ts';
import {
  intended,
  minute,
  onFirstStep,
  opened,
  shifted,
  stateAfter,
  TWO_TARGETS,
  tick,
} from '../rollout/given.ts';
import { window } from './given.ts';

const errors: WatchRule = { metric: 'errors', ratio: 1.5 };
const latency: WatchRule = { metric: 'p50', ratio: 1.25 };
/** Minutes that stay as they were read, and those before the first raise that are read too. */
const [KEPT, HISTORY] = [KEPT_MS / WINDOW_MS, 15];
/** The first minute in which there is enough to fold, which is one after its newest window. */
const FIRST = FOLDED_MIN_MS / WINDOW_MS - HISTORY + KEPT + 1;

const even = (from: number, to: number): ReadWindow[] =>
  Array.from({ length: to - from }, (_, nth) => window(from + nth, [0, 10], [1, 90]));

describe('what a tick read', () => {
  const series = { api: { errors: even(-HISTORY, FIRST) } };
  const foldAt = (
    at: number,
    history: RolloutEvent[] = onFirstStep({ watch: [errors] }),
    read: object = { series },
  ) => foldedAfter(trialOf(stateAfter(history)), { series, verdict: { findings: [] }, ...read }, minute(at));

  test('is folded once an hour of it is old enough', () => {
    expect(foldAt(FIRST - 0.001)).toBeUndefined();
    expect(foldAt(FIRST)?.end).toBe(minute(FIRST - 1 - KEPT));
    expect(foldAt(FIRST + 7.5)?.end).toBe(minute(FIRST + 6 - KEPT));
  });

  test('is folded anew once another hour is', () => {
    const folded = foldAt(FIRST);
    const again = (at: number) =>
      foldedAfter(
        { ...trialOf(stateAfter(onFirstStep({ watch: [errors] }))), folded },
        { series, verdict: { findings: [] } },
        minute(at),
      );
    expect(again(FIRST + 59.9)).toBeUndefined();
    expect(again(FIRST + 60)?.end).toBe(minute(FIRST + 59 - KEPT));
  });

  test('is not folded if not all of it was, nor before the first raise', () => {
    expect(foldAt(FIRST, undefined, { broken: 'CloudWatch did not answer' })).toBeUndefined();
    expect(foldAt(FIRST, [opened({ watch: [errors] })])).toBeUndefined();
    const two = onFirstStep({ watch: [errors], targets: TWO_TARGETS });
    expect(foldAt(FIRST, two)).toBeUndefined();
    expect(foldAt(FIRST, two, { series: { ...series, worker: {} } })?.targets).toHaveProperty('worker');
    expect(foldAt(FIRST, two, { series: { worker: {} } })).toBeUndefined();
  });

  test('is not folded if an earlier reading showed more of it', () => {
    const [finding] = tick(1, 3).verdict.findings;
    const more = {
      from: minute(1),
      to: minute(2),
      canary: { bad: 1, total: 9 },
      stable: { bad: 1, total: 9 },
    };
    expect(foldAt(FIRST, undefined, { verdict: { findings: [finding] } })).toBeDefined();
    expect(
      foldAt(FIRST, undefined, { verdict: { findings: [{ ...finding, shown: more }] } }),
    ).toBeUndefined();
  });

  test('is of the present step, or of the first move while that is on its way', () => {
    expect(foldAt(FIRST)?.from).toBe(minute(1));
    const half = [
      ...[opened({ watch: [errors], targets: TWO_TARGETS }), intended(10, 1, 0.5), shifted(10, 1, 0.6)],
      intended(10, 2, 0.7, 'worker'),
    ];
    expect(foldAt(FIRST, half, { series: { ...series, worker: {} } })?.from).toBe(minute(0.6));
  });
});

describe('what is kept of the minutes', () => {
  const kept = (read: Series, watch: WatchRule[]) => {
    const folded = foldedAfter(
      trialOf(stateAfter(onFirstStep({ watch }))),
      { series: { api: read }, verdict: { findings: [] } },
      minute(FIRST),
    );
    if (folded?.targets.api === undefined) throw new Error('Nothing was folded.');
    return { ...folded.targets.api, read: unpacked(folded.targets.api.series) };
  };
  /** The same minutes, but for some of them. */
  const but = <W extends { start: number }>(windows: W[], odd: Record<number, W>) =>
    windows.map((each) => odd[(each.start - minute(0)) / WINDOW_MS] ?? each);
  /** Each kept window by its last minute, with the minutes it stands for and what it holds. */
  const rows = (windows: readonly (ReadWindow | SpreadWindow)[] = []) =>
    windows.map(({ start, ...rest }) => {
      const at = (start - minute(0)) / WINDOW_MS;
      if ('unknown' in rest && rest.unknown !== undefined) return [at, rest.unknown];
      const side = (of: { bad?: number; over?: readonly number[]; total: number } | undefined) =>
        of === undefined ? '-' : `${of.bad ?? of.over?.join(' ')} of ${of.total}`;
      const { minutes, canary, stable } = rest as Window & SpreadWindow;
      return [at, minutes, side(canary), side(stable)];
    });

  test('is one sum at the last of those that are alike, and what differs stands apart', () => {
    const half = (at: number) => ({ start: minute(at), unknown: 'it was counted by half' });
    const read = but(even(-HISTORY, FIRST), {
      10: window(10, [0, 10], [9, 3]),
      ...{ 12: half(12), 14: half(14) },
      ...{ 20: window(20, undefined, [1, 90]), 22: window(22, undefined, [1, 90]) },
      ...{ 24: window(24, [0, 0], [1, 90]), 26: window(26, [0, 10]), 28: window(28, [0, 10], [0, 0]) },
    });
    expect(rows(kept({ errors: read }, [errors]).read.errors)).toEqual([
      [-2, 14, '0 of 140', '14 of 1260'],
      // What was served just before the first raise, its minute, and the first of the step.
      ...[-1, 0, 1].map((at) => [at, 1, '0 of 10', '1 of 90']),
      [14, 'it was counted by half'],
      [22, 2, '-', '2 of 180'],
      [24, 1, '0 of 0', '1 of 90'],
      [26, 1, '0 of 10', '-'],
      [28, 1, '0 of 10', '0 of 0'],
      [44, 35, '0 of 350', '35 of 3150'],
    ]);
  });

  test('of which nothing can be used says why', () => {
    const odd = but(even(-HISTORY, FIRST), { 10: window(10, [0, 10], [9, 3]) });
    expect(rows(kept({ errors: odd }, [errors]).read.errors)).toContainEqual([
      10,
      'its counts could not be used',
    ]);
  });

  test('has the newest ten of a metric apart, whose counts may be late, and the one before them', () => {
    const until = (last: number) =>
      rows(kept({ errors: even(-HISTORY, last + 1) }, [errors]).read.errors).slice(4);
    expect(until(30)).toEqual([
      [19, 18, '0 of 180', '18 of 1620'],
      ...[20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30].map((at) => [at, 1, '0 of 10', '1 of 90']),
    ]);
  });

  test('holds durations over the edges that are asked for alone, and none of what adds up to nothing', () => {
    const slow = (total: number, ...over: number[]) => ({ total, edges: [20, 40, 60, 80], over });
    const [canary, stable] = [slow(10, 8, 4, 1, 0), slow(90, 60, 30, 9, 3)];
    const each: SpreadWindow[] = even(-HISTORY, FIRST).map(({ start }) => ({ start, canary, stable }));
    const { read, history } = kept(
      {
        errors: even(-HISTORY, FIRST),
        latency: but(each, {
          10: { start: minute(10), canary: slow(10, 4, 8, 1, 0), stable },
          12: { start: minute(12), stable: slow(Number.NaN, 60, 30, 9, 3) },
        }),
      },
      [errors, latency],
    );
    expect(history).toEqual([slow(1350, 900, 450, 135, 45)]);
    expect(read.latency?.[0]?.stable?.edges).toEqual([40, 60]);
    expect(rows(read.latency)).toEqual([
      [-2, 14, '56 14 of 140', '420 126 of 1260'],
      ...[-1, 0, 1, 2].map((at) => [at, 1, '4 1 of 10', '30 9 of 90']),
      [10, 1, ' of 10', ' of 90'],
      [12, 1, '-', ' of 0'],
      [44, 40, '160 40 of 400', '1200 360 of 3600'],
    ]);
    // Minutes are one window only where each metric has them alike.
    expect(rows(read.errors).map(([at]) => at)).toEqual([-2, -1, 0, 1, 2, 10, 12, 44]);
  });

  test('of durations alone is told by durations', () => {
    const { tests, history } = kept({ errors: even(-HISTORY, FIRST), latency: [] }, [errors, latency]);
    expect(history).toEqual([]);
    expect(Object.keys(tests)).toEqual(['errors']);
  });
});

describe('what is read after a fold', () => {
  const folded = {
    end: minute(5),
    targets: { api: { series: packed({ errors: even(3, 5), dlqNew: [{ start: minute(4), value: 7 }] }) } },
  } as unknown as Folded;
  const starts = (read: Series, of: Folded | undefined = folded, target = 'api') =>
    Object.fromEntries(
      Object.entries(withFolded(of, target, read)).map(([name, windows]) => [
        name,
        windows?.map(({ start }) => (start - minute(0)) / WINDOW_MS),
      ]),
    );

  test('follows what is kept, and nothing before its end counts twice', () => {
    expect(starts({ errors: even(4, 7) })).toEqual({ errors: [3, 4, 5, 6] });
    expect(starts({ errors: [] })).toEqual({ errors: [3, 4] });
    expect(starts({ dlqNew: [{ start: minute(6), value: 8 }] })).toEqual({ dlqNew: [4, 6] });
    expect(starts({ errors: [{ start: Number.NaN, unknown: 'no time' }] })).toEqual({
      errors: [3, 4, Number.NaN],
    });
  });

  test('is all there is of a metric or a target of which nothing is kept, and of one that was not read nothing', () => {
    expect(starts({ http5xx: even(4, 7) })).toEqual({ http5xx: [5, 6] });
    expect(starts({ errors: even(4, 7) }, folded, 'worker')).toEqual({ errors: [4, 5, 6] });
    expect(withFolded(undefined, 'api', { errors: even(4, 6) })).toEqual({ errors: even(4, 6) });
    expect(starts({})).toEqual({});
  });
});

test('a side of which the journal has one number is none, as it has for one that was no number', () => {
  const journaled = (series: Series) => unpacked(JSON.parse(JSON.stringify(packed(series))) as Packed);
  expect(journaled({ errors: [window(1, [Number.NaN, 10], [3, Number.NaN])] }).errors).toEqual([
    { start: minute(1), minutes: 1, canary: undefined, stable: undefined },
  ]);
  expect(journaled({ errors: [window(1, [0, 0]), { start: minute(2), unknown: 'lost' }] }).errors).toEqual([
    { start: minute(1), minutes: 1, canary: { bad: 0, total: 0 }, stable: undefined },
    { start: minute(2), unknown: 'lost' },
  ]);
  expect(journaled({})).toEqual({});
});
