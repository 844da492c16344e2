import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../cli/exit-codes.ts';
import type { Client } from '../../client/client.ts';
import type { VerdictStatus } from '../../core/analysis/types.ts';
import type { Outcome, RolloutEvent } from '../../core/rollout/event.ts';
import { fold } from '../../core/rollout/state.ts';
import { closed, measured, minute, onFirstStep, opened, paused } from '../core/rollout/given.ts';
import { type Asked, fakeClient, reads, spillway } from './called.ts';

const ROLLOUT = `service: checkout-api
targets:
  api: { lambda: checkout-prod-Api, alias: live, source: http }
steps:
  - { weight: 10, bake: 10m }
watch: { errors: 1.5x }
verify: 10m
`;

let folder = '';
let file = '';
let zip = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-'));
  file = join(folder, 'rollout.yaml');
  zip = join(folder, 'api.zip');
  await writeFile(file, ROLLOUT);
  await writeFile(zip, 'zipped');
});
afterAll(() => rm(folder, { recursive: true }));

const GOOD = ['--version', 'api=8', '--release', 'r8', '--order', '8', '--local'];
const uploads = (asked: Asked[]) =>
  asked
    .filter(({ what }) => what === 'upload')
    .map(({ with: [key, body] }) => ({ key, body: new TextDecoder().decode(body as Uint8Array) }));

