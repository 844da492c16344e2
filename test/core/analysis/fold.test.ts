import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldedAfter } from '../../../core/analysis/fold.ts';
import type { Folded } from '../../../core/analysis/folded.ts';
import { judge, stretch } from '../../../core/analysis/judge.ts';
import { kept } from '../../../core/analysis/levels.ts';
import { limitFindings } from '../../../core/analysis/limits.ts';
import type {
  Count,
  Finding,
  Level,
  LimitRule,
  ReadWindow,
  Series,
  Spread,
  Verdict,
  WatchRule,
} from '../../../core/analysis/types.ts';
import { bytesOf, foldedBytesMax } from '../../../core/rollout/bounded.ts';
import type { Opening, RolloutEvent, Target } from '../../../core/rollout/event.ts';
import { type Rollout, fold as stateOf } from '../../../core/rollout/state.ts';
import { type Instant, WINDOW_MS } from '../../../core/units.ts';
import { times } from '../../deep.ts';
import { minute, opened, plan, raised, target } from '../rollout/given.ts';

/** Numbers from 0 to 1 that follow from a seed (mulberry32, public domain). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const EDGES = [20, 40, 60, 80, 100, 125, 156, 200, 300, 600, 1200];

/** What the requests of a stretch of minutes are like. */
interface Phase {
  minutes: number;
  /** Requests a minute of the target as a whole. */
  rate: number;
  /** Share of the minutes that have any. */
  busy: number;
  bad: number;
  /** How many times as often the canary fails, and as slow it is. */
  worse: number;
  /** Sides that are not seen. */
  lost: 'canary' | 'stable' | 'both' | undefined;
  /** Metrics that nobody counts. */
  uncounted: string[];
  /** Share of the minutes of which nothing is known, or that cannot be believed. */
  odd: number;
}

const METRICS = ['errors', 'http5xx', 'throttles', 'custom.orders', 'batchFailures'] as const;

const phase: fc.Arbitrary<Phase> = fc.record({
  minutes: fc.integer({ min: 1, max: 200 }),
  rate: fc.constantFrom(0.05, 1, 20, 400),
  busy: fc.constantFrom(0.02, 0.05, 0.5, 1),
  bad: fc.constantFrom(0, 0.005, 0.1),
  worse: fc.constantFrom(1, 1, 1.4, 3),
  lost: fc.constantFrom(undefined, undefined, undefined, 'canary', 'stable', 'both'),
  uncounted: fc.subarray([...METRICS, 'latency'], { maxLength: 2 }),
  odd: fc.constantFrom(0, 0, 0.02, 0.5),
});

/** A stretch in which nothing happens. */
const calm: fc.Arbitrary<Phase> = fc.record({
  minutes: fc.integer({ min: 20, max: 200 }),
  rate: fc.constantFrom(100, 400),
  busy: fc.constant(1),
  bad: fc.constantFrom(0, 0.005),
  worse: fc.constant(1),
  lost: fc.constant(undefined),
  uncounted: fc.constant([]),
  odd: fc.constantFrom(0, 0, 0.02),
});

