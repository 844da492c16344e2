import { describe, expect, test } from 'vitest';
import {
  combined,
  evidenceOfSafety,
  FLOOR,
  logsOfSafety,
  UNSAFE_ODDS,
} from '../../../core/analysis/evidence.ts';
import { comparedStretches, evidenceOfStretches, guiltOf, type Move } from '../../../core/analysis/guilt.ts';
import { holdoutOf, requiredInVerify, verifySplitOf } from '../../../core/analysis/holdout.ts';
import { boundsOf, doubtOf, failurePastOf, isCalm, ownWorstOf } from '../../../core/analysis/past.ts';
import { pastFrom, silentOf } from '../../../core/analysis/silence.ts';
import type { Window } from '../../../core/analysis/types.ts';
import { believable, sum } from '../../../core/analysis/windows.ts';
import {
  type GuardDecision,
  guardDecision,
  type RecallStretch,
  type VerifyStretch,
} from '../../../core/rollout/guard.ts';
import { type Random, seededRandom } from '../../../local/random.ts';
import { times } from '../../deep.ts';
import { minute } from './given.ts';

/** What a world does in one minute: how many requests come in all, and the share of them that fails on each version. */
interface Minute {
  requests: number;
  stable: number;
  canary: number;
}

/** A world by minute; promotion is at minute 20, and the day before it is below 0. */
type World = (at: number, random: Random) => Minute;

const PROMOTED = 20;
const VERIFY_MINUTES = 10;
const ONE = { burst: 1, isSticky: false };
const ALPHA = 0.01;
/** Of the stake, what the two rules have that see the same failures. */
const PART = 5 / 6;

/**
 * A rollout from its first raise on, by the functions that judge verify and nothing else: steps of 5 and 25 % that pass, or
 * everything at once at minute 20. Counts settle a minute after they came, and a look comes each minute.
 */
