import type { Target } from '../target.ts';
import type { Instant } from '../units.ts';
import { SUSPICIOUS } from './evidence.ts';
import type { Course } from './trial.ts';
import type { Alarm, Verdict, VerdictStatus } from './types.ts';

/** What of an alarm says whether a breach is held against the canary. */
type Breach = Pick<Alarm, 'since' | 'breachedAt' | 'versions'>;

/**
 * Says whether an alarm's breach can be the canary's doing: it began after the first raise, and so did, or lasted, each of the data
 * points that breached, if they are known, and it does not count other versions alone. One that was red at opening has recovered in
 * between, seen or not.
 */
export function isCanarysDoing(trial: Course, alarm: Breach): boolean {
  const { raisedAt } = trial;
  const { since, breachedAt = since } = alarm;
  return (
    raisedAt !== undefined &&
    since > raisedAt &&
    breachedAt > raisedAt &&
    countedBy(trial.opening.targets, alarm) !== 'others'
  );
}

/** True if a breach is held against the release: the alarm counts the canary alone, or the comparison shows the canary worse. */
export function isBlamed({ opening }: Course, alarm: Breach, verdict: Verdict | undefined): boolean {
  return (
    countedBy(opening.targets, alarm) === 'canary' ||
    verdict?.findings.some(({ evidence }) => evidence >= SUSPICIOUS) === true
  );
}

/**
 * Whose requests an alarm counts: the canary's alone, those of other versions of the same functions alone, or any that cannot
 * be told apart.
 */
export function countedBy(
  targets: readonly Target[],
  { versions = [] }: Pick<Alarm, 'versions'>,
): 'canary' | 'others' | 'any' {
  const canaries = targets.map(({ traits, canary }) => `${traits.metricName}:${canary}`);
  const isOfTarget = (version: string) =>
    targets.some(({ traits }) => version.startsWith(`${traits.metricName}:`));
  if (versions.length === 0 || !versions.every(isOfTarget)) return 'any';
  if (versions.every((version) => canaries.includes(version))) return 'canary';
  return versions.some((version) => canaries.includes(version)) ? 'any' : 'others';
}

/** What was read of the watched alarms, and those that were not among it: somebody has deleted or renamed them. */
export function watchedAlarms({ opening }: Course, read: readonly Alarm[] | undefined, at: Instant): Alarm[] {
  if (read === undefined) return [];
  const missing = opening.alarms.filter(({ name }) => !read.some((alarm) => alarm.name === name));
  return [...read, ...missing.map(({ name }) => ({ name, state: 'gone' as const, since: at }))];
}

/**
 * What the watched alarms say. One that is red since before the opening neither blocks nor fails, nor does one that its owner has
 * deleted; one that cannot be read is broken.
 */
export function alarmFindings(trial: Course, alarms: Alarm[]): { status: VerdictStatus; reason: string }[] {
  return trial.opening.alarms.map(({ name }) => {
    const alarm = alarms.find((candidate) => candidate.name === name);
    if (alarm === undefined) return { status: 'broken', reason: `alarm ${name} was not read` };
    return { status: statusOf(trial, alarm), reason: words(trial, alarm) };
  });
}

/** What the alarms that were read last say against the end: one that is red since between opening and first raise blocks it, and one that has lost its data since, or is gone, makes it unproven. */
export function alarmsAgainst(trial: Course): { red: string[]; silent: string[]; gone: string[] } {
  const { alarms = [] } = trial;
  const watched = trial.opening.alarms.flatMap(({ name, silent }) =>
    alarms.filter((alarm) => alarm.name === name).map((alarm) => ({ ...alarm, silent })),
  );
  return {
    red: watched.filter((alarm) => statusOf(trial, alarm) === 'inconclusive').map(({ name }) => name),
    silent: watched
      .filter((alarm) => alarm.state === 'insufficient' && !alarm.silent && isCanarysDoing(trial, alarm))
      .map(({ name }) => name),
    gone: watched.filter(({ state }) => state === 'gone').map(({ name }) => name),
  };
}

function words(trial: Course, alarm: Alarm): string {
  const { name, state } = alarm;
  if (state === 'gone')
    return `alarm ${name} no longer exists, so it shows nothing of this release; create it again under this name if it is to watch the rest of the rollout`;
  if (isAsBefore(trial, alarm))
    return `alarm ${name} is red as it was before the rollout, which is not held against this release`;
  if (state === 'alarm' && countedBy(trial.opening.targets, alarm) === 'others')
    return `alarm ${name} counts ${(alarm.versions ?? []).join(', ')} and not the canary, so it is not held against this release`;
  return statusOf(trial, alarm) === 'inconclusive'
    ? `alarm ${name} went red before the first raise and has not recovered`
    : `alarm ${name} is ${state}`;
}

function statusOf(trial: Course, alarm: Alarm): VerdictStatus {
  if (alarm.state === 'unknown') return 'broken';
  if (alarm.state !== 'alarm' || isAsBefore(trial, alarm)) return 'pass';
  if (countedBy(trial.opening.targets, alarm) === 'others') return 'pass';
  return isCanarysDoing(trial, alarm) ? 'fail' : 'inconclusive';
}

/** True for an alarm that was red at opening and has been so ever since. */
function isAsBefore({ redAlarms, openedAt }: Course, { name, state, since }: Alarm): boolean {
  return state === 'alarm' && redAlarms.includes(name) && since <= openedAt;
}
