import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRolloutFile } from '../../adapters/rollout-file.ts';
import { type Manifest, manifestKeyFrom } from '../../core/config/manifest.ts';
import {
  gatesFrom,
  hooksFrom,
  limitsFrom,
  planFrom,
  probeFrom,
  type RolloutFile,
  watchFrom,
} from '../../core/config/rollout-file.ts';
import { type ErrorCode, RolloutError } from '../../core/errors.ts';
import { hookAnswerFrom } from '../../core/hook-answer.ts';
import { FUNCTIONS } from '../../infra/facts.ts';
import { controllerFunctions } from '../../local/functions.ts';
import { changed, fullFile } from '../core/config/files.ts';
import { times } from '../deep.ts';
import { manifestFrom, rolloutFileFrom } from '../formats.ts';

type Path = (string | number)[];

/** Values that JSON can carry, of no use in most places and of the wrong type in all but one. */
const NASTY_JSON: unknown[] = [
  null,
  true,
  0,
  -0,
  1.5,
  -1,
  2 ** 53,
  '',
  ' ',
  '0',
  '1e309',
  '\u0000',
  '\ufeff10m',
  '\u202e',
  '\ud800',
  '../..',
  '%2e%2e',
  'x'.repeat(10_000),
  [],
  [null],
  [[]],
  {},
  { toString: 1 },
  JSON.parse('{"__proto__": {"a": 1}}'),
  { constructor: { prototype: {} } },
];
/** And those that only code can hand over. */
const NASTY: unknown[] = [
  ...NASTY_JSON,
  undefined,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1n,
  Symbol('x'),
  () => 1,
  new Date(0),
  new Map(),
];

const manifest = () => ({
  schema: 1,
  service: 'checkout-api',
  environment: 'prod',
  release: 'r1',
  order: 7,
  commit: 'abc123',
  author: 'Ada',
  targets: {
    api: { version: '12' },
    worker: { zip: { key: 'releases/checkout-api/r1/w.zip', versionId: 'v', sha256: 'a'.repeat(64) } },
    orders: { image: `1.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:${'a'.repeat(64)}` },
    events: { version: '3' },
  },
  rollout: fullFile(),
  allowOlder: true,
  reversible: true,
  requires: { completedIn: 'staging' },
});
const KEY = { service: 'checkout-api', release: 'r1' };
const readBytes = (bytes: Uint8Array) => manifestFrom(bytes, KEY, 'prod');
const readValue = (value: unknown) => readBytes(new TextEncoder().encode(JSON.stringify(value)));

/** The path of everything in a value, the whole of it first. */
function paths(value: unknown, here: Path = []): Path[] {
  const inside = Array.isArray(value)
    ? value.flatMap((item, index) => paths(item, [...here, index]))
    : Object.entries(typeof value === 'object' && value !== null ? value : {}).flatMap(([key, item]) =>
        paths(item, [...here, key]),
      );
  return [here, ...inside];
}

/** As messages write it. */
const named = (path: Path) =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number'
        ? `${text}[${part}]`
        : part.startsWith('$')
          ? `${text}["${part}"]`
          : `${text}${text && '.'}${part}`,
    '',
  );

/** As it comes out of the journal; -0 is 0 there. */
const written = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** What is accepted means the same when it is written down and read again. */
function expectStable(file: RolloutFile): void {
  expect(rolloutFileFrom(written(file))).toEqual(written(file));
  const meant = [
    planFrom(file),
    hooksFrom(file),
    gatesFrom(file),
    limitsFrom(file),
    watchFrom(file),
    probeFrom(file) ?? [],
  ];
  // toEqual takes NaN for null where both were written down, so the numbers are looked at as they are.
  expect(JSON.stringify(meant, (_, value) => (Number.isNaN(value) ? 'NaN' : value))).not.toContain('"NaN"');
}

/** Answers why it was refused, or undefined if it was read. */
function expectReadOrRefused<T>(
  read: () => T,
  code: ErrorCode,
  meaning: (value: T) => void,
): string | undefined {
  let value: T;
  try {
    value = read();
  } catch (error) {
    expect(RolloutError.is(error, code), String(error)).toBe(true);
    return (error as Error).message;
  }
  meaning(value);
  return undefined;
}

const expectManifest = (read: Manifest) => {
  expect(readValue(read)).toEqual(written(read));
  expectStable(read.rollout);
};

const isNothing = (value: unknown) => value === undefined || (Array.isArray(value) && value.length === 0);

