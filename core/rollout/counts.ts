import type { VerdictStatus } from '../analysis/types.ts';
import type { Outcome, RolloutEvent } from './event.ts';
import type { Rollout } from './state.ts';

/** Everything that the controller counts of itself, with its unit. The names are a contract: alarms and dashboards use them. */
export const COUNTED = {
  RolloutsCompleted: 'Count',
  RolloutsReverted: 'Count',
  RolloutsRefused: 'Count',
  RolloutsSuperseded: 'Count',
  RolloutsHalted: 'Count',
  RolloutsPaused: 'Count',
  RolloutsRecalled: 'Count',
  RolloutsDoubted: 'Count',
  RolloutsTakenOver: 'Count',
  StableVersionsGone: 'Count',
  RevertSeconds: 'Seconds',
  RevertFailed: 'Count',
  VerdictsPass: 'Count',
  VerdictsInconclusive: 'Count',
  VerdictsSuspect: 'Count',
  VerdictsFail: 'Count',
  VerdictsBroken: 'Count',
  JournalUnreadable: 'Count',
  Throttles: 'Count',
  BudgetUnanswered: 'Count',
  TransitionsLost: 'Count',
  NotificationsLost: 'Count',
} as const;

/** One of the names. */
export type Counted = keyof typeof COUNTED;

/** What is to be added to each count. */
export type Counts = Partial<Record<Counted, number>>;

const OUTCOMES: Record<Outcome, Counted> = {
  completed: 'RolloutsCompleted',
  reverted: 'RolloutsReverted',
  refused: 'RolloutsRefused',
  superseded: 'RolloutsSuperseded',
  halted: 'RolloutsHalted',
};

const VERDICTS: Record<VerdictStatus, Counted> = {
  pass: 'VerdictsPass',
  inconclusive: 'VerdictsInconclusive',
  suspect: 'VerdictsSuspect',
  fail: 'VerdictsFail',
  broken: 'VerdictsBroken',
};

/** What one event adds when it is written. The end of a rollout is counted by `countsAtEnd`, from the stream, where it cannot be lost. */
export function countsOf(event: RolloutEvent): Counts {
  switch (event.type) {
    case 'RolloutDeclined':
      return { [OUTCOMES[event.outcome]]: 1 };
    case 'Measured':
      return { [VERDICTS[event.verdict.status]]: 1 };
    case 'Paused':
      return event.why === 'human' ? {} : { RolloutsPaused: 1 };
    case 'RecallOrdered':
      if (event.waitsFor !== undefined) return {};
      return { RolloutsRecalled: 1, ...(event.nth > 1 ? { RolloutsDoubted: 1 } : {}) };
    case 'TookOver':
      return { RolloutsTakenOver: 1 };
    case 'StableGone':
      return { StableVersionsGone: 1 };
    default:
      return {};
  }
}

/**
 * What a rollout that has ended adds: its outcome, and if users met the canary, the seconds from the first word
 * that it must leave until the journal said that it was out. Traffic is back before that is written, so they are an upper bound.
 */
export function countsAtEnd({ outcome, leaving, left, raisedAt, lastEventAt }: Rollout): Counts {
  if (outcome === undefined) return {};
  const isTakenBack = leaving !== undefined && left !== undefined && raisedAt !== undefined;
  return {
    [OUTCOMES[outcome]]: 1,
    ...(isTakenBack ? { RevertSeconds: (lastEventAt - leaving.at) / 1000 } : {}),
  };
}
