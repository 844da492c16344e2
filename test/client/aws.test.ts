import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { awsClient } from '../../client/aws.ts';
import { mayPass } from '../../client/passing.ts';
import { deployed, ID } from '../api/stage.ts';
import { aws, type Denial } from '../cli/aws-wire.ts';

const PAUSE = { command: 'pause', rolloutId: ID, by: 'ada', reason: 'odd' } as const;

/** A client of AWS, what stands where AWS would, and what it gives notice of. */
async function staged() {
  const wire = await aws(await deployed(), 'production');
  onTestFinished(() => void wire.close());
  onTestFinished(() => void vi.unstubAllEnvs());
  const env = { AWS_ENDPOINT_URL: wire.url, AWS_REGION: 'eu-central-1', AWS_EC2_METADATA_DISABLED: 'true' };
  for (const [name, value] of Object.entries({
    ...env,
    AWS_ACCESS_KEY_ID: 'AKID',
    AWS_SECRET_ACCESS_KEY: 's',
  }))
    vi.stubEnv(name, value);
  const notices: string[] = [];
  return { wire, notices, client: awsClient('production', (text) => void notices.push(text)) };
}

describe('the client of AWS', () => {
  test('asks once for the address of the API, and then only the API', async () => {
    const { client, wire, notices } = await staged();
    expect(await client.running()).toEqual([]);
    expect(await client.service('checkout-api')).toEqual({});
    await expect(client.command(PAUSE)).rejects.toMatchObject({ code: 'RolloutUnknown' });
    expect(wire.arrived.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /2021-10-31/functions/spillway-production-ApiIam/url',
      'GET /rollouts',
      'GET /services/checkout-api',
      `POST /rollouts/${ID}/pause`,
    ]);
    expect(notices).toEqual([]);
  });

  test.each<[string, Denial]>([
    ['there is none', { status: 404, name: 'ResourceNotFoundException', message: 'no URL' }],
    ['the caller may not see it', { status: 403, name: 'AccessDeniedException', message: 'no' }],
  ])(
    'without an address of the API, since %s, calls the functions, and says what that means',
    async (_, denial) => {
      const { client, wire, notices } = await staged();
      wire.deny = ({ path }) => (path.endsWith('/url') ? denial : undefined);
      expect(await client.running()).toEqual([]);
      expect(notices).toEqual([]);
      await expect(client.command(PAUSE)).rejects.toMatchObject({ code: 'RolloutUnknown' });
      expect(wire.arrived.map(({ path }) => path).filter((path) => path.includes('/functions/'))).toEqual([
        '/2021-10-31/functions/spillway-production-ApiIam/url',
        '/2015-03-31/functions/spillway-production-ReadRollout/invocations',
        '/2015-03-31/functions/spillway-production-Command/invocations',
      ]);
      expect(notices).toEqual([
        expect.stringMatching(/recorded as "ada" and not proven, and no gate counts it/),
      ]);
    },
  );

  test.each<[string, Denial, RegExp, boolean]>([
    [
      'IAM does not let it through',
      { status: 403, name: 'AccessDeniedException', message: 'Forbidden' },
      /^The present AWS identity may not do this \(Forbidden\); it needs lambda:InvokeFunctionUrl, and lambda:InvokeFunction by the function URL, on spillway-production-ApiIam\.$/,
      false,
    ],
    [
      'the credentials have expired',
      { status: 403, name: 'ExpiredTokenException', message: 'expired' },
      /^AWS does not accept these credentials \(ExpiredTokenException: expired\)/,
      false,
    ],
    [
      'there is no room',
      { status: 429, name: 'TooManyRequestsException', message: 'Rate Exceeded.' },
      /^The API did not answer \(HTTP 429: Rate Exceeded\.\); try again\.$/,
      true,
    ],
    [
      'its function ended',
      { status: 502, name: '', message: 'Internal Server Error' },
      /^The API did not answer \(HTTP 502: Internal Server Error\); try again\.$/,
      true,
    ],
  ])('says what to do where %s', async (_, denial, says, isPassing) => {
    const { client, wire } = await staged();
    wire.deny = ({ path }) => (path.startsWith('/rollouts') ? denial : undefined);
    const error = await client.running().catch((thrown: unknown) => thrown);
    expect((error as Error).message).toMatch(says);
    expect(mayPass(error)).toBe(isPassing);
  });

  test('asks for the address once more where it could not be found out', async () => {
    const { client, wire } = await staged();
    const denial = { status: 403, name: 'ExpiredTokenException', message: 'expired' };
    wire.deny = ({ path }) => (path.endsWith('/url') ? denial : undefined);
    await expect(client.running()).rejects.toThrow(/^AWS does not accept these credentials/);
    wire.deny = () => undefined;
    expect(await client.running()).toEqual([]);
  });

  test('takes no answer that it cannot read for an empty one', async () => {
    const { client } = await staged();
    onTestFinished(() => void vi.restoreAllMocks());
    vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('<html>'));
    const error = await client.command(PAUSE).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'Unavailable' });
    expect((error as Error).message).toMatch(/^The answer of the API cannot be read \(.+\); try again\.$/);
  });

  test('says that AWS cannot be reached', async () => {
    const { client, wire } = await staged();
    await client.running();
    await wire.close();
    const error = await client.running().catch((thrown: unknown) => thrown);
    expect((error as Error).message).toMatch(/^AWS could not be reached in eu-central-1 /);
    expect(mayPass(error)).toBe(true);
  });
});
