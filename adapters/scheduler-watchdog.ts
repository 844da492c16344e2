import {
  type CreateScheduleCommandInput,
  DeleteScheduleCommand,
  GetScheduleCommand,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import type { Watchdog, WatchdogInput } from '../core/ports.ts';
import { at, put, send, tolerate } from './_schedule.ts';

/** What the schedules start, and in whose name. */
interface WatchdogTargets {
  /** The function that looks every two minutes. */
  functionArn: string;
  /** The machine that is started at the deadline; it reverts traffic even if no function can run. */
  stateMachineArn: string;
  roleArn: string;
  groupName: string;
}

/** Time between two looks. */
const LOOK_MS = 120_000;

/** How long after the deadline the recurring look goes on, in case the last-resort revert needs a second one. */
const AFTER_DEADLINE_MS = 24 * 3600_000;

/** The watchdog on EventBridge Scheduler: one recurring entry per rollout and one at its deadline. */
export function schedulerWatchdog(client: SchedulerClient, targets: WatchdogTargets): Watchdog {
  return {
    async arm(input) {
      // A last look in the past cannot be made; the recurring one goes on.
      const isLate = input.deadline <= input.armedAt;
      for (const schedule of [recurring(input, targets), ...(isLate ? [] : [last(input, targets)])])
        await put(client, schedule);
    },
    async frozen(rolloutId) {
      const found = await tolerate('ResourceNotFoundException', () =>
        send(() => client.send(new GetScheduleCommand({ Name: rolloutId, GroupName: targets.groupName }))),
      );
      return found?.Target?.Input === undefined
        ? undefined
        : (JSON.parse(found.Target.Input) as WatchdogInput);
    },
    async disarm(rolloutId) {
      for (const Name of [rolloutId, lastName(rolloutId)]) {
        await tolerate('ResourceNotFoundException', () =>
          send(() => client.send(new DeleteScheduleCommand({ Name, GroupName: targets.groupName }))),
        );
      }
    },
  };
}

const lastName = (rolloutId: string) => `${rolloutId}-end`;

function recurring(
  input: WatchdogInput,
  { functionArn, roleArn, groupName }: WatchdogTargets,
): CreateScheduleCommandInput {
  return {
    Name: input.rolloutId,
    GroupName: groupName,
    ScheduleExpression: 'rate(2 minutes)',
    // Not at once: the journal is written after arming.
    StartDate: new Date(input.armedAt + LOOK_MS),
    EndDate: new Date(Math.max(input.deadline, input.armedAt) + AFTER_DEADLINE_MS),
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: { Arn: functionArn, RoleArn: roleArn, Input: JSON.stringify(input) },
  };
}

function last(
  { deadline, unreadableSince: _, ...input }: WatchdogInput,
  { stateMachineArn, roleArn, groupName }: WatchdogTargets,
): CreateScheduleCommandInput {
  return {
    Name: lastName(input.rolloutId),
    GroupName: groupName,
    ScheduleExpression: at(deadline),
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: { Arn: stateMachineArn, RoleArn: roleArn, Input: JSON.stringify(input) },
  };
}
