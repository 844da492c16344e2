import * as z from 'zod/mini';
import { LIMITS, SMOKE_EVENTS } from '../../core/analysis/types.ts';
import { type Fault, rule, type Says, strict, textLike } from '../../core/config/check.ts';
import { functionField } from '../../core/config/function-name.ts';
import { didYouMean } from '../../core/config/nearest.ts';
import { own, word } from '../../core/config/plain.ts';
import { sourceField, sourceOf, TARGET_NAME } from '../../core/config/targets.ts';
import type { Source, Traits } from '../../core/target.ts';
import type { TargetKind } from '../../core/target-kind.ts';

const ALIAS = /^(?!\d+$)[A-Za-z0-9_-]{1,128}$/;
/** The alias with the version of the release, unless the file says another. */
export const CANDIDATE = 'candidate';
const QUEUE = /^(?=.{1,80}$)[A-Za-z0-9_-]+(?:\.fifo)?$/;

const LIMITS_BY_SOURCE: TargetKind['limits'] = {
  dlqNew: { sqs: 'dlq', async: 'dlq' },
  oldestMessage: { sqs: 'queue', async: 'nothing' },
  iteratorAge: { stream: 'nothing' },
  batchFailures: { sqs: 'nothing', stream: 'nothing' },
};

const aliasSays: Says = ({ input }) => {
  if (input === '$LATEST')
    return 'traffic can not be divided on `$LATEST`; write the name of an alias, like `live`.';
  if (/^\d+$/.test(word(input))) return 'a number names a version; write the name of an alias, like `live`.';
  return "write the alias' name, like `live`: 1 to 128 letters, digits, hyphens and underscores.";
};

const queueSays: Says = ({ input }) => {
  const [, name] = /^(?:arn:|https:).*[:/]([\w-]{1,80}(?:\.fifo)?)$/.exec(word(input)) ?? [];
  if (name !== undefined) return `write only the queue's name: \`${name}\`.`;
  return "write the queue's name: 1 to 80 letters, digits, hyphens and underscores, with `.fifo` at its end if it has that.";
};

// Exactly optional, so that the targets of an accepted file are maps of texts.
const queueField = (description: string) =>
  z.exactOptional(textLike(QUEUE, queueSays)).check(z.describe(description));

/** An alias of a Lambda function. */
export const lambdaAliasKind: TargetKind = {
  kind: 'lambda-alias',
  field: 'lambda',
  example: '{ lambda: my-function, alias: live }',
  spec: strict({
    lambda: functionField.check(z.describe('Name of the Lambda function; no ARN.')),
    alias: textLike(ALIAS, aliasSays).check(
      z.describe('The alias that the callers use; its weights are what moves.'),
    ),
    source: sourceField.check(
      z.describe(
        'What calls it: `http` (API Gateway or a function URL), `invoke` (anything else that waits for the answer), `async` (events that wait for nobody), `sqs`, `stream` (Kinesis or DynamoDB) or `schedule`.',
      ),
    ),
    event: z
      .exactOptional(
        z.enum(SMOKE_EVENTS, {
          error: ({ input }) =>
            `${didYouMean(word(input), SMOKE_EVENTS)}write the event that its smoke tests send: ${SMOKE_EVENTS.join(', ')}.`,
        }),
      )
      .check(
        z.describe(
          'What calls a target with `source: http`, for its smoke tests: `url` (function URL, the default), `http` (HTTP API), `rest` (REST API) or `alb` (load balancer).',
        ),
      ),
    behind: z
      .exactOptional(textLike(TARGET_NAME, () => 'write the name of a target with `site`, like `web`.'))
      .check(
        z.describe(
          "The site of this file whose distribution calls it: visitors of a release get that release's version, and its alias is moved once they all have.",
        ),
      ),
    candidate: z
      .exactOptional(textLike(ALIAS, aliasSays))
      .check(
        z.describe(
          'With `behind`: the alias with the version of the release, which the distribution calls for its visitors; `candidate` if it is left out.',
        ),
      ),
    queue: queueField('Name of the SQS queue that it consumes; needed for `limits.oldestMessage`.'),
    dlq: queueField(
      'Name of the dead-letter queue that takes what `sqs` or `async` gave up; needed for `limits.dlqNew`.',
    ),
  }).check(rule(queueFaults)),
  artifacts: ['version', 'zip', 'image'],
  identity: { fields: ['lambda', 'alias'], noun: 'function and alias' },
  answersBy: ['http'],
  weightUnit: 1,
  byHand:
    'aws lambda update-alias --function-name NAME --name ALIAS --routing-config AdditionalVersionWeights={}',
  limits: LIMITS_BY_SOURCE,
};

function queueFaults(target: unknown): Fault[] {
  const [queue, dlq, source] = [own(target, 'queue'), own(target, 'dlq'), sourceOf(target)];
  const found: Fault[] = [];
  if (queue !== undefined && source !== 'sqs')
    found.push({ path: ['queue'], message: 'only a target with `source: sqs` consumes a queue; remove it.' });
  if (dlq !== undefined && !['sqs', 'async'].includes(source))
    found.push({
      path: ['dlq'],
      message: 'only a target with `source: sqs` or `async` is watched by its dead-letter queue; remove it.',
    });
  const [behind, candidate, alias] = ['behind', 'candidate', 'alias'].map((field) => own(target, field));
  if (behind !== undefined && source !== 'http')
    found.push({ path: ['behind'], message: 'a site calls only a target with `source: http`; remove it.' });
  if (candidate !== undefined && behind === undefined)
    found.push({ path: ['candidate'], message: 'only a target `behind` a site has one; remove it.' });
  if (behind !== undefined && (candidate ?? CANDIDATE) === alias)
    found.push({ path: ['candidate'], message: 'it can not be the alias that serves; write another.' });
  if (dlq !== undefined && dlq === queue)
    found.push({ path: ['dlq'], message: 'a queue can not be its own dead-letter queue; write the other.' });
  return found;
}

/** Tries of an event that fails: one, and two more (Lambda developer guide, "Asynchronous invocation"; a queue's own retries are taken for as many). */
const TRIES = 3;

/** Most failures that one visitor may make, whom the site keeps on a version (assumed). */
const CALLS_OF_VISITOR = 10;

/** Traits of a Lambda alias by what calls it, for code that need not know the kind. */
export function traitsOf(
  source: Source,
  { functionName = '', alias = '', behind }: Record<string, string>,
): Traits {
  const isLed = behind !== undefined;
  return {
    burst: isLed ? CALLS_OF_VISITOR : source === 'async' || source === 'sqs' ? TRIES : 1,
    isSticky: isLed,
    ...(isLed ? { follows: behind } : {}),
    counts: source === 'http' ? ['answers'] : source === 'sqs' || source === 'stream' ? ['batches'] : [],
    limits: Object.fromEntries(
      LIMITS.flatMap((limit) => {
        const read = LIMITS_BY_SOURCE[limit][source];
        return read === undefined ? [] : [[limit, read]];
      }),
    ),
    noun: `alias ${alias} of ${functionName}`,
    metricName: functionName,
  };
}
