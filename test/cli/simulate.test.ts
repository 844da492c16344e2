import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { isDeep, sampled, times } from '../deep.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const compiled = mkdtempSync(join(tmpdir(), 'spillway-'));
afterAll(() => rmSync(compiled, { recursive: true }));

const SEEDS = String(times(2, 40));

const simulate = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/simulate.ts', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    // Later processes load what the first one compiled.
    env: { ...process.env, NODE_COMPILE_CACHE: compiled },
  });
  return { status, stderr, lines: stdout.trimEnd().split('\n') };
};

describe('npm run simulate', () => {
  test('says in its last line what came of all seeds, the same for the same seeds', () => {
    const [first, second] = [simulate('--seeds', SEEDS, '--json'), simulate('--seeds', SEEDS, '--json')];
    expect(first.status).toBe(0);
    const report = JSON.parse(first.lines.at(-1) ?? '');
    expect(report).toMatchObject({ seeds: Number(SEEDS), violations: 0 });
    expect(report.rollouts).toBeGreaterThanOrEqual(Number(SEEDS));
    for (const figure of ['completed', 'reverted', 'perSecond'])
      expect(report[figure], figure).toBeGreaterThan(0);
    expect(JSON.parse(second.lines.at(-1) ?? '').digest).toBe(report.digest);
    if (isDeep)
      expect(
        JSON.parse(simulate('--seeds', SEEDS, '--seed', SEEDS, '--json').lines.at(-1) ?? '').digest,
      ).not.toBe(report.digest);
  }, 120_000);

  test.each(
    sampled<[string[], RegExp]>(
      [
        [['--sede', '1'], /has no option --sede; did you mean --seeds?\?/],
        [['--seeds'], /--seeds needs a value: --seeds N/],
        [['--seeds', '0'], /--seeds takes a whole number of at least 1, not "0"/],
        [['--seed', 'x'], /--seed takes a whole number of at least 0, not "x"/],
        [
          ['--faults', 'throttled,gremlins'],
          /there is no fault "gremlins"; there are all, none, and throttled/,
        ],
      ],
      5,
    ),
  )(
    'refuses %s',
    (args, message) => {
      const { status, stderr } = simulate(...args);
      expect(status).toBe(2);
      expect(stderr).toMatch(message);
    },
    30_000,
  );
});
