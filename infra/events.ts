import type { FunctionName } from './grants.ts';
import { FOLLOWED } from './journal.ts';
import { arnsOf, bucketOf, type Place, prefixOf } from './place.ts';

/** What starts the controller's functions. */
interface Parts {
  place: Place;
  functions: Record<FunctionName, sst.aws.Function>;
  table: sst.aws.Dynamo;
  deadLetters: Record<string, aws.sqs.Queue>;
  topic: aws.sns.Topic;
}

/** How long EventBridge and Lambda try to hand over an event; after that a person has to look. */
const EVENT_AGE_SECONDS = 3600;

/** Events that open rollouts, wake them, and page people. */
export function events({ place, functions, table, deadLetters, topic }: Parts): void {
  const call = (name: FunctionName, rule: string, description: string, pattern: object) => {
    const made = new aws.cloudwatch.EventRule(rule, {
      name: `${prefixOf(place)}-${rule}`,
      description,
      eventPattern: JSON.stringify(pattern),
    });
    const functionName = `${prefixOf(place)}-${name}`;
    new aws.cloudwatch.EventTarget(
      `${rule}To${name}`,
      {
        rule: made.name,
        arn: arnsOf(place).function(name),
        deadLetterConfig: { arn: deadLetters[name]?.arn },
        retryPolicy: { maximumEventAgeInSeconds: EVENT_AGE_SECONDS, maximumRetryAttempts: 185 },
      },
      { dependsOn: [functions[name].nodes.function] },
    );
    new aws.lambda.Permission(
      `${rule}MayCall${name}`,
      {
        function: functionName,
        action: 'lambda:InvokeFunction',
        principal: 'events.amazonaws.com',
        sourceArn: made.arn,
        sourceAccount: place.account,
      },
      { dependsOn: [functions[name].nodes.function] },
    );
  };

  call('OpenRollout', 'ManifestUploaded', 'A release was uploaded', {
    source: ['aws.s3'],
    'detail-type': ['Object Created'],
    detail: {
      bucket: { name: [bucketOf(place)] },
      object: { key: [{ wildcard: 'releases/*/manifest.json' }] },
    },
  });
  call('AlarmEvent', 'AlarmChanged', 'An alarm of this account went red', {
    source: ['aws.cloudwatch'],
    'detail-type': ['CloudWatch Alarm State Change'],
    detail: { state: { value: ['ALARM'] } },
  });
  paged({ place, deadLetters, topic });

  new aws.lambda.EventSourceMapping(
    'JournalToStream',
    {
      eventSourceArn: table.nodes.table.streamArn,
      functionName: `${prefixOf(place)}-JournalStream`,
      startingPosition: 'TRIM_HORIZON',
      batchSize: 10,
      bisectBatchOnFunctionError: true,
      maximumRecordAgeInSeconds: EVENT_AGE_SECONDS,
      maximumRetryAttempts: 100,
      filterCriteria: {
        filters: [
          {
            pattern: JSON.stringify({
              dynamodb: { NewImage: { sk: { S: ['HEAD'] }, wrote: { SS: FOLLOWED } } },
            }),
          },
        ],
      },
      destinationConfig: { onFailure: { destinationArn: deadLetters.JournalStream?.arn } },
    },
    { dependsOn: [functions.JournalStream.nodes.function] },
  );
}

/** An execution that ended otherwise than a rollout ends: stopped, out of time, halted, or broken by its own definition. */
function paged({ place, deadLetters, topic }: Pick<Parts, 'place' | 'deadLetters' | 'topic'>): void {
  const rule = new aws.cloudwatch.EventRule('ExecutionEnded', {
    name: `${prefixOf(place)}-ExecutionEnded`,
    description: 'A rollout ended so that a person must look',
    eventPattern: JSON.stringify({
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: {
        stateMachineArn: [arnsOf(place).machine],
        $or: [
          { status: ['TIMED_OUT', 'ABORTED'] },
          // `anything-but` matches no field that is missing (recorded from AWS, LocalStack snapshot tests of EventBridge, 2025-10-15).
          { status: ['FAILED'], error: [{ 'anything-but': ['reverted', 'refused'] }, { exists: false }] },
        ],
      },
    }),
  });
  new aws.cloudwatch.EventTarget('ExecutionEndedToPages', {
    rule: rule.name,
    arn: topic.arn,
    deadLetterConfig: { arn: deadLetters.Pages?.arn },
    retryPolicy: { maximumEventAgeInSeconds: EVENT_AGE_SECONDS, maximumRetryAttempts: 185 },
    inputTransformer: {
      inputPaths: { name: '$.detail.name', status: '$.detail.status', error: '$.detail.error' },
      inputTemplate: `"The rollout execution <name> in ${place.environment} ended <status> <error>. See docs/operating.md, execution-died and halted."`,
    },
  });
}
