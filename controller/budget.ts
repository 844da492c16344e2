import { RETRY_LATER_SECONDS } from '../core/budget.ts';
import { RolloutError } from '../core/errors.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Instant } from '../core/units.ts';
import { soon } from '../core/within.ts';
import type { Needs } from './ports.ts';
import { recordEffect, recordJudgement } from './record.ts';

/** Longest wait for reserved calls inside a function: a read and a write that are throttled must still fit into its 10 s. A longer wait is a hold of the state machine, which costs nothing. */
export const WAIT_MS = 2_000;

/** Reserves calls for a service and waits until they are due, until `until` at the latest: for what only a few do at once. */
export async function acquireCalls(
  calls: number,
  { service, until }: { service: string; until: Instant },
  ports: Needs<'budget' | 'clock' | 'observer'>,
): Promise<void> {
  const at = await callsAt(calls, service, ports);
  const wait = Math.min(at, until) - ports.clock.now();
  if (wait > 0) await ports.clock.sleep(wait);
}

/** Makes a move of traffic once its reserved calls are due. What Lambda cannot take then, or the account refuses, is deferred instead of failing, which would revert the canary. */
export async function withCalls(
  rollout: Rollout,
  calls: number,
  ports: Needs<'budget' | 'clock' | 'journal' | 'observer'>,
  move: () => Promise<Rollout>,
): Promise<Rollout> {
  // A move that was deferred has its calls already.
  const at = rollout.deferred === undefined ? await callsAt(calls, rollout.opening.service, ports) : 0;
  const wait = at - ports.clock.now();
  if (wait > WAIT_MS)
    return recordJudgement(
      rollout,
      { type: 'Defer', until: at, reason: 'many rollouts share the calls of this region' },
      ports,
    );
  if (wait > 0) await ports.clock.sleep(wait);
  try {
    return await move();
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable') && !RolloutError.is(error, 'AccountRefused')) throw error;
    return putOff(rollout, calls, error.message, ports);
  }
}

/** Defers the next move for as long as a storm of reverts may last, and until its reserved calls are due. */
export async function putOff(
  rollout: Rollout,
  calls: number,
  reason: string,
  ports: Needs<'budget' | 'clock' | 'journal' | 'observer'>,
): Promise<Rollout> {
  const soonest = ports.clock.now() + RETRY_LATER_SECONDS * 1000;
  const until = Math.max(soonest, await callsAt(calls, rollout.opening.service, ports));
  return recordEffect(rollout, { type: 'Defer', until, reason }, ports);
}

/** How long the budget may take to answer. */
const ASKING_MS = 1_000;

/** When the calls are due. A budget that does not answer delays no rollout; that is counted, since without it rollouts are not paced. */
async function callsAt(
  calls: number,
  service: string,
  ports: Needs<'budget' | 'clock' | 'observer'>,
): Promise<Instant> {
  if (calls === 0) return ports.clock.now();
  const at = await soon(ASKING_MS, () => ports.budget.take(calls, service), ports);
  if (at === undefined) ports.observer.count({ BudgetUnanswered: 1 });
  return at ?? ports.clock.now();
}
