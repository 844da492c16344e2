import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldedAfter } from '../../../core/analysis/fold.ts';
import { type Folded, withFolded } from '../../../core/analysis/folded.ts';
import { LATENCY_EDGES } from '../../../core/analysis/histogram.ts';
import { judge, stretch } from '../../../core/analysis/judge.ts';
import { kept } from '../../../core/analysis/levels.ts';
import { limitFindings } from '../../../core/analysis/limits.ts';
import { packed, unpacked } from '../../../core/analysis/packed.ts';
import { partsOf, windowsIn } from '../../../core/analysis/parts.ts';
import { DOUBT_MINUTES } from '../../../core/analysis/past.ts';
import { knownOf, settle } from '../../../core/analysis/settled.ts';
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
  Window,
} from '../../../core/analysis/types.ts';
import { comparedWindows } from '../../../core/analysis/windows.ts';
import { bytesOf, foldedBytesMax } from '../../../core/rollout/bounded.ts';
import { decide } from '../../../core/rollout/decide.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { comparedSeconds } from '../../../core/rollout/recall.ts';
import { type Rollout, fold as stateOf } from '../../../core/rollout/state.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import type { Target } from '../../../core/target.ts';
import { type Instant, WINDOW_MS } from '../../../core/units.ts';
import { isDeep, times } from '../../deep.ts';
import { intended, minute, opened, plan, promoted, raised, shifted, target } from '../rollout/given.ts';

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

const EDGES = LATENCY_EDGES;

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

/** The same with who answered: new environments, and others in up to eight groups. */
function withAges({ start, ...sides }: Window): Window {
  const split = ({ bad, total }: Count): Count => {
    const young = { bad: bad >> 3, total: total >> 3 };
    const groups = Array.from({ length: 8 }, () => ({ bad: 0, total: 0 }));
    for (let left = total - young.total, nth = 0; left > 0; nth++) {
      const group = groups[nth % 7] ?? young;
      const taken = Math.min(left, Math.ceil(left / 2));
      group.total += taken;
      left -= taken;
    }
    let failed = bad - young.bad;
    for (const group of groups) {
      group.bad = Math.min(failed, group.total);
      failed -= group.bad;
    }
    return { bad, total, ages: { young, groups } };
  };
  const { canary, stable } = sides;
  return { start, ...(canary && { canary: split(canary) }), ...(stable && { stable: split(stable) }) };
}

