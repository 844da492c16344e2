import type { Instant } from '../../units.ts';
import type { Logs, SafeWindow } from '../evalue.ts';
import {
  BETA,
  DOUBT_FLOOR,
  evidenceOfSafety,
  FLOOR,
  logsOfSafety,
  safeShare,
  UNSAFE_ODDS,
} from '../evidence.ts';
import type { Carried } from '../folded.ts';
import { LATENCY_ODDS } from '../latency.ts';
import type { Window } from '../types.ts';
import { isLatency } from '../weights.ts';
import { type Asked, carriedOf, countsIn, type Rule, servesAlone, sides, sinceFolded } from './asked.ts';
import { withUnsafe } from './tolerated.ts';

/** True if this step's counts prove the canary safe by themselves. */
export function isCertified(
  asked: Asked,
  key: string,
  inStep: readonly Window[],
  windows: readonly Window[],
): boolean {
  const { rule, target } = asked;
  const clustering = target.traits;
  const { canary } = sides(inStep, []);
  if (canary.total === 0) return false;
  // What stable did beside it earlier says nothing of a canary that serves alone by now.
  const logs = servesAlone(asked)
    ? logsOfSafety([], unsafeOf(asked))
    : logsOfSafety(countedIn(asked, inStep, windows), unsafeOf(asked), logsBefore(asked, key));
  const evidence =
    'share' in rule
      ? safeShare(canary, rule.share, clustering)
      : evidenceOfSafety(canary, { logs, floor: floorOf(asked), clustering });
  return evidence >= -Math.log(BETA);
}

/** The share of bad requests below which a canary is safe whatever stable does; a recall answers a doubt about less. */
const floorOf = ({ trial }: Asked) => (trial.recall === undefined ? FLOOR : DOUBT_FLOOR);

/** The counts of the windows of a step that are not folded, with the odds from which on a canary is unsafe in each. */
function countedIn(asked: Rule, inStep: readonly Window[], windows: readonly Window[]): SafeWindow[] {
  const counted = countsIn(sinceFolded(asked, inStep));
  return withUnsafe(asked.rule, windows, { counted, ...unsafeOf(asked) });
}

/** From which odds on a canary is unsafe. */
function unsafeOf({ rule, target }: Rule) {
  const tolerated = isLatency(rule.metric) ? LATENCY_ODDS : 'ratio' in rule ? rule.ratio : 1;
  return { unsafe: Math.max(UNSAFE_ODDS, tolerated), clustering: target.traits };
}

/** What the bets on a safe canary hold of the windows of this step that are folded. */
function logsBefore(asked: Rule, key: string): Logs | undefined {
  const { trial, step, folded } = asked;
  const safe = carriedOf(asked, key)?.safe;
  if (folded === undefined || safe === undefined || step.from >= folded.end) return undefined;
  if (step.from === folded.from) return safe.step;
  // While a raise is on its way the stretch reaches back to the first move. Of any other the past is not known, which proves nothing.
  return step.from === trial.moves[0] ? safe.first : safe.step.map(() => null);
}

/** What the bets on a safe canary hold after these windows, since the first move and in the step. */
export function safeAfter(asked: Rule, key: string, windows: readonly Window[]): Carried['safe'] {
  const { trial, step } = asked;
  const since = (from: Instant) => {
    const inIt = sinceFolded(asked, windows).filter(({ start }) => start >= from);
    return logsOfSafety(
      countedIn(asked, inIt, windows),
      unsafeOf(asked),
      logsBefore({ ...asked, step: { ...step, from } }, key),
    );
  };
  return { first: since(trial.moves[0] ?? Number.POSITIVE_INFINITY), step: since(step.from) };
}
