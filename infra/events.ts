import { type FunctionName, factsOf, patternOf, RULES, type RuleName, saysOf, startedBy } from './facts.ts';
import { FOLLOWED, UNANNOUNCED } from './journal.ts';
import { arnsOf, bucketOf, type Place, prefixOf } from './place.ts';

/** What starts the controller's functions. */
interface Parts {
  place: Place;
  functions: Record<FunctionName, sst.aws.Function>;
  table: sst.aws.Dynamo;
  deadLetters: Record<string, aws.sqs.Queue>;
  topic: aws.sns.Topic;
}

/** How long EventBridge tries to page somebody, and how often it tries at most to hand over any event; after that a person has to look. */
const PAGE_AGE_SECONDS = 3600;
const ATTEMPTS_MAX = 185;

/** Events that open rollouts, wake them, and page people. */
export function events({ place, functions, table, deadLetters, topic }: Parts): void {
  const rules = Object.fromEntries(RULES.map((rule) => [rule, eventRule(rule, place)])) as Record<
    RuleName,
    aws.cloudwatch.EventRule
  >;
  const call = (name: FunctionName, rule: RuleName) => {
    const made = rules[rule];
    const functionName = `${prefixOf(place)}-${name}`;
    new aws.cloudwatch.EventTarget(
      `${rule}To${name}`,
      {
        rule: made.name,
        arn: arnsOf(place).function(name),
        deadLetterConfig: { arn: deadLetters[name]?.arn },
        retryPolicy: {
          maximumEventAgeInSeconds: factsOf(name).triedForSeconds,
          maximumRetryAttempts: ATTEMPTS_MAX,
        },
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

  for (const rule of RULES) for (const name of startedBy(rule)) call(name, rule);
  paged({ place, deadLetters, topic }, rules.ExecutionEnded);

  new aws.lambda.EventSourceMapping(
    'JournalToTransitions',
    {
      eventSourceArn: table.nodes.table.streamArn,
      functionName: `${prefixOf(place)}-Transitions`,
      startingPosition: 'TRIM_HORIZON',
      batchSize: 25,
      functionResponseTypes: ['ReportBatchItemFailures'],
      bisectBatchOnFunctionError: true,
      maximumRecordAgeInSeconds: factsOf('Transitions').triedForSeconds,
      maximumRetryAttempts: 1000,
      filterCriteria: {
        filters: [
          {
            pattern: JSON.stringify({
              dynamodb: {
                NewImage: {
                  sk: { S: [{ prefix: 'EVENT#' }] },
                  type: { S: [{ 'anything-but': UNANNOUNCED }] },
                },
              },
            }),
          },
        ],
      },
      destinationConfig: { onFailure: { destinationArn: deadLetters.Transitions?.arn } },
    },
    { dependsOn: [functions.Transitions.nodes.function] },
  );

  new aws.lambda.EventSourceMapping(
    'JournalToStream',
    {
      eventSourceArn: table.nodes.table.streamArn,
      functionName: `${prefixOf(place)}-JournalStream`,
      startingPosition: 'TRIM_HORIZON',
      batchSize: 10,
      bisectBatchOnFunctionError: true,
      maximumRecordAgeInSeconds: factsOf('JournalStream').triedForSeconds,
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

function eventRule(rule: RuleName, place: Place): aws.cloudwatch.EventRule {
  const { environment } = place;
  const pattern = patternOf(rule, { bucket: bucketOf(place), environment, machine: arnsOf(place).machine });
  return new aws.cloudwatch.EventRule(rule, {
    name: `${prefixOf(place)}-${rule}`,
    description: saysOf(rule),
    eventPattern: JSON.stringify(pattern),
  });
}

/**
 * An execution that ended otherwise than a rollout ends: stopped, out of time, halted, or broken by its own definition. Its pattern
 * asks for a missing error as well, since `anything-but` matches no field that is missing (recorded from AWS, LocalStack snapshot
 * tests of EventBridge, 2025-10-15).
 */
function paged(
  { place, deadLetters, topic }: Pick<Parts, 'place' | 'deadLetters' | 'topic'>,
  rule: aws.cloudwatch.EventRule,
): void {
  new aws.cloudwatch.EventTarget('ExecutionEndedToPages', {
    rule: rule.name,
    arn: topic.arn,
    deadLetterConfig: { arn: deadLetters.Pages?.arn },
    retryPolicy: { maximumEventAgeInSeconds: PAGE_AGE_SECONDS, maximumRetryAttempts: ATTEMPTS_MAX },
    inputTransformer: {
      inputPaths: { name: '$.detail.name', status: '$.detail.status', error: '$.detail.error' },
      inputTemplate: `"The rollout execution <name> in ${place.environment} ended <status> <error>. See docs/operating.md, execution-died and halted."`,
    },
  });
}