/** The series of one target, from a quarter of an hour before its opening on. */
function seriesFrom(phases: readonly Phase[], weightAt: (at: Instant) => number, seed: number): Series {
  const random = randomFrom(seed);
  const about = (mean: number) => Math.round(mean * (0.5 + random()) + random() - 0.5);
  const part = (total: number, share: number) => Math.min(total, Math.max(0, about(total * share)));
  const windows: Record<string, ReadWindow[]> = Object.fromEntries(METRICS.map((metric) => [metric, []]));
  const latency: NonNullable<Series['latency']> = [];
  const [oldestMessage, dlqNew]: Level[][] = [[], []];
  let [at, dead] = [-15, 0];
  for (const { minutes, rate, busy, bad, worse, lost, uncounted, odd } of phases)
    for (const end = at + minutes; at < end; at++) {
      const start = minute(at);
      if (random() < 0.05) dead += about(2);
      if (random() < 0.9) dlqNew?.push({ start, value: Math.max(0, dead) });
      if (random() < 0.9) oldestMessage?.push({ start, value: random() < 0.9 ? about(30) : about(9000) });
      if (random() > busy) continue;
      const weight = weightAt(start + WINDOW_MS) / 100;
      const total = Math.max(0, about(rate));
      const canary = part(total, weight);
      const requests = { canary, stable: total - canary };
      const isSeen = (side: 'canary' | 'stable') =>
        lost !== 'both' && lost !== side && (requests[side] > 0 || random() < 0.2);
      const counts = (side: 'canary' | 'stable', share: number): Partial<Record<typeof side, Count>> =>
        isSeen(side)
          ? {
              [side]: {
                bad: part(requests[side], side === 'canary' ? share * worse : share),
                total: requests[side],
              },
            }
          : {};
      for (const metric of METRICS) {
        if (uncounted.includes(metric)) continue;
        const isOdd = random() < odd;
        const share = metric === 'throttles' ? bad / 4 : bad;
        const window = { start, ...counts('canary', share), ...counts('stable', share) };
        windows[metric]?.push(
          !isOdd
            ? window
            : random() < 0.5
              ? { start, unknown: 'it was counted by half' }
              : { start, canary: { bad: 2, total: 1 } },
        );
      }
      if (uncounted.includes('latency')) continue;
      const spread = (side: 'canary' | 'stable'): Partial<Record<typeof side, Spread>> => {
        if (!isSeen(side)) return {};
        let left = requests[side];
        const slower = side === 'canary' ? worse : 1;
        const over = EDGES.map((edge) => {
          left = part(left, Math.min(1, 1 / (1 + (edge / (90 * slower)) ** 2)) * 1.2);
          return left;
        });
        return {
          [side]: { total: requests[side], edges: EDGES, over: random() < odd ? over.toReversed() : over },
        };
      };
      latency.push({ start, ...spread('canary'), ...spread('stable') });
    }
  return { ...windows, latency, oldestMessage, dlqNew } as Series;
}

const RULES: WatchRule[] = [
  { metric: 'errors', ratio: 1.5 },
  { metric: 'http5xx', ratio: 2 },
  { metric: 'throttles', ratio: 1.5 },
  {
    metric: 'custom.orders',
    share: 0.02,
    custom: { bad: { namespace: 'n', name: 'b' }, total: { namespace: 'n', name: 't' } },
  },
  { metric: 'latency', ratio: 1.25 },
  { metric: 'p95', ratio: 1.5 },
];

const LIMIT_RULES: LimitRule[] = [
  { limit: 'batchFailures', max: 40 },
  { limit: 'oldestMessage', max: 3_000 },
  { limit: 'dlqNew', max: 20 },
];

/** A case: a rollout whose steps begin after so many minutes each, what its targets were asked, and when ticks fold. */
const cases = fc.record({
  seed: fc.integer(),
  kind: fc.constantFrom('lambda-alias', 'lambda-alias', 'cloudfront'),
  source: fc.constantFrom<Target['source'][]>('http', 'http', 'sqs', 'async'),
  targets: fc.integer({ min: 1, max: 2 }),
  rules: fc.subarray(RULES, { minLength: 1 }),
  hasPast: fc.boolean(),
  // Nothing of the rule was counted at the opening.
  isBlind: fc.constantFrom(false, false, true),
  // Minutes from one move to the next, in which the targets are moved one after the other.
  moves: fc.array(fc.constantFrom(0.2, 0.7, 3, 61, 170, 300), { minLength: 1, maxLength: 6 }),
  limits: fc.subarray(LIMIT_RULES),
  phases: fc.oneof(
    fc.array(phase, { minLength: 4, maxLength: 14 }),
    fc.array(fc.oneof({ weight: 6, arbitrary: calm }, { weight: 1, arbitrary: phase }), {
      minLength: 4,
      maxLength: 14,
    }),
  ),
  ticks: fc.array(fc.constantFrom(1, 7, 33, 61, 130), { minLength: 3, maxLength: 16 }),
});

type Case = typeof cases extends fc.Arbitrary<infer Value> ? Value : never;

