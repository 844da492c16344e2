import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { artifactOf, manifestKeyFrom, rolloutIdFrom } from '../../../core/config/manifest.ts';
import { RolloutError } from '../../../core/errors.ts';
import { rolloutIdParts } from '../../../core/rollout/service.ts';
import { times } from '../../deep.ts';
import { manifestFrom, rolloutFileFrom } from '../../formats.ts';
import { changed, fullFile, leastFile, thrownBy } from './files.ts';

const KEY = { service: 'checkout-api', release: '2026-01-05.3' };

const HEX = '00ff10'.padEnd(64, 'a');
const BASE64 = Buffer.from(HEX, 'hex').toString('base64');
const ZIP = { key: 'releases/checkout-api/2026-01-05.3/worker.zip', versionId: 'L4kq.x_1', sha256: BASE64 };
const IMAGE = `123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/orders@sha256:${HEX}`;

const manifest = (): Record<string, unknown> => ({
  schema: 1,
  service: 'checkout-api',
  environment: 'prod',
  release: '2026-01-05.3',
  order: 7,
  commit: 'abc123',
  author: 'Ada <ada@example.com>',
  targets: {
    api: { version: '12' },
    worker: { zip: ZIP },
    orders: { image: IMAGE },
    events: { version: '3' },
  },
  rollout: fullFile(),
  allowOlder: true,
  reversible: true,
  requires: { completedIn: 'staging' },
});

const bytes = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const read = (input: Uint8Array) => manifestFrom(input, KEY, 'prod');

function problemsOf(input: Uint8Array): string[] {
  const error = thrownBy(() => read(input));
  expect(RolloutError.is(error, 'ManifestInvalid'), String(error)).toBe(true);
  return error.message.split('\n');
}

describe('a good manifest', () => {
  test('is read with the rollout file that it carries', () => {
    expect(read(bytes(manifest()))).toEqual({ ...manifest(), rollout: rolloutFileFrom(fullFile()) });
  });

  test('needs neither commit nor author, and is reversible where it does not say so', () => {
    const least = {
      schema: 1,
      environment: 'prod',
      ...KEY,
      order: 0,
      targets: { api: { version: '1' } },
      rollout: leastFile(),
    };
    expect(read(bytes(least))).toEqual({ ...least, reversible: true, rollout: rolloutFileFrom(leastFile()) });
  });

  test('says of each target what it is to serve', () => {
    const read12 = read(bytes(manifest()));
    expect(artifactOf(read12, 'api')).toEqual({ version: '12' });
    expect(artifactOf(read12, 'worker')).toEqual({ zip: ZIP });
    expect(artifactOf(read12, 'orders')).toEqual({ image: IMAGE });
    expect(() => artifactOf(read12, 'toString')).toThrow('The manifest has no target "toString".');
  });

  test('may say that its release can not be reverted', () => {
    expect(read(bytes({ ...manifest(), reversible: false })).reversible).toBe(false);
  });

  test.each([HEX, HEX.toUpperCase(), BASE64])('has the sum of a zip as Lambda tells it: %s', (sha256) => {
    const value = changed(manifest(), ['targets', 'worker', 'zip', 'sha256'], sha256);
    expect(artifactOf(read(bytes(value)), 'worker')).toEqual({ zip: ZIP });
  });

  test('gives each sum of 32 bytes the same form, written either way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (sum) => {
        const sums = (['hex', 'base64'] as const).map((form) => {
          const sha256 = Buffer.from(sum).toString(form);
          const value = changed(manifest(), ['targets', 'worker', 'zip', 'sha256'], sha256);
          return artifactOf(read(bytes(value)), 'worker');
        });
        expect(sums[0]).toEqual({ zip: { ...ZIP, sha256: Buffer.from(sum).toString('base64') } });
        expect(sums[1]).toEqual(sums[0]);
      }),
      { numRuns: 200 },
    );
  });

  test('may begin with a byte order mark', () => {
    expect(read(bytes(`\ufeff${JSON.stringify(manifest())}`)).order).toBe(7);
  });
});

