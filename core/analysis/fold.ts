import type { Target } from '../target.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { arrivalMetric, recentPastOf, splitWindows, stretchesOf } from './arrival.ts';
import { carriedAfter } from './finding/carried.ts';
import { percentilesOf } from './finding/tally.ts';
import { type Folded, type FoldedTarget, withFolded } from './folded.ts';
import { agesOf, grouped, metIn } from './groups.ts';
import { LATE_WINDOWS } from './heartbeat.ts';
import { addsUp, historyOf, isYoung, overEdge, slowFrom, together } from './latency.ts';
import { kept } from './levels.ts';
import { limitsOf } from './limits.ts';
import { type Counted, isGauge, packed } from './packed.ts';
import { type Believed, believable, knownOf, NOTHING, type Settled, settle } from './settled.ts';
import { CLIFF_MINUTES, LATE_MINUTES, LEVEL_MINUTES, LOOK_MINUTES } from './silence.ts';
import type { Course, Trial } from './trial.ts';
import type {
  Count,
  ReadWindow,
  Series,
  Spread,
  SpreadWindow,
  UnknownWindow,
  Verdict,
  WatchRule,
  Window,
} from './types.ts';
import { isLatency, rulesFor } from './weights.ts';
import { comparedWindows, isMoved, minutesOf, readSince, settledUntil, sum } from './windows.ts';

/** The newest settled minutes are never folded: silence is looked for in them, counts that come late still count, and a few are to spare. */
export const KEPT_MS = (LOOK_MINUTES + LATE_MINUTES + 5) * WINDOW_MS;

/** Minutes that are folded at once, so that most ticks write nothing of it. */
export const FOLDED_MIN_MS = 60 * WINDOW_MS;

/**
 * What a rollout keeps of the minutes that are old enough, once a tick has read them all; undefined if there is nothing new to
 * fold, or if the verdict found the reading short: what is folded is never read again. Whoever judges with it and with the minutes since then says what a judgement of all minutes says.
 */
export function foldedAfter(
  trial: Trial,
  { series, broken, verdict }: Read,
  now: Instant,
): Folded | undefined {
  const { opening, raisedAt, folded: before, moves } = trial;
  const settled = settledUntil(trial, now);
  const end = settled - KEPT_MS;
  if (broken !== undefined || raisedAt === undefined) return undefined;
  if (verdict.findings.some(({ shown }) => shown !== undefined)) return undefined;
  if (end - readSince(trial, now) < FOLDED_MIN_MS) return undefined;
  if (opening.targets.some(({ name }) => series[name] === undefined)) return undefined;
  const from = trial.bake?.from ?? moves[0] ?? now;
  const targets = opening.targets.map((target) => {
    const read = withFolded(before, target.name, series[target.name] ?? {});
    return [target.name, foldedTarget(trial, target, read, { from, end, settled })] as const;
  });
  return { end, from, targets: Object.fromEntries(targets) };
}

/** What a tick read, and what it concluded from it. */
interface Read {
  series: Record<string, Series>;
  broken?: string | undefined;
  verdict: Pick<Verdict, 'findings'>;
}

interface Stretch {
  /** When the present step began. */
  from: Instant;
  end: Instant;
  /** The end of the newest settled minute. */
  settled: Instant;
}

function foldedTarget(trial: Trial, target: Target, read: Series, stretch: Stretch): FoldedTarget {
  const { opening, folded } = trial;
  const { from, end, settled } = stretch;
  const rules = rulesFor(target, opening.watch);
  const by = arrivalMetric(rules);
  const old = settle(read, end);
  const history = folded?.targets[target.name]?.history ?? together(historyOf(trial, old.latency ?? []));
  const arrived = knownOf(settle(read, settled)[by]);
  const answered = comparedWindows(trial, knownOf(old.http5xx)).filter(
    ({ start }) => start >= (folded?.end ?? Number.NEGATIVE_INFINITY),
  );
  // That none of them answered for the canary is known as well.
  const isGrouped =
    folded?.targets[target.name]?.met !== undefined ||
    knownOf(old.http5xx).some(({ stable }) => (stable?.ages?.groups ?? []).some(({ total }) => total > 0));
  const met = metIn(grouped(answered, agesOf(knownOf(old.http5xx)), true), folded?.targets[target.name]?.met);
  const past = recentPastOf(trial, target.name, knownOf(old[by]));
  // The newest windows, whose counts may be late, are told apart. They may be far apart, and the first of a step may not count.
  const alone = [arrived, splitWindows(trial, arrived)].flatMap((told) =>
    told
      .slice(-LATE_WINDOWS - 1)
      .filter(({ start }) => start < end)
      .map(({ start }) => start),
  );
  const tests = rules.map((rule) =>
    carriedAfter({ trial, target, rule, step: { from, to: end }, folded }, old),
  );
  return {
    series: packed(compact(trial, target, old, { from, alone, edges: edgesOf(rules, history) })),
    history,
    ...(isGrouped || met.some((count) => count > 0) ? { met } : {}),
    ...(past === undefined ? {} : { past }),
    tests: Object.assign({}, ...tests),
  };
}