/** The series of one target, from a quarter of an hour before its opening on. */
function seriesFrom(
  phases: readonly Phase[],
  { weightAt, worseAt }: Record<'weightAt' | 'worseAt', (at: Instant) => number>,
  seed: number,
): Series {
  const random = randomFrom(seed);
  const about = (mean: number) => Math.round(mean * (0.5 + random()) + random() - 0.5);
  const part = (total: number, share: number) => Math.min(total, Math.max(0, about(total * share)));
  const windows: Record<string, ReadWindow[]> = Object.fromEntries(METRICS.map((metric) => [metric, []]));
  const latency: NonNullable<Series['latency']> = [];
  const [oldestMessage, dlqNew]: Level[][] = [[], []];
  let [at, dead] = [-15, 0];
  for (const { minutes, rate, busy, bad, worse: usually, lost, uncounted, odd } of phases)
    for (const end = at + minutes; at < end; at++) {
      const start = minute(at);
      const worse = usually * worseAt(start);
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
        const plain = { start, ...counts('canary', share), ...counts('stable', share) };
        const window = metric === 'http5xx' && at % 5 > 0 ? withAges(plain) : plain;
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

/** Minutes that pass before something happens: within one minute, just after it, or long after what came before was folded. */
const pause = fc.constantFrom(0.2, 0.7, 3, 61, 170, 300);

/** What happens next: the targets are raised one after the other, or a doubt recalls them for some minutes. */
const act = fc.record({
  wait: pause,
  /** Minutes from the move of one target to that of the next. */
  between: fc.constantFrom(0.1, 0.7, 3, 61),
  /** Minutes from the announcement of a move to the move. */
  late: fc.constantFrom(0, 0, 0.4, 4),
  /** Minutes from the end of a recall to the first move. */
  later: fc.constantFrom(0, 0.7, 3),
  /** Only the first target is raised before something else happens. */
  isHalf: fc.constantFrom(false, false, true),
  /** From the holdout on; the rollout is raised if absent. */
  recall: fc.option(
    fc.record({
      weight: fc.constantFrom(5, 25, 75),
      stay: fc.constantFrom(1.2, 6, 31, 200),
      /** How many times as often the canary fails in it. */
      worse: fc.constantFrom(1, 1, 8),
    }),
    { nil: undefined, freq: 2 },
  ),
});

/** A case: what a rollout was asked, what happens to it and when, and when ticks fold. */
const cases = fc.record({
  seed: fc.integer(),
  kind: fc.constantFrom('lambda-alias', 'lambda-alias', 'cloudfront'),
  source: fc.constantFrom<Target['source'][]>('http', 'http', 'sqs', 'async'),
  targets: fc.integer({ min: 1, max: 2 }),
  rules: fc.subarray(RULES, { minLength: 1 }),
  hasPast: fc.boolean(),
  /** How badly the targets failed in the day before. */
  usual: fc.constantFrom(undefined, 0.004, 0.2),
  // Nothing of the rule was counted at the opening.
  isBlind: fc.constantFrom(false, false, true),
  /** The weight beside the holdout; without any the plan has three steps. */
  holdout: fc.constantFrom<(number | undefined)[]>(undefined, 50, 75, 95),
  isRecalled: fc.constantFrom(true, true, true, false),
  /** It stands beside its holdout within minutes, so that there is time for more. */
  isSoonThere: fc.constantFrom(true, true, false),
  acts: fc.array(act, { minLength: 1, maxLength: 7 }),
  heard: fc.constantFrom(undefined, 0, 12),
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

function worldOf(given: Case) {
  const { seed, kind, source, targets, rules, limits, hasPast, isBlind, usual, isRecalled } = given;
  const names = ['api', 'worker'].slice(0, targets);
  const bake = { bakeSeconds: 3600, maxBakeSeconds: 40 * 3600 };
  const long = { bakeSeconds: 30 * 3600, maxBakeSeconds: 30 * 3600 };
  const steps =
    given.holdout === undefined
      ? [10, 25, 50].map((weight) => ({ weight, ...bake }))
      : [
          { weight: 10, ...bake },
          { weight: given.holdout, ...long, isHoldout: true as const },
        ];
  const past = { mean: usual ?? 0, strength: 40, worst: DOUBT_MINUTES.map(() => usual ?? 0), ever: 0.5 };
  const more: Partial<Opening> = {
    plan: plan({
      steps,
      verifySeconds: 40 * 3600,
      warmUpSeconds: 90,
      ...(isRecalled ? {} : { recall: false }),
    }),
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
    ...(usual === undefined
      ? {}
      : { usual: Object.fromEntries(names.map((name) => [name, { errors: past, http5xx: past }])) }),
    timeouts: { api: 600 },
  };
  const happened = happening(given, names, [...steps.map(({ weight }) => weight), 100]);
  const series = Object.fromEntries(
    names.map((name, nth) => [
      name,
      seriesFrom(
        given.phases,
        {
          weightAt: (now) =>
            happened.moves.findLast((move) => move.name === name && minute(move.at) < now)?.weight ?? 0,
          worseAt: (now) =>
            happened.worse.find(({ from, to }) => now >= minute(from) && now < minute(to))?.times ?? 1,
        },
        seed + nth,
      ),
    ]),
  );
  return { history: [opened(more), ...happened.events], series, firstMove: happened.moves[0]?.at ?? 0 };
}

/** The events of what happens to the targets of a case, oldest first, and the weights that each then has. */
function happening(
  { acts, holdout, isRecalled, isSoonThere }: Case,
  names: readonly string[],
  weights: number[],
) {
  const events: RolloutEvent[] = [];
  const moves: { name: string; weight: number; at: number }[] = [];
  const worse: { from: number; to: number; times: number }[] = [];
  let [at, level, nth] = [0.3, 0, 0];
  const move = (weight: number, { between, late }: Record<'between' | 'late', number>, moved = names) => {
    for (const [index, name] of moved.entries()) {
      if (index > 0) at += between;
      const seq = moves.length + 1;
      events.push(intended(weight, seq, at, name));
      at += late;
      events.push(weight === 100 ? promoted(seq, at, name) : shifted(weight, seq, at, name));
      moves.push({ name, weight, at });
    }
  };
  const soon = { wait: 3, between: 0.1, late: 0, later: 0, isHalf: false, recall: undefined };
  const before = isSoonThere && holdout !== undefined ? [soon, soon] : [];
  for (const { wait, recall, isHalf, later, ...how } of [...before, ...acts]) {
    at += wait;
    const present = weights[level - 1] ?? 0;
    const isBeyond = holdout === undefined ? present === 100 : present >= holdout;
    if (recall !== undefined && isRecalled && isBeyond) {
      const weight = Math.min(recall.weight, present);
      const order = { nth: ++nth, weight, reason: 'it failed', remaining: 3600 };
      events.push({ type: 'RecallOrdered', at: minute(at), ...order });
      if (weight !== present) move(weight, how);
      worse.push({ from: at, to: at + recall.stay, times: recall.worse });
      at += recall.stay;
      events.push({ type: 'RecallEnded', at: minute(at), reason: 'nothing came of it' });
      at += later;
      if (weight !== present) move(present, how);
      continue;
    }
    const next = weights[level];
    if (next === undefined) continue;
    level++;
    move(next, how, isHalf ? names.slice(0, 1) : names);
  }
  return { events, moves, worse };
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
  const before = history.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
  const state = stateOf(before);
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
  doubt: verdict.doubt,
  findings: verdict.findings.map((finding: Finding) => ({
    target: finding.target,
    metric: finding.metric,
    status: finding.status,
    canary: finding.canary,
    stable: finding.stable,
    windows: finding.windows,
    evidence: round(finding.evidence),
    needed: finding.needed,
    newest: finding.newest,
    lossSeen: round(finding.lossSeen ?? undefined),
    doubt: round(finding.doubt),
    said:
      (finding.skipped ?? []).length > 0 ? undefined : finding.reason.replace(/nothing is known of .*/, ''),
  })),
});

/** The counts that each part of the evidence rests on, by target and metric, so that none is hidden behind the strongest. */
const restsOf = (rollout: Rollout, read: Record<string, Series>, to: Instant) =>
  rollout.opening.targets.flatMap(({ name }) => {
    const settled = settle(withFolded(rollout.folded, name, read[name] ?? {}), to);
    return METRICS.flatMap((metric) => {
      const compared = comparedWindows(rollout, knownOf(settled[metric]));
      return partsOf(rollout, 60).map((part) => {
        const windows = windowsIn(rollout, part, compared);
        const of = (key: 'c' | 'nc' | 's' | 'ns') => windows.reduce((all, window) => all + window[key], 0);
        return { name, metric, part: part.name, c: of('c'), nc: of('nc'), s: of('s'), ns: of('ns') };
      });
    });
  });

/** What follows from a verdict, without the words for it. */
const consequencesOf = (rollout: Rollout, said: Verdict, at: Instant) =>
  decide(rollout, { type: 'RecordMeasure', verdict: said, alarms: [] }, at).map((event) => ({
    ...event,
    verdict: undefined,
    reason: undefined,
  }));

/** A value as it comes back from the journal, with each number as nearly equal as sums of logarithms are. */
const closely = (value: unknown): unknown => {
  if (typeof value === 'number') return close(value);
  if (Array.isArray(value)) return value.map(closely);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closely(each)]));
};

