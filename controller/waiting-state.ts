import type { ExecutionInput } from '../core/ports.ts';
import type { Directive } from '../core/rollout/next.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { readRollout, whenDirected } from './execution.ts';
import type { Needs } from './ports.ts';

/** A state of an execution that waits, at a version of its rollout, until somebody completes its token. */
export interface WaitingState {
  ref: ExecutionInput;
  version: number;
  token: string;
}

/** Stores the token that wakes a hold, then looks once more: a write in between has not seen the token. */
export async function beginHold(
  { ref, version, token }: WaitingState,
  ports: Needs<'executions' | 'journal'>,
): Promise<void> {
  await ports.journal.putToken(ref.rolloutId, { version, token });
  const rollout = await readRollout(ref.rolloutId, ports);
  if (rollout.version !== version || rollout.epoch !== ref.epoch) await ports.executions.wake(token);
}

/** Does the work of such a state if it is directed, and wakes the state; whoever has its token may do so before, so that an abort never waits for the work. */
export async function workAndWake<Kind extends Directive['kind']>(
  { ref, version, token }: WaitingState,
  ports: Needs<'clock' | 'executions' | 'journal'>,
  kind: Kind,
  work: (rollout: Rollout, directive: Extract<Directive, { kind: Kind }>) => Promise<Rollout>,
): Promise<void> {
  await ports.journal.putToken(ref.rolloutId, { version, token });
  await whenDirected(ref, ports, kind, work);
  await ports.executions.wake(token);
}
