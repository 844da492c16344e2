import { describe, expect, it } from 'vitest';
import { heard } from '../../../core/analysis/arrival.ts';
import type { WindowCounts } from '../../../core/analysis/evalue.ts';
import { evidenceOfRatio } from '../../../core/analysis/evidence.ts';
import { holdoutOf, requiredInVerify } from '../../../core/analysis/holdout.ts';
import { partsOf } from '../../../core/analysis/parts.ts';
import {
  boundOf,
  boundsOf,
  doubtAt,
  failurePastOf,
  logBeyond,
  ownWorstOf,
  spreadOf,
  usualWorst,
} from '../../../core/analysis/past.ts';
import { evidenceOfSilence, pastFrom, silentOf } from '../../../core/analysis/silence.ts';
import type { Count, Window } from '../../../core/analysis/types.ts';
import { WINDOW_MS } from '../../../core/units.ts';
import { opened, plan, stateAfter } from '../rollout/given.ts';
import guard from './guard-vectors.json' with { type: 'json' };

/** How the minutes of recalls are asked. */
const [RECALL = { planned: 0, head: 0, bets: [] }] = partsOf(
  stateAfter(opened({ plan: plan({ steps: [] }) })),
  0,
);

/** The input of one vector: which fields it has goes by its function. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, of which only numbers are compared
type Input = any;

const countsOf = (list: { x: number; n: number }[]): Count[] =>
  list.map(({ x, n }) => ({ bad: x, total: n }));

/** Minutes of the alias from the first on. */
const minutes = (counts: Count[]): Window[] =>
  counts.map((stable, nth) => ({ start: nth * WINDOW_MS, stable }));

/** What silence says of requests by minute; a rollout opens and raises at the minute `opened`. */
const silenceOf = (counts: number[], opened: number, planned: number) => {
  const windows = minutes(counts.map((total) => ({ bad: 0, total })));
  const openedAt = opened * WINDOW_MS;
  const past = pastFrom(windows.slice(0, opened), openedAt);
  const asked = { openedAt, raisedAt: openedAt, to: counts.length * WINDOW_MS, plannedMinutes: planned };
  return { past, found: silentOf(past, { windows, unknown: new Map() }, asked) };
};

const FUNCTIONS: Record<string, (input: Input) => unknown> = {
  spreadOf: ({ history }) => {
    const { mean, alike } = spreadOf(countsOf(history));
    return { mean, rho: alike };
  },
  usualWorst: ({ history, rho, ...input }) =>
    usualWorst(countsOf(history), { ...input, strength: 1 / rho - 1 }),
  boundOf: ({ worst, kappa, floor }) => boundOf(worst, { ratio: kappa, floor }),
  logBeyond: ({ x, n, b }) => logBeyond({ bad: x, total: n }, b),
  memoryOf: ({ history, own, ratio, block }) => {
    const past = failurePastOf(minutes(countsOf(history)), {
      to: history.length * WINDOW_MS,
      verifyMinutes: block,
    });
    return boundsOf(past, ownWorstOf(past, minutes(countsOf(own))), { ratio });
  },
  doubtAt: ({ planned }) => doubtAt(planned),
  logRecalled: ({ windows, w0, m }: { windows: WindowCounts[]; w0: number; m: number }) =>
    evidenceOfRatio(windows, {
      ...{ w0, clustering: { burst: m, isSticky: false } },
      ...{ planned: RECALL.planned, head: RECALL.head, bets: RECALL.bets ?? [] },
    }),
  requiredInVerify: ({ alpha, part, planned }) => requiredInVerify({ alpha, part, verifyMinutes: planned }),
  holdoutFor: ({ perMinute, share, w0, required }) =>
    holdoutOf([{ perMinute, share, ratio: w0, required }], 25) / 100,
  // By the minutes before two silent ones, of which the newest is left out, and by the hour before the opening.
  dueOf: ({ hour, recent }) =>
    (silenceOf([...hour, ...recent, 1_000, 0, 0], hour.length, 10).found?.due ?? 0) / 2,
  logSilence: ({ n, least }) => evidenceOfSilence(n, least),
  fallOf: ({ deepest }) => Math.min(0.1, deepest / 3),
  silence: ({ counts, opened, planned }) => {
    const { found } = silenceOf(counts, opened, planned);
    return { log: found?.evidence, due: (found?.due ?? 0) / 2, isSilent: found !== undefined };
  },
  heard: ({ counts }: { counts: { nc: number; ns: number }[] }) =>
    heard(
      counts.map(({ nc, ns }, nth) => ({
        start: nth * WINDOW_MS,
        canary: { bad: 0, total: nc },
        stable: { bad: 0, total: ns },
      })),
    ),
};

/** The numbers of a value, in order. */
const numbers = (value: unknown): number[] =>
  typeof value === 'number'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(numbers)
      : [];

describe('the vectors of doubt, silence, recall and holdout', () => {
  it.each(guard.vectors)('$id: $fn agrees to nine digits', ({ fn, input, expected }) => {
    const got = FUNCTIONS[fn]?.(input);
    const wanted = fn === 'memoryOf' ? (expected as { bounds: number[] }).bounds : expected;
    expect(numbers(got)).toHaveLength(numbers(wanted).length);
    for (const [nth, value] of numbers(wanted).entries())
      expect(Math.abs((numbers(got)[nth] ?? Number.NaN) - value)).toBeLessThanOrEqual(
        1e-9 * Math.max(1, Math.abs(value)),
      );
  });

  it('say whether requests stopped', () => {
    const vector = guard.vectors.find(({ fn }) => fn === 'silence');
    const { counts = [], opened = 0, planned = 0 } = (vector?.input ?? {}) as Input;
    expect(silenceOf(counts, opened, planned).found).toMatchObject({ minutes: 2, came: 70 });
    expect(silenceOf([...counts.slice(0, -2), 1_200, 1_180], opened, planned).found).toBeUndefined();
  });

  it('are of functions that are all put to them', () => {
    expect(new Set(guard.vectors.map(({ fn }) => fn))).toEqual(new Set(Object.keys(FUNCTIONS)));
  });
});