function worldOf({ seed, kind, source, targets, rules, limits, hasPast, isBlind, moves, phases }: Case) {
  const names = ['api', 'worker'].slice(0, targets);
  const steps = [10, 25, 50].map((weight) => ({ weight, bakeSeconds: 3600, maxBakeSeconds: 40 * 3600 }));
  const more: Partial<Opening> = {
    plan: plan({ steps, verifySeconds: 40 * 3600 }),
    watch: rules.map((rule) => (isBlind && rule.metric === 'http5xx' ? { ...rule, blind: names } : rule)),
    limits,
    targets: names.map((name) =>
      target(name, {
        kind,
        source,
        ...(source === 'sqs' ? { ref: { functionName: name, alias: 'live', queue: 'q', dlq: 'd' } } : {}),
      }),
    ),
    ...(hasPast
      ? {
          past: Object.fromEntries(
            names.map((name) => [name, { lately: 300, hours: [], falls: [0.3, 0.3] }]),
          ),
        }
      : {}),
    timeouts: { api: 600 },
  };
  const weights = [10, 25, 50, 100].flatMap((weight) => names.map((name) => ({ weight, name })));
  let at = 0.3;
  const raises = moves.flatMap((gap, nth) => {
    const raise = weights[nth];
    if (raise === undefined) return [];
    at += gap;
    return [{ ...raise, at, events: raised(raise.weight, nth + 1, at, raise.name) }];
  });
  const history: RolloutEvent[] = [opened(more), ...raises.flatMap(({ events }) => events)];
  const series = Object.fromEntries(
    names.map((name, nth) => [
      name,
      seriesFrom(
        phases,
        (now) => raises.findLast((raise) => raise.name === name && minute(raise.at) < now)?.weight ?? 0,
        seed + nth,
      ),
    ]),
  );
  return { history, series, firstMove: raises[0]?.at ?? 0 };
}

/** The series as CloudWatch shows them at a moment: of the minutes from `from` on, those that have begun. */
const shown = (series: Record<string, Series>, { from, to }: { from: Instant; to: Instant }) =>
  Object.fromEntries(
    Object.entries(series).map(([name, each]) => [
      name,
      Object.fromEntries(
        Object.entries(each).map(([metric, windows]) => [
          metric,
          (windows as ReadWindow[]).filter(({ start }) => start >= from && start < to),
        ]),
      ) as Series,
    ]),
  );

const stateAt = (history: readonly RolloutEvent[], now: Instant): Rollout => {
  const state = stateOf(history.filter(({ at }) => at <= now));
  if (state === undefined) throw new Error('The history opens no rollout.');
  return state;
};

const close = (value: number | undefined) =>
  value === undefined ? undefined : expect.closeTo(value, 9 - Math.ceil(Math.log10(Math.abs(value) + 1)));

/** What must not depend on what was folded: everything but the interval that is only shown, and how many minutes were not used. */
const essence = (verdict: Verdict, round: (value: number | undefined) => unknown) => ({
  status: verdict.status,
  certified: verdict.certified,
  evidence: round(verdict.evidence),
  limits: verdict.limits,
  findings: verdict.findings.map((finding: Finding) => ({
    target: finding.target,
    metric: finding.metric,
    status: finding.status,
    canary: finding.canary,
    stable: finding.stable,
    windows: finding.windows,
    evidence: round(finding.evidence),
    needed: finding.needed,
    lossSeen: round(finding.lossSeen ?? undefined),
    doubt: round(finding.doubt),
    said:
      (finding.skipped ?? []).length > 0 ? undefined : finding.reason.replace(/nothing is known of .*/, ''),
  })),
});

test(
  'a verdict on what was folded and on the minutes since is the verdict on all minutes',
  () => {
    const seen = { folds: 0, statuses: new Set<string>(), certified: 0, most: 0 };
    fc.assert(
      fc.property(cases, (given) => {
        const { history, series, firstMove } = worldOf(given);
        let folded: Folded | undefined;
        let at = firstMove + 1.5;
        for (const gap of given.ticks) {
          at += gap;
          const now = minute(at);
          const whole = stateAt(history, now);
          const state = { ...whole, folded };
          const everything = shown(series, { from: stretch(whole, now).from, to: now });
          const all = judge(whole, { series: everything, alarms: [] }, now);
          const reading = { series: shown(series, { from: stretch(state, now).from, to: now }), alarms: [] };
          const said = judge(state, reading, now);
          expect(essence(said, (value) => value)).toEqual(essence(all, close));
          seen.statuses.add(all.status);
          if (all.certified) seen.certified++;
          const next = foldedAfter(state, reading, now);
          if (next === undefined) continue;
          seen.folds++;
          seen.most = Math.max(seen.most, bytesOf(next));
          // As it comes back from the journal.
          folded = JSON.parse(JSON.stringify(next));
        }
      }),
      { numRuns: times(40, 3_000) },
    );
    // A test in which nothing is folded, or everything ends alike, would say nothing.
    expect(seen.folds).toBeGreaterThan(20);
    expect(seen.statuses.size).toBeGreaterThan(3);
    expect(seen.certified).toBeGreaterThan(0);
    expect(seen.most).toBeLessThanOrEqual(foldedBytesMax(2_000));
  },
  times(120_000, 900_000),
);

