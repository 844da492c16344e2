import { DEAD_LETTERS } from './alarms.ts';
import { type Place, prefixOf } from './place.ts';

/** The longest that SQS keeps a message (SQS quotas). */
const KEPT_SECONDS = 14 * 24 * 3600;

/** One queue for each function that is called without being waited for, so that a page says whose event was lost. */
export function deadLetters(place: Place) {
  const queues = DEAD_LETTERS.map((name) => {
    const queue = new aws.sqs.Queue(`${name}DeadLetters`, {
      name: `${prefixOf(place)}-${name}-dead-letters`,
      messageRetentionSeconds: KEPT_SECONDS,
      sqsManagedSseEnabled: true,
    });
    new aws.sqs.QueuePolicy(`${name}DeadLettersPolicy`, {
      queueUrl: queue.url,
      policy: $jsonStringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: ['events.amazonaws.com', 'sns.amazonaws.com'] },
            Action: 'sqs:SendMessage',
            Resource: queue.arn,
            Condition: { StringEquals: { 'aws:SourceAccount': place.account } },
          },
        ],
      }),
    });
    return [name, queue] as const;
  });
  return Object.fromEntries(queues) as Record<(typeof DEAD_LETTERS)[number], aws.sqs.Queue>;
}
