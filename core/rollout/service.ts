import { ROLLOUT_ID_MAX } from '../config/names.ts';
import type { Completed, Served, ServiceRecord, Waiting } from '../ports.ts';
import type { Made, Opening } from './event.ts';
import { madeOf, quarantineOf, withoutCompleted, withQuarantined } from './quarantine.ts';
import type { Rollout } from './state.ts';
import { triedAfter } from './tried.ts';

/** Good releases that a service remembers besides the one that serves. */
const EARLIER_MAX = 10;

/** What a service remembers once one of its rollouts has ended: what completed, what did before, and what must not be tried again by automation. */
export function serviceAfter(record: ServiceRecord, rollout: Rollout): ServiceRecord {
  const { opening, outcome } = rollout;
  const { rolloutId, rollsBack } = opening;
  // The order to roll a release back blames it, however far the way back led.
  const bad = rollsBack ?? quarantineOf(rollout);
  const tried = triedAfter(record.tried, rollout);
  const kept = tried === undefined ? withoutAttempts(record) : { ...record, tried };
  const after = bad === undefined ? kept : withList(kept, withQuarantined(record.quarantined, bad));
  if (outcome !== 'completed' || record.completed?.rolloutId === rolloutId) return after;
  const news =
    rollsBack === undefined
      ? { completed: completedBy(opening), earlier: earlierThan(opening, record) }
      : wentBack(record, opening);
  const { release, made = {} } = news.completed;
  return withList({ ...after, ...news }, withoutCompleted(after.quarantined, release, made));
}

const withoutAttempts = ({ tried: _, ...record }: ServiceRecord): ServiceRecord => record;

const withList = (record: ServiceRecord, quarantined: ServiceRecord['quarantined']): ServiceRecord =>
  quarantined === undefined ? record : { ...record, quarantined };

function completedBy(opening: Opening): Completed {
  const { release, order, rolloutId, manifest } = opening;
  return { release, order, rolloutId, manifest, made: madeOf(opening), targets: servedBy(opening, 'canary') };
}

/** The newest release that a rollout of this controller brought before this opening; undefined if the service remembers none. */
export const servedBefore = ({ completed, earlier = [] }: ServiceRecord, { order }: Opening) =>
  [completed, ...earlier].find((each) => each?.rolloutId !== undefined && each.order < order);

/** All targets of the service with the version of one side. */
function servedBy({ targets, unchanged = [] }: Opening, side: 'stable' | 'canary'): Served[] {
  return [...targets, ...unchanged].map(({ name, kind, key, ref, source, traits, replaced, ...version }) => ({
    ...{ name, kind, key, ref, source, traits, version: version[side] },
    ...(replaced === undefined ? {} : { replaced }),
  }));
}

/** What served before, first; it has no rollout of its own if it is not what completed last. */
function earlierThan(opening: Opening, { completed, earlier = [] }: ServiceRecord): Completed[] {
  const before = servedBy(opening, 'stable');
  const isOurs = completed !== undefined && before.every((each) => isServedIn(completed, each));
  const { service, release } = opening;
  const foreign = {
    ...{ release: beforeName(service, release), order: completed?.order ?? 0 },
    targets: before,
  };
  const all = [...(isOurs ? [] : [foreign]), ...(completed === undefined ? [] : [completed]), ...earlier];
  return all.filter((each) => each.release !== release).slice(0, EARLIER_MAX);
}

const isServedIn = ({ targets }: Completed, { key, version }: Served) =>
  targets?.some((each) => each.key === key && each.version === version) === true;

/** Longest number of an attempt that must fit behind the name. */
const ATTEMPT_MAX = 100;

/** How what served before a release is called if nobody knows its name; as short as a rollout's id needs it. */
function beforeName(service: string, release: string): string {
  const room = ROLLOUT_ID_MAX - `${service}--before---${ATTEMPT_MAX}`.length;
  // No two hyphens may follow each other, and none stands at an end.
  return `before-${release.slice(0, Math.max(1, room)).replace(/[^a-z0-9]+$/i, '')}`;
}

/** Where a rollback led: what it went to serves now, and what is newer is no place to go back to. */
function wentBack(
  { completed, earlier = [] }: ServiceRecord,
  opening: Opening,
): { completed: Completed; earlier: Completed[] } {
  const { release, order, rolloutId, manifest } = opening;
  const at = earlier.findIndex((each) => each.release === release);
  const now = servedBy(opening, 'stable');
  const others = (completed?.targets ?? []).filter(({ key }) => !now.some((each) => each.key === key));
  const targets = [...now, ...others];
  const known = [opening.made, completed?.made];
  const made = Object.fromEntries(
    targets.map(({ name, version }): [string, Made] => [
      name,
      known.map((each) => each?.[name]).find((each) => each?.version === version) ?? { version },
    ]),
  );
  return {
    completed: { release, order, rolloutId, manifest, made, targets },
    earlier: earlier.slice(at + 1),
  };
}

/** The parts of a rollout id; undefined if it is none. Neither a service nor a release may contain two hyphens in a row. */
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