test('a service so busy that a sum of its minutes is more than any one minute can count is judged as before', () => {
  const busy = (at: number): ReadWindow => ({
    start: minute(at),
    canary: { bad: 1, total: 1_000_000 },
    stable: { bad: 9, total: 9_000_000 },
  });
  const state = stateAt([opened({ plan: plan({ verifySeconds: 0 }) }), ...raised(10, 1, 0.3)], minute(1));
  const errors = Array.from({ length: 480 }, (_, nth) => busy(nth - 15));
  const now = minute(466);
  const series = { api: { errors } };
  const folded = foldedAfter(state, { series }, now);
  expect(folded?.targets.api?.series.counts.errors?.length).toBeLessThan(20);
  const { from, to } = stretch({ ...state, folded }, now);
  const reading = { series: shown(series, { from, to }), alarms: [] };
  const [finding] = judge({ ...state, folded }, reading, now).findings;
  const [whole] = judge(state, { series, alarms: [] }, now).findings;
  expect(finding?.canary.total).toBeGreaterThan(300_000_000);
  expect(finding).toMatchObject({ canary: whole?.canary, stable: whole?.stable, skipped: [] });
  expect(finding?.reason).toBe(whole?.reason);
});

describe('the level of a queue', () => {
  const rules: LimitRule[] = [
    { limit: 'dlqNew', max: 20 },
    { limit: 'oldestMessage', max: 3_000 },
  ];
  const worker = target('worker', {
    source: 'sqs',
    ref: { functionName: 'worker', alias: 'live', queue: 'q', dlq: 'd' },
  });
  const state = stateAt([opened({ limits: rules, targets: [worker] }), ...raised(10, 1, 0.3)], minute(1));
  const level = fc.constantFrom(0, 1, 19, 20, 21, 25, 60, 2_990, 3_001, 3_010, 9_000, 90_000);
  const runsOfIt = fc.array(fc.tuple(level, fc.constantFrom(1, 1, 1, 2, 3, 40)), {
    minLength: 8,
    maxLength: 60,
  });

  test('says after any fold what all its points say, and a fold keeps few of them however often it crosses its limit', () => {
    const findingOf = (oldestMessage: Level[], dlqNew: Level[], to: Instant) =>
      limitFindings(state, worker, { oldestMessage, dlqNew, errors: [] }, { from: minute(1), to });
    fc.assert(
      fc.property(runsOfIt, fc.array(fc.integer({ min: 20, max: 300 }), { maxLength: 6 }), (runs, gaps) => {
        const all = runs
          .flatMap(([value, times]) => Array.from({ length: times }, () => value))
          .map((value, nth) => ({ start: minute(nth - 6), value }));
        const folded: Record<'oldestMessage' | 'dlqNew', Level[]> = { oldestMessage: [], dlqNew: [] };
        let end = minute(-6);
        for (const gap of gaps) {
          const next = end + gap * WINDOW_MS;
          const within = all.filter(({ start }) => start >= end && start < next);
          for (const limit of ['oldestMessage', 'dlqNew'] as const) {
            folded[limit] = kept(state, rules, limit, [...folded[limit], ...within]);
            expect(folded[limit].length).toBeLessThan(20);
          }
          end = next;
          for (const to of [end, end + WINDOW_MS, end + 3 * WINDOW_MS, minute(all.length)]) {
            const since = all.filter(({ start }) => start >= end);
            expect(
              findingOf([...folded.oldestMessage, ...since], [...folded.dlqNew, ...since], Math.max(to, end)),
            ).toEqual(findingOf(all, all, Math.max(to, end)));
          }
        }
      }),
      { numRuns: times(200, 5_000) },
    );
  });
});
