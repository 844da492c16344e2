import { LambdaClient } from '@aws-sdk/client-lambda';
import type { Account } from './account.ts';

type Caller = Pick<Account, 'region' | 'config'>;

const SERVICES = {
  AmazonSQS: 'sqs',
  AWSEvents: 'events',
  Logs_20140328: 'logs',
  secretsmanager: 'secretsmanager',
} as const;

/** One call to a service whose client is not installed, since the controller itself never calls it. @throws Error with what was said */
export async function jsonCall(
  account: Caller,
  target: `${keyof typeof SERVICES}.${string}`,
  input: object,
): Promise<Record<string, unknown>> {
  const [service = ''] = target.split('.');
  const isQueue = service === 'AmazonSQS';
  const text = await signedCall(account, SERVICES[service as keyof typeof SERVICES], JSON.stringify(input), {
    'content-type': `application/x-amz-json-1.${isQueue ? 0 : 1}`,
    'x-amz-target': target,
  });
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

const VERSIONS = { sts: '2011-06-15', iam: '2010-05-08' };

/** One call to a service that takes a form and answers with XML. @throws Error with what was said */
export function formCall(
  account: Caller,
  service: keyof typeof VERSIONS,
  Action: string,
  fields: Record<string, string> = {},
): Promise<string> {
  const body = new URLSearchParams({ Action, Version: VERSIONS[service], ...fields }).toString();
  return signedCall(account, service, body, { 'content-type': 'application/x-www-form-urlencoded' });
}

/** The values of an element in such an answer, wherever they stand. */
export const valuesOf = (xml: string, element: string): string[] =>
  [...xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))].map(([, value = '']) => value);

async function signedCall(
  { region, config }: Caller,
  service: string,
  body: string,
  headers: Record<string, string>,
): Promise<string> {
  const isGlobal = service === 'iam';
  const signingRegion = isGlobal ? 'us-east-1' : region;
  const url = new URL(config.endpoint ?? `https://${service}.${isGlobal ? '' : `${region}.`}amazonaws.com`);
  // Any client brings what credentials are found and signed with.
  const { config: known } = new LambdaClient(config);
  const signer = await known.signer({
    name: 'sigv4',
    signingName: service,
    signingRegion,
    properties: {},
  });
  const signed = await signer.sign({
    ...{ method: 'POST', protocol: url.protocol, hostname: url.hostname, path: '/', query: {}, body },
    headers: { host: url.host, ...headers },
  } as Parameters<typeof signer.sign>[0]);
  const { host: _, ...sent } = signed.headers;
  const answer = await fetch(url, { method: 'POST', headers: sent, body });
  const text = await answer.text();
  if (answer.ok) return text;
  const action = headers['x-amz-target'] ?? new URLSearchParams(body).get('Action');
  throw new Error(`${action} was refused with ${answer.status}: ${text}`);
}
