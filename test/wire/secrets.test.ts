import { LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { awsSecrets } from '../../adapters/aws-secrets.ts';
import { freshAccount } from './account.ts';

/** The adapter, whose requests go to the program, and what stores something there. */
function wired() {
  const { config, region } = freshAccount();
  const lambda = new LambdaClient(config);
  const toProgram: typeof fetch = (_url, init) => fetch(`${config.endpoint}/`, init);
  const store = async (service: string, target: string, input: object) => {
    const scope = `${config.credentials?.accessKeyId}/20260105/${region}/${service}/aws4_request`;
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': target,
      // The program reads the account and the service from it, and checks no signature.
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=unused`,
    };
    const response = await toProgram('', { method: 'POST', headers, body: JSON.stringify(input) });
    expect(response.ok, await response.text()).toBe(true);
  };
  const clock = { now: () => Date.now(), sleep: async () => {} };
  return { secrets: awsSecrets({ config: lambda.config, fetch: toProgram }, clock), store };
}

test('a secret of Secrets Manager is read', async () => {
  const { secrets, store } = wired();
  await store('secretsmanager', 'secretsmanager.CreateSecret', {
    Name: 'spillway/shop/login',
    SecretString: '{"password":"hunter2"}',
    ClientRequestToken: '11111111-1111-4111-8111-111111111111',
  });
  expect(await secrets.read({ from: 'secret', name: 'spillway/shop/login' })).toBe('{"password":"hunter2"}');
});

test('an encrypted parameter of Parameter Store is read in plain text', async () => {
  const { secrets, store } = wired();
  const parameter = { Name: '/spillway/shop/key', Value: 'k3y', Type: 'SecureString' };
  await store('ssm', 'AmazonSSM.PutParameter', parameter);
  expect(await secrets.read({ from: 'parameter', name: '/spillway/shop/key' })).toBe('k3y');
});

test.each([
  ['secret', 'spillway/shop/none'],
  ['parameter', '/spillway/shop/none'],
] as const)('a %s that does not exist is named, with the fix', async (from, name) => {
  const { secrets } = wired();
  await expect(secrets.read({ from, name })).rejects.toThrow(
    `${name} does not exist in this account and region; create it or correct its name`,
  );
});