describe('a release', () => {
  test('of a version uploads its manifest and nothing else', async () => {
    const { client, asked } = fakeClient();
    expect(await spillway(client, 'release', file, ...GOOD)).toEqual({
      code: 0,
      out: 'checkout-api--r8--1 is uploaded',
      err: '',
    });
    const [manifest, ...more] = uploads(asked);
    expect(more).toEqual([]);
    expect(manifest?.key).toBe('releases/checkout-api/r8/manifest.json');
    expect(JSON.parse(manifest?.body ?? '')).toMatchObject({
      schema: 1,
      service: 'checkout-api',
      environment: 'production',
      release: 'r8',
      order: 8,
      targets: { api: { version: '8' } },
      rollout: { service: 'checkout-api', steps: [{ weight: 10, bake: '10m' }] },
    });
  });

  test('of a zip uploads the zip first, and its exact version stands in the manifest', async () => {
    const { client, asked } = fakeClient();
    const args = ['--zip', `api=${zip}`, '--release', 'r8', '--order', '8', '--local'];
    expect(await spillway(client, 'release', file, ...args)).toMatchObject({ code: 0 });
    const [code, manifest] = uploads(asked);
    const key = 'releases/checkout-api/r8/api.zip';
    expect(code).toEqual({ key, body: 'zipped' });
    const sha256 = createHash('sha256').update('zipped').digest('base64');
    expect(JSON.parse(manifest?.body ?? '').targets).toEqual({
      api: { zip: { key, versionId: `version of ${key}`, sha256 } },
    });
  });

  test.each([
    ['the seconds since 1970', 5, Math.floor(Date.now() / 1000)],
    ['one more than the newest that is known, where that is higher', 9e12, 9e12 + 1],
  ])('without --order has %s', async (_, order, least) => {
    const known = fold([opened({ order })]);
    const read = async (what: string) =>
      what === 'about'
        ? { environment: 'production' }
        : what === 'running'
          ? [known]
          : { completed: { order: 3 }, waiting: { order: 4 } };
    const { client, asked } = fakeClient({ read });
    await spillway(client, 'release', file, '--version', 'api=8', '--local');
    const sent = JSON.parse(uploads(asked)[0]?.body ?? '{}').order;
    expect(sent).toBeGreaterThanOrEqual(least);
    expect(sent).toBeLessThan(least + 60);
  });

  test.each(['checkout-api', 's'.repeat(40)])(
    'named by the whole hash of a commit has its beginning as id and keeps the hash, whatever the service: %s',
    async (service) => {
      const hash = '0123456789abcdef0123456789abcdef01234567';
      const named = `${folder}/${service}.yaml`;
      await writeFile(named, ROLLOUT.replace('checkout-api', service));
      const { client, asked } = fakeClient();
      const args = ['--version', 'api=8', '--release', hash, '--local'];
      const { code, out } = await spillway(client, 'release', named, ...args);
      expect({ code, out }).toEqual({ code: 0, out: `${service}--0123456789ab--1 is uploaded` });
      const { key, body } = uploads(asked)[0] ?? { key: '', body: '{}' };
      expect(key).toBe(`releases/${service}/0123456789ab/manifest.json`);
      expect(JSON.parse(body)).toMatchObject({ release: '0123456789ab', commit: hash });
    },
  );

  test('that was uploaded already says so, of its zip too', async () => {
    const taken = Object.assign(new Error('At least one of the pre-conditions did not hold'), {
      name: 'PreconditionFailed',
      $metadata: {},
    });
    const { client } = fakeClient({ upload: () => Promise.reject(taken) });
    const args = ['--zip', `api=${zip}`, '--release', 'r8', '--local'];
    expect(await spillway(client, 'release', file, ...args)).toEqual({
      code: 1,
      out: '',
      err: 'releases/checkout-api/r8/api.zip was uploaded already, and a release never changes; give this one another name with --release, or retry the rollout that was reverted.',
    });
  });

  test('says who made it of what, where it is told', async () => {
    const { client, asked } = fakeClient();
    const more = ['--commit', 'abc1234', '--author', 'grace', '--allow-older'];
    expect(await spillway(client, 'release', file, ...GOOD, ...more)).toMatchObject({ code: 0 });
    expect(JSON.parse(uploads(asked)[0]?.body ?? '')).toMatchObject({
      commit: 'abc1234',
      author: 'grace',
      allowOlder: true,
    });
  });

  test.each<[what: string, args: string[], code: number, says: string]>([
    ['a target that the file does not name', ['--version', 'worker=8'], 1, 'worker'],
    ['no artifact', [], 1, 'targets'],
    ['a version that is none', ['--version', 'api=$LATEST'], 1, '$LATEST'],
    ['a pair without a value', ['--version', 'api='], 2, '--version takes TARGET=VALUE, not "api="'],
    ['a pair without a target', ['--version', '=8'], 2, '--version takes TARGET=VALUE, not "=8"'],
    ['an order that is no number', ['--version', 'api=8', '--order', 'x'], 2, '--order takes a whole number'],
    ['a release id with a slash', ['--version', 'api=8', '--release', 'a/b'], 1, 'release'],
    ['a zip that is not there', ['--zip', 'api=/nowhere/api.zip'], 1, 'cannot be read; build it first'],
  ])('with %s is refused before anything is uploaded', async (_what, args, code, says) => {
    const { client, asked } = fakeClient();
    const called = await spillway(client, 'release', file, ...args, '--local');
    expect(called.code).toBe(code);
    expect(called.err).toContain(says);
    expect(uploads(asked)).toEqual([]);
  });

  test('of a rollout file that is wrong is refused before anything is uploaded', async () => {
    const wrong = join(folder, 'wrong.yaml');
    await writeFile(wrong, ROLLOUT.replace('weight: 10', 'weight: 1000'));
    const { client, asked } = fakeClient();
    const { code, err } = await spillway(client, 'release', wrong, ...GOOD);
    expect(code).toBe(1);
    expect(err).toContain('steps[0].weight');
    expect(uploads(asked)).toEqual([]);
  });

  test('whose zip cannot be uploaded has no manifest', async () => {
    const lost = Object.assign(new Error('exists already'), { $metadata: {} });
    const { client, asked } = fakeClient({ upload: () => Promise.reject(lost) });
    const args = ['--zip', `api=${zip}`, '--release', 'r8', '--local'];
    expect(await spillway(client, 'release', file, ...args)).toMatchObject({ code: 1 });
    expect(uploads(asked).map(({ key }) => key)).toEqual(['releases/checkout-api/r8/api.zip']);
  });
});

