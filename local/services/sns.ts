import type { PublishInput, PublishResponse } from '@aws-sdk/client-sns';
import { awsError, type Operations, onlyFields, simulatedUuid } from '../sdk.ts';

/** A message as the subscribers of a topic get it. */
interface PublishedMessage {
  topicArn: string;
  subject: string | undefined;
  message: string;
  attributes: Record<string, string>;
}

/** What one message may weigh, by default (SNS API reference, Publish). */
const MESSAGE_BYTES_MAX = 256 * 1024;

/** Topics as SNS keeps them, as far as publishing goes: a subject of fewer than 100 characters of ASCII or more, without line breaks and control characters. */
export class SimulatedSNS {
  /** What was published, in order. */
  readonly published: PublishedMessage[] = [];
  readonly #topics = new Set<string>();

  /** Creates a topic. */
  topic(arn: string): void {
    this.#topics.add(arn);
  }

  readonly operations = {
    PublishCommand: (input: PublishInput): PublishResponse => this.#publish(input),
  } satisfies Operations;

  #publish(input: PublishInput): PublishResponse {
    onlyFields('Publish', input, ['TopicArn', 'Subject', 'Message', 'MessageAttributes']);
    const { TopicArn = '', Subject, Message = '', MessageAttributes = {} } = input;
    if (!this.#topics.has(TopicArn)) throw awsError('NotFoundException', 'Topic does not exist', 404);
    const isSubject = Subject === undefined || (Subject.length > 0 && Subject.length < 100);
    if (!isSubject || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(Subject ?? ''))
      throw awsError('InvalidParameterException', 'Invalid parameter: Subject');
    if (Message === '') throw awsError('InvalidParameterException', 'Invalid parameter: Empty message');
    if (Buffer.byteLength(Message) > MESSAGE_BYTES_MAX)
      throw awsError('InvalidParameterException', 'Invalid parameter: Message too long');
    this.published.push({
      ...{ topicArn: TopicArn, subject: Subject, message: Message },
      attributes: Object.fromEntries(
        Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue ?? '']),
      ),
    });
    return { MessageId: simulatedUuid(this.published.length) };
  }
}
