import type { WebServer } from '../web-server.ts';

/** What SQS was sent, as far as sending goes: by queue, the bodies of its messages. */
export type SimulatedQueues = Map<string, string[]>;

/** Answers SendMessage by its wire format (JSON 1.0), for its host. A request without a signature is refused, as AWS refuses it; the signature itself is not checked. */
export function sqsServer(queues: SimulatedQueues, region: string): Record<string, WebServer> {
  return {
    [`sqs.${region}.amazonaws.com`]: async (request) => {
      if (!/^AWS4-HMAC-SHA256 Credential=/.test(request.headers.get('authorization') ?? ''))
        return Response.json({ __type: 'MissingAuthenticationToken' }, { status: 403 });
      const asked = request.headers.get('x-amz-target');
      if (asked !== 'AmazonSQS.SendMessage') throw new Error(`${asked} is not simulated.`);
      const { QueueUrl, MessageBody, ...others } = (await request.json()) as Record<string, string>;
      if (Object.keys(others).length > 0)
        throw new Error(`SendMessage with ${Object.keys(others)} is not simulated.`);
      const messages = queues.get(QueueUrl ?? '');
      if (messages === undefined)
        return Response.json({ __type: 'com.amazonaws.sqs#QueueDoesNotExist' }, { status: 400 });
      messages.push(MessageBody ?? '');
      return Response.json({ MessageId: `${messages.length}` });
    },
  };
}
