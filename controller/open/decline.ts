import { rolloutIdFrom } from '../../core/config/manifest.ts';
import { type ErrorCode, RolloutError } from '../../core/errors.ts';
import { printable } from '../../core/plain-text.ts';
import type { Waiting } from '../../core/ports.ts';
import type { Identity, RolloutEvent } from '../../core/rollout/event.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Needs } from '../ports.ts';
import type { Begins } from './begin.ts';
import { entered, type Opened } from './repeat.ts';

/** The one event of a release that was rejected before a rollout was opened. */
export function declined(
  identity: Identity,
  outcome: 'refused' | 'superseded',
  reason: string,
  { clock }: Needs<'clock'>,
): RolloutEvent {
  return { type: 'RolloutDeclined', at: clock.now(), ...identity, outcome, reason: printable(reason) };
}

/**
 * Takes a release out of the queue before it is opened, and records that it was refused. Answers the rollout of that
 * id as it stands then: it has not ended if the queue was faster.
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

/** What is wrong with a release itself, as opposed to a world that cannot be reached just now. */
const REFUSALS: ErrorCode[] = ['ManifestInvalid', 'RolloutFileInvalid', 'TargetInvalid', 'OpeningRefused'];
/** True if a release is wrong, so that it is refused and not tried again. */
export const isRefusal = (error: unknown): error is RolloutError =>
  RolloutError.is(error) && REFUSALS.includes(error.code);

/** Records a release that was rejected before a rollout was opened, and removes it from the queue. */
export async function decline(
  identity: Identity,
  reason: string,
  ports: Needs<Begins | 'environment' | 'watchdog'>,
): Promise<Opened> {
  const opened = await ports.journal.open([declined(identity, 'refused', reason, ports)]);
  await ports.journal.unwait(identity.service, identity.release);
  if (!('rollout' in opened)) throw new Error('A release that was rejected needs no free target.');
  return entered(opened, identity, ports);
}

/** Lifts the quarantine of releases. */
export async function lift(
  service: string,
  releases: readonly string[],
  { journal }: Needs<'journal'>,
): Promise<void> {
  for (const release of releases) await journal.lift(service, release);
}