function played(world: World, random: Random, { isAtOnce = false } = {}) {
  const minutes = new Map<number, Window>();
  const moves: Move[] = isAtOnce
    ? []
    : [
        { at: minute(0), weight: 5, as: 'step' },
        { at: minute(8), weight: 25, as: 'step' },
      ];
  let failed = 0;
  const play = (at: number) => {
    const { requests, stable, canary } = world(at, random);
    const total = random.poisson(requests);
    const before = moves.findLast((move) => move.at <= minute(at))?.weight ?? 0;
    const nc = random.binomial(total, before / 100);
    const c = random.binomial(nc, canary);
    const s = random.binomial(total - nc, stable);
    failed += nc === 0 ? 0 : c;
    minutes.set(at, {
      start: minute(at),
      canary: { bad: c, total: nc },
      stable: { bad: s, total: total - nc },
    });
  };
  for (let at = -1_440; at < PROMOTED; at++) play(at);
  const day = [...minutes.values()].filter(({ start }) => start < minute(0));
  const past = failurePastOf(day, { to: minute(0), verifyMinutes: VERIFY_MINUTES });
  const requestsPast = pastFrom(day, minute(0));
  const perMinute = day.reduce((sum, { stable }) => sum + (stable?.total ?? 0), 0) / day.length;
  const required = requiredInVerify({ part: PART / 2, verifyMinutes: VERIFY_MINUTES });
  const holdout = isAtOnce ? 0 : holdoutOf([{ perMinute, share: past.mean, ratio: 1.5, required }], 25);
  const split = verifySplitOf(VERIFY_MINUTES * 60, isAtOnce);

  const first: VerifyStretch = isAtOnce
    ? { kind: 'rest', weight: 100, minutes: 0, planned: split.restMinutes }
    : { kind: 'holdout', weight: 100 - holdout, minutes: 0, planned: split.holdoutMinutes };
  let stretch = first as VerifyStretch | RecallStretch;
  let since = PROMOTED;
  let recalls = 0;
  moves.push({ at: minute(PROMOTED), weight: first.weight, as: 'verify' });
  const raisedAt = moves[0]?.at ?? minute(PROMOTED);
  for (let now = PROMOTED; now < 240; now++) {
    play(now);
    // The minute before this one has settled; the one in which traffic moved is not whole.
    const windows = [...minutes.values()].filter(({ start }) => start >= raisedAt && start < minute(now));
    const whole = Math.max(0, now - since - 1);
    const inStretch = windows.filter(({ start }) => start >= minute(since + 1));
    stretch = { ...stretch, minutes: whole };
    const own = ownWorstOf(past, windows);
    const bounds = boundsOf(past, own, { ratio: 1.5 });
    const asked = { since: minute(since), to: minute(now), verifyMinutes: VERIFY_MINUTES };
    const parts = evidenceOfStretches(comparedStretches(windows, moves), {
      ...{ w0: 1.5, planned: 18, verifyMinutes: VERIFY_MINUTES, clustering: ONE },
    });
    const evidence = guiltOf(parts, isAtOnce);
    if (stretch.kind === 'recall') {
      const counts = inStretch.map(({ canary, stable }) => ({
        ...{ c: canary?.bad ?? 0, nc: canary?.total ?? 0, s: stable?.bad ?? 0, ns: stable?.total ?? 0 },
      }));
      const canary = sum(inStretch.map((window) => window.canary));
      const logs = logsOfSafety(counts, { unsafe: UNSAFE_ODDS, clustering: ONE });
      const safety = evidenceOfSafety(canary, { logs, floor: FLOOR, clustering: ONE });
      stretch = {
        ...stretch,
        elapsed: now - since,
        requests: canary.total,
        isCertified: whole > 0 && safety >= Math.log(20),
        isCalm: isCalm(windows, bounds, asked),
      };
    }
    const plannedMinutes = VERIFY_MINUTES;
    const silence = { openedAt: minute(0), raisedAt, to: minute(now), plannedMinutes };
    const decision: GuardDecision = guardDecision({
      stretch,
      isBroken: false,
      isGuilty:
        combined([
          { weight: 1 - PART, evidence: 0 },
          { weight: PART, evidence },
        ]) >= -Math.log(ALPHA),
      evidence: [evidence],
      isDoubted: doubtOf(windows, bounds, asked) !== undefined,
      isSilent: silentOf(requestsPast, believable(windows), silence) !== undefined,
      isOutage: false,
      recalls,
      canRecall: true,
      revertsHeld: false,
    });
    const ends = { end: decision.kind, recalls, minutes: now - PROMOTED, failed };
    if (['fail', 'held', 'revert', 'close'].includes(decision.kind)) return ends;
    const move = (weight: number, as: Move['as']) => {
      moves.push({ at: minute(now + 1), weight, as });
      since = now + 1;
    };
    if (decision.kind === 'recall' && stretch.kind !== 'recall') {
      recalls++;
      const { weight, nth } = decision;
      stretch = {
        ...{ kind: 'recall', nth, minutes: 0, elapsed: 0, requests: 0, isCertified: false, isCalm: false },
        from: stretch,
      };
      move(weight, 'recall');
    } else if (decision.kind === 'return') {
      stretch = { kind: decision.to, weight: decision.weight, minutes: 0, planned: decision.minutes };
      move(decision.weight, 'verify');
    } else if (decision.kind === 'full') {
      stretch = { kind: 'rest', weight: 100, minutes: 0, planned: split.restMinutes };
      move(100, 'verify');
    }
  }
  return { end: 'wait' as const, recalls, minutes: 240, failed };
}

const PER_MINUTE = 20 * 60;
const alike = (share: number, requests = PER_MINUTE): Minute => ({ requests, stable: share, canary: share });

/** Outages that hit both versions, `each` minutes on average and one to five minutes long. */
function outages(each: number, share: number, from = Number.NEGATIVE_INFINITY): () => World {
  return () => {
    let left = 0;
    return (at, random) => {
      left = left > 0 ? left - 1 : at >= from && random.next() < 1 / each ? 1 + random.int(5) : 0;
      return alike(left > 0 ? share : 0.001);
    };
  };
}