/** The edges of durations that the rules ask for, rising; their ranks and thresholds stand since the first raise. */
function edgesOf(rules: readonly WatchRule[], history: readonly Spread[]): number[] {
  const asked = rules.flatMap((rule) => {
    const { metric } = rule;
    if (!isLatency(metric)) return [];
    const ratio = 'ratio' in rule ? rule.ratio : 1;
    const from = percentilesOf(metric).map((percentile) => slowFrom(history, { percentile, ratio }));
    return from.flatMap((slow) => (slow === undefined ? [] : [slow.stable, slow.canary]));
  });
  return [...new Set(asked)].sort((a, b) => a - b);
}

/** What is known of one minute, or of several that are alike. */
interface Minute {
  start: Instant;
  counts: Map<Counted, ReadWindow>;
  spread?: SpreadWindow | undefined;
}

interface Apart {
  from: Instant;
  /** Minutes that stay alone. */
  alone: readonly Instant[];
  edges: readonly number[];
}

/**
 * The windows with those together that no judgement tells apart, now or later: minutes of the same stretch, with the same
 * kinds of counts, of which no metric's last or first ones lie between. Each sum stands at its last minute, so that the order stays.
 */
function compact(trial: Trial, target: Target, read: Settled, apart: Apart): Series {
  const names = Object.keys(read) as (keyof Settled)[];
  const counted = names.filter((name): name is Counted => name !== 'latency' && !isGauge(name));
  const spreads = read.latency && spreadsOf(read.latency, apart.edges);
  const minutes = new Map<Instant, Minute>();
  const at = (start: Instant) => {
    const minute: Minute = minutes.get(start) ?? { start, counts: new Map() };
    minutes.set(start, minute);
    return minute;
  };
  for (const name of counted)
    for (const window of told(read[name] ?? NOTHING)) at(window.start).counts.set(name, window);
  for (const spread of spreads ?? []) at(spread.start).spread = spread;
  const ordered = [...minutes.values()].sort((a, b) => a.start - b.start);
  const usable = (spreads ?? []).filter((window) => isValid(window) && !isYoung(trial, window.start));
  const known = counted.map((name) => knownOf(read[name]));
  const cuts = cutsOf(trial, [...known, usable, spreads ?? []], apart);
  const alike = new Map<string, Minute[]>();
  let passed = 0;
  for (const minute of ordered) {
    while ((cuts[passed] ?? Number.POSITIVE_INFINITY) <= minute.start) passed++;
    const traits = [passed, isYoung(trial, minute.start), isMoved(trial, minute)];
    const kinds = counted.map((name) => kindOf(minute.counts.get(name)));
    const key = [...traits, ...kinds, kindOfSpread(minute.spread)].join(' ');
    alike.set(key, [...(alike.get(key) ?? []), minute]);
  }
  const sums = [...alike.values()].map(summed).sort((a, b) => a.start - b.start);
  const of = (name: keyof Series) => {
    if (isGauge(name)) return kept(trial, limitsOf(target, trial.opening.limits), name, read[name] ?? []);
    return sums.flatMap(({ counts, spread }) => (name === 'latency' ? spread : counts.get(name)) ?? []);
  };
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Series;
}

/** The windows of a metric, and in place of each minute of which nothing is known one that says so. */
function told({ windows, unknown }: Believed): ReadWindow[] {
  const known = new Set(windows.map(({ start }) => start));
  const lost = [...unknown]
    .map(([start, why]): UnknownWindow => ({ start, unknown: why }))
    .filter(({ start }) => Number.isSafeInteger(start) && !known.has(start));
  return [...windows, ...lost].sort((a, b) => a.start - b.start);
}

/** Durations over these edges alone; a window that cannot be believed has counts over none of them. */
function spreadsOf(read: readonly SpreadWindow[], edges: readonly number[]): SpreadWindow[] {
  const believed = new Set(
    believable(read.map(({ start }) => ({ start }))).windows.map(({ start }) => start),
  );
  const windows = new Map<Instant, SpreadWindow>();
  for (const window of read) {
    const start = Math.floor(window.start / WINDOW_MS) * WINDOW_MS;
    if (!Number.isSafeInteger(start)) continue;
    const isUsable = believed.has(window.start) && [window.canary, window.stable].every(isCounted);
    const of = (spread: Spread | undefined): Spread | undefined =>
      spread && {
        total: Number.isSafeInteger(spread.total) ? spread.total : 0,
        edges,
        over: isUsable ? edges.map((edge) => overEdge(spread, edge)) : [],
      };
    const { minutes, canary, stable } = window;
    windows.set(start, { start, minutes, canary: of(canary), stable: of(stable) });
  }
  return [...windows.values()].sort((a, b) => a.start - b.start);
}

const isCounted = (spread: Spread | undefined) =>
  spread === undefined || (addsUp(spread) && Number.isSafeInteger(spread.total));

const isValid = ({ canary, stable }: SpreadWindow) => isCounted(canary) && isCounted(stable);

type Sides = { start: Instant; canary?: Total; stable?: Total };
type Total = { total: number } | undefined;

