import type { Plan, Step } from '../plan/plan.ts';
import type { Target } from '../target.ts';
import { type Percent, WINDOW_MS } from '../units.ts';
import { duration, number, percent } from '../words.ts';
import { logFactorWorse } from './evalue.ts';
import { ALPHA, CUSTOM_BETS, FAILURE_BETS, FLOOR, HEAD } from './evidence.ts';
import { logFactorExact } from './exact.ts';
import { isOfCommon, likelyShare, oddsOf, shareToShow } from './finding/tolerated.ts';
import { LATE_WINDOWS } from './heartbeat.ts';
import { VERIFY_HEAD, VERIFY_STAKE } from './holdout.ts';
import { leastLossSeen, unseenLoss } from './loss.ts';
import { metricsWith } from './metrics.ts';
import { logMeanExp } from './mixture.ts';
import { STEPS_STAKE } from './parts.ts';
import { fewest, tenfold, wouldShow } from './power.ts';
import { believable } from './settled.ts';
import type { Metric, Series, WatchRule, Window } from './types.ts';
import { minutesTo, visible } from './visible.ts';
import { rulesFor, weightsOf } from './weights.ts';
import { HISTORY_MS, sum } from './windows.ts';

/** What stable did lately, and what is tolerated of the canary. */
export interface Expected {
  requestsPerSecond: number;
  /** Share of stable's requests that fail, 0 to 1. */
  errorRate: number;
  /** Tolerated odds ratio, at least 1. */
  ratio: number;
  alpha?: number | undefined;
  /** The metric's part of the stake; that of errors alone, beside the split of the traffic, if it is absent. */
  part?: number | undefined;
  /** Failures that may share one cause; 1 if it is absent. */
  burst?: number | undefined;
}

/** What one step can see. Whatever is found is found with a chance of 80 %. */
interface Sight {
  weight: Percent;
  /** True for the part of verify in which the rest of the traffic stays on stable. */
  isHoldout?: true | undefined;
  bakeMinutes: number;
  /** Canary requests in the bake. */
  requests: number;
  /** A share of failed requests, 0 to 1, that is found long before the end of the bake, and the minutes until then; absent if nothing is. */
  found?: { share: number; minutes: number } | undefined;
  /** Smallest share of failed requests, 0 to 1, that is found within the bake; absent if not even a canary that always fails is. */
  smallest?: number | undefined;
  /** Least bake, in whole minutes, and least weight at which ten times stable's failures are found in this step; absent if they are found, or never. */
  suggestedMinutes?: number | undefined;
  suggestedWeight?: Percent | undefined;
}

const TENFOLD = 10;

/** What says of answers that the release failed. */
const ANSWERED = metricsWith(({ needs, stake }) => needs === 'answers' && stake === 'failures');

/** As many times the smallest share that is found as the share of which the minutes are named. */
const CLEAR = 3;

const DAY_MINUTES = 24 * 60;
const HISTORY_MINUTES = HISTORY_MS / WINDOW_MS;

/** No service fails so rarely that this is too much: below it the ratio of two rates is one of nothing to nothing. */
const RATE_MIN = 1e-7;

/**
 * Says what each step of a plan can see at this traffic.
 * Source: the evidence itself, put to all counts of so many minutes in one window, with a chance of 80 %; within 20 % of simulation. The
 * wait for CloudWatch comes on top, and the minute after a raise in which small failures are not held against a release.
 */
export function sightOf(step: Pick<Step, 'weight' | 'bakeSeconds' | 'isHoldout'>, expected: Expected): Sight {
  const { weight, isHoldout } = step;
  const bakeMinutes = step.bakeSeconds / 60;
  const scene = sceneOf(step, expected);
  const smallest = visible(scene, bakeMinutes);
  const clear = smallest === undefined ? 1 : Math.min(1, twoDigitsUp(CLEAR * smallest));
  const minutes = smallest === undefined ? undefined : minutesTo(clear, scene);
  const tenfold = Math.min(1, TENFOLD * scene.p);
  const isBlind = smallest === undefined || smallest > tenfold;
  const needed = isBlind ? minutesTo(tenfold, scene) : undefined;
  return {
    weight,
    ...(isHoldout === true ? { isHoldout: true as const } : {}),
    bakeMinutes,
    requests: Math.round(expected.requestsPerSecond * step.bakeSeconds * (weight / 100)),
    ...(minutes === undefined ? {} : { found: { share: clear, minutes } }),
    smallest,
    ...(needed !== undefined && needed <= DAY_MINUTES ? { suggestedMinutes: needed } : {}),
    ...(isBlind && isHoldout !== true
      ? { suggestedWeight: leastWeight(weight, { bakeMinutes, tenfold }, expected) }
      : {}),
  };
}

