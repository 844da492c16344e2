import type { Account } from './account.ts';

/** One call to a service whose client is not installed, since the controller itself never calls it. @throws Error with what the program said */
export async function jsonCall(
  { id, region, config }: Pick<Account, 'id' | 'region' | 'config'>,
  target: `${'AmazonSQS' | 'AWSEvents'}.${string}`,
  input: object,
): Promise<void> {
  const service = target.startsWith('AWSEvents') ? 'events' : 'sqs';
  const answer = await fetch(config.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': target,
      authorization: `AWS4-HMAC-SHA256 Credential=${id}/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(input),
  });
  if (!answer.ok) throw new Error(`${target} was refused: ${await answer.text()}`);
}
