import type { Verdict } from '../analysis/types.ts';
import { weightText } from '../plan/segments.ts';
import { timeOfDay } from '../words.ts';
import type { Opening, Outcome } from './event.ts';
import { missingAt } from './gate.ts';
import { answersTo, recallAhead } from './recall.ts';
import { type Rollout, shareOf } from './state.ts';
import { summary } from './story.ts';
import { bakeOf } from './timing.ts';

/** What a list of rollouts needs of one: a few hundred bytes, whatever its head takes. */
export interface Outline {
  opening: Pick<Opening, 'rolloutId' | 'service' | 'release' | 'attempt' | 'order'>;
  version: number;
  openedAt: number;
  lastEventAt: number;
  step: number;
  /** Percent of the traffic that the canary has, by target. */
  weights: Record<string, number>;
  /** The weight in words, if it is the share of a segment; absent if it is that of all. */
  inside?: string | undefined;
  isPaused: boolean;
  /** Absent until it has ended. */
  outcome?: Outcome | undefined;
  /** What it does or waits for now, or how it ended, in words. */
  state: string;
}

/** Longest text of an outline, in characters. */
const STATE_MAX = 800;

/** The outline of a rollout. */
export function outlineOf(rollout: Rollout): Outline {
  const { rolloutId, service, release, attempt, order } = rollout.opening;
  const { version, openedAt, lastEventAt, step, traffic, pause, outcome } = rollout;
  return {
    opening: { rolloutId, service, release, attempt, order },
    ...{ version, openedAt, lastEventAt, step, isPaused: pause !== undefined },
    weights: Object.fromEntries(
      rollout.opening.targets.flatMap((target) =>
        traffic[target.name] === undefined ? [] : [[target.name, shareOf(rollout, target)]],
      ),
    ),
    ...insideOf(rollout),
    ...(outcome === undefined ? {} : { outcome }),
    state: (outcome === undefined ? stateOf(rollout) : summary(rollout)).slice(0, STATE_MAX),
  };
}

/** The segment's share, while that is what a target stands at. */
function insideOf(rollout: Rollout): Pick<Outline, 'inside'> {
  const { targets, plan } = rollout.opening;
  const at = plan.steps.find(
    ({ weight, within }) =>
      within !== undefined && targets.some((target) => shareOf(rollout, target) === weight),
  );
  return at === undefined ? {} : { inside: weightText(plan.steps, at.weight) };
}

/** One line about an outlined rollout: how it ended, or where it stands. */
export function outlineText({ opening, weights, inside, isPaused, outcome, state }: Outline): string {
  if (outcome !== undefined) return state;
  const each = Object.entries(weights).map(([name, weight]) => `${name} at ${inside ?? `${weight} %`}`);
  return `${opening.rolloutId}: ${each.join(', ')}${isPaused ? ', paused' : ''}; ${state.slice(0, STATE_MAX)}`;
}

const NOT_SETTLED = 'the first minute at this weight has not settled yet';

/** What a verdict says; one that has no minute to judge needs no counts of nothing. */
export const wordsOf = ({ status, reason, findings }: Verdict): string =>
  status === 'inconclusive' && findings.length > 0 && findings.every(({ windows }) => windows === 0)
    ? NOT_SETTLED
    : reason;

/** What a rollout does or waits for now, in words. */
export function stateOf(rollout: Rollout): string {
  const { opening, gates, leaving, pause, verdict, raisedAt } = rollout;
  const unapproved = opening.gates.find(
    (gate) => gates[gate.before] !== undefined && missingAt(gate, gates[gate.before]) > 0,
  );
  const waiting = unapproved && `waits for approval before ${unapproved.before} %`;
  if (leaving !== undefined) return leaving.reason;
  if (pause !== undefined)
    return pause.why === 'doubt'
      ? `${pause.reason}; ${answersTo(rollout)}`
      : pause.why === 'inconclusive' && rollout.verdict?.status === 'inconclusive'
        ? `${pause.reason}; now: ${rollout.verdict.reason}; it resumes by itself once a whole bake passes`
        : pause.reason;
  const measured = verdict === undefined ? NOT_SETTLED : wordsOf(verdict);
  return (
    recallState(rollout) ??
    waiting ??
    (raisedAt === undefined ? 'just opened' : `${holdoutState(rollout)}${measured}`)
  );
}

/** A recall under way: why, what it waits for, and until when. */
function recallState(rollout: Rollout): string | undefined {
  const { recall, verdict } = rollout;
  if (recall === undefined) return undefined;
  const ahead = recallAhead(rollout);
  const what = `recall ${recall.nth} to ${weightText(rollout.opening.plan.steps, recall.weight)}: ${recall.reason}`;
  if (ahead === undefined) return `${what}; the canary is on its way back`;
  const sofar = verdict === undefined ? '' : `; so far: ${verdict.reason}`;
  return `${what}; returns at ${timeOfDay(ahead.returns)} if nothing speaks against the canary, and a person is asked at ${timeOfDay(ahead.asks)}${sofar}`;
}

function holdoutState(rollout: Rollout): string {
  const at = rollout.opening.plan.steps[rollout.step];
  const bake = at?.isHoldout === true ? bakeOf(rollout) : undefined;
  return at === undefined || bake === undefined
    ? ''
    : `holdout: ${100 - at.weight} % stay on stable until ${timeOfDay(bake.to + rollout.opening.settleSeconds * 1000)}; `;
}
