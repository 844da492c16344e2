import type { ServiceRecord, Waiting } from '../ports.ts';
import { madeOf, quarantineOf, withoutCompleted, withQuarantined } from './quarantine.ts';
import type { Rollout } from './state.ts';

/** What a service remembers once one of its rollouts has ended: what completed, and what must not be tried again by automation. */
export function serviceAfter(record: ServiceRecord, rollout: Rollout): ServiceRecord {
  const { release, order, rolloutId, rollsBack } = rollout.opening;
  const isNews = record.completed?.rolloutId !== rolloutId;
  if (rollout.outcome === 'completed') {
    const made = madeOf(rollout.opening);
    const completed = { release, order, rolloutId, made };
    const kept =
      rollsBack === undefined ? record.quarantined : withQuarantined(record.quarantined, rollsBack);
    const quarantined = withoutCompleted(kept, release, made);
    const previous = rollsBack !== undefined ? undefined : isNews ? record.completed : record.previous;
    return { ...record, completed, previous, ...(quarantined === undefined ? {} : { quarantined }) };
  }
  const bad = quarantineOf(rollout);
  return bad === undefined ? record : { ...record, quarantined: withQuarantined(record.quarantined, bad) };
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
