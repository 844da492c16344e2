import { RETRY_LATER_SECONDS } from '../core/budget.ts';
import { RolloutError } from '../core/errors.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Instant } from '../core/units.ts';
import type { Needs } from './ports.ts';
import { recordEffect, recordJudgement } from './record.ts';
import { soon } from './within.ts';

/** Longest wait for turns inside a function: a read and a write that are throttled must still fit into its 10 s. What takes longer is held outside of it, where waiting costs nothing. */
export const WAIT_MS = 2_000;

/** Takes so many calls for a service and waits for their turn, until `until` at the latest: for what only a few do at once. */
export async function waitForTurn(
  calls: number,
  { service, until }: { service: string; until: Instant },
  ports: Needs<'budget' | 'clock' | 'observer'>,
): Promise<void> {
  const turn = await turnAt(calls, service, ports);
  const wait = Math.min(turn, until) - ports.clock.now();
  if (wait > 0) await ports.clock.sleep(wait);
}

/** Makes a move of traffic once its turn has come. What Lambda cannot take then, or the account refuses, is put off, and is no error that would revert the canary. */
export async function inTurn(
  rollout: Rollout,
  calls: number,
  ports: Needs<'budget' | 'clock' | 'journal' | 'observer'>,
  move: () => Promise<Rollout>,
): Promise<Rollout> {
  // A turn that was waited for has been paid for.
  const at = rollout.deferred === undefined ? await turnAt(calls, rollout.opening.service, ports) : 0;
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

/** Puts the next move off for as long as a storm of reverts may last, and to its turn after that. */
export async function putOff(
  rollout: Rollout,
  calls: number,
  reason: string,
  ports: Needs<'budget' | 'clock' | 'journal' | 'observer'>,
): Promise<Rollout> {
  const soonest = ports.clock.now() + RETRY_LATER_SECONDS * 1000;
  const until = Math.max(soonest, await turnAt(calls, rollout.opening.service, ports));
  return recordEffect(rollout, { type: 'Defer', until, reason }, ports);
}

/** How long the budget may take to answer. */
const ASKING_MS = 1_000;

/** A budget that cannot be asked keeps nobody waiting; that it could not is counted, since without it the rollouts crowd. */
async function turnAt(
  calls: number,
  service: string,
  ports: Needs<'budget' | 'clock' | 'observer'>,
): Promise<Instant> {
  const turn = await soon(ASKING_MS, () => ports.budget.take(calls, service), ports);
  if (turn === undefined) ports.observer.count({ BudgetUnanswered: 1 });
  return turn ?? ports.clock.now();
}