describe('a release that is waited for', () => {
  test.each<[Outcome, number]>([
    ['completed', 0],
    ['reverted', 10],
    ['refused', 11],
    ['superseded', 12],
    ['halted', 14],
  ])('exits by its outcome: %s with %s', async (outcome, code) => {
    expect(EXIT_CODES[outcome]).toBe(code);
    const events = [opened(), closed(12, outcome)];
    const { client } = fakeClient({ read: reads(events) });
    expect(await spillway(client, 'release', file, ...GOOD, '--wait')).toMatchObject({ code });
  });

  test('says once what it waits for in the queue, and goes on with its story', async () => {
    const told = [opened(), closed(12, 'completed')];
    let asks = 0;
    const read = async (what: string) => {
      if (what === 'about') return { environment: 'production' };
      asks += 1;
      return asks < 4 ? { events: [], waitsFor: ['checkout-api--r7--1'] } : { version: 2, events: told };
    };
    const { client } = fakeClient({ read });
    const { code, out } = await spillway(client, 'release', file, ...GOOD, '--wait');
    expect(code).toBe(0);
    expect(out.match(/r8--1 waits for checkout-api--r7--1 to end/g)).toHaveLength(1);
  });

  test('is watched on through a bad minute, which is told once', async () => {
    const told = [opened(), closed(12, 'completed')];
    const { RolloutError } = await import('../../core/errors.ts');
    let asks = 0;
    const read = async (what: string) => {
      if (what === 'about') return { environment: 'production' };
      asks += 1;
      if (asks === 1 || asks > 4)
        return { version: asks > 4 ? 2 : 1, events: told.slice(asks > 4 ? 1 : 0, asks) };
      throw new RolloutError('Unavailable', 'The journal is slow.');
    };
    const { client } = fakeClient({ read });
    const called = await spillway(client, 'release', file, ...GOOD, '--wait');
    expect(called.code).toBe(0);
    expect(called.err).toBe('The journal is slow. The rollout continues; so does this watch.');
  });

  test('is not watched on where nobody may read it', async () => {
    const denied = Object.assign(new Error('not authorized'), { $metadata: { httpStatusCode: 403 } });
    const read = async (what: string) =>
      what === 'about' ? { environment: 'production' } : Promise.reject(denied);
    const { client } = fakeClient({ read });
    expect(await spillway(client, 'release', file, ...GOOD, '--wait')).toMatchObject({
      code: 1,
      err: 'not authorized',
    });
  });

  test('tells each event once, from the one it has not seen', async () => {
    const told = [opened(), closed(12, 'completed')];
    const asks: unknown[] = [];
    const read = async (what: string, more: { after?: number }) => {
      if (what === 'about') return { environment: 'production' };
      asks.push(more.after);
      const until = asks.length === 1 ? 1 : 2;
      return { version: until, events: told.slice(more.after, until) };
    };
    const { client } = fakeClient({ read });
    const { out } = await spillway(client, 'release', file, ...GOOD, '--wait');
    expect(asks).toEqual([0, 1]);
    expect(out.match(/ opened: /g)).toHaveLength(1);
  });

  const watched = async (...events: RolloutEvent[]) => {
    const told = [...events, closed(400, 'completed')];
    const codes: unknown[] = [];
    const read = async (what: string) => {
      if (what === 'about') return { environment: 'production' };
      codes.push(process.exitCode);
      return { version: told.length, events: told };
    };
    const { client } = fakeClient({ read });
    return { codes, ...(await spillway(client, 'release', file, ...GOOD, '--wait')) };
  };

  test('is no success for whoever ends the watch before the outcome is known', async () => {
    expect(await watched(opened())).toMatchObject({ codes: [1], code: 0 });
  });

  const gates = [{ before: 50, approvers: 1, by: [], timeoutSeconds: 21_600, onTimeout: 'revert' as const }];
  const ticks = (status: VerdictStatus, from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => measured(status, [from, from + index + 1]));

  test.each<[string, RolloutEvent[], number]>([
    [
      'at a gate',
      [...onFirstStep({ gates }), { type: 'GateOpened', at: minute(2), gate: 50, until: minute(400) }],
      6,
    ],
    ['in a pause', [...onFirstStep(), paused(2)], 6],
    ['in a bake', onFirstStep(), 30],
  ])(
    'prints a verdict that stays as it is every five minutes %s, and each change',
    async (_, before, passes) => {
      const { out } = await watched(...before, ...ticks('pass', 3, 33), ...ticks('broken', 33, 35));
      expect(out.match(/pass: |healthy so far: /g)).toHaveLength(passes);
      expect(out.match(/ broken: /g)).toHaveLength(passes === 30 ? 2 : 1);
    },
  );

  test('says at a gate how to approve it', async () => {
    const gate = { type: 'GateOpened', at: minute(2), gate: 50, until: minute(400) } as const;
    expect((await watched(...onFirstStep({ gates }), gate)).out).toMatch(
      /waiting for approval before 50 %, .*\n.*spillway approve checkout-api--r8--1 --gate 50\n/,
    );
  });
});

