import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRolloutFile } from '../../adapters/rollout-file.ts';
import { RolloutError } from '../../core/errors.ts';
import { fullFile, thrownBy } from '../core/config/files.ts';
import { times } from '../deep.ts';
import { readRolloutFile, rolloutFileFrom } from '../formats.ts';

const GOOD = `# how checkout goes out
service: checkout-api
targets:
  api: { lambda: checkout-prod-Api, alias: live, source: http }
steps:
  - { weight: 1, bake: 5m }
  - { weight: 10, bake: 10m, maxBake: 30m }
smoke:
  - { get: /health, expect: { status: 200, under: 800ms } }
  - { post: /checkout?dryRun=1, json: { sku: T1 }, expect: { status: 200, "$.total": 100 } }
watch: { errors: 1.5x, http5xx: 0.5% }
alarms: [orders-too-low]
verify: 10m
onInconclusive: pause
`;

describe('a rollout file', () => {
  test('in YAML is read as the value it means', () => {
    expect(rolloutFileFrom(parseRolloutFile(GOOD, 'a.yml'))).toMatchObject({
      service: 'checkout-api',
      watch: { errors: '1.5x', http5xx: '0.5%' },
      smoke: [{ get: expect.any(String) }, { json: { sku: 'T1' }, expect: { '$.total': 100 } }],
    });
  });

  test('in JSON is read as well', () => {
    expect(parseRolloutFile(JSON.stringify(fullFile(), null, 2), 'a.json')).toEqual(fullFile());
  });

  test('follows YAML 1.2: yes, on and dates are texts, also where the file claims to be older', () => {
    expect(parseRolloutFile('%YAML 1.1\n---\na: [yes, on, 2026-01-05, 1:30, true, 0o17]', 'a')).toEqual({
      a: ['yes', 'on', '2026-01-05', '1:30', true, 15],
    });
  });

  test('keeps a __proto__ key, so that it is refused and does not vanish', () => {
    const value = parseRolloutFile(`${GOOD}__proto__: { verify: 0s }\n`, 'a.yml');
    expect(Object.keys(value as object)).toContain('__proto__');
    expect(() => rolloutFileFrom(value)).toThrow('__proto__ is refused as a key, at any depth');
  });
});

describe('a bad text is refused with file, line and column', () => {
  test.each([
    ['a: [1', 'f.yml:1:6: This is not YAML: '],
    ['a: 1\n\tb: 2', 'f.yml:2:1: This is not YAML: '],
    ['a: "x', 'f.yml:1:6: This is not YAML: '],
    ['a: 1\n b: 2', 'f.yml:1:'],
    ['', 'f.yml:1:1: The file is empty'],
    ['# only a comment\n', 'f.yml:1:1: The file is empty'],
    ['a: 1\n---\nb: 2', 'f.yml:2:1: A second document begins here: write one file for each.'],
    ['a: &x 1\nb: *x', 'f.yml:2:4: The alias *x is refused: write the value out.'],
    ['a: &x [*x]', 'f.yml:1:8: The alias *x is refused'],
    ['a: 1\nb: 2\na: 3', 'f.yml:3:1: The key "a" is given twice in one map: remove one of the two.'],
    ['x: { a: 1, "a": 3 }', 'f.yml:1:12: The key "a" is given twice'],
    ['a: !env HOME', 'f.yml:1:9: The tag !env is refused: write a plain value.'],
    ['a: !!binary aGk=', 'The tag tag:yaml.org,2002:binary is refused'],
    ['a: !!set { b }', 'The tag tag:yaml.org,2002:set is refused'],
    ['a: !!js/function "x"', 'The tag tag:yaml.org,2002:js/function is refused'],
    ['? [a]\n: 1', 'f.yml:1:3: A key must be a string: put it in quotes.'],
    ['12: 1', 'f.yml:1:1: A key must be a string: put it in quotes.'],
    [': 1', 'f.yml:1:1: A key must be a string'],
  ])('%j', (text, line) => {
    const error = thrownBy(() => parseRolloutFile(text, 'f.yml'));
    expect(RolloutError.is(error, 'RolloutFileInvalid'), String(error)).toBe(true);
    expect(error.message).toContain(line);
  });

  test('every problem is told at once', () => {
    const error = thrownBy(() => parseRolloutFile('a: &x 1\nb: *x\nb: !env 2', 'f.yml'));
    expect(
      error.message
        .split('\n')
        .map((line) => line.split(': ')[0])
        .sort(),
    ).toEqual(['f.yml:2:4', 'f.yml:3:1', 'f.yml:3:9']);
  });

  test('over a megabyte is refused by its size', () => {
    expect(() => parseRolloutFile(`a: ${'x'.repeat(1_000_000)}`, 'f.yml')).toThrow(
      'f.yml: The file has 1000003 bytes, and at most 1000000 are read.',
    );
  });

  test.each([
    ['deep lists', '['.repeat(50_000) + ']'.repeat(50_000)],
    ['deep maps', '{a: '.repeat(50_000)],
    ['deep blocks', '- '.repeat(50_000)],
    ['many aliases', `a: &a [x]\n${Array.from({ length: 20_000 }, (_, n) => `k${n}: *a`).join('\n')}`],
  ])('%s are refused, soon and without a crash', (_name, text) => {
    const error = thrownBy(() => rolloutFileFrom(parseRolloutFile(text, 'f.yml')));
    expect(RolloutError.is(error, 'RolloutFileInvalid'), String(error)).toBe(true);
  });
});

