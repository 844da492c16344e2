import { authorOf } from '../rollout/actor.ts';
import { gatesAhead } from '../rollout/checkpoint.ts';
import { OUTCOMES, type PauseReason } from '../rollout/event.ts';
import { isHeld } from '../rollout/next.ts';
import { type Outline, outlineOf, wordsOf } from '../rollout/outline.ts';
import { recallAhead } from '../rollout/recall.ts';
import { isVerifying, type Rollout } from '../rollout/state.ts';
import { bakeOf } from '../rollout/timing.ts';
import type { RolloutView } from '../rollout/view.ts';
import type { Percent } from '../units.ts';
import type { Ahead } from './ahead.ts';
import { callOf, weightOf } from './transition.ts';

/** How a rollout stands, in a word that people see at a glance. */
export const PHASES = [
  ...['running', 'waiting', 'paused', 'needs a person', 'reverting'],
  ...OUTCOMES,
] as const;
/** One of them. */
export type Phase = (typeof PHASES)[number];

/** How a rollout stands. */
export function phaseOf(rollout: Rollout): Phase {
  const { outcome, leaving, pause, gates } = rollout;
  if (outcome !== undefined) return outcome;
  if (leaving !== undefined) return 'reverting';
  if (callOf(rollout) !== undefined) return 'needs a person';
  if (pause !== undefined) return 'paused';
  return gatesAhead(rollout).some(({ before }) => gates[before] !== undefined) ? 'waiting' : 'running';
}

/** True while a pause would hold something: nothing is paused twice, and a canary that is to leave is held by nobody. */
export const isPausable = ({ outcome, leaving, pause }: Rollout): boolean =>
  outcome === undefined && leaving === undefined && pause === undefined;

/** What ends a pause without a person. */
const RESUMES: Partial<Record<PauseReason, string>> = {
  broken: 'it can be measured again or ',
  suspect: 'the suspicion goes away or ',
  inconclusive: 'a whole bake passes or ',
  doubt: 'a whole bake passes or ',
};

/** What happens next to a rollout that nobody gives a command; undefined once it has ended. */
export function aheadOf(rollout: Rollout): Ahead | undefined {
  const { outcome, leaving, pause, gates, opening, step } = rollout;
  if (outcome !== undefined) return undefined;
  if (leaving !== undefined) return { what: 'traffic returns to the stable version' };
  if (pause !== undefined)
    return isHeld(rollout)
      ? { what: 'it waits for a person' }
      : { what: `it is reverted unless ${RESUMES[pause.why] ?? ''}somebody resumes it`, at: pause.until };
  const gate = gatesAhead(rollout).find(({ before }) => gates[before] !== undefined);
  if (gate !== undefined) {
    const verb = gate.onTimeout === 'revert' ? 'it is reverted' : 'it goes on';
    return {
      what: `${verb} unless the gate before ${gate.before} % is answered`,
      at: gates[gate.before]?.until,
    };
  }
  if (rollout.recall !== undefined) return { what: 'the canary returns', at: recallAhead(rollout)?.returns };
  const next = opening.plan.steps[step + 1]?.weight ?? 100;
  const bake = bakeOf(rollout);
  const at = bake === undefined ? undefined : bake.to + opening.settleSeconds * 1000;
  const isLast = isVerifying(rollout) && opening.plan.steps[step] === undefined;
  return { what: isLast ? 'it completes' : `${next} %`, at };
}

/** One rollout in a list that people look at. */
export interface Row extends Outline {
  environment: string;
  phase: Phase;
  /** The largest share of the canary on a target. */
  weight: Percent;
  /** Where in its plan it is. */
  stage: string;
  ahead?: Ahead | undefined;
  /** Who wrote the release, or ordered the rollout. */
  author?: string | undefined;
  commit?: string | undefined;
}

/** The row of a rollout. */
export function rowOf(rollout: Rollout): Row {
  const { environment, author, commit, by } = rollout.opening;
  const who = authorOf({ author, by });
  const ahead = aheadOf(rollout);
  return {
    ...outlineOf(rollout),
    ...{ environment, phase: phaseOf(rollout), weight: weightOf(rollout) },
    stage: stageOf({ ...rollout, plan: rollout.opening.plan }),
    ...(ahead === undefined ? {} : { ahead }),
    ...(who === undefined ? {} : { author: who }),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** Where in its plan a rollout is. */
export function stageOf({
  outcome,
  step,
  plan: { steps },
}: Pick<RolloutView, 'outcome' | 'step'> & { plan: { steps: readonly unknown[] } }): string {
  if (outcome !== undefined) return outcome;
  if (step < 0 || steps.length === 0) return 'not raised yet';
  return step < steps.length ? `step ${step + 1} of ${steps.length}` : 'verify';
}

/** What a rollout does or waits for, and the last verdict: where one says the other, it is said once. */
export function statedOf({ state, verdict }: Pick<RolloutView, 'state' | 'verdict'>): string[] {
  if (verdict === undefined) return [state];
  const why = wordsOf(verdict);
  const rest = state.replace(why, '').replace(/^[;\s]+|[;\s]+$/g, '');
  return [...(rest === '' ? [] : [rest]), `Last verdict: ${verdict.status}: ${why}`];
}
