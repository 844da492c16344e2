import type { Rollout } from '../rollout/state.ts';
import type { Alarm, VerdictStatus } from './types.ts';

/** Says whether an alarm's breach can be the canary's doing: it was not red at opening and began after the first raise. */
export function isCanarysDoing(rollout: Rollout, alarm: { name: string; since: number }): boolean {
  const { redAlarms, raisedAt } = rollout;
  return !redAlarms.includes(alarm.name) && raisedAt !== undefined && alarm.since > raisedAt;
}

/** What the watched alarms say. One that was red before neither blocks nor fails; one that cannot be read is broken. */
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

function words({ redAlarms }: Rollout, { name, state }: Alarm): string {
  return state === 'alarm' && redAlarms.includes(name)
    ? `alarm ${name} is red as it was before the rollout, which is not held against this release`
    : `alarm ${name} is ${state}`;
}

function statusOf(rollout: Rollout, alarm: Alarm): VerdictStatus {
  if (alarm.state === 'unknown') return 'broken';
  if (alarm.state !== 'alarm' || rollout.redAlarms.includes(alarm.name)) return 'pass';
  return isCanarysDoing(rollout, alarm) ? 'fail' : 'inconclusive';
}
