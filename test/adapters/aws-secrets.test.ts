import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { awsSecrets } from '../../adapters/aws-secrets.ts';
import { secretServers } from '../../local/services/secrets.ts';

const REGION = 'eu-west-1';
const stores = {
  secrets: new Map([['spillway/shop/login', '{"password":"hunter2"}']]),
  parameters: new Map([['/spillway/shop/key', 'k3y']]),
};
const lambda = new LambdaClient({
  region: REGION,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example', sessionToken: 'session' },
});

function setUp(answer?: (request: Request) => Promise<Response> | Response) {
  let now = Date.UTC(2026, 0, 5, 9);
  const sent: Request[] = [];
  const servers = secretServers(stores, REGION);
  const fetched: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    sent.push(request.clone());
    const server = answer ?? servers[new URL(request.url).host];
    if (server === undefined) throw new TypeError('fetch failed');
    return server(request);
  };
  const clock = { now: () => now, sleep: async () => {} };
  const secrets = awsSecrets({ config: lambda.config, fetch: fetched }, clock);
  return { secrets, sent, pass: (ms: number) => (now += ms) };
}
const SECRET = { from: 'secret', name: 'spillway/shop/login' } as const;
const PARAMETER = { from: 'parameter', name: '/spillway/shop/key' } as const;

test('a secret and a parameter are read by requests that are signed for their service', async () => {
  const { secrets, sent } = setUp();
  expect(await secrets.read(SECRET)).toBe('{"password":"hunter2"}');
  expect(await secrets.read(PARAMETER)).toBe('k3y');
  expect(sent.map(({ url }) => url)).toEqual([
    'https://secretsmanager.eu-west-1.amazonaws.com/',
    'https://ssm.eu-west-1.amazonaws.com/',
  ]);
  expect(sent.map(({ headers }) => headers.get('x-amz-target'))).toEqual([
    'secretsmanager.GetSecretValue',
    'AmazonSSM.GetParameter',
  ]);
  expect(sent[1]?.headers.get('authorization')).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260105\/eu-west-1\/ssm\/aws4_request, SignedHeaders=content-type;host;.*x-amz-target, Signature=[0-9a-f]{64}$/,
  );
  expect(sent[1]?.headers.get('x-amz-security-token')).toBe('session');
  expect(await sent[1]?.json()).toEqual({ Name: '/spillway/shop/key', WithDecryption: true });
});

test('a value is read once a minute, however often it is needed', async () => {
  const { secrets, sent, pass } = setUp();
  for (let time = 0; time < 5; time++) await secrets.read(SECRET);
  expect(sent).toHaveLength(1);
  pass(60_000);
  await secrets.read(SECRET);
  expect(sent).toHaveLength(2);
});

describe('what cannot be read is named, with the fix, and nothing that the service said is repeated', () => {
  const refusing = (__type: string, status = 400) =>
    setUp(() => Response.json({ __type, message: 'the password is hunter2' }, { status })).secrets;

  test.each<[string, ReturnType<typeof refusing>, string]>([
    [
      'a missing secret',
      refusing('ResourceNotFoundException'),
      'does not exist in this account and region; create it',
    ],
    [
      'a missing parameter',
      refusing('com.amazonaws.ssm#ParameterNotFound'),
      'does not exist in this account',
    ],
    [
      'a refusal',
      refusing('AccessDeniedException'),
      'may not be read by the controller (AccessDeniedException)',
    ],
    ['a throttle', refusing('ThrottlingException'), 'could not be read (ThrottlingException)'],
    [
      'an answer of no type',
      setUp(() => new Response('hunter2', { status: 503 })).secrets,
      'could not be read (HTTP 503)',
    ],
    [
      'no text',
      setUp(() => Response.json({ SecretBinary: 'aHVudGVyMg==' })).secrets,
      'holds no text; store one there',
    ],
    [
      'no answer',
      setUp(() => {
        throw new TypeError('fetch failed: hunter2');
      }).secrets,
      'could not be read: TypeError',
    ],
  ])('%s', async (_name, secrets, why) => {
    const error = await secrets.read(SECRET).then(String, String);
    expect(error).toContain(`Secrets Manager secret spillway/shop/login ${why}`);
    expect(error).not.toContain('hunter2');
  });
});