/** A share rounded up to two digits. */
function twoDigitsUp(share: number): number {
  const digit = 10 ** (Math.floor(Math.log10(share)) - 1);
  return Math.ceil(share / digit - 1e-9) * digit;
}

/** What is put to the counts of a step: what shows only beside a holdout has the stake of verify alone. */
function sceneOf(
  { weight, isHoldout }: Pick<Step, 'weight' | 'isHoldout'>,
  { requestsPerSecond, errorRate, ratio, burst = 1, ...stake }: Expected,
) {
  const [part, head] = isHoldout === true ? [VERIFY_STAKE, VERIFY_HEAD] : [STEPS_STAKE, HEAD];
  return {
    ...{ perMinute: requestsPerSecond * 60, weight: weight / 100, w0: ratio, bets: FAILURE_BETS, head },
    p: Math.min(0.99, Math.max(RATE_MIN, errorRate)),
    required: requiredOf(stake, part),
    factor: (window: Parameters<typeof logFactorWorse>[0]) => logFactorWorse(window) / burst,
  };
}

/** The log evidence of these counts for each odds ratio that is bet on. */
const evidences = (
  counts: { c: number; nc: number; s: number; ns: number },
  { ratio, burst = 1 }: Expected,
): number[] => FAILURE_BETS.map((r) => logFactorWorse({ ...counts, r, w0: ratio }) / burst);

/** The log evidence that reverts, of a bet with this stake. */
function requiredOf({ alpha = ALPHA, part }: Pick<Expected, 'alpha' | 'part'>, stake: number): number {
  return -Math.log(alpha * (part ?? weightsOf(['errors', 'traffic']).get('errors') ?? 1) * stake);
}

/** Past half of the traffic a canary is no trial any more, so no weight above that is suggested. */
function leastWeight(
  from: Percent,
  { bakeMinutes, tenfold }: { bakeMinutes: number; tenfold: number },
  expected: Expected,
): Percent | undefined {
  for (let weight = from + 1; weight <= 50; weight++) {
    if ((visible(sceneOf({ weight }, expected), bakeMinutes) ?? Number.POSITIVE_INFINITY) <= tenfold)
      return weight;
  }
  return undefined;
}

/** A step as far as a pass of it needs requests. */
type Asking = Pick<Step, 'weight' | 'within' | 'maxBakeSeconds' | 'untilRequests' | 'isHoldout'>;

/**
 * What follows from the first step of a plan that will not have the requests of a pass even in its longest bake, in words: those
 * that come, those that are needed, and what the plan declares. Undefined if all steps have them.
 */
export function withoutPass(
  { steps, onInconclusive }: { steps: readonly Asking[]; onInconclusive: Plan['onInconclusive'] },
  expected: Expected,
): string | undefined {
  // The time of verify ends with an outcome, and a step that names its number waits for just that.
  const asking = wholeSteps(steps).filter(
    ({ isHoldout, untilRequests }) => isHoldout !== true && untilRequests === undefined,
  );
  for (const step of asking) {
    const come = Math.floor(expected.requestsPerSecond * step.maxBakeSeconds * (step.weight / 100));
    const needed = requestsOfPass(step, expected);
    if (needed !== undefined && come >= needed) continue;
    const most =
      needed === undefined ? 'no number of requests is enough' : `a pass needs about ${number(needed)}`;
    return `the step at ${step.weight} % gets about ${number(come)} requests in ${duration(step.maxBakeSeconds)} at the most, and ${most}; then \`onInconclusive: ${onInconclusive}\` applies`;
  }
  return undefined;
}

/** Fewest canary requests with which a step can pass: a canary ten times as bad would have shown with a chance of 80 %. */
function requestsOfPass({ weight }: Pick<Step, 'weight'>, expected: Expected): number | undefined {
  const { errorRate } = expected;
  const beside = (100 - weight) / weight;
  const share = tenfold({ bad: errorRate, total: 1 }, FLOOR);
  const required = requiredOf(expected, STEPS_STAKE * HEAD);
  return fewest((nc) =>
    wouldShow(nc, share, (c) => {
      const counts = { c, nc, s: errorRate * beside * nc, ns: beside * nc };
      return logMeanExp(evidences(counts, expected)) >= required;
    }),
  );
}

/** What a step can see, in words: in shares of requests that fail, since those are what users meet. */
export function sightText(sight: Sight, expected: Pick<Expected, 'errorRate'>): string[] {
  const { weight, bakeMinutes, requests, smallest, isHoldout } = sight;
  const where = isHoldout === true ? ` beside a holdout of ${100 - weight} %` : '';
  const at = `${weight} % for ${duration(bakeMinutes * 60)}${where}: about ${number(requests)} canary requests`;
  if (smallest === undefined)
    return [`${at}; nothing can be seen here, not even that every request fails`, ...suggestions(sight)];
  const part = isHoldout === true ? 'in verify' : 'in this step';
  const below = `below ${percent(smallest)} is not visible ${part}`;
  return [
    `${at}; ${foundText(sight)}${below}`,
    ...(expected.errorRate * TENFOLD > 1 ? [] : suggestions(sight)),
  ];
}

