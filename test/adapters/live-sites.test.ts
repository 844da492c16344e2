import { describe, expect, test } from 'vitest';
import { liveSites } from '../../adapters/live-sites.ts';
import { awsError } from '../../local/sdk.ts';

const OWNER = JSON.stringify({ service: 'shop', beacon: 'a-key-of-the-site' });
const VALUE = JSON.stringify({ s: 'r41', c: 'r42', w: 100, i: 'c:user' });

/** Stores with these keys, at a time that the test sets. */
function given(keys: Record<string, string> = { 'spillway-site': OWNER, spillway: VALUE }) {
  const at = { now: 0, error: undefined as Error | undefined, made: 0 };
  const calls: string[] = [];
  const sites = liveSites(
    {
      async find(name) {
        calls.push(`find ${name}`);
        if (at.error !== undefined) throw at.error;
        if (!name.startsWith('web')) throw awsError('EntityNotFound', 'There is no such store.', 404);
        return `arn ${at.made} of ${name}`;
      },
      async get(arn, key) {
        calls.push(`get ${key}`);
        if (at.error !== undefined) throw at.error;
        if (!arn.startsWith(`arn ${at.made} `)) throw awsError('NoSuchResource', 'There is none.', 404);
        const value = keys[key];
        if (value === undefined) throw awsError('ResourceNotFoundException', 'There is no such key.', 404);
        return value;
      },
    },
    { now: () => at.now, sleep: async () => {} },
  );
  return { at, calls, sites };
}

describe('a live site', () => {
  test('is what its store says, read once in some seconds', async () => {
    const { at, calls, sites } = given();
    const found = { key: 'a-key-of-the-site', releases: ['r41', 'r42'], knownBy: 'c:user', segments: [] };
    for (let nth = 0; nth < 100; nth++) expect(await sites.find('web')).toEqual(found);
    expect(calls).toEqual(['find web', 'get spillway-site', 'get spillway']);
    at.now = 10_000;
    await sites.find('web');
    expect(calls.slice(3)).toEqual(['get spillway-site', 'get spillway']);
  });

  test.each<[what: string, keys: Record<string, string>]>([
    ['that wants no reports', { 'spillway-site': '{"service":"shop"}', spillway: VALUE }],
    ['whose key is short', { 'spillway-site': '{"beacon":"x"}', spillway: VALUE }],
    ['without an owner', { spillway: VALUE }],
    ['without a value', { 'spillway-site': OWNER }],
    ['whose value is malformed', { 'spillway-site': OWNER, spillway: '{"s":' }],
    ['whose value is something else', { 'spillway-site': OWNER, spillway: 'null' }],
  ])('%s takes none', async (_what, keys) => {
    expect(await given(keys).sites.find('web')).toBeUndefined();
  });

  const ask = async (sites: ReturnType<typeof given>['sites'], from: number, to: number) => {
    for (let nth = from; nth < to; nth++) expect(await sites.find(`gone-${nth}`)).toBeUndefined();
  };

  test('is found however many names are invented', async () => {
    const { at, calls, sites } = given();
    expect(await sites.find('web')).toBeDefined();
    for (at.now = 10_000; at.now < 60_000; at.now += 10_000) {
      await ask(sites, at.now, at.now + 100);
      expect(await sites.find('web')).toBeDefined();
    }
    expect(calls.filter((call) => call.startsWith('find gone'))).toHaveLength(50);
  });

  test('that does not exist is not asked for again for a minute', async () => {
    const { at, calls, sites } = given();
    for (; at.now < 60_000; at.now += 1_000) expect(await sites.find('gone')).toBeUndefined();
    expect(calls).toHaveLength(1);
    expect(await sites.find('gone')).toBeUndefined();
    expect(calls).toHaveLength(2);
  });

  test('whose store was made again is found again', async () => {
    const { at, sites } = given();
    expect(await sites.find('web')).toBeDefined();
    [at.now, at.made] = [10_000, 1];
    expect(await sites.find('web')).toBeUndefined();
    at.now = 70_000;
    expect(await sites.find('web')).toBeDefined();
  });

  test('that cannot be read just now is unavailable, and asked for later', async () => {
    const { at, calls, sites } = given();
    at.error = awsError('ThrottlingException', 'Rate exceeded', 429);
    await expect(sites.find('web')).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(sites.find('web')).rejects.toMatchObject({ code: 'Unavailable' });
    expect(calls).toHaveLength(1);
    at.error = undefined;
    at.now = 10_000;
    expect(await sites.find('web')).toBeDefined();
  });

  test('whose store may not be read fails as it is', async () => {
    const { at, sites } = given();
    at.error = awsError('AccessDeniedException', 'not authorized', 403);
    await expect(sites.find('web')).rejects.toThrow('not authorized');
  });
});
