import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tableDefinition } from '../../../adapters/dynamodb-table.ts';
import { BOOKKEEPING } from '../../../core/people/transition.ts';
import { COUNTED } from '../../../core/rollout/counts.ts';
import { WAKING } from '../../../core/rollout/event.ts';
import { alarmsOf } from '../../../infra/alarms.ts';
import { variablesOf } from '../../../infra/environment.ts';
import {
  ASYNCHRONOUS,
  FUNCTIONS,
  factsOf,
  patternOf,
  RULES,
  type RuleName,
  startedBy,
} from '../../../infra/facts.ts';
import { lentStatementsOf, statementsOf, trustOf } from '../../../infra/grants.ts';
import { arnsOf, bucketOf, type Place } from '../../../infra/place.ts';
import { settingsOf } from '../../../infra/settings.ts';
import { all, graphOf, one } from './graph.ts';

const ada = graphOf('ada');
const PLACE: Place = {
  partition: 'aws',
  region: 'eu-west-1',
  account: '111122223333',
  environment: 'ada',
  completionsBucket: '',
  topics: [],
  siteBuckets: [],
};
const ARNS = arnsOf(PLACE);

const functionNamed = (name: string) => one(ada, 'lambda/function:Function', `${name}Function`);

describe.each(FUNCTIONS)('%s', (name) => {
  const { inputs } = functionNamed(name);

  test('runs our bundle on Arm and Node 24, under the name that the command line knows, traced', () => {
    expect(inputs).toMatchObject({
      name: `spillway-ada-${name}`,
      architectures: ['arm64'],
      runtime: 'nodejs24.x',
      handler: 'bundle.handler',
      tracingConfig: { mode: 'Active' },
    });
    expect(inputs.timeout).toBe(factsOf(name).seconds);
    expect(inputs.memorySize).toBe(factsOf(name).megabytes);
  });

  test('has exactly the variables of the table', () => {
    expect(inputs.environment.variables).toEqual(variablesOf(name, PLACE, settingsOf('ada', {})));
  });

  test('has a role of its own with exactly the rights of the table', () => {
    const rights = one(ada, 'iam/rolePolicy:RolePolicy', `${name}Rights`);
    expect(JSON.parse(rights.inputs.policy).Statement).toEqual(statementsOf(name, PLACE));
    const role = one(ada, 'iam/role:Role', `${name}Role`);
    expect(inputs.role).toBe(`arn:aws:iam::111122223333:role/${rights.inputs.role}`);
    expect(JSON.parse(role.inputs.assumeRolePolicy)).toEqual(trustOf('lambda.amazonaws.com', PLACE));
    expect(role.inputs).not.toHaveProperty('managedPolicyArns');
  });

  test('keeps its logs for as long as was said', () => {
    const log = one(ada, 'cloudwatch/logGroup:LogGroup', `${name}LogGroup`);
    expect(log.inputs).toMatchObject({ name: `/aws/lambda/spillway-ada-${name}`, retentionInDays: 30 });
  });
});

describe('the state machine', () => {
  const { inputs, options } = one(ada, 'sfn/stateMachine:StateMachine', 'Machine');
  const definition: { States: Record<string, State> } = JSON.parse(inputs.definition);
  interface State {
    Resource?: string;
    Arguments?: { FunctionName?: string };
    TimeoutSeconds?: number | string;
  }

  test('is its file, with the ARN of a function of the graph in each place', () => {
    const file = readFileSync(new URL('../../../statemachines/rollout.asl.json', import.meta.url), 'utf8');
    const named = file.replace(/\$\{(\w+)\}/g, (_, name: string) => ARNS.function(name));
    expect(definition).toEqual(JSON.parse(named));
    const functions = all(ada, 'lambda/function:Function').map((each) => each.inputs.name);
    for (const name of startedBy('machine')) expect(functions).toContain(`spillway-ada-${name}`);
  });

  test('waits longer for a function than the function may run', () => {
    const calls = Object.entries(definition.States).filter(([, { Resource = '' }]) =>
      Resource.includes('lambda:invoke'),
    );
    expect(calls.length).toBeGreaterThan(9);
    for (const [state, { Arguments, TimeoutSeconds }] of calls) {
      const name = Arguments?.FunctionName?.split(':').at(-1)?.replace('spillway-ada-', '') ?? '';
      // How long a hold lasts is its directive's to say, and the function only leaves its token.
      const limit = typeof TimeoutSeconds === 'number' ? TimeoutSeconds : Number.POSITIVE_INFINITY;
      expect(limit, state).toBeGreaterThan(functionNamed(name).inputs.timeout);
    }
  });

  test('is traced, and logged without what executions were given', () => {
    expect(inputs.tracingConfiguration).toEqual({ enabled: true });
    expect(inputs.loggingConfiguration).toEqual({
      level: 'ALL',
      includeExecutionData: false,
      logDestination: 'arn:aws:logs:eu-west-1:111122223333:log-group:/aws/vendedlogs/states/spillway-ada:*',
    });
  });

  test('is made once its functions and its rights are there', () => {
    for (const name of startedBy('machine'))
      expect(options.dependsOn).toContain(`aws:lambda/function:Function ${name}Function`);
    expect(options.dependsOn).toContain('aws:iam/rolePolicy:RolePolicy MachineRights');
  });

  test('has the role of the table, which only Step Functions takes', () => {
    const rights = one(ada, 'iam/rolePolicy:RolePolicy', 'MachineRights').inputs;
    expect(JSON.parse(rights.policy).Statement).toEqual(lentStatementsOf('machine', PLACE));
    const role = one(ada, 'iam/role:Role', 'MachineRole').inputs;
    expect(JSON.parse(role.assumeRolePolicy)).toEqual(trustOf('states.amazonaws.com', PLACE));
  });
});

