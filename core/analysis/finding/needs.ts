import { number } from '../../words.ts';
import { evidenceOfRatio, evidenceOfShare, FLOOR, type Question } from '../evidence.ts';
import { partsOf } from '../parts.ts';
import { fewest, tenfold, wouldShow } from '../power.ts';
import type { Trial } from '../trial.ts';
import type { Count, Window } from '../types.ts';
import { isLatency } from '../weights.ts';
import { sum } from '../windows.ts';
import {
  type Asked,
  isCounted,
  plannedWindows,
  questionOf,
  type Sides,
  servesAlone,
  sides,
} from './asked.ts';
import { isOfCommon, likelyShare, oddsOf, shareToShow } from './tolerated.ts';
import { shareAlone, withoutOutages } from './worse.ts';

/** What a pass still needs, in words; undefined if nothing is missing. `here` are the counts that a verdict shows, `isSafe` says that those in the step prove the canary safe. */
export function passNeeds(
  asked: Asked,
  given: { here: Sides; inStep: readonly Window[]; windows: readonly Window[]; isSafe: boolean },
): string | undefined {
  const { here, inStep, windows, isSafe } = given;
  if (servesAlone(asked)) {
    const { stable } = sides([], withoutOutages(asked, windows));
    return guardNeeds(asked, { canary: here.canary, stable }, sinceVerify(asked.trial, windows));
  }
  return isSafe && !isCounted(asked.trial) ? undefined : stepNeeds(asked, inStep, windows);
}

function stepNeeds(asked: Asked, inStep: readonly Window[], windows: readonly Window[]): string | undefined {
  if (inStep.length === 0) return 'no window of this step has settled yet';
  const { trial, rule, target } = asked;
  const { canary, stable } = sides(inStep, inStep);
  const until = trial.opening.plan.steps[trial.step]?.untilRequests;
  if (until !== undefined)
    return canary.total >= until ? undefined : `this step waits for ${number(until)} canary requests`;
  if ('ratio' in rule && canary.total > 0 && stable.total === 0)
    return 'stable had no requests to compare with';
  const known = isOfCommon(rule) ? likelyShare(sides([], windows).stable) : stableShare(stable);
  const question = isOfCommon(rule) ? { ...questionOf(asked), w0: oddsOf(rule, known) } : questionOf(asked);
  const rate = isLatency(rule.metric)
    ? tenfold(stable, FLOOR)
    : shareToShow(rule, 'share' in rule ? rule.share : known);
  const beside = stableBesideOne(sides(inStep, inStep), trial.traffic[target.name]?.weight ?? 0);
  const isEnough = (total: number) =>
    wouldShow(total, rate, (bad) => {
      const control = { bad: stableShare(stable) * beside * total, total: beside * total };
      const minutes = canary.total > 0 ? (total * inStep.length) / canary.total : inStep.length;
      return evidenceOfStep(asked, question, { bad, total }, control, minutes) >= asked.required;
    });
  if (isEnough(canary.total)) return undefined;
  const total = fewest((requests) => requests >= canary.total && isEnough(requests));
  return total === undefined
    ? 'at this weight no number of requests could tell'
    : `a pass needs about ${number(total)} canary requests`;
}

const stableShare = ({ bad, total }: Count) => (total === 0 ? 0 : bad / total);

/** Requests of stable for each one of the canary: as counted, or as the weight says if there is nothing to count yet. */
function stableBesideOne({ canary, stable }: Sides, weight: number): number {
  return canary.total > 0 ? stable.total / canary.total : (100 - weight) / Math.max(1, weight);
}

/**
 * The evidence if all of a step's counts stood in one window; or evenly in so many if clients stick to a version, since what one window can show
 * of those is bounded.
 */
function evidenceOfStep(
  { rule, trial }: Asked,
  question: Question,
  canary: Count,
  stable: Count,
  windows: number,
): number {
  if ('share' in rule) return evidenceOfShare(canary, rule.share, question.clustering);
  const n = question.clustering.isSticky ? Math.max(1, Math.round(windows)) : 1;
  const window = { c: canary.bad / n, nc: canary.total / n, s: stable.bad / n, ns: stable.total / n };
  const [{ stake } = { stake: 1 }] = partsOf(trial, plannedWindows(trial));
  return evidenceOfRatio(new Array<typeof window>(n).fill(window), question) + Math.log(stake);
}

/** What the canary was asked since verify began: the holdout and what is left of verify after it are one stretch. */
const sinceVerify = ({ verifySince = Number.POSITIVE_INFINITY }: Trial, windows: readonly Window[]): Count =>
  sum(windows.filter(({ start }) => start >= verifySince).map(({ canary }) => canary));

function guardNeeds(asked: Asked, { canary, stable }: Sides, verified: Count): string | undefined {
  const { rule, target } = asked;
  if (canary.total === 0) return 'no window with requests has settled since promotion';
  const reached = Math.max(canary.total, verified.total);
  const share = shareAlone(rule, stable);
  const rate = isLatency(rule.metric) ? tenfold({ bad: 0, total: 0 }, share) : shareToShow(rule, share);
  const isEnough = (total: number) =>
    wouldShow(total, rate, (bad) => evidenceOfShare({ bad, total }, share, target.traits) >= asked.required);
  if (isEnough(reached)) return undefined;
  const total = fewest((requests) => requests >= reached && isEnough(requests));
  return total === undefined
    ? 'without stable beside it no number of requests could tell'
    : `a pass needs about ${number(total)} canary requests`;
}
