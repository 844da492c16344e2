import { gatesAhead } from '../rollout/checkpoint.ts';
import { OUTCOMES } from '../rollout/event.ts';
import { isHeld } from '../rollout/next.ts';
import { recallAhead } from '../rollout/recall.ts';
import { isVerifying, type Rollout } from '../rollout/state.ts';
import { bakeOf } from '../rollout/timing.ts';
import type { Instant } from '../units.ts';
import { callOf } from './transition.ts';

/** The next thing that happens to a rollout by itself, and when at the earliest, as far as that is known. */
export interface Ahead {
  what: string;
  at?: Instant | undefined;
}

/** How a rollout stands, in a word that people see at a glance. */
const PHASES = [...['running', 'waiting', 'paused', 'needs a person', 'reverting'], ...OUTCOMES] as const;
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

/** What happens next to a rollout that nobody gives a command; undefined once it has ended. */
export function aheadOf(rollout: Rollout): Ahead | undefined {
  const { outcome, leaving, pause, gates, opening, step } = rollout;
  if (outcome !== undefined) return undefined;
  if (leaving !== undefined) return { what: 'traffic returns to the stable version' };
  if (pause !== undefined)
    return isHeld(rollout)
      ? { what: 'it waits for a person' }
      : { what: 'it is reverted unless somebody resumes it', at: pause.until };
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
