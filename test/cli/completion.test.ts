import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { SCRIPTS } from '../../cli/commands/completion.ts';
import { proposals } from '../../cli/completion.ts';
import { fakeClient, spillway } from './called.ts';

const words = (...typed: string[]) => proposals(typed).map(({ word }) => word);

describe('completion', () => {
  test('knows commands, options and their values from the calls themselves', () => {
    expect(words('re')).toEqual(['rehearse', 'release', 'report', 'resume', 'reject', 'retry']);
    expect(words('help', 'stat')).toEqual(['status']);
    expect(words('release', 'f.yaml', '--a')).toEqual([
      '--assets',
      '--allow-missing',
      '--author',
      '--allow-older',
    ]);
    expect(words('release', 'f.yaml', '--assets', '')).toEqual(['shared', 'per-release']);
    expect(words('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  test('offers what may stand there only, and leaves files to the shell', () => {
    expect(words('status', '--json', '--js')).toEqual([]);
    expect(words('release', 'f.yaml', '--zip', 'a=b', '--zi')).toEqual(['--zip']);
    expect(words('validate', 'f')).toEqual([]);
    expect(words('nothing', '--')).toEqual([]);
  });

  test('is printed for a shell, and asked by it', async () => {
    const { client } = fakeClient();
    expect((await spillway(client, 'complete', 'stat')).out).toMatch(/^status\tsays what is under way/);
    for (const [shell, script] of Object.entries(SCRIPTS))
      expect((await spillway(client, 'completion', shell)).out).toBe(script);
  });

  test('in bash completes the word that is typed', () => {
    const program = `spillway() { printf 'status\\tsays\\n'; }\n${SCRIPTS.bash}\nCOMP_WORDS=(spillway stat); COMP_CWORD=1; _spillway; echo "$\{COMPREPLY[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', program], { encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({ stdout: 'status\n', stderr: '' });
  });
});
