import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { answering, fakeClient, spillway } from './called.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { client } = fakeClient();

describe('init', () => {
  test.each([
    ['a function', ['--lambda', 'checkout-prod-Api', '--health', '/health']],
    ['a site', ['--site', 'web-store']],
  ])('writes a file for %s that validate accepts, with the schema for editors', async (what, args) => {
    const path = join(folder, `${what}.yaml`);
    const { code } = await spillway(client, 'init', path, '--service', 'checkout-api', ...args);
    expect(code).toBe(0);
    expect(await spillway(client, 'validate', path)).toMatchObject({ code: 0, err: '' });
    expect(readFileSync(path, 'utf8')).toMatch(/^# yaml-language-server: \$schema=/);
    const again = await spillway(client, 'init', path, '--service', 'checkout-api', ...args);
    expect(again).toMatchObject({
      code: 1,
      err: `${path} is there already, and is not replaced; name another file.`,
    });
  });

  test('asks at a terminal for what is not given', async () => {
    const path = join(folder, 'asked.yaml');
    const answers: Record<string, string> = {
      'Name of the service: ': 'shop',
      'Lambda function: ': 'shop-api',
    };
    const { code } = await answering(client, (question) => answers[question] ?? '', 'init', path);
    expect(code).toBe(0);
    const text = readFileSync(path, 'utf8');
    expect(text).toContain('api: { lambda: "shop-api", alias: "live" }');
    expect(text).toContain('watch: { errors: 1.5x, throttles: 1.5x, http5xx: 1.5x, http4xx: 1.5x }');
  });

  test.each([
    [['--lambda', 'f'], 2, '--service is missing, and nobody can be asked here'],
    [['--service', 's', '--lambda', 'f', '--site', 'w'], 2, 'say one of --lambda and --site'],
    [['--service', 'no name: at all', '--lambda', 'f'], 1, 'service'],
  ])('refuses %s, and writes nothing', async (args, code, says) => {
    const path = join(folder, 'refused.yaml');
    const called = await spillway(client, 'init', path, ...args);
    expect(called).toMatchObject({ code, err: expect.stringContaining(says) });
    expect(() => readFileSync(path)).toThrow('ENOENT');
  });
});