describe('a bad manifest is refused with the place, what stands there and the fix', () => {
  test.each<[string, string[], unknown, string]>([
    ['no schema', ['schema'], undefined, 'schema is missing: the schema of a manifest is 1'],
    [
      'newer schema',
      ['schema'],
      2,
      'schema is 2: the schema of a manifest is 1; a newer one needs a newer controller.',
    ],
    ['unknown key', ['ordr'], 1, 'ordr is not a known key: did you mean `order`?'],
    [
      'service of another path',
      ['service'],
      'other',
      'service is "other": its path is that of `checkout-api`; make the two agree.',
    ],
    [
      'release of another path',
      ['release'],
      '9',
      'release is "9": its path is that of `2026-01-05.3`; make the two agree.',
    ],
    [
      'other environment',
      ['environment'],
      'staging',
      'environment is "staging": this controller serves `prod`; upload it to its own environment.',
    ],
    ['no environment', ['environment'], undefined, 'environment is missing:'],
    ['order below 0', ['order'], -1, 'order is -1: write a whole number'],
    ['order of a fraction', ['order'], 1.5, 'order is 1.5: write a whole number'],
    ['unsafe order', ['order'], 2 ** 53, 'order is 9007199254740992: write a whole number'],
    ['order as text', ['order'], '7', 'order is "7": write a whole number'],
    ['long commit', ['commit'], 'a'.repeat(201), 'write a text of 1 to 200 characters'],
    ['author with control characters', ['author'], '\u001b[2J', 'author is "\\u001b[2J": write a text'],
    [
      'no author, whom a gate excludes',
      ['author'],
      undefined,
      'author is missing: a gate of the rollout file does not count the author (`notAuthor`); write who that is.',
    ],
    ['allowOlder as text', ['allowOlder'], 'yes', 'allowOlder is "yes": write true or false.'],
    ['reversible as text', ['reversible'], 'no', 'reversible is "no": write true or false.'],
    [
      'environment that is waited for as a text',
      ['requires'],
      'staging',
      'requires is "staging": write a map of completedIn here.',
    ],
    [
      'no environment to wait for',
      ['requires'],
      {},
      'requires.completedIn is missing: write the name of an environ',
    ],
    [
      'release that waits for itself',
      ['requires', 'completedIn'],
      'prod',
      'requires.completedIn is "prod": it is the environment of this release itself; name the one that comes before it.',
    ],
    [
      '$LATEST',
      ['targets', 'api', 'version'],
      '$LATEST',
      'targets.api.version is "$LATEST": `$LATEST` changes under the rollout; publish a version',
    ],
    [
      'version as number',
      ['targets', 'api', 'version'],
      12,
      'targets.api.version is 12: a version is a text; write "12" in quotes.',
    ],
    [
      'version 0',
      ['targets', 'api', 'version'],
      '0',
      'targets.api.version is "0": write the number of a published version',
    ],
    [
      'version of a word',
      ['targets', 'api', 'version'],
      'live',
      'targets.api.version is "live": write the number',
    ],
    [
      'nothing to serve',
      ['targets', 'api'],
      {},
      'targets.api is {}: write exactly one of `version`, `zip`, `image` and `site`, like {"version": "12"}.',
    ],
    [
      'two things to serve',
      ['targets', 'api'],
      { version: '1', image: IMAGE },
      '`version` is set here too; keep one of the two.',
    ],
    [
      'site of a function',
      ['targets', 'api'],
      { site: { prefix: '_releases/r1/' } },
      'the rollout file says that this target is a lambda, which takes `version`, `zip` or `image`; write that instead.',
    ],
    [
      'prefix out of its folder',
      ['targets', 'api'],
      { site: { prefix: '_releases/../' } },
      "write where the release of the site was uploaded to in the site's bucket, like `_releases/",
    ],
    [
      'misspelt artifact',
      ['targets', 'api'],
      { zpi: {} },
      'targets.api.zpi is not a known key: did you mean `zip`?',
    ],
    [
      'empty zip',
      ['targets', 'worker', 'zip'],
      {},
      'targets.worker.zip.versionId is missing: write the version id',
    ],
    [
      'zip of another service',
      ['targets', 'worker', 'zip', 'key'],
      'releases/other/2026-01-05.3/a.zip',
      'it must lie under `releases/checkout-api/2026-01-05.3/`, where this release is uploaded.',
    ],
    [
      'zip of another release',
      ['targets', 'worker', 'zip', 'key'],
      'releases/checkout-api/2026-01-05.30/a.zip',
      'it must lie under `releases/checkout-api/2026-01-05.3/`',
    ],
    ...['../../other/1/a.zip', './a.zip', '/a.zip', 'a//b.zip', 'a.zip/', '', 'a/..', 'ä.zip', 'a\n'].map(
      (end): [string, string[], unknown, string] => [
        `zip at ${JSON.stringify(end)}`,
        ['targets', 'worker', 'zip', 'key'],
        `releases/checkout-api/2026-01-05.3/${end}`,
        ': write the key of the uploaded zip file',
      ],
    ),
    [
      'zip without version',
      ['targets', 'worker', 'zip', 'versionId'],
      undefined,
      'targets.worker.zip.versionId is missing: write the version id that S3 answered to the upload.',
    ],
    [
      'zip of a bucket without versions',
      ['targets', 'worker', 'zip', 'versionId'],
      'null',
      'targets.worker.zip.versionId is "null": the bucket keeps no versions, so the file could change under the rollout',
    ],
    ...[
      HEX.slice(1),
      `${HEX}0`,
      `g${HEX.slice(1)}`,
      BASE64.slice(1),
      `${BASE64.slice(0, 42)}B=`,
      BASE64.slice(0, 43),
    ].map((sha256): [string, string[], unknown, string] => [
      `sum ${sha256}`,
      ['targets', 'worker', 'zip', 'sha256'],
      sha256,
      ': write the SHA-256 of the zip file: 64 hexadecimal digits, or the 32 bytes in base64.',
    ]),
    [
      'image by its tag',
      ['targets', 'orders', 'image'],
      '1.dkr.ecr.eu-west-1.amazonaws.com/shop:v1',
      'a tag can be moved to another image; write `1.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:` and the 64 hexadecimal digits of its digest.',
    ],
    [
      'image by its tag, on a port',
      ['targets', 'orders', 'image'],
      'registry.example:5000/shop:v1',
      'write `registry.example:5000/shop@sha256:`',
    ],
    [
      'image by tag and digest',
      ['targets', 'orders', 'image'],
      IMAGE.replace('@', ':v1@'),
      'a tag can be moved to another image; write',
    ],
    ...[
      'shop',
      `shop@sha256:${HEX}`,
      IMAGE.slice(0, -1),
      IMAGE.replace('shop', 'Shop'),
      IMAGE.toUpperCase(),
    ].map((image): [string, string[], unknown, string] => [
      `image ${image}`,
      ['targets', 'orders', 'image'],
      image,
      ': write an image by its digest, like `123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:`',
    ]),
    [
      'inherited name',
      ['targets', 'toString'],
      { version: '1' },
      'targets.toString is {"version":"1"}: the rollout file has no such target',
    ],
    [
      'target that the file lacks',
      ['targets', 'apo'],
      { version: '1' },
      'targets.apo is {"version":"1"}: the rollout file has no such target; remove it.',
    ],
    [
      'target without version',
      ['targets', 'api'],
      undefined,
      'targets.api is missing: the rollout file has this target; write its `version`, `zip` or `image`.',
    ],
    ['no rollout', ['rollout'], undefined, 'rollout is missing:'],
    [
      'rollout file of another service',
      ['rollout', 'service'],
      'other',
      'rollout.service is "other": the manifest is of "checkout-api"',
    ],
    [
      'problem in the rollout file',
      ['rollout', 'verify'],
      '400d',
      'rollout.verify is "400d": it must be from 0s to 7d.',
    ],
    [
      'unknown key in the rollout file',
      ['rollout', 'notify'],
      {},
      'rollout.notify is not a known key: known here are schema,',
    ],
    [
      'strategy in the rollout file',
      ['rollout', 'steps'],
      undefined,
      'rollout.steps is missing: write exactly one of',
    ],
    ['constructor', ['targets', 'constructor'], {}, 'targets.constructor is refused as a key'],
  ])('%s', (_name, path, put, line) => {
    const lines = problemsOf(bytes(changed(manifest(), path, put)));
    expect(
      lines.some((found) => found.includes(line)),
      lines.join('\n'),
    ).toBe(true);
  });

  test.each([
    '{"__proto__": {"order": 1}, ',
    '{"rollout": {"__proto__": 1}, ',
    '{"a": [{"\\u005f_proto__": 1}], ',
  ])('%s… does not make a key vanish silently', (head) => {
    const text =
      head +
      JSON.stringify({ ...manifest(), rollout: head.includes('rollout') ? undefined : fullFile() }).slice(1);
    expect(problemsOf(bytes(text))[0]).toMatch(/__proto__ is refused as a key, at any depth/);
  });

  test('a key that stands twice is refused with its place', () => {
    const text = `{\n  "order": 1,\n  "order": 2\n}`;
    expect(problemsOf(bytes(text))).toEqual([
      'The manifest cannot be read as JSON at line 3, column 3: the key "order" is given twice in one map.',
    ]);
  });

  test('text that is not JSON is refused with line and column', () => {
    expect(problemsOf(bytes('{"schema": 1,\n  oops'))).toEqual([
      'The manifest cannot be read as JSON at line 2, column 3: a key in quotes is expected here.',
    ]);
  });

  test('ten megabytes are refused by their size, before they are read', () => {
    expect(problemsOf(new Uint8Array(10_000_000))).toEqual([
      'The manifest has 10000000 bytes, and at most 1000000 are read: leave the artifacts out of it.',
    ]);
  });

  test('a manifest of exactly a megabyte is read, one byte more is not', () => {
    const text = JSON.stringify(manifest());
    const filled = (size: number) => bytes(text + ' '.repeat(size - text.length));
    expect(read(filled(1_000_000)).order).toBe(7);
    expect(problemsOf(filled(1_000_001))[0]).toContain('1000001 bytes');
  });

  test('bytes that are not UTF-8 are refused', () => {
    expect(problemsOf(new Uint8Array([0x7b, 0xff, 0x7d]))).toEqual([
      'The manifest is not UTF-8 text: save it as UTF-8.',
    ]);
  });

  test('a rollout id that would be too long is refused with the lengths', () => {
    const key = { service: 'a'.repeat(30), release: 'b'.repeat(30) };
    const file = changed(leastFile(), ['service'], key.service);
    const value = { ...manifest(), ...key, targets: { api: { version: '1' } }, rollout: file };
    expect(() => manifestFrom(bytes(value), key, 'prod')).toThrow(
      /has 65 characters, and at most 60.*service 30, release 30/,
    );
  });

  test('every problem is told at once', () => {
    const bad = changed(changed(manifest(), ['environment'], 'x'), ['rollout', 'steps', '0'], { weight: 0 });
    const places = problemsOf(bytes(bad)).map((line) => line.split(' ')[0]);
    expect(places.sort()).toEqual(['environment', 'rollout.steps[0].bake', 'rollout.steps[0].weight']);
  });
});