describe('the rules', () => {
  const rules = all(ada, 'cloudwatch/eventRule:EventRule');
  const targets = all(ada, 'cloudwatch/eventTarget:EventTarget');

  test('each have what they start, and keep the event that it did not take in a queue that does', () => {
    expect(rules).toHaveLength(RULES.length);
    for (const rule of rules) {
      const own = targets.filter(({ inputs }) => inputs.rule === rule.inputs.name);
      const called = startedBy(rule.name as RuleName).map((name) => ARNS.function(name));
      const paged = rule.name === 'ExecutionEnded' ? [one(ada, 'sns/topic:Topic', 'Pages').inputs.name] : [];
      expect(own.map(({ inputs }) => inputs.arn.replace(/^.*:sns:.*:/, '')).sort()).toEqual(
        [...called, ...paged].sort(),
      );
      for (const { inputs } of own) {
        const name = startedBy(rule.name as RuleName).find((each) => ARNS.function(each) === inputs.arn);
        expect(inputs.retryPolicy).toEqual({
          maximumEventAgeInSeconds: name === undefined ? 3600 : factsOf(name).triedForSeconds,
          maximumRetryAttempts: 185,
        });
        assertTakes(inputs.deadLetterConfig.arn, 'events.amazonaws.com');
      }
    }
  });

  test('that call a function are allowed to, from that rule alone, once it is there', () => {
    for (const { inputs } of targets.filter((each) => each.inputs.arn.includes(':function:'))) {
      const permission = all(ada, 'lambda/permission:Permission').find(
        (each) => each.inputs.sourceArn === `arn:aws:events:eu-west-1:111122223333:rule/${inputs.rule}`,
      );
      expect(permission?.inputs).toMatchObject({
        function: inputs.arn.split(':').at(-1),
        action: 'lambda:InvokeFunction',
        principal: 'events.amazonaws.com',
        sourceAccount: '111122223333',
      });
      const name = inputs.arn.split('-').at(-1);
      expect(permission?.options.dependsOn).toContain(`aws:lambda/function:Function ${name}Function`);
    }
  });

  test('ask for what the embedded world asks for', () => {
    for (const { name, inputs } of rules) {
      const controller = { bucket: bucketOf(PLACE), environment: 'ada', machine: ARNS.machine };
      expect(JSON.parse(inputs.eventPattern)).toEqual(patternOf(name as RuleName, controller));
    }
    expect(rules.map(({ name }) => name)).toEqual([...RULES].sort());
  });
});

function assertTakes(queueArn: string, service: string): void {
  const queue = all(ada, 'sqs/queue:Queue').find(({ inputs }) => queueArn.endsWith(`:${inputs.name}`));
  const policy = one(ada, 'sqs/queuePolicy:QueuePolicy', `${queue?.name}Policy`);
  const [statement] = JSON.parse(policy.inputs.policy).Statement;
  expect(statement).toMatchObject({ Action: 'sqs:SendMessage', Resource: queueArn });
  expect(statement.Principal.Service).toContain(service);
  expect(statement.Condition).toEqual({ StringEquals: { 'aws:SourceAccount': '111122223333' } });
}

test.each(ASYNCHRONOUS)('%s keeps what it could not do', (name) => {
  const { inputs, options } = one(
    ada,
    'lambda/functionEventInvokeConfig:FunctionEventInvokeConfig',
    `${name}Events`,
  );
  expect(inputs).toMatchObject({
    functionName: `spillway-ada-${name}`,
    maximumRetryAttempts: 2,
    destinationConfig: {
      onFailure: { destination: `arn:aws:sqs:eu-west-1:111122223333:spillway-ada-${name}-dead-letters` },
    },
  });
  expect(inputs.maximumEventAgeInSeconds).toBe(factsOf(name).triedForSeconds);
  expect(options.dependsOn).toContain(`aws:lambda/function:Function ${name}Function`);
});