describe('a release of a site', () => {
  const SITE = `service: shop
targets:
  web: { site: web-shop-prod }
steps:
  - { weight: 1, bake: 10m }
`;
  let file = '';
  let dist = '';
  beforeEach(async () => {
    dist = await mkdtemp(join(folder, 'dist-'));
    file = join(folder, 'site.yaml');
    await writeFile(file, SITE);
    await writeFile(join(dist, 'index.html'), 'hello');
  });

  const shop = () => {
    const stored: string[] = [];
    const site: Client['site'] = async (store) => ({
      ...{ service: 'shop', url: `https://${store}.example`, layout: 'dir' },
      standing: async () => ({ releases: [] }),
      bucket: {
        async *list() {},
        async put({ key }) {
          stored.push(key);
        },
        sha256: async () => undefined,
        read: async () => '',
        remove: async () => {},
      },
    });
    return { stored, ...fakeClient({ site }) };
  };
  const args = (...more: string[]) => [
    '--site',
    `web=${dist}`,
    '--release',
    'r8',
    '--order',
    '8',
    '--local',
    ...more,
  ];

  test('uploads its files, its list, and the manifest last', async () => {
    const { client, asked, stored } = shop();
    const { code, out, err } = await spillway(client, 'release', file, ...args());
    expect({ code, out }).toEqual({ code: 0, out: 'shop--r8--1 is uploaded' });
    expect(err).toBe('web: 1 file of 1 to upload, 5 bytes.');
    expect(stored).toEqual(['_releases/r8/index.html', 'index.html', '_releases/r8/.spillway-files.json']);
    expect(asked.filter(({ what }) => what === 'site').map((each) => each.with)).toEqual([['web-shop-prod']]);
    const [manifest] = uploads(asked);
    expect(JSON.parse(manifest?.body ?? '').targets).toEqual({ web: { site: { prefix: '_releases/r8/' } } });
  });

  test('may ask for no rollout', async () => {
    const { client, asked, stored } = shop();
    expect(await spillway(client, 'release', file, ...args('--no-rollout'))).toMatchObject({
      ...{ code: 0, out: 'r8 is uploaded, and no rollout is asked for' },
    });
    expect(stored).toHaveLength(3);
    expect(uploads(asked)).toEqual([]);
  });

  test('that was built apart has its files in a folder of its own', async () => {
    await writeFile(join(dist, 'app.js'), '1');
    const { client, stored } = shop();
    expect(await spillway(client, 'release', file, ...args('--assets', 'per-release'))).toMatchObject({
      code: 0,
    });
    expect(stored).toContain('_r/r8/app.js');
  });

  test.each<[what: string, more: string[], code: number, says: string]>([
    ['another way of assets', ['--assets', 'all'], 2, '--assets takes shared or per-release, not "all"'],
    ['a target that the file does not name', ['--site', 'docs=/tmp'], 1, 'docs'],
  ])('with %s is refused before anything is uploaded', async (_what, more, code, says) => {
    const { client, asked, stored } = shop();
    const called = await spillway(client, 'release', file, ...args(...more));
    expect(called.code).toBe(code);
    expect(called.err).toContain(says);
    expect([...stored, ...uploads(asked)]).toEqual([]);
  });

  test('whose page needs what is missing has no manifest, unless that is allowed', async () => {
    await writeFile(join(dist, 'index.html'), '<script src="/gone.js"></script>');
    const { client, asked } = shop();
    const refused = await spillway(client, 'release', file, ...args());
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('index.html needs /gone.js') });
    expect(uploads(asked)).toEqual([]);
    expect(await spillway(client, 'release', file, ...args('--allow-missing'))).toMatchObject({ code: 0 });
  });
});
