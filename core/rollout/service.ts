import type { ServiceRecord, Waiting } from '../ports.ts';
import type { Cause, Quarantined } from './event.ts';
import type { Rollout } from './state.ts';

/** Quarantined releases that a service remembers; older ones are still refused by their release id. */
const QUARANTINED_MAX = 50;

/** Causes that say something about the release itself. */
const BLAMED: Cause[] = ['canary', 'human'];

/** What a service remembers once one of its rollouts has ended: what completed, and what must not be tried again by automation. */
export function serviceAfter(record: ServiceRecord, rollout: Rollout): ServiceRecord {
  const { release, order, rolloutId, targets, rollsBack } = rollout.opening;
  const isNews = record.completed?.rolloutId !== rolloutId;
  if (rollout.outcome === 'completed') {
    const completed = { release, order, rolloutId };
    if (rollsBack !== undefined)
      return { ...withQuarantined(record, rollsBack), completed, previous: undefined };
    return { ...record, completed, previous: isNews ? record.completed : record.previous };
  }
  if (rollout.leaving === undefined || !BLAMED.includes(rollout.leaving.cause) || rollsBack !== undefined)
    return record;
  const versions = Object.fromEntries(targets.map(({ name, canary }) => [name, canary]));
  return withQuarantined(record, { release, rolloutId, reason: rollout.leaving.reason, versions });
}

/** The parts of a rollout id; undefined where it is none. Neither a service nor a release may contain two hyphens in a row. */
export function rolloutIdParts(
  rolloutId: string,
): { service: string; release: string; attempt: number } | undefined {
  const [, service, release, attempt] = /^(.+?)--(.+)--([1-9]\d*)$/.exec(rolloutId) ?? [];
  if (service === undefined || release === undefined) return undefined;
  return { service, release, attempt: Number(attempt) };
}

/** The release that waits, if a rollout of this id is what it waits to become. */
export function waitingIn({ waiting }: ServiceRecord, rolloutId: string): Waiting | undefined {
  const parts = rolloutIdParts(rolloutId);
  return waiting?.release === parts?.release && waiting?.attempt === parts?.attempt ? waiting : undefined;
}

function withQuarantined(record: ServiceRecord, bad: Quarantined): ServiceRecord {
  const others = (record.quarantined ?? []).filter(({ release }) => release !== bad.release);
  return { ...record, quarantined: [...others, bad].slice(-QUARANTINED_MAX) };
}