describe('the journal', () => {
  const { inputs } = one(ada, 'dynamodb/table:Table', 'JournalTable');

  test('is the table that its adapter defines', () => {
    const { table, timeToLive } = tableDefinition('spillway-ada-journal');
    expect(inputs.name).toBe(table.TableName);
    expect(inputs.billingMode).toBe(table.BillingMode);
    expect(inputs.attributes).toEqual(
      table.AttributeDefinitions?.map(({ AttributeName, AttributeType }) => ({
        name: AttributeName,
        type: AttributeType,
      })),
    );
    const keyOf = (
      schema: { AttributeName?: string | undefined; KeyType?: string | undefined }[] = [],
      type: string,
    ) => schema.find(({ KeyType }) => KeyType === type)?.AttributeName;
    expect([inputs.hashKey, inputs.rangeKey]).toEqual([
      keyOf(table.KeySchema, 'HASH'),
      keyOf(table.KeySchema, 'RANGE'),
    ]);
    expect(inputs.globalSecondaryIndexes).toEqual(
      table.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
        name: IndexName,
        hashKey: keyOf(KeySchema, 'HASH'),
        rangeKey: keyOf(KeySchema, 'RANGE'),
        projectionType: Projection?.ProjectionType,
      })),
    );
    expect(inputs.streamEnabled).toBe(table.StreamSpecification?.StreamEnabled);
    expect(inputs.streamViewType).toBe(table.StreamSpecification?.StreamViewType);
    expect(inputs.ttl).toEqual({
      attributeName: timeToLive.TimeToLiveSpecification?.AttributeName,
      enabled: timeToLive.TimeToLiveSpecification?.Enabled,
    });
    expect(inputs.pointInTimeRecovery).toEqual({ enabled: true });
  });

  test('is followed for the events that its reader acts on, and no others', () => {
    const mapping = one(ada, 'lambda/eventSourceMapping:EventSourceMapping', 'JournalToStream');
    const [{ pattern }] = mapping.inputs.filterCriteria.filters;
    expect(JSON.parse(pattern)).toEqual({
      dynamodb: { NewImage: { sk: { S: ['HEAD'] }, wrote: { SS: [...WAKING, 'RolloutClosed'].sort() } } },
    });
    expect(mapping.inputs).toMatchObject({
      functionName: 'spillway-ada-JournalStream',
      bisectBatchOnFunctionError: true,
      maximumRecordAgeInSeconds: 3600,
      destinationConfig: { onFailure: { destinationArn: ARNS.deadLetters('JournalStream') } },
    });
  });
});

describe('what happens to rollouts', () => {
  test('is announced by a second reader of the stream, for events that may be transitions', () => {
    const { inputs } = one(ada, 'lambda/eventSourceMapping:EventSourceMapping', 'JournalToTransitions');
    const [{ pattern }] = inputs.filterCriteria.filters;
    expect(JSON.parse(pattern)).toEqual({
      dynamodb: {
        NewImage: {
          sk: { S: [{ prefix: 'EVENT#' }] },
          type: { S: [{ 'anything-but': [...BOOKKEEPING].sort() }] },
        },
      },
    });
    expect(inputs).toMatchObject({
      functionName: 'spillway-ada-Transitions',
      functionResponseTypes: ['ReportBatchItemFailures'],
      startingPosition: 'TRIM_HORIZON',
      maximumRecordAgeInSeconds: 21_600,
      destinationConfig: { onFailure: { destinationArn: ARNS.deadLetters('Transitions') } },
    });
  });
});

