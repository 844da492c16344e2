import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readRolloutFile } from '../../adapters/rollout-file.ts';
import { goodText, mostOf, tablePage, tableText } from '../../cli/rehearsal-table.ts';
import { rehearse, TRIALS } from '../../simulation/rehearsal.ts';
import { KINDS } from '../../targets/kinds.ts';
import { fakeClient, spillway } from './called.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'rollout.yaml');
const FILE = `service: checkout-api
targets:
  api: { lambda: checkout-prod-Api, alias: live, source: http }
steps:
  - { weight: 10, bake: 5m }
smoke: [{ get: /health, expect: { status: 200 } }]
watch: { errors: 1.5x }
verify: 5m
`;
writeFileSync(path, FILE);
const TRAFFIC = ['--requests-per-second', '50', '--error-rate', '0.1%'];
const called = (...args: string[]) => spillway(fakeClient().client, 'rehearse', path, ...args);

describe('rehearse', () => {
  test('says what is not caught first, with the line to change, and what of good releases', async () => {
    const html = join(folder, 'table.html');
    const { code, out } = await called(...TRAFFIC, '--runs', '2', '--html', html);
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toBe('checkout-api at 50 requests per second, of which 0.1 % fail now:');
    expect(out).toContain(`${path}:7 how long requests take is not watched; add p95: 1.25x to watch`);
    expect(out).toMatch(/crashes at start(?: {2,}|:\n {2}stopped: )2 of 2/);
    expect(out).toContain(
      '0 of 2 good releases were stopped (at most 77.7 in 100, with 95 % certainty), and 0 held',
    );
    expect(out).toContain('Not played: smoke; what they catch comes on top.');
    expect(readFileSync(html, 'utf8')).toContain('<h1>checkout-api at 50 requests per second');
  });

  test.each([
    [['--requests-per-second', '20', '--error-rate', '0.1'], '--error-rate 0.1 has no % sign'],
    [[...TRAFFIC, '--runs', '0'], '--runs takes a whole number of at least 1, not "0"'],
    [[...TRAFFIC, '--seed', 'x'], '--seed takes a whole number of at least 1, not "x"'],
  ])('refuses %s', async (args, says) => {
    const { code, err } = await called(...args);
    expect(code).toBe(2);
    expect(err).toContain(says);
  });
});

describe('a rehearsal', () => {
  const trial = (name: string) => TRIALS.findIndex((each) => each.name === name);
  const played = async (text: string, name: string, nth = 0) => {
    const at = join(folder, `${name}.yaml`);
    writeFileSync(at, text);
    const file = await readRolloutFile(KINDS, at);
    return rehearse({ file, seed: 7, requestsPerSecond: 50, errorRate: 0.001 }, trial(name), nth);
  };

  test('is the same by the same seed', async () => {
    expect(await played(FILE, 'fails 10x')).toEqual(await played(FILE, 'fails 10x'));
  });

  test('finds a slower release only if the file watches how long requests take', async () => {
    const watching = FILE.replace('errors: 1.5x', 'errors: 1.5x, p95: 1.25x');
    expect(await played(watching, '2x slower')).toMatchObject({ result: 'stopped' });
    expect(await played(watching, 'good')).toMatchObject({ result: 'completed' });
    expect(await played(FILE, '2x slower')).toMatchObject({ result: 'completed' });
  });

  test('of a file for a site or a queue is played too', async () => {
    const site = FILE.replace(/api: .*/, 'web: { site: web-store }').replace(/smoke.*\n/, '');
    expect(await played(site, 'crashes at start')).toMatchObject({ result: 'stopped' });
    const queue = FILE.replace('source: http', 'source: sqs, queue: q, dlq: d').replace(/smoke.*\n/, '');
    expect(await played(queue, 'crashes at start')).toMatchObject({ result: 'stopped' });
  });
});

describe('the table', () => {
  test.each([
    [0, 200, 0.0149],
    [1, 200, 0.0235],
    [4, 200, 0.0452],
    [10, 200, 0.0833],
    [0, 149, 0.0199],
    [5, 5, 1],
  ])('bounds %i of %i by an exact interval', (seen, runs, most) => {
    expect(mostOf(seen, runs)).toBeCloseTo(most, 3);
  });

  const row = {
    release: 'fails 10x',
    runs: 200,
    stopped: 199,
    held: 1,
    median: 15.2,
    slowest: 22.71,
    weight: 25,
    failed: 1046,
    by: 'errors',
  };

  test('is a table if there is room, and paragraphs if not', () => {
    expect(tableText([row], 80)).toEqual([
      'release    stopped     held  after, min  at    failed  by',
      'fails 10x  199 of 200  1     15, 23      25 %  1,046   errors',
    ]);
    const narrow = tableText([{ ...row, change: 'rollout.yaml:7 x' }], 40);
    expect(narrow[0]).toBe('fails 10x:');
    expect(narrow).toContain('  after, min: 15, 23');
    expect(narrow.at(-1)).toBe('  rollout.yaml:7 x');
  });

  test('as a page runs nothing of what a file says', () => {
    expect(tablePage('<script>', [{ ...row, change: '<b>' }], ['<i>'])).not.toMatch(/<script>|<b>|<i>/);
    expect(goodText({ ...row, runs: 200, stopped: 1, held: 0 })).toBe(
      '1 of 200 good releases was stopped (at most 2.4 in 100, with 95 % certainty), and 0 held for a person.',
    );
  });
});
