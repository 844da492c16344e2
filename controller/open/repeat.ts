import type { Identity, Opening, Outcome } from '../../core/rollout/event.ts';
import { isEnded, type Rollout } from '../../core/rollout/state.ts';
import type { Needs } from '../ports.ts';
import { arm, type Begins, begin, restart } from './begin.ts';

/** Outcome of a release that was to be opened. */
export interface Opened {
  rolloutId: string;
  result: 'opened' | 'waiting' | 'ignored' | Outcome;
  reason: string;
}

/** A second event for the same object is a duplicate; another object under the same name is another release. */
export async function repeat(
  rollout: Rollout,
  manifest: Opening['manifest'],
  ports: Needs<Begins | 'environment' | 'watchdog'>,
): Promise<Opened> {
  const { rolloutId, release, service, environment } = rollout.opening;
  if (environment !== ports.environment) {
    return {
      rolloutId,
      result: 'refused',
      reason: `${rolloutId} is in the journal already, of environment ${environment}: two environments write one table; give each controller a table of its own`,
    };
  }
  if (rollout.opening.manifest.versionId !== manifest.versionId) {
    return {
      rolloutId,
      result: 'refused',
      reason: `release ${release} of ${service} was already tried (${rollout.outcome ?? 'it is under way'}); upload it again under a new release id`,
    };
  }
  if (!isEnded(rollout)) {
    await arm(rollout, ports);
    await restart(rollout, ports);
  }
  return { rolloutId, result: rollout.outcome ?? 'opened', reason: rollout.reason ?? 'opened before' };
}

/** Goes on after the first events were written, by this event or by another that was faster. */
export function entered(
  { result, rollout }: { result: 'opened' | 'exists'; rollout: Rollout },
  identity: Identity,
  ports: Needs<Begins | 'environment' | 'watchdog'>,
): Promise<Opened> {
  return result === 'exists' ? lost(rollout, identity, ports) : started(rollout, ports);
}

/** Another event was first; if it was for another object, the watchdog must guard that one and not this. */
async function lost(
  rollout: Rollout,
  identity: Identity,
  ports: Needs<Begins | 'environment' | 'watchdog'>,
): Promise<Opened> {
  if (!isEnded(rollout)) await arm(rollout, ports);
  return repeat(rollout, identity.manifest, ports);
}

async function started(rollout: Rollout, ports: Needs<Begins>): Promise<Opened> {
  const { rolloutId } = rollout.opening;
  if (!isEnded(rollout)) await begin(rollout, ports);
  return { rolloutId, result: rollout.outcome ?? 'opened', reason: rollout.reason ?? 'opened' };
}