const journaled = (value: unknown) => JSON.parse(JSON.stringify(value));

/** What a fold keeps of the evidence and of the time before the raise, which no grouping of minutes may change. */
const keptOf = ({ targets }: Folded) =>
  Object.entries(targets).map(([name, { tests, history, past }]) => ({ name, tests, history, past }));

/** What the worlds of the property must show. */
const WORLDS = [
  'doubt',
  'a recall was folded',
  'a recall came after one was folded',
  'a stretch alone was folded',
] as const;

test(
  'a verdict on what was folded and on the minutes since is the verdict on all minutes',
  () => {
    const seen = {
      ...{ folds: 0, statuses: new Set<string>(), certified: 0, most: 0 },
      ...{ worlds: new Set<(typeof WORLDS)[number]>() },
    };
    fc.assert(
      fc.property(cases, (given) => {
        const { history, series, firstMove } = worldOf(given);
        const ticks: RolloutEvent[] = [];
        let folded: Folded | undefined;
        let at = firstMove + 1.5;
        for (const gap of given.ticks) {
          at += gap;
          const now = minute(at);
          const whole = stateAt([...history, ...ticks], now);
          const state = { ...whole, folded };
          const everything = shown(series, { from: stretch(whole, now).from, to: now });
          const { to } = stretch(whole, now);
          const more = {
            alarms: [],
            ...(given.heard === undefined ? {} : { heartbeat: to - (given.heard + 1) * WINDOW_MS }),
          };
          const all = judge(trialOf(whole), { series: everything, ...more }, now);
          const reading = { series: shown(series, { from: stretch(state, now).from, to: now }), ...more };
          const said = judge(trialOf(state), reading, now);
          expect(essence(said, (value) => value)).toEqual(essence(all, close));
          expect(restsOf(state, reading.series, to)).toEqual(restsOf(whole, everything, to));
          const consequences = consequencesOf(whole, all, now);
          expect(consequencesOf(state, said, now)).toEqual(consequences);
          expect(comparedSeconds(state, said.to)).toBe(comparedSeconds(whole, all.to));
          seen.statuses.add(all.status);
          if (all.certified) seen.certified++;
          if (all.doubt !== undefined) seen.worlds.add('doubt');
          ticks.push({ type: 'Measured', at: now, verdict: all, alarms: [] });
          if (folded !== undefined) {
            const recalls = (whole.recalls ?? []).filter(({ to = now }) => to < (folded?.end ?? 0));
            if (recalls.length > 0) seen.worlds.add('a recall was folded');
            if (recalls.length > 0 && (whole.recalls?.length ?? 0) > recalls.length)
              seen.worlds.add('a recall came after one was folded');
            if (whole.alone?.some(({ to = now }) => to < (folded?.end ?? 0)))
              seen.worlds.add('a stretch alone was folded');
          }
          const next = foldedAfter(trialOf(state), { ...reading, verdict: all }, now);
          if (next === undefined) continue;
          const once = foldedAfter(trialOf(whole), { series: everything, verdict: all }, now);
          expect(keptOf(journaled(next))).toEqual(once && closely(keptOf(journaled(once))));
          seen.folds++;
          seen.most = Math.max(seen.most, bytesOf(next));
          folded = journaled(next);
        }
      }),
      { numRuns: times(12, 300) },
    );
    // A test in which nothing is folded, or everything ends alike, would say nothing.
    expect(seen.folds).toBeGreaterThan(20);
    expect(seen.statuses.size).toBeGreaterThan(3);
    expect(seen.certified).toBeGreaterThan(0);
    expect(seen.most).toBeLessThanOrEqual(foldedBytesMax(2_000));
    expect(seen.worlds).toContain('a recall was folded');
    if (isDeep) expect([...seen.worlds].sort()).toEqual([...WORLDS].sort());
  },
  times(120_000, 600_000),
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
  const folded = foldedAfter(trialOf(state), { series, verdict: { findings: [] } }, now);
  expect(folded?.targets.api?.series.counts.errors?.length).toBeLessThan(20);
  const { from, to } = stretch({ ...state, folded }, now);
  const reading = { series: shown(series, { from, to }), alarms: [] };
  const [finding] = judge(trialOf({ ...state, folded }), reading, now).findings;
  const [whole] = judge(trialOf(state), { series, alarms: [] }, now).findings;
  expect(finding?.canary.total).toBeGreaterThan(300_000_000);
  expect(finding).toMatchObject({ canary: whole?.canary, stable: whole?.stable, skipped: [] });
  expect(finding?.reason).toBe(whole?.reason);
});

test('durations keep their edges although the oldest minute has no spread on either side', () => {
  const spread = { total: 9, edges: [20, 40], over: [7, 2] };
  const latency = [{ start: minute(0) }, { start: minute(1), stable: spread }];
  expect(unpacked(journaled(packed({ latency }))).latency?.[1]?.stable).toEqual(spread);
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
      limitFindings(state, worker, settle({ oldestMessage, dlqNew, errors: [] }, to), {
        from: minute(1),
        to,
      });
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