/**
 * The times at which windows on either side are told apart, rising: where the stretches of a rollout meet, and where a metric,
 * or one side of it, was seen last or first after that.
 */
function cutsOf(trial: Trial, metrics: readonly (readonly Sides[])[], { from, alone }: Apart): Instant[] {
  const { raisedAt = 0, moves, promotedAt = Number.POSITIVE_INFINITY } = trial;
  const [first = Number.POSITIVE_INFINITY, last = Number.POSITIVE_INFINITY] = [moves[0], moves.at(-1)];
  const promotion = Math.floor(promotedAt / WINDOW_MS) * WINDOW_MS;
  // What came in the minutes around promotion is compared.
  const around = Array.from(
    { length: LEVEL_MINUTES + 1 + CLIFF_MINUTES },
    (_, nth) => promotion + (nth - LEVEL_MINUTES) * WINDOW_MS,
  );
  // What the version served just before says whether the minute of the first raise is this rollout's.
  const before = [raisedAt, first].map((at) => Math.floor(at / WINDOW_MS) * WINDOW_MS - WINDOW_MS);
  const alones = [...alone, ...before.filter(Number.isFinite), ...(Number.isFinite(promotion) ? around : [])];
  const seen = metrics.flatMap((windows) => {
    const lastOf = (isIt: (window: Sides) => boolean) =>
      windows.findLast(isIt)?.start ?? Number.NEGATIVE_INFINITY;
    const canary = lastOf((window) => (window.canary?.total ?? 0) > 0);
    for (const since of [from, first]) {
      const next = windows.find(({ start }) => start > canary && start >= since);
      if (next !== undefined) alones.push(next.start);
    }
    // The first minute after a move may have had another weight.
    const young = windows.find(({ start }) => start >= Math.max(from, last));
    if (young !== undefined) alones.push(young.start);
    const any = lastOf((window) => (window.canary?.total ?? 0) > 0 || (window.stable?.total ?? 0) > 0);
    return [canary, any, lastOf(({ stable }) => stable !== undefined)].map((start) => start + 1);
  });
  const ends = [raisedAt, first, promotedAt].map((at) => at - WINDOW_MS + 1);
  const steps = stretchesOf(trial).flatMap((step) => [step.from + WINDOW_MS, step.until - WINDOW_MS + 1]);
  const cuts = [
    ...ends,
    ...steps,
    ...endsOf(trial),
    raisedAt,
    first,
    last,
    from,
    ...seen,
    ...alones.flatMap((start) => [start, start + 1]),
  ];
  return [...new Set(cuts)].sort((a, b) => a - b);
}

/**
 * Where minutes get into or out of what a comparison or a part of the evidence rests on: into verify and a recall, and around a
 * stretch without a control as `isAlone` has it. If a recall ends, what stood ends too.
 */
function endsOf({ verifySince, alone = [], recalls = [] }: Course): Instant[] {
  return [
    ...(verifySince === undefined ? [] : [verifySince]),
    ...alone.flatMap(({ from, to }) => [from - WINDOW_MS + 1, ...(to === undefined ? [] : [to])]),
    ...recalls.map(({ from }) => from),
  ];
}

function kindOf(window: ReadWindow | undefined): string {
  if (window === undefined) return '-';
  return window.unknown !== undefined ? '?' : `${kindOfSide(window.canary)}${kindOfSide(window.stable)}`;
}

function kindOfSpread(window: SpreadWindow | undefined): string {
  if (window === undefined) return '-';
  return `${isValid(window) ? '' : '?'}${kindOfSide(window.canary)}${kindOfSide(window.stable)}`;
}

const kindOfSide = (count: Total) => (count === undefined ? '-' : count.total > 0 ? '+' : '0');

/** Minutes that are alike, as one at the last of them. */
function summed(minutes: readonly Minute[]): Minute {
  const [first] = minutes;
  if (first === undefined || minutes.length === 1) return first ?? { start: 0, counts: new Map() };
  const start = minutes.at(-1)?.start ?? first.start;
  const counts = [...first.counts.keys()].map((name) => {
    const windows = minutes.flatMap((minute) => minute.counts.get(name) ?? []);
    return [name, sumOf(windows, start)] as const;
  });
  const spreads = minutes.flatMap(({ spread }) => spread ?? []);
  return {
    start,
    counts: new Map(counts),
    ...(first.spread === undefined
      ? {}
      : {
          spread: {
            start,
            minutes: minutesOf(spreads),
            canary: together(spreads.flatMap(({ canary }) => canary ?? []))[0],
            stable: together(spreads.flatMap(({ stable }) => stable ?? []))[0],
          },
        }),
  };
}

function sumOf(windows: readonly ReadWindow[], start: Instant): ReadWindow {
  const unknown = windows.findLast((window) => window.unknown !== undefined);
  if (unknown !== undefined) return { ...unknown, start };
  const known = windows as readonly Window[];
  const side = (counts: readonly (Count | undefined)[]) =>
    counts[0] === undefined ? undefined : sum(counts);
  return {
    start,
    minutes: minutesOf(known),
    canary: side(known.map(({ canary }) => canary)),
    stable: side(known.map(({ stable }) => stable)),
  };
}
