import type { Exposure } from '../analysis/exposure.ts';
import type { Verdict } from '../analysis/types.ts';
import type { Plan } from '../plan/plan.ts';
import type { ServiceRecord } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Instant } from '../units.ts';
import { nameOf } from './actor.ts';
import { gatesAhead } from './checkpoint.ts';
import { dueAt } from './due.ts';
import type { Gate, Opening, RolloutEvent } from './event.ts';
import { missingAt } from './gate.ts';
import { type Outline, outlineOf, stateOf } from './outline.ts';
import { evolve, type Rollout } from './state.ts';
import { describe, summary } from './story.ts';

/** What people may see of a rollout: interfaces stand on it, and never on the fold, which belongs to the controller. */
export interface RolloutView extends Outline {
  /** Raised when the shape changes. */
  schema: 1;
  opening: Outline['opening'] &
    Pick<Opening, 'environment' | 'commit' | 'author' | 'by' | 'reversible' | 'deadline' | 'notices'>;
  /** Each target, with what it is called in a sentence. */
  targets: (Pick<Target, 'name' | 'kind' | 'key' | 'stable' | 'canary'> & { noun: string })[];
  plan: Pick<Plan, 'steps' | 'verifySeconds'>;
  /** Why it ended as it did. */
  reason?: string | undefined;
  /** When the next thing must have happened; absent once it has ended. */
  dueAt?: Instant | undefined;
  pause?: Rollout['pause'];
  /** The gates that still hold it before the weight that it goes to next. */
  gates: GateView[];
  /** The newest verdict. */
  verdict?: Verdict | undefined;
  /** Why it cannot be said that the release was proven. */
  unproven: string[];
  /** What users met on the canary. */
  exposure?: Exposure | undefined;
}

/** A gate, and how it stands. */
interface GateView extends Gate {
  /** The people who have approved it and still do. */
  approvedBy: string[];
  /** How many more must. */
  missing: number;
  /** Until when it waits; absent before the rollout has come to it. */
  until?: Instant | undefined;
}

/** The view of a rollout; `now` is what its service remembers today. */
export function viewOf(rollout: Rollout, now?: ServiceRecord): RolloutView {
  const outline = outlineOf(rollout);
  const { opening, outcome, reason, pause, gates, verdict, unproven, exposure } = rollout;
  const { environment, commit, author, by, reversible, deadline, notices } = opening;
  return {
    ...outline,
    schema: 1,
    opening: { ...outline.opening, environment, commit, author, by, reversible, deadline, notices },
    state: outcome === undefined ? stateOf(rollout) : summary(rollout, now),
    targets: opening.targets.map(({ name, kind, key, stable, canary, traits: { noun } }) => ({
      ...{ name, kind, key, stable, canary, noun },
    })),
    plan: { steps: opening.plan.steps, verifySeconds: opening.plan.verifySeconds },
    reason,
    dueAt: outcome === undefined ? dueAt(rollout) : undefined,
    pause,
    gates: gatesAhead(rollout).map((gate) => {
      const { approvedBy = [], until } = gates[gate.before] ?? {};
      const missing = missingAt(gate, gates[gate.before]);
      return { ...gate, approvedBy: approvedBy.map(nameOf), missing, until };
    }),
    ...{ verdict, unproven, exposure },
  };
}

/** One event for people: a line about it, unless it is only bookkeeping, and the rollout with the event in it. */
interface StoryLine {
  line: string | undefined;
  view: RolloutView;
}

/** Tells the events of one rollout, which it is given in order from the first; the statistics of a verdict too if `isVerbose` says so of its event. */
export function storyteller(): (event: RolloutEvent, isVerbose?: boolean) => StoryLine {
  let rollout: Rollout | undefined;
  return (event, isVerbose) => {
    rollout = evolve(rollout, event);
    return { line: describe(event, rollout, isVerbose), view: viewOf(rollout) };
  };
}