/** What a plan finds, in one sentence; undefined if it finds nothing. */
export function foundBy(sights: readonly Sight[]): string | undefined {
  const first = sights.find(({ found }) => found !== undefined);
  const least = Math.min(1, ...sights.flatMap(({ smallest }) => smallest ?? []));
  return first === undefined
    ? undefined
    : `${foundText(first, ` at ${first.weight} %`)}below ${percent(least)} is not visible in any step`;
}

const foundText = ({ found }: Sight, at = '') =>
  found === undefined
    ? ''
    : `a release that fails ${percent(found.share)} of its requests is found within ${minutesText(found.minutes)}${at}; `;

const minutesText = (minutes: number) => duration(minutes * 60).replace('60 s', '1 min');

function suggestions({ suggestedMinutes, suggestedWeight, weight, bakeMinutes, isHoldout }: Sight): string[] {
  const bake =
    suggestedMinutes === undefined
      ? []
      : isHoldout === true
        ? [`\`verify: ${Math.ceil((suggestedMinutes * 5) / 4)}m\``]
        : [`\`bake: ${suggestedMinutes}m\` at ${weight} %`];
  const more = suggestedWeight === undefined ? [] : [`\`weight: ${suggestedWeight}\` for ${bakeMinutes} min`];
  const ways = [...bake, ...more];
  return ways.length === 0 ? [] : [`  it would find ten times stable's errors with ${ways.join(', or ')}`];
}

/** Steps that an opening reports one by one; of a longer plan, the first ones. */
const TOLD_MOST = 5;

/** What a plan can see in the requests of the users of one target. */
interface Outlook {
  /** What it finds and what it does not, in one line. */
  found: string;
  /** Smallest share of failed requests that any step finds, 0 to 1; 1 if none finds anything. */
  smallest: number;
  /** Step by step. */
  details: string[];
}

/** What the steps of a plan and its holdout can see in the requests of users, by what stable did lately, for each target; nothing if no rule compares failures or nothing is compared. */
export function outlookOf(
  {
    plan,
    watch,
    targets,
    isProbed = false,
  }: { plan: Plan; watch: readonly WatchRule[]; targets: readonly Target[]; isProbed?: boolean },
  history: Readonly<Record<string, Series>>,
): Outlook[] {
  const blind = isProbed
    ? 'no step can see anything, and the verdicts rest on probes'
    : 'this plan cannot see anything, and its verdicts will be inconclusive';
  return targets.flatMap((target): Outlook[] => {
    const rules = rulesFor(target, watch);
    // An answer that reports a failure ends well for AWS, so the rule about answers sees more.
    const metric = [...ANSWERED, 'errors' as const].find((each) =>
      rules.some((rule) => rule.metric === each),
    );
    const rule = rules.find((each) => each.metric === metric);
    const read = metric && history[target.name]?.[metric];
    if (rule === undefined || !('ratio' in rule) || read === undefined || plan.steps.length === 0) return [];
    const { windows } = believable(read);
    const { bad, total } = sum(windows.map(({ stable }) => stable));
    const seen = windows.filter(({ stable }) => stable !== undefined && stable.total > 0);
    // A service that began to be called within the quarter of an hour is taken at its rate since then.
    const minutes = seen.length === 0 ? HISTORY_MINUTES : minutesBetween(seen[0], seen.at(-1));
    // The other version's requests are not in these counts: shortly after a release this is less than the target had.
    const lately = `version ${target.stable} of ${target.name} had ${number(total)} ${total === 1 ? 'request' : 'requests'} in ${minutesText(minutes)}`;
    if (total === 0) return [{ found: `${lately}; at this rate ${blind}`, smallest: 1, details: [] }];
    const stakes = weightsOf([
      ...rules.map(({ metric }) => metric),
      'traffic',
      ...(isProbed ? (['probes'] as const) : []),
    ]);
    const expected = {
      requestsPerSecond: total / minutes / 60,
      // If none failed, one may have: a rate of zero would make ten times as many none.
      errorRate: (bad + 0.5) / (total + 1),
      ratio: rule.ratio,
      alpha: plan.alpha,
      part: (stakes.get(rule.metric) ?? 1) / targets.length,
      burst: target.traits.burst,
    };
    const whole = wholeSteps(plan.steps);
    const sights = whole.map((step) => sightOf(step, expected));
    const said = sights.slice(0, TOLD_MOST).map((sight) =>
      sightText(sight, expected)
        .map((line) => line.trim())
        .join('; '),
    );
    const more = sights.length - said.length;
    const rate = `${rule.metric}: ${lately}, of which ${number(bad)} failed`;
    const lacking = isProbed ? undefined : withoutPass(plan, expected);
    const common = rules.flatMap(
      (each) => commonText(each, { plan, stakes, targets, read: history[target.name] }) ?? [],
    );
    const short = lacking === undefined ? '' : `; ${lacking}`;
    const found = foundBy(sights);
    const least = Math.min(1, ...sights.flatMap(({ smallest }) => smallest ?? []));
    return [
      {
        found:
          found === undefined ? `${rate}; at this rate ${blind}${short}` : `${target.name}: ${found}${short}`,
        smallest: least,
        details: [
          `${rate}; at this rate its steps see as follows`,
          ...said,
          ...(more > 0 ? [`and ${more} more steps`] : []),
          ...common,
          ...insideText(plan.steps),
          `all steps together: ${unseenLoss(lossSeenBy(plan, expected))}; no loss is told from late counts in its first ${LATE_WINDOWS} min`,
        ],
      },
    ];
  });
}

