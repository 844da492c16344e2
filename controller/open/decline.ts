import { rolloutIdFrom } from '../../core/config/manifest.ts';
import { printable } from '../../core/plain-text.ts';
import type { Waiting } from '../../core/ports.ts';
import type { Identity, RolloutEvent } from '../../core/rollout/event.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Needs } from '../ports.ts';

/** The one event of a release that ended at the door. */
export function declined(
  identity: Identity,
  outcome: 'refused' | 'superseded',
  reason: string,
  { clock }: Needs<'clock'>,
): RolloutEvent {
  return { type: 'RolloutDeclined', at: clock.now(), ...identity, outcome, reason: printable(reason) };
}

/**
 * Takes a release out of the queue before it is opened, and writes down that it was refused. Answers the rollout of that
 * id as it stands then: it has not ended where the queue was faster.
 */
export async function withdraw(
  { service, release, attempt, manifest }: Waiting & { service: string },
  reason: string,
  ports: Needs<'clock' | 'environment' | 'journal'>,
): Promise<Rollout> {
  const { environment, journal } = ports;
  const rolloutId = rolloutIdFrom(service, release, attempt);
  const identity = { rolloutId, service, release, attempt, environment, manifest };
  const opened = await journal.open([declined(identity, 'refused', reason, ports)]);
  await journal.unwait(service, release);
  if (!('rollout' in opened)) throw new Error('A release that is refused needs nothing to be free.');
  return opened.rollout;
}
