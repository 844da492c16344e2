import { type Alarm, alarmsOf, DEAD_LETTERS, type Seen } from './alarms.ts';
import { FUNCTIONS, startedBy } from './facts.ts';
import { arnsOf, type Place, prefixOf } from './place.ts';
import type { Settings } from './settings.ts';

/** The topic of the controller's own alarms; subscribe to it for notifications. */
export function pages(place: Place, { alarmEmail }: Settings, deadLetters: Record<string, aws.sqs.Queue>) {
  const topic = new aws.sns.Topic('Pages', { name: `${prefixOf(place)}-pages` });
  new aws.sns.TopicPolicy('PagesPolicy', {
    arn: topic.arn,
    policy: $jsonStringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: ['cloudwatch.amazonaws.com', 'events.amazonaws.com'] },
          Action: 'sns:Publish',
          Resource: topic.arn,
          Condition: { StringEquals: { 'aws:SourceAccount': place.account } },
        },
      ],
    }),
  });
  if (alarmEmail !== '')
    new aws.sns.TopicSubscription('PagesByMail', {
      topic: topic.arn,
      protocol: 'email',
      endpoint: alarmEmail,
      redrivePolicy: $jsonStringify({ deadLetterTargetArn: deadLetters.Pages?.arn }),
    });
  return topic;
}

/** The controller's alarms about itself, and the page on which a person looks first. */
export function watch(place: Place, topic: aws.sns.Topic): void {
  const alarms = alarmsOf(place, arnsOf(place).machine);
  const made = alarms.map((alarm) => metricAlarm(alarm, place, topic));
  new aws.cloudwatch.Dashboard('Dashboard', {
    dashboardName: prefixOf(place),
    dashboardBody: $resolve(made.map(({ arn }) => arn)).apply((arns) =>
      JSON.stringify({ widgets: widgetsOf(place, arns) }),
    ),
  });
}

function metricAlarm(
  { name, says, of, threshold, periods, period = 60 }: Alarm,
  place: Place,
  topic: aws.sns.Topic,
) {
  const queries = of.map(({ namespace, metric, dimensions, stat }, index) => ({
    id: `m${index}`,
    metric: { namespace, metricName: metric, dimensions, stat, period },
    returnData: false,
  }));
  // A function that is never called has no metric at all, and none is no fault.
  const expression = queries.map(({ id }) => `FILL(${id}, 0)`).join(' + ');
  return new aws.cloudwatch.MetricAlarm(`Alarm-${name}`, {
    name: `${prefixOf(place)}-${name}`,
    alarmDescription: `${says} docs/operating.md says what to do.`,
    comparisonOperator: 'GreaterThanOrEqualToThreshold',
    threshold,
    evaluationPeriods: periods,
    datapointsToAlarm: periods,
    treatMissingData: 'notBreaching',
    metricQueries: [...queries, { id: 'all', expression, label: name, returnData: true }],
    alarmActions: [topic.arn],
    okActions: [topic.arn],
  });
}

type Point = [string, string, ...string[]];

/** What the functions count of themselves (docs/reference/metrics.md). */
const OUTCOMES = ['Completed', 'Reverted', 'Refused', 'Superseded', 'Halted'].map((end) => `Rollouts${end}`);
const VERDICTS = ['Pass', 'Inconclusive', 'Suspect', 'Fail', 'Broken'].map((status) => `Verdicts${status}`);
const TROUBLE = [
  'RevertFailed',
  'RolloutsTakenOver',
  'JournalUnreadable',
  'Throttles',
  'BudgetUnanswered',
  'TransitionsLost',
  'NotificationsLost',
];

function widgetsOf(place: Place, alarmArns: string[]): object[] {
  const prefix = prefixOf(place);
  const point = ({ namespace, metric, dimensions }: Omit<Seen, 'stat'>): Point => [
    namespace,
    metric,
    ...Object.entries(dimensions).flat(),
  ];
  const lambda = (metric: string) =>
    FUNCTIONS.map((name) =>
      point({ namespace: 'AWS/Lambda', metric, dimensions: { FunctionName: `${prefix}-${name}` } }),
    );
  const states = ['Started', 'Succeeded', 'Failed', 'Aborted', 'TimedOut'].map((end) =>
    point({
      namespace: 'AWS/States',
      metric: `Executions${end}`,
      dimensions: { StateMachineArn: arnsOf(place).machine },
    }),
  );
  const counted = (metrics: string[]) =>
    metrics.map((metric) =>
      point({ namespace: 'Spillway', metric, dimensions: { environment: place.environment } }),
    );
  const letters = DEAD_LETTERS.map((name) =>
    point({
      namespace: 'AWS/SQS',
      metric: 'ApproximateNumberOfMessagesVisible',
      dimensions: { QueueName: `${prefix}-${name}-dead-letters` },
    }),
  );
  const chart = (title: string, metrics: Point[], stat: string, x: number, y: number) => ({
    type: 'metric',
    x,
    y,
    width: 12,
    height: 6,
    properties: { title, metrics, stat, period: 60, region: place.region, view: 'timeSeries' },
  });
  return [
    { type: 'alarm', x: 0, y: 0, width: 24, height: 3, properties: { title: 'Alarms', alarms: alarmArns } },
    chart('Rollout executions (Failed: reverted, refused or halted)', states, 'Sum', 0, 3),
    chart('Dead letters', letters, 'Maximum', 12, 3),
    chart('Rollouts by outcome', counted(OUTCOMES), 'Sum', 0, 21),
    chart('Verdicts', counted(VERDICTS), 'Sum', 12, 21),
    chart('Seconds that a revert took', counted(['RevertSeconds']), 'Maximum', 0, 27),
    chart('Trouble', counted(TROUBLE), 'Sum', 12, 27),
    chart('Errors of functions', lambda('Errors'), 'Sum', 0, 9),
    chart('Throttles of functions', lambda('Throttles'), 'Sum', 12, 9),
    chart('Slowest calls of functions, ms', lambda('Duration'), 'Maximum', 0, 15),
    chart(
      'How late the journal is followed, ms',
      startedBy('journal').map((name) =>
        point({
          namespace: 'AWS/Lambda',
          metric: 'IteratorAge',
          dimensions: { FunctionName: `${prefix}-${name}` },
        }),
      ),
      'Maximum',
      12,
      15,
    ),
  ];
}
