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

/** The agenda on EventBridge Scheduler: one entry per rollout that has something on it, which goes once it has fired. */
export function schedulerAgenda(
  client: SchedulerClient,
  { functionArn, roleArn, groupName }: AgendaTarget,
  clock: Clock,
): Agenda {
  return {
    wake: (rolloutId, moment, tries = 0) =>
      put(client, {
        // A rollout's id has 60 characters at most, and a schedule's name 64.
        Name: `${rolloutId}.say`,
        GroupName: groupName,
        ScheduleExpression: at(Math.max(moment, clock.now() + LEAST_MS)),
        FlexibleTimeWindow: { Mode: 'OFF' },
        ActionAfterCompletion: 'DELETE',
        Target: { Arn: functionArn, RoleArn: roleArn, Input: JSON.stringify({ wake: { rolloutId, tries } }) },
      }),
  };
}