/**
 * What a plan can see in a count of the user's own, in words, with the first step that cannot show what a pass must show. Undefined
 * of other rules, and of counts that stable did not send lately.
 */
function commonText(
  rule: WatchRule,
  {
    plan,
    stakes,
    targets,
    read,
  }: {
    plan: Plan;
    stakes: ReadonlyMap<Metric, number>;
    targets: readonly Target[];
    read: Series | undefined;
  },
): string | undefined {
  if (!isOfCommon(rule)) return undefined;
  const stable = sum(believable(read?.[rule.metric] ?? []).windows.map((window) => window.stable));
  if (stable.total === 0) return undefined;
  const p = likelyShare(stable);
  const part = (stakes.get(rule.metric) ?? 1) / targets.length;
  const scene = {
    ...{ perMinute: stable.total / HISTORY_MINUTES, p, w0: oddsOf(rule, p), bets: CUSTOM_BETS, head: HEAD },
    ...{ required: requiredOf({ alpha: plan.alpha, part }, STEPS_STAKE), factor: logFactorExact },
  };
  const seen = plan.steps.map(({ weight, maxBakeSeconds, isHoldout }) => ({
    ...{ weight, maxBakeSeconds, isHoldout },
    share: visible({ ...scene, weight: weight / 100 }, maxBakeSeconds / 60),
  }));
  const shown = shareToShow(rule, p);
  const short = seen.find(({ isHoldout, share = 1 }) => isHoldout !== true && share > shown);
  const least = Math.min(1, ...seen.flatMap(({ share }) => share ?? []));
  const lately = `${rule.metric}: ${number(stable.bad)} of ${number(stable.total)} were bad on stable lately; a canary that is less than ${commonShare(least)} bad is not visible in any step`;
  return short === undefined
    ? lately
    : `${lately}; a pass must be able to show one that is ${commonShare(shown)} bad, which ${duration(short.maxBakeSeconds)} at ${short.weight} % cannot; then \`onInconclusive: ${plan.onInconclusive}\` applies`;
}

/** A share of bad ones in percent; of nearly all with more digits, since what is left is what counts. */
const commonShare = (share: number) => `${Number((100 * share).toPrecision(share > 0.9 ? 4 : 2))} %`;

/** The least loss that the steps of a plan show together; the first minute of each is not compared. */
function lossSeenBy({ steps }: Plan, { requestsPerSecond, burst = 1 }: Expected): number | null {
  const splits = wholeSteps(steps).map(({ weight, bakeSeconds }) => {
    const all = requestsPerSecond * Math.max(60, bakeSeconds - 60);
    return { w: weight / 100, nc: (all * weight) / 100, ns: all * (1 - weight / 100) };
  });
  return leastLossSeen(splits, burst);
}

function minutesBetween(first: Window | undefined, last: Window | undefined): number {
  return ((last?.start ?? 0) - (first?.start ?? 0)) / WINDOW_MS + 1;
}

/** The steps of which the traffic says what they see. */
export const wholeSteps = <S extends Pick<Step, 'within'>>(steps: readonly S[]): S[] =>
  steps.filter(({ within }) => within === undefined);

/** What is said of steps inside segments: how many visitors are in one was counted by nobody before. */
export function insideText(steps: readonly Pick<Step, 'within'>[]): string[] {
  const names = [...new Set(steps.flatMap(({ within }) => (within === undefined ? [] : [within.segment])))];
  return names.length === 0
    ? []
    : [
        `how many visitors are in ${names.map((name) => `segment ${name}`).join(' and ')} is not known, so it is not known either what steps inside ${names.length === 1 ? 'it' : 'them'} find`,
      ];
}
