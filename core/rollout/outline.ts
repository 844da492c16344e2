import type { ServiceRecord } from '../ports.ts';
import type { Opening } from './event.ts';
import type { Rollout } from './state.ts';
import { summary } from './story.ts';

/** What a list of rollouts needs of one: a few hundred bytes, whatever its head takes. */
export interface Outline {
  opening: Pick<Opening, 'rolloutId' | 'service' | 'release' | 'attempt' | 'order'>;
  version: number;
  openedAt: number;
  lastEventAt: number;
  step: number;
  /** Percent of the traffic that the canary has, by target. */
  weights: Record<string, number>;
  isPaused: boolean;
  /** What it does or waits for now, in words. */
  state: string;
}

/** Longest text of an outline, in characters. */
const STATE_MAX = 500;

/** The outline of a rollout. */
export function outlineOf(rollout: Rollout): Outline {
  const { rolloutId, service, release, attempt, order } = rollout.opening;
  const { version, openedAt, lastEventAt, step, traffic, pause } = rollout;
  return {
    opening: { rolloutId, service, release, attempt, order },
    ...{ version, openedAt, lastEventAt, step, isPaused: pause !== undefined },
    weights: Object.fromEntries(Object.entries(traffic).map(([name, { weight }]) => [name, weight])),
    state: stateOf(rollout).slice(0, STATE_MAX),
  };
}

/** One line about an outlined rollout. */
export function outlineText({ opening, weights, isPaused, state }: Outline): string {
  const each = Object.entries(weights).map(([name, weight]) => `${name} at ${weight} %`);
  return `${opening.rolloutId}: ${each.join(', ')}${isPaused ? ', paused' : ''}; ${state}`;
}

/** One line about a rollout: how it ended and what serves now, or where it stands. */
export function lineOf(rollout: Rollout, now?: ServiceRecord): string {
  return rollout.outcome === undefined ? outlineText(outlineOf(rollout)) : summary(rollout, now);
}

function stateOf({ opening, gates, leaving, pause, verdict }: Rollout): string {
  const unapproved = opening.gates.find(({ before, approvers }) => {
    const open = gates[before];
    return open !== undefined && open.approvedBy.length < approvers;
  });
  const waiting = unapproved && `waits for approval before ${unapproved.before} %`;
  return leaving?.reason ?? pause?.reason ?? waiting ?? verdict?.reason ?? 'just opened';
}