describe('any wrong value', () => {
  const places = (value: unknown) => paths(value).slice(1);

  test.each(places(fullFile()).map((path) => [named(path), path] as const))(
    'at %s is accepted with a stable meaning, or refused by the name of its place',
    (name, path) => {
      for (const nasty of NASTY) {
        const read = () => rolloutFileFrom(changed(fullFile(), path, nasty));
        const refused = expectReadOrRefused(read, 'RolloutFileInvalid', expectStable);
        // What is not there may be missed at another place: one of a choice, or of something that needs it.
        if (refused !== undefined && !isNothing(nasty)) expect(refused).toContain(name);
      }
    },
  );

  test.each(places(manifest()).map((path) => [named(path), path] as const))(
    'at %s of a manifest is accepted with a stable meaning, or refused by the name of its place',
    (name, path) => {
      for (const nasty of [...NASTY_JSON, undefined]) {
        const read = () => readValue(changed(manifest(), path, nasty));
        const refused = expectReadOrRefused(read, 'ManifestInvalid', expectManifest);
        if (refused !== undefined && !isNothing(nasty)) expect(refused).toContain(name);
      }
    },
  );
});

const PIECES = [
  ...['&x ', '*x', '<<: ', '!!binary ', '!t ', '? ', '- ', '---\n', '...\n', '#', '|', '>-\n', '\t', '\r\n'],
  ...['{', '}', '[', ']', ',', ':', '"', "'", '\\u0000', '\ufeff', '\u202e', '\u2028', '\u0000', '\ud800'],
  ...['__proto__', 'constructor: ', 'null', '~', 'NaN', '.nan', '.inf', '-0', '1e309', '0o17', '1:30', 'no'],
];
const piece = fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 3 }));

/** A text with up to four places cut, doubled or filled. */
const damaged = (text: string) =>
  fc
    .array(fc.tuple(fc.nat(text.length), fc.nat(6), piece), { minLength: 1, maxLength: 4 })
    .map((cuts) =>
      cuts.reduce((now, [at, length, put]) => now.slice(0, at) + put + now.slice(at + length), text),
    );

describe('a damaged text', () => {
  const file = JSON.stringify(fullFile(), null, 1);
  const yaml = file.replaceAll(/^( *)"([\w]+)":/gm, '$1$2:');

  test('of a rollout file is read with a stable meaning, or refused', () => {
    fc.assert(
      fc.property(fc.oneof(damaged(file), damaged(yaml), fc.string({ unit: 'binary' })), (text) => {
        expectReadOrRefused(
          () => rolloutFileFrom(parseRolloutFile(text, 'f.yml')),
          'RolloutFileInvalid',
          expectStable,
        );
      }),
      { numRuns: times(50, 3_000) },
    );
  });

  test('of a manifest is read with a stable meaning, or refused', () => {
    const texts = fc.oneof(damaged(JSON.stringify(manifest())), fc.json(), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(texts, (text) => {
        expectReadOrRefused(
          () => readBytes(new TextEncoder().encode(text)),
          'ManifestInvalid',
          expectManifest,
        );
      }),
      { numRuns: times(50, 3_000) },
    );
  });

  test('of a key names a release only if it is the key of that release, letter for letter', () => {
    const good = 'releases/checkout-api/2026-01-05.3/manifest.json';
    const encoded = fc.nat(good.length - 1).map((at) => {
      const code = good.charCodeAt(at).toString(16);
      return `${good.slice(0, at)}%${code}${good.slice(at + 1)}`;
    });
    fc.assert(
      fc.property(fc.oneof(damaged(good), encoded, fc.string({ unit: 'binary' })), (key) => {
        const found = manifestKeyFrom(key);
        if (found !== undefined) expect(`releases/${found.service}/${found.release}/manifest.json`).toBe(key);
      }),
      { numRuns: times(200, 20_000) },
    );
  });

  test('of an answer is no pass unless it is JSON that says so', () => {
    const good = '{"status":"pass","reason":"ok","data":{"a":1}}';
    fc.assert(
      fc.property(fc.oneof(damaged(good), fc.json(), fc.string({ unit: 'binary' })), (text) => {
        const answer = hookAnswerFrom(text);
        expect(answer.reason.isWellFormed()).toBe(true);
        if (answer.status !== 'broken') expect(JSON.parse(text)).toMatchObject({ status: answer.status });
      }),
      { numRuns: times(120, 10_000) },
    );
  });
});

test('a function takes any event as one of its own, or refuses it by the name of a field', async () => {
  const reached = new Error('The ports were asked for.');
  const functions = controllerFunctions(() => {
    throw reached;
  });
  const words = ['detail', 'ref', 'command', 'targets', 'records', 'read', 'state', 'object', 'rolloutId'];
  const event = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom(...words), fc.oneof(fc.jsonValue(), fc.constantFrom(...NASTY))),
    fc.constantFrom(...NASTY),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...FUNCTIONS), event, async (name, given) => {
      const error = await functions[name](given).catch((thrown: unknown) => thrown);
      if (error === reached) return;
      expect(RolloutError.is(error, 'EventInvalid'), String(error)).toBe(true);
      expect((error as Error).message).toMatch(/\nevent[.:]/);
    }),
    { numRuns: times(60, 5_000) },
  );
});
