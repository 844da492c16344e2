import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { reach } from './_aws.ts';

/** A message for the subscribers of a topic. */
interface TopicMessage {
  subject: string;
  message: string;
  attributes: Record<string, string>;
}

/** Publishes to topics of SNS. The attributes are there for filters of subscriptions. */
export function snsTopics(client: SNSClient): (topicArn: string, message: TopicMessage) => Promise<void> {
  return async (TopicArn, { subject, message, attributes }) => {
    const MessageAttributes = Object.fromEntries(
      Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
    );
    const input = { TopicArn, Subject: subject, Message: message, MessageAttributes };
    await reach('SNS', () => client.send(new PublishCommand(input)));
  };
}