/** A canary that fails this share from the third minute after promotion on, in the weather of a world. */
const broken =
  (share: number, weather: () => World = () => () => alike(0.001)): (() => World) =>
  () => {
    const world = weather();
    return (at, random) => {
      const { requests, stable, canary } = world(at, random);
      return { requests, stable, canary: at >= PROMOTED + 3 ? Math.max(canary, share) : canary };
    };
  };

const between = (from: number, to: number, share: number) => (): World => (at) =>
  alike(at >= from && at < to ? share : 0.001);

/** How many of so many rollouts ended each way, how many had a recall, and the median of failed requests. */
function summary(world: () => World, more: { isAtOnce?: boolean; runs?: number; seed?: number } = {}) {
  const { isAtOnce = false, runs = times(6, 60), seed = 700 } = more;
  const random = seededRandom(seed);
  const ends = Array.from({ length: runs }, (_, run) =>
    played(world(), random.fork(String(run)), { isAtOnce }),
  );
  const share = (isIt: (end: (typeof ends)[number]) => boolean) => ends.filter(isIt).length / runs;
  return {
    reverted: share(({ end }) => end === 'fail'),
    held: share(({ end }) => end === 'held'),
    closed: share(({ end }) => end === 'close'),
    recalled: share(({ recalls }) => recalls > 0),
    failed: ends.map(({ failed }) => failed).sort((a, b) => a - b)[Math.floor(runs / 2)] ?? 0,
  };
}

describe('a good release', () => {
  test.each<[string, () => World]>([
    ['calm', () => () => alike(0.001)],
    ['calm of 1 %', () => () => alike(0.01)],
    ['outages once an hour', outages(60, 0.5)],
    ['outages four times an hour, none before the upload', outages(15, 0.05, 0)],
    ['the first outage ever, in the holdout', between(PROMOTED + 2, PROMOTED + 4, 0.1)],
    ['the first outage ever, at 100 %', between(PROMOTED + 11, PROMOTED + 13, 0.1)],
    ['an outage at promotion', between(PROMOTED, PROMOTED + 2, 0.5)],
    [
      'a batch job each 15 minutes of which 30 % fails',
      () => (at) => (Math.abs(at) % 15 === 3 ? alike(0.3, 3 * PER_MINUTE) : alike(0.001)),
    ],
    [
      'load that rises threefold with ten times the errors',
      () => (at) => {
        const part = Math.min(1, Math.max(0, (at - PROMOTED) / 15));
        return alike(0.001 + 0.009 * part, PER_MINUTE * (1 + 2 * part));
      },
    ],
  ])('is reverted in no run of %s, of either plan', (_, world) => {
    for (const isAtOnce of [false, true]) {
      const { reverted, held, closed } = summary(world, { isAtOnce });
      expect(reverted).toBe(0);
      expect(held).toBeLessThanOrEqual(0.04);
      expect(closed).toBe(1 - held);
    }
  });

  test('is recalled by the first outage at 100 %, and completes', () => {
    expect(summary(between(PROMOTED + 11, PROMOTED + 13, 0.1))).toMatchObject({ recalled: 1, closed: 1 });
  });
});

describe('a bad release', () => {
  test.each<[string, () => World, boolean, number]>([
    ['fails 50 %', broken(0.5), false, 1_300],
    ['fails 5 %', broken(0.05), false, 150],
    ['fails 50 %, amid outages once an hour', broken(0.5, outages(60, 0.5)), false, 2_500],
    ['fails 5 %, amid outages once an hour', broken(0.05, outages(60, 0.5)), false, 1_500],
    ['fails 50 % of a plan that shifts at once', broken(0.5), true, 2_000],
    ['fails 5 % of a plan that shifts at once', broken(0.05), true, 230],
  ])(
    'that %s from three minutes after promotion on is reverted within few failed requests',
    (_, world, isAtOnce, most) => {
      const { reverted, failed } = summary(world, { isAtOnce });
      expect(reverted).toBe(1);
      expect(failed).toBeLessThan(most);
    },
  );
});