describe('the key of a manifest', () => {
  test('names service and release', () => {
    expect(manifestKeyFrom('releases/checkout-api/2026-01-05.3/manifest.json')).toEqual(KEY);
  });

  test.each([
    'releases/checkout-api/1/assets/manifest.json',
    'releases/checkout-api/manifest.json',
    'releases/checkout-api//manifest.json',
    'releases//1/manifest.json',
    '/releases/checkout-api/1/manifest.json',
    'x/releases/checkout-api/1/manifest.json',
    'releases/checkout-api/1/manifest.json.bak',
    'releases/checkout-api/1/manifest.json\n',
    'releases/Checkout/1/manifest.json',
    'releases/a--b/1/manifest.json',
    'releases/a/b--c/manifest.json',
    'releases/a/../manifest.json',
    'releases/a/.b/manifest.json',
    'releases/a/b c/manifest.json',
    `releases/${'a'.repeat(41)}/1/manifest.json`,
  ])('%j belongs to no release', (key) => {
    expect(manifestKeyFrom(key)).toBeUndefined();
  });

  test('is unambiguous in a rollout id: two rollouts never share one', () => {
    const name = fc.stringMatching(/^[a-z0-9]{1,3}(-[a-z0-9]{1,3}){0,2}$/);
    fc.assert(
      fc.property(name, name, fc.integer({ min: 1, max: 99 }), (service, release, attempt) => {
        expect(manifestKeyFrom(`releases/${service}/${release}/manifest.json`)).toEqual({ service, release });
        expect(rolloutIdFrom(service, release, attempt).split('--')).toEqual([
          service,
          release,
          String(attempt),
        ]);
        const id = rolloutIdFrom(service, release, attempt);
        expect(rolloutIdParts(id)).toEqual({ service, release, attempt });
      }),
    );
  });

  test.each(['', 'checkout', 'checkout--r1', 'checkout--r1--0', 'checkout--r1--first', '--r1--1'])(
    '%j is no rollout id',
    (id) => {
      expect(rolloutIdParts(id)).toBeUndefined();
    },
  );

  test('a rollout id of sixty characters is possible', () => {
    expect(rolloutIdFrom('a'.repeat(30), 'b'.repeat(25), 1)).toHaveLength(60);
    expect(() => rolloutIdFrom('a'.repeat(30), 'b'.repeat(25), 10)).toThrow(RolloutError);
  });
});

test('whatever is uploaded is accepted or refused by a RolloutError, never by another failure', () => {
  const inputs = fc.oneof(
    fc.uint8Array(),
    fc.string().map(bytes),
    fc.jsonValue().map(bytes),
    fc
      .tuple(fc.constantFrom(...Object.keys(manifest())), fc.jsonValue())
      .map(([key, put]) => bytes({ ...manifest(), [key]: put })),
    fc
      .tuple(fc.constantFrom('version', 'zip', 'image'), fc.jsonValue())
      .map(([key, put]) => bytes(changed(manifest(), ['targets', 'api'], { [key]: put }))),
    fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })).map(([at, put]) => {
      const input = bytes(manifest());
      input[at % input.length] = put;
      return input;
    }),
  );
  fc.assert(
    fc.property(inputs, (input) => {
      try {
        read(input);
      } catch (error) {
        expect(RolloutError.is(error, 'ManifestInvalid'), String(error)).toBe(true);
      }
    }),
    { numRuns: times(1_200, 30_000) },
  );
});
