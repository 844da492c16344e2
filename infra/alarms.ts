import { ASYNCHRONOUS } from './grants.ts';
import { type Place, prefixOf } from './place.ts';

/** One metric that an alarm or the dashboard looks at. */
export interface Seen {
  namespace: string;
  metric: string;
  dimensions: Record<string, string>;
  stat: 'Sum' | 'Maximum';
}

/** One alarm of the controller about itself: red where the sum of what it looks at reaches the threshold. */
export interface Alarm {
  /** What its heading in `docs/operating.md` says. */
  name: string;
  says: string;
  of: Seen[];
  threshold: number;
  /** Minutes in a row. */
  minutes: number;
}

/** The functions whose silence would keep a canary in front of users. */
const WAY_OUT = ['AlarmEvent', 'Command', 'DeadMan', 'Decide', 'Hold', 'Measure', 'RevertTraffic'] as const;

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
  const scheduler = (metric: string): Seen => ({
    namespace: 'AWS/Scheduler',
    metric,
    dimensions: { ScheduleGroup: prefix },
    stat: 'Sum',
  });
  return [
    {
      name: 'revert-failed',
      says: 'RevertTraffic failed: a canary may still have traffic, unless Step Functions took it out itself.',
      of: [lambda('RevertTraffic', 'Errors')],
      threshold: 1,
      minutes: 1,
    },
    {
      name: 'execution-died',
      says: 'An execution was stopped or ran out of time: the dead man takes its rollout over within minutes.',
      of: [states('ExecutionsAborted'), states('ExecutionsTimedOut')],
      threshold: 1,
      minutes: 1,
    },
    {
      name: 'dead-man-failing',
      says: 'The dead man fails: a rollout that is stuck now stays stuck.',
      of: [lambda('DeadMan', 'Errors')],
      threshold: 1,
      minutes: 3,
    },
    {
      name: 'dead-man-not-called',
      says: 'EventBridge Scheduler could not call the dead man or start the last way out.',
      of: [scheduler('InvocationDroppedCount'), scheduler('TargetErrorCount')],
      threshold: 1,
      minutes: 1,
    },
    {
      name: 'throttled',
      says: 'Functions of the way out were throttled: the account has no concurrency left for them.',
      of: WAY_OUT.map((name) => lambda(name, 'Throttles')),
      threshold: 1,
      minutes: 1,
    },
    {
      name: 'command-failing',
      says: 'Orders of people or hooks fail.',
      of: [lambda('Command', 'Errors')],
      threshold: 3,
      minutes: 1,
    },
    {
      name: 'journal-behind',
      says: 'The journal is followed five minutes late: waiting releases are not opened.',
      of: [lambda('JournalStream', 'IteratorAge', 'Maximum')],
      threshold: 300_000,
      minutes: 3,
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
      minutes: 1,
    })),
  ];
}
