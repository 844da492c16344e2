import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { Agenda, Clock } from '../core/ports.ts';
import { at, put } from './_schedule.ts';

/** What the entries start, and in whose name. */
interface AgendaTarget {
  functionArn: string;
  roleArn: string;
  groupName: string;
}

/** A moment that has passed by the time it arrives may be refused. */
const LEAST_MS = 2_000;

/** The agenda on EventBridge Scheduler: for each rollout that has something on it one entry, and one for an execution that died, which go once they have fired. */
export function schedulerAgenda(
  client: SchedulerClient,
  { functionArn, roleArn, groupName }: AgendaTarget,
  clock: Clock,
): Agenda {
  return {
    wake: (errand, moment) =>
      put(client, {
        // A rollout's id has 60 characters at most, and a schedule's name 64.
        Name: `${errand.rolloutId}.${errand.died === undefined ? 'say' : 'die'}`,
        GroupName: groupName,
        // To the next second: what is not due yet would have to be arranged again.
        ScheduleExpression: at(Math.max(moment, clock.now() + LEAST_MS) + 999),
        FlexibleTimeWindow: { Mode: 'OFF' },
        ActionAfterCompletion: 'DELETE',
        Target: { Arn: functionArn, RoleArn: roleArn, Input: JSON.stringify({ wake: errand }) },
      }),
  };
}
