import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { answering, fakeClient, spillway } from './called.ts';

const root = mkdtempSync(join(tmpdir(), 'spillway-'));
afterAll(() => rmSync(root, { recursive: true }));
// Under npm the folder that npm was called in counts, not the present one.
beforeEach(() => void vi.stubEnv('npm_package_json', undefined));
mkdirSync(join(root, 'repository/.git'), { recursive: true });
mkdirSync(join(root, 'repository/services/api'), { recursive: true });
const write = (text: string) => writeFileSync(join(root, 'repository/spillway.json'), text);

async function status(folder: string, ...args: string[]) {
  const cwd = vi.spyOn(process, 'cwd').mockReturnValue(join(root, folder));
  try {
    return await spillway(fakeClient().client, 'status', ...args);
  } finally {
    cwd.mockRestore();
  }
}

describe('spillway.json', () => {
  test('says which controller is meant, from any folder of its repository', async () => {
    write('{"environment": "staging"}');
    const { err } = await status('repository/services/api');
    expect(err).toContain('The controller of staging was asked for.');
  });

  test('is named to whoever is asked before what cannot be undone', async () => {
    write('{"environment": "staging"}');
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(join(root, 'repository'));
    const questions: string[] = [];
    const answer = (question: string) => `${questions.push(question)}`;
    await answering(fakeClient().client, answer, 'rollback', 'shop--r1--1');
    await answering(fakeClient().client, answer, 'rollback', 'shop--r1--1', '--local');
    cwd.mockRestore();
    expect(questions).toEqual([
      expect.stringMatching(/Go on in staging \(.*repository\/spillway\.json\)\? \[y\/N\] $/),
      expect.stringContaining('Go on in the world of this machine?'),
    ]);
  });

  test('gives way to --environment', async () => {
    const { err } = await status('repository', '--environment', 'production');
    expect(err).toContain('The controller of production was asked for.');
  });

  test('does not stand in for an --environment that is empty', async () => {
    write('{"environment": "production"}');
    expect(await status('repository', '--environment', '')).toMatchObject({
      code: 2,
      err: expect.stringContaining('"" (--environment) is no name of an environment'),
    });
  });

  test('counts outside of a repository in the present folder alone', async () => {
    mkdirSync(join(root, 'shared/work'), { recursive: true });
    writeFileSync(join(root, 'shared/spillway.json'), '{"environment": "other"}');
    expect((await status('shared')).err).toContain('The controller of other was asked for.');
    expect((await status('shared/work')).err).toContain('say which controller is meant');
  });

  test('of the folder above a repository is not its own', async () => {
    rmSync(join(root, 'repository/spillway.json'));
    writeFileSync(join(root, 'spillway.json'), '{"environment": "other"}');
    expect(await status('repository/services/api')).toMatchObject({
      code: 2,
      err: expect.stringContaining('say which controller is meant'),
    });
  });

  test.each([
    ['{', /spillway\.json cannot be read: /],
    ['[]', /spillway\.json must say which environment is meant, as in \{"environment": "production"\}/],
    ['{"enviroment": "a"}', /spillway\.json: "enviroment" .*did you mean `environment`\?/],
    ['{"environment": "a b"}', /"a b" \(.*spillway\.json\) is no name of an environment/],
  ])('that is %s is refused with the fix', async (text, says) => {
    write(text);
    const { code, err } = await status('repository');
    expect(code).toBe(2);
    expect(err).toMatch(says);
  });
});
