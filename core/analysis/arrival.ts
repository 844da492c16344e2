import type { Rollout } from '../rollout/state.ts';
import { number } from '../words.ts';
import { logEStarved, logETraffic } from './evalue.ts';
import { suspicionOf } from './finding.ts';
import type { Finding, Window } from './types.ts';
import { sum } from './windows.ts';

/** How far the odds of reaching the canary may be from what the weight says. */
const TAU = 1.1;
const GRID = [1.1, 1.25, 1.5, 2, 4, 10, 50];

/** Probability, in each step, of doubting the counts of a rollout whose traffic is split as it should be. */
const ALPHA_TRAFFIC = 0.001;

/** A canary below half of its due odds has collapsed. */
const COLLAPSED = 2;

/** Newest windows in which one version's metrics may still be on their way. */
const LATE_WINDOWS = 2;

/**
 * Compares how the requests were split since the last move with the weight that stood. A split that is off puts all counts in doubt. A canary
 * that was seen before and gets far too few swallows requests or no longer reports them, which is evidence against it.
 */
export function arrivalFinding(
  rollout: Rollout,
  target: string,
  { windows, inStep }: { windows: readonly Window[]; inStep: readonly Window[] },
  label: string,
): Finding {
  const w = (rollout.traffic[target]?.weight ?? 0) / 100;
  // While a raise is on its way there is no step yet, and the windows reach back over moves from other weights.
  const since = rollout.moves.at(-1) ?? Number.POSITIVE_INFINITY;
  const present = inStep.filter(({ start }) => start >= since);
  const counts = present.map(({ canary, stable }) => ({ nc: canary?.total ?? 0, ns: stable?.total ?? 0 }));
  const canary = { bad: 0, total: sum(inStep.map((window) => window.canary)).total };
  const stable = { bad: 0, total: sum(inStep.map((window) => window.stable)).total };
  const isSplit = w > 0 && w < 1;
  const doubt = isSplit ? logETraffic({ windows: counts, w, tau: TAU, grid: GRID }) : 0;
  const wasSeen = windows.some((window) => (window.canary?.total ?? 0) > 0);
  const starved =
    isSplit && wasSeen ? logEStarved({ windows: heard(counts), w, tau: COLLAPSED, grid: GRID }) : 0;
  const reached = counts.reduce((all, { nc }) => all + nc, 0);
  const all = counts.reduce((all, { nc, ns }) => all + nc + ns, 0);
  const isOff = doubt >= -Math.log(ALPHA_TRAFFIC);
  const due = `about ${number(Math.round(all * w))} were due at ${Math.round(w * 100)} %`;
  const said = `${label}traffic: canary ${number(reached)} of ${number(all)} requests, ${due}`;
  const evidence = oneStepOf(rollout, starved);
  const needed = isOff ? 'the split of the requests has to be explained' : suspicionOf(evidence);
  return {
    target,
    metric: 'traffic',
    status: needed === undefined ? 'pass' : 'suspect',
    canary,
    stable,
    windows: inStep.length,
    evidence,
    ...(needed === undefined ? {} : { needed }),
    skipped: [],
    reason: isOff
      ? `${said}; while the split is off, no comparison can be trusted`
      : [said, needed].filter(Boolean).join('; '),
  };
}

/** Requests of both versions in one window. */
type Requests = { nc: number; ns: number };

/** The windows that can tell of a collapse: not the newest, and none in which only the canary's counts are missing, since it was seen again later. */
function heard(counts: readonly Requests[]): Requests[] {
  const last = counts.findLastIndex(({ nc }) => nc > 0);
  return counts.slice(0, -LATE_WINDOWS).filter(({ nc }, index) => nc > 0 || index > last);
}

/** Each step bets an equal part of the stake; what steps before this one have won or lost is not counted. */
function oneStepOf({ opening, step }: Rollout, evidence: number): number {
  const steps = opening.plan.steps.length;
  if (steps === 0) return 0;
  const toCome = Math.max(0, steps - 1 - step);
  const present = step < steps ? Math.exp(Math.min(evidence, 600)) : 0;
  return Math.log((present + toCome + Number.EPSILON) / steps);
}
