import { ASYNCHRONOUS, FUNCTIONS, factsOf, startedBy } from './facts.ts';
import { agendaOf, type Place, prefixOf } from './place.ts';

/** One metric that an alarm or the dashboard looks at. */
export interface Seen {
  namespace: string;
  metric: string;
  dimensions: Record<string, string>;
  stat: 'Sum' | 'Maximum';
}

/** One alarm of the controller about itself: red if the sum of what it looks at reaches the threshold. */
export interface Alarm {
  /** What its heading in `docs/operating.md` says. */
  name: string;
  says: string;
  of: Seen[];
  threshold: number;
  /** Periods in a row that must be red. */
  periods: number;
  /** Seconds that are summed up; a minute unless said otherwise. */
  period?: number;
}

/** The functions whose silence would keep a canary in front of users. */
const ON_REVERT_PATH = FUNCTIONS.filter((name) => factsOf(name).isOnRevertPath);

/** The functions behind the addresses of the API. */
const API = [...startedBy('url-iam'), ...startedBy('url-public')];

/** What lies in a queue of dead letters stays there until a person looks, so these alarms stay red until then. */
export const DEAD_LETTERS = [...ASYNCHRONOUS, 'Pages'] as const;

/** Every alarm of the controller about itself. */
export function alarmsOf(place: Place, machineArn: string): Alarm[] {
  const prefix = prefixOf(place);
  const lambda = (name: string, metric: string, stat: Seen['stat'] = 'Sum'): Seen => ({
    namespace: 'AWS/Lambda',
    metric,
    dimensions: { FunctionName: `${prefix}-${name}` },
    stat,
  });
  const states = (metric: string): Seen => ({
    namespace: 'AWS/States',
    metric,
    dimensions: { StateMachineArn: machineArn },
    stat: 'Sum',
  });
  const scheduler = (metric: string, group = prefix): Seen => ({
    namespace: 'AWS/Scheduler',
    metric,
    dimensions: { ScheduleGroup: group },
    stat: 'Sum',
  });
  const counted = (metric: string): Seen => ({
    namespace: 'Spillway',
    metric,
    dimensions: { environment: place.environment },
    stat: 'Sum',
  });
  return [
    {
      name: 'revert-failed',
      says: 'A canary could not be taken out by a function; Step Functions or the watchdog tries next.',
      of: [counted('RevertFailed'), lambda('RevertTraffic', 'Errors')],
      threshold: 1,
      periods: 1,
    },
    {
      name: 'halted',
      says: 'A rollout ended halted: a person must look at its targets.',
      of: [counted('RolloutsHalted')],
      threshold: 1,
      periods: 1,
    },
    {
      name: 'paused',
      says: 'A rollout paused by itself and waits for a person; without a command its canary is reverted.',
      of: [counted('RolloutsPaused')],
      threshold: 1,
      periods: 1,
    },
    {
      name: 'doubted',
      says: 'A rollout was recalled for the second time: its target does what it never did before, and a comparison has not told why.',
      of: [counted('RolloutsDoubted')],
      threshold: 1,
      periods: 1,
    },
    {
      name: 'no-way-back',
      says: 'The version that a rollout would revert to was deleted while its canary serves: it continues, and cannot be reverted.',
      of: [counted('StableVersionsGone')],
      threshold: 1,
      periods: 1,
    },
    {
      name: 'stuck-rollout',
      says: 'A rollout was taken over twice within half an hour: its executions keep dying.',
      of: [counted('RolloutsTakenOver')],
      threshold: 2,
      periods: 1,
      period: 1800,
    },
    {
      name: 'execution-died',
      says: 'An execution was stopped or ran out of time: the watchdog takes its rollout over within minutes.',
      of: [states('ExecutionsAborted'), states('ExecutionsTimedOut')],
      threshold: 1,
      periods: 1,
    },
    {
      name: 'journal-unreadable',
      says: 'The watchdog could not read the journal; after ten minutes it reverts without it.',
      of: [counted('JournalUnreadable')],
      threshold: 2,
      periods: 1,
      period: 300,
    },
    {
      name: 'watchdog-failing',
      says: 'The watchdog fails: a rollout that is stuck now stays stuck.',
      of: [lambda('Watchdog', 'Errors')],
      threshold: 2,
      periods: 1,
      period: 600,
    },
    {
      name: 'watchdog-not-called',
      says: 'EventBridge Scheduler could not call the watchdog or start the last-resort revert.',
      of: [scheduler('InvocationDroppedCount'), scheduler('TargetErrorCount')],
      threshold: 1,
      periods: 1,
    },
    {
      name: 'throttled',
      says: 'Functions of the revert path were throttled, or AWS refused calls for their rate, or the budget of calls could not be asked.',
      of: [
        ...ON_REVERT_PATH.map((name) => lambda(name, 'Throttles')),
        counted('Throttles'),
        counted('BudgetUnanswered'),
      ],
      threshold: 1,
      periods: 1,
    },
    {
      name: 'command-failing',
      says: 'Commands of people or hooks fail.',
      of: [lambda('Command', 'Errors'), lambda('Abort', 'Errors')],
      threshold: 3,
      periods: 1,
    },
    {
      name: 'api-failing',
      says: 'The API fails: people and the command line may not see rollouts, or not command them.',
      of: [...API.map((name) => lambda(name, 'Errors')), ...API.map((name) => lambda(name, 'Url5xxCount'))],
      threshold: 3,
      periods: 1,
    },
    {
      name: 'api-throttled',
      says: 'Calls of the API were refused because too many run at once: an abort may be among them.',
      of: API.map((name) => lambda(name, 'Throttles')),
      threshold: 1,
      periods: 3,
    },
    {
      name: 'journal-behind',
      says: 'The journal is followed five minutes late: waiting releases are not opened.',
      of: [lambda('JournalStream', 'IteratorAge', 'Maximum')],
      threshold: 300_000,
      periods: 3,
    },
    {
      name: 'transitions-behind',
      says: 'What happens to rollouts is announced five minutes late: people and other programs hear of it late.',
      of: [lambda('Transitions', 'IteratorAge', 'Maximum')],
      threshold: 300_000,
      periods: 3,
    },
    {
      name: 'notifications-lost',
      says: 'A channel, topic or webhook took no messages for a day or cannot be posted to, or Notify was not called when it was due: people were not notified, perhaps not paged.',
      of: [counted('NotificationsLost'), scheduler('InvocationDroppedCount', agendaOf(place))],
      threshold: 1,
      periods: 1,
    },
    ...DEAD_LETTERS.map((name) => ({
      name: `dead-letters-${name}`,
      says: `An event for ${name} was given up.`,
      of: [
        {
          namespace: 'AWS/SQS',
          metric: 'ApproximateNumberOfMessagesVisible',
          dimensions: { QueueName: `${prefix}-${name}-dead-letters` },
          stat: 'Maximum' as const,
        },
      ],
      threshold: 1,
      periods: 1,
    })),
  ];
}