test('whatever text is read is accepted or refused by a RolloutError, never by another failure', () => {
  const pieces = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '&x ',
    '*x',
    '!t ',
    '!!map ',
    '"',
    "'",
    '|',
    '>',
    '? ',
    '---\n',
    '%YAML 1.2\n',
    '#',
    '\t',
    '<<: ',
    '__proto__: ',
    '\ufeff',
    '...\n',
    '1',
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 30 }).map((list) => list.join('')),
    fc.tuple(fc.nat(GOOD.length), pieces).map(([at, piece]) => GOOD.slice(0, at) + piece + GOOD.slice(at)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        rolloutFileFrom(parseRolloutFile(text, 'f.yml'));
      } catch (error) {
        expect(RolloutError.is(error, 'RolloutFileInvalid'), String(error)).toBe(true);
      }
    }),
    { numRuns: times(400, 20_000) },
  );
});

describe('a file on disk', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollout-file-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function written(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  }

  test('is read, parsed and accepted', async () => {
    expect(await readRolloutFile(await written('good.yml', `\ufeff${GOOD}`))).toEqual(
      rolloutFileFrom(parseRolloutFile(GOOD, 'good.yml')),
    );
  });

  test('has its path in front of each problem', async () => {
    const path = await written(
      'bad.yml',
      GOOD.replace('weight: 1,', 'weight: 0,').replace('verify: 10m', 'verify: 10'),
    );
    await expect(readRolloutFile(path)).rejects.toThrow(`${path}: steps[0].weight is 0: `);
    await expect(readRolloutFile(path)).rejects.toThrow(`${path}: verify is 10: `);
  });

  test.each([
    ['not UTF-8', new Uint8Array([0x61, 0x3a, 0x20, 0xff]), 'The file cannot be read: it is not UTF-8 text.'],
    ['too large', new Uint8Array(1_000_001), 'The file has 1000001 bytes, and at most 1000000 are read.'],
  ])('that is %s is refused', async (name, content, line) => {
    const path = await written(name, content);
    await expect(readRolloutFile(path)).rejects.toThrow(`${path}: ${line}`);
  });

  test.each([
    ['does not exist', 'none.yml', 'there is no such file'],
    ['is a folder', '', 'it is a folder'],
  ])('that %s is refused by a RolloutError', async (_, name, why) => {
    const path = join(folder, name);
    const failure = await readRolloutFile(path).catch((error: unknown) => error);
    expect(RolloutError.is(failure, 'RolloutFileInvalid')).toBe(true);
    expect(String(failure)).toContain(`${path}: The file cannot be read: ${why}.`);
  });
});
