import { describe, expect, test } from 'vitest';
import { files, textOf } from '../house/project.ts';
import { fakeClient, spillway } from './called.ts';

describe('the command line', () => {
  test('prints through one place alone', () => {
    const printing = files.filter(
      (file) => file.startsWith('cli/') && /console\.|process\.std(?:out|err)/.test(textOf(file)),
    );
    expect(printing).toEqual(['cli/print.ts']);
  });

  test('prints no escape sequence or command of a CI system that a controller sends', async () => {
    const evil = '\u001b]0;owned\u0007\u001b[2Klate\n::error::x\u202E';
    const { client } = fakeClient({
      command: async () => {
        throw new Error(evil);
      },
    });
    const { out, err } = await spillway(client, 'pause', 'checkout-api--r8--1', '--local', '--reason', 'odd');
    expect(`${out}${err}`).toContain('late');
    expect(`${out}${err}`).not.toMatch(/[^\P{Cc}\n]|\u202E|^::/mu);
  });
});
