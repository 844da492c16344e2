import type { Rollout } from '../rollout/state.ts';
import { SUSPICIOUS } from './evidence.ts';
import type { Alarm, Verdict, VerdictStatus } from './types.ts';

/**
 * Says whether an alarm's breach can be the canary's doing: it began after the first raise, and so did, or lasted, each of the data
 * points that breached, if they are known. One that was red at opening has recovered in between, seen or not.
 */
export function isCanarysDoing(
  { raisedAt }: Rollout,
  { since, breachedAt = since }: Pick<Alarm, 'since' | 'breachedAt'>,
): boolean {
  return raisedAt !== undefined && since > raisedAt && breachedAt > raisedAt;
}

/** True if the comparison shows the canary worse: only then is a red alarm, which sees both versions, held against the release. */
export function isSeenWorse(verdict: Verdict | undefined): boolean {
  return verdict?.findings.some(({ evidence }) => evidence >= SUSPICIOUS) === true;
}

/** What the watched alarms say. One that is red since before the opening neither blocks nor fails; one that cannot be read is broken. */
export function alarmFindings(
  rollout: Rollout,
  alarms: Alarm[],
): { status: VerdictStatus; reason: string }[] {
  return rollout.opening.alarms.map(({ name }) => {
    const alarm = alarms.find((candidate) => candidate.name === name);
    if (alarm === undefined) return { status: 'broken', reason: `alarm ${name} no longer exists` };
    return { status: statusOf(rollout, alarm), reason: words(rollout, alarm) };
  });
}

/** What the alarms that were read last say against the end: one that is red since between opening and first raise blocks it, and one that has lost its data since makes it unproven. */
export function alarmsAgainst(rollout: Rollout): { red: string[]; silent: string[] } {
  const { alarms = [] } = rollout;
  const watched = rollout.opening.alarms.flatMap(({ name, silent }) =>
    alarms.filter((alarm) => alarm.name === name).map((alarm) => ({ ...alarm, silent })),
  );
  return {
    red: watched.filter((alarm) => statusOf(rollout, alarm) === 'inconclusive').map(({ name }) => name),
    silent: watched
      .filter((alarm) => alarm.state === 'insufficient' && !alarm.silent && isCanarysDoing(rollout, alarm))
      .map(({ name }) => name),
  };
}

function words(rollout: Rollout, alarm: Alarm): string {
  const { name, state } = alarm;
  if (isAsBefore(rollout, alarm))
    return `alarm ${name} is red as it was before the rollout, which is not held against this release`;
  return statusOf(rollout, alarm) === 'inconclusive'
    ? `alarm ${name} went red before the first raise and has not recovered`
    : `alarm ${name} is ${state}`;
}

function statusOf(rollout: Rollout, alarm: Alarm): VerdictStatus {
  if (alarm.state === 'unknown') return 'broken';
  if (alarm.state !== 'alarm' || isAsBefore(rollout, alarm)) return 'pass';
  return isCanarysDoing(rollout, alarm) ? 'fail' : 'inconclusive';
}

/** True for an alarm that was red at opening and has been so ever since. */
function isAsBefore({ redAlarms, openedAt }: Rollout, { name, state, since }: Alarm): boolean {
  return state === 'alarm' && redAlarms.includes(name) && since <= openedAt;
}
