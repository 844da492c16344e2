import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manifestFrom, manifestKeyFrom, rolloutIdFrom } from '../../../core/config/manifest.ts';
import { rolloutFileFrom } from '../../../core/config/rollout-file.ts';
import { RolloutError } from '../../../core/errors.ts';
import { changed, fullFile, leastFile, thrownBy } from './files.ts';

const KEY = { service: 'checkout-api', release: '2026-01-05.3' };

const manifest = (): Record<string, unknown> => ({
  schema: 1,
  service: 'checkout-api',
  environment: 'prod',
  release: '2026-01-05.3',
  order: 7,
  commit: 'abc123',
  author: 'Ada <ada@example.com>',
  targets: { api: { version: '12' }, worker: { version: '3' } },
  rollout: fullFile(),
  allowOlder: true,
  reversible: true,
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

  test('may begin with a byte order mark', () => {
    expect(read(bytes(`\ufeff${JSON.stringify(manifest())}`)).order).toBe(7);
  });
});

describe('a bad manifest is refused with the place, what stands there and the mend', () => {
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
    ['allowOlder as text', ['allowOlder'], 'yes', 'allowOlder is "yes": write true or false.'],
    [
      'irreversible',
      ['reversible'],
      false,
      'reversible is false: only releases that can be taken back are supported',
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
    ['no version', ['targets', 'api'], {}, 'targets.api.version is missing:'],
    [
      'zip',
      ['targets', 'api'],
      { zip: {} },
      'targets.api.zip is not supported yet: publish a version and write `version`.',
    ],
    ['site', ['targets', 'api'], { site: {} }, 'targets.api.site is not supported yet:'],
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
      'targets.api is missing: the rollout file has this target; write its version.',
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
      ['rollout', 'hooks'],
      {},
      'rollout.hooks is not a known key: the nearest known key is',
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
      'The manifest cannot be read as JSON at line 3, column 3: the key "order" stands twice in one map.',
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
      }),
    );
  });

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
    { numRuns: 3_000 },
  );
});
