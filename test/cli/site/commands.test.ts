import { describe, expect, test } from 'vitest';
import type { Client } from '../../../client/client.ts';
import { siteFault } from '../../../core/site/owner.ts';
import { triedBy } from '../../../edge/try.ts';
import { answering, fakeClient, spillway } from '../called.ts';

const DAY_MS = 86_400_000;
const KEY = 'k'.repeat(32);

/** A site with releases of so many days ago, the newest last, of which `r3` serves. */
function shop({
  releases = ['r3'],
  unread = '',
  key = KEY,
  earlier = [] as string[],
  environment = undefined as string | undefined,
  plain = { etag: 'own', sha256: '' },
} = {}) {
  const ages = { r1: 90, r2: 80, r3: 70, r4: 60, r5: 1 };
  const list = (release: string) =>
    JSON.stringify({
      ...{ schema: 1, release, documents: ['/index.html'], releaseBound: [], elsewhere: [] },
      assets: ['/assets/all.js', `/assets/${release}-1b2c3d4e.js`],
    });
  const objects = Object.entries(ages).flatMap(([release, days]) =>
    [
      `_releases/${release}/index.html`,
      `_releases/${release}/.spillway-files.json`,
      `assets/${release}-1b2c3d4e.js`,
    ].map((each) => ({ key: each, bytes: 10, etag: `of ${each}`, at: Date.now() - days * DAY_MS })),
  );
  const removed: string[] = [];
  const site: Client['site'] = async (store) => {
    if (store !== 'web-shop') throw siteFault(store, 'does not exist in this account');
    return {
      ...{ service: 'shop', environment, url: 'https://shop.example', layout: 'dir' },
      standing: async () => ({ releases, ...(key === '' ? {} : { key }) }),
      bucket: {
        async *list() {
          yield* objects;
          for (const each of ['assets/all.js', 'index.html', 'photos/cat.jpg'])
            yield { key: each, bytes: 10, etag: plain.etag, at: 0 };
        },
        put: async () => {},
        sha256: async (each) =>
          each === 'index.html' ? plain.sha256 || undefined : `hash of ${each.split('/')[1]}`,
        read: async (each) => (each.includes(`/${unread}/`) ? '' : list(each.split('/')[1] ?? '')),
        async remove(keys) {
          removed.push(...keys);
        },
      },
    };
  };
  const read = async (what: string) =>
    what === 'service'
      ? {
          earlier: earlier.map((version) => ({
            release: version,
            order: 1,
            targets: [{ version }, { version: '12' }],
          })),
        }
      : what === 'about'
        ? { environment: 'staging' }
        : [];
  return { objects, removed, ...fakeClient({ site, read: read as never }) };
}

const OLD = ['r1', 'r2'].flatMap((each) => [`assets/${each}-1b2c3d4e.js`, `_releases/${each}/index.html`]);
const LISTS = ['r1', 'r2'].map((each) => `_releases/${each}/.spillway-files.json`);

describe('prune', () => {
  const args = ['prune', 'web-shop', '--keep', '2', '--local'];

  test('removes what no release that may be needed has, and nothing that no release names', async () => {
    const { client, removed } = shop();
    const { code, out } = await spillway(client, ...args, '--yes');
    expect(code).toBe(0);
    expect(out).toContain('stay: r5, r4, r3');
    expect(out).toContain('removed 2 releases of 5 (r2, r1), 6 files, 60 bytes');
    expect([...removed].sort()).toEqual([...OLD, ...LISTS].sort());
    expect(removed.slice(-2).sort()).toEqual(LISTS);
  });

  test.each([['asks first', (answer: string) => answering(shop().client, () => answer, ...args)]])(
    '%s',
    async (_name, ask) => {
      expect((await ask('n')).out).not.toContain('removed');
      expect((await ask('y')).out).toContain('removed 2 releases');
    },
  );

  test('removes nothing if a release came while it asked', async () => {
    const { client, objects, removed } = shop();
    const { code, err } = await answering(
      client,
      () => {
        // Its files were there already, and only r1 has named them so far.
        objects.push({
          ...{ key: '_releases/r6/.spillway-files.json', bytes: 10, etag: 'new', at: Date.now() },
        });
        return 'y';
      },
      ...args,
    );
    expect({ code, removed }).toEqual({ code: 1, removed: [] });
    expect(err).toContain('r6 has been uploaded since a moment ago');
  });

  test('removes nothing where nobody can be asked, nor in a dry run', async () => {
    const { client, removed } = shop();
    expect(await spillway(client, ...args)).toMatchObject({ code: 2 });
    expect((await spillway(client, ...args, '--dry-run')).out).toContain('could go: 2 releases of 5');
    expect(removed).toEqual([]);
  });

  test.each([
    ['serves', { releases: ['r1', 'r3'] }],
    ['a rollback may go to', { earlier: ['r1'] }],
    ['answers at plain paths', { plain: { etag: 'of _releases/r1/index.html', sha256: '' } }],
    ['answers there from a bucket with keys of KMS', { plain: { etag: 'own', sha256: 'hash of r1' } }],
  ])('keeps a release that %s, however old', async (_name, given) => {
    const { client, removed } = shop(given);
    await spillway(client, ...args, '--yes');
    expect(removed.filter((key) => /r1\b/.test(key))).toEqual([]);
    expect(removed).toContain('_releases/r2/index.html');
  });

  test.each([
    ['whose list cannot be read', { unread: 'r3' }, 'The list of release r3, which stays, cannot be read'],
    ['of another environment', { environment: 'production' }, 'moved by the controller of production'],
    ['that serves and is not there', { releases: ['r0'] }, 'r0 may be needed and has no files there'],
  ])('removes nothing beside a release %s', async (_name, given, said) => {
    const { client, removed } = shop(given);
    const { code, err } = await spillway(client, ...args, '--yes');
    expect({ code, removed }).toEqual({ code: 1, removed: [] });
    expect(err).toContain(said);
  });
});

describe('try', () => {
  const args = ['try', 'web-shop', 'r3', '--local', '--json'];

  test('prints a cookie that the edge takes, until it ends', async () => {
    const { out } = await spillway(shop().client, ...args, '--for', '30m');
    const { cookie, until } = JSON.parse(out);
    expect(Date.parse(until) - Date.now()).toBeGreaterThan(29 * 60_000);
    const request = {
      method: 'GET',
      uri: '/',
      querystring: {},
      headers: {},
      cookies: { [cookie.name]: cookie },
    };
    expect(triedBy({ s: 'r2', k: KEY }, request)).toBe('r3');
    expect(triedBy({ s: 'r2', k: 'another' }, request)).toBe('');
    const said = await spillway(shop().client, ...args.slice(0, -1));
    expect(said.out).toMatch(/document\.cookie = "__Host-spillway-try=r3~.*Max-Age=3600"/);
  });

  test.each([
    ['what is no site', ['try', 'api', 'r3', '--local'], {}, 'The site api does not exist'],
    [
      'a release that does not serve',
      ['try', 'web-shop', 'r9', '--local'],
      {},
      'leads nobody to r9 now, only to r3',
    ],
    ['a store without a key', args, { key: '' }, 'has no `k`'],
    ['a time that the edge does not take', [...args, '--for', '2d'], {}, '--for takes a time from 1m to 12h'],
  ])('refuses %s', async (_name, given, more, said) => {
    const { code, err, out } = await spillway(shop(more).client, ...given);
    expect(code).not.toBe(0);
    expect(err + out).toContain(said);
  });
});