describe('the bucket of releases', () => {
  test('is private, versioned, cleaned up, and tells EventBridge', () => {
    const bucket = bucketOf(PLACE);
    expect(one(ada, 's3/bucket:Bucket', 'ReleasesBucket').inputs.bucket).toBe(bucket);
    expect(one(ada, 's3/bucketVersioning:BucketVersioning', 'ReleasesVersioning').inputs).toMatchObject({
      versioningConfiguration: { status: 'Enabled' },
    });
    expect(one(ada, 's3/bucketNotification:BucketNotification', 'ReleasesToEventBridge').inputs).toEqual({
      bucket,
      eventbridge: true,
    });
    const access = one(
      ada,
      's3/bucketPublicAccessBlock:BucketPublicAccessBlock',
      'ReleasesPublicAccessBlock',
    );
    expect(access.inputs).toEqual({
      bucket,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(all(ada, 's3/bucketCorsConfiguration:BucketCorsConfiguration')).toEqual([]);
    expect(one(ada, 's3/bucketPolicy:BucketPolicy', 'ReleasesPolicy').inputs.policy).toContain(
      'aws:SecureTransport',
    );
    const { rules } = one(
      ada,
      's3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
      'ReleasesLifecycle',
    ).inputs;
    expect(rules.map(({ id }: { id: string }) => id)).toEqual(['replaced-versions', 'unfinished-uploads']);
  });
});

describe.each([
  ['the watchdog', 'Scheduler', 'Schedules', 'spillway-ada', 'scheduler', ARNS.schedulerRole],
  ['the agenda', 'Agenda', 'AgendaSchedules', 'spillway-ada-agenda', 'agenda', ARNS.agendaRole],
] as const)('%s', (_, name, group, groupName, holder, arn) => {
  test('has a group for its schedules, and a role that only the scheduler takes for this account', () => {
    expect(one(ada, 'scheduler/scheduleGroup:ScheduleGroup', group).inputs.name).toBe(groupName);
    const role = one(ada, 'iam/role:Role', `${name}Role`).inputs;
    expect(`arn:aws:iam::111122223333:role/${role.name}`).toBe(arn);
    expect(JSON.parse(role.assumeRolePolicy)).toEqual(trustOf('scheduler.amazonaws.com', PLACE));
    const rights = one(ada, 'iam/rolePolicy:RolePolicy', `${name}Rights`).inputs;
    expect(JSON.parse(rights.policy).Statement).toEqual(lentStatementsOf(holder, PLACE));
  });
});

describe('the alarms', () => {
  const alarms = all(ada, 'cloudwatch/metricAlarm:MetricAlarm');

  test('are those of the table, and page', () => {
    expect(alarms.map(({ inputs }) => inputs.name).sort()).toEqual(
      alarmsOf(PLACE, ARNS.machine)
        .map(({ name }) => `spillway-ada-${name}`)
        .sort(),
    );
    for (const { inputs } of alarms)
      expect(inputs.alarmActions).toEqual(['arn:aws:sns:eu-west-1:111122223333:spillway-ada-pages']);
  });

  test('look at parts that exist', () => {
    const names = new Set(ada.resources.flatMap(({ inputs }) => [inputs.name]));
    for (const { name, inputs } of alarms)
      for (const { metric } of inputs.metricQueries)
        for (const value of Object.values(metric?.dimensions ?? {}))
          expect([...names, ARNS.machine, 'ada'], name).toContain(value);
  });

  test('and the dashboard name only counts that the functions write', () => {
    const named = JSON.stringify(all(ada, 'cloudwatch/dashboard:Dashboard')[0]?.inputs.dashboardBody);
    const shown = [...named.matchAll(/Spillway\\+",\\+"(\w+)/g)].map(([, metric = '']) => metric);
    const looked = alarms.flatMap(({ inputs }) =>
      inputs.metricQueries.flatMap(({ metric }: { metric?: { namespace: string; metricName: string } }) =>
        metric?.namespace === 'Spillway' ? [metric.metricName] : [],
      ),
    );
    expect(shown.length).toBeGreaterThan(10);
    for (const metric of [...shown, ...looked]) expect(Object.keys(COUNTED)).toContain(metric);
  });

  test('have at most the ten metrics that an alarm takes, and no other data than its one answer', () => {
    for (const { name, inputs } of alarms) {
      expect(inputs.metricQueries.length, name).toBeLessThanOrEqual(10);
      const answers = inputs.metricQueries.filter(({ returnData }: { returnData: boolean }) => returnData);
      expect(answers, name).toHaveLength(1);
    }
  });

  test('stand on the dashboard with what they look at', () => {
    const { dashboardBody, dashboardName } = one(ada, 'cloudwatch/dashboard:Dashboard', 'Dashboard').inputs;
    expect(dashboardName).toBe('spillway-ada');
    const { widgets } = JSON.parse(dashboardBody);
    expect(widgets[0].properties.alarms).toHaveLength(alarms.length);
    for (const { properties } of widgets.slice(1)) expect(properties.metrics.length).toBeGreaterThan(0);
  });

  test('and whoever publishes to their topic is named and of this account', () => {
    const [statement] = JSON.parse(
      one(ada, 'sns/topicPolicy:TopicPolicy', 'PagesPolicy').inputs.policy,
    ).Statement;
    expect(statement.Principal.Service).toEqual(['cloudwatch.amazonaws.com', 'events.amazonaws.com']);
    expect(statement.Condition).toEqual({ StringEquals: { 'aws:SourceAccount': '111122223333' } });
  });
});
