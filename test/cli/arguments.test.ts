import { describe, expect, test } from 'vitest';
import { fakeBackend, spillway } from './called.ts';

const ID = 'checkout--r1--1';

describe('a call that is wrong', () => {
  test.each<[args: string[], says: string]>([
    [[], 'No command was given.'],
    [['deploy'], 'There is no command "deploy".'],
    [['toString'], 'There is no command "toString".'],
    [['pause', '--local'], 'expected ROLLOUT, got none'],
    [['pause', ID, 'more', '--local'], `expected ROLLOUT, got ${ID} more`],
    [['pause', ID, '--locale'], "Unknown option '--locale'"],
    [['resume', ID, '--reason', 'why', '--local'], "Unknown option '--reason'"],
    [['pause', ID], 'say which controller is meant'],
    [['approve', ID, '--local'], 'say which gate'],
    [['approve', ID, '--gate', '5O', '--local'], '--gate takes a whole number, not "5O"'],
    [['promote', ID, '--step', '-1', '--local'], '--step'],
    [['validate'], 'expected FILE, got none'],
    [['plan', 'rollout.yaml'], '--requests-per-second 20'],
    [['plan', 'rollout.yaml', '--requests-per-second', '20', '--error-rate', 'few'], '--error-rate 0.1%'],
    [['status', 'api', '--local'], 'expected no arguments, got api'],
  ])('%s exits 2, says what is wrong, and asks nothing of the controller', async (args, says) => {
    const { backend, asked } = fakeBackend();
    const { code, err } = await spillway(backend, ...args);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(err).toContain('spillway ');
    expect(asked).toEqual([]);
  });

  test('help exits 0 and names every command', async () => {
    const { code, out } = await spillway(fakeBackend().backend, 'help');
    expect(code).toBe(0);
    for (const name of ['validate', 'plan', 'release', 'status', 'pause', 'resume', 'promote', 'approve'])
      expect(out).toContain(`spillway ${name} `);
    for (const name of ['abort', 'rollback', 'retry']) expect(out).toContain(`spillway ${name} `);
  });
});

describe('a command', () => {
  test.each<[args: string[], sent: object]>([
    [['pause', ID], { command: 'pause', reason: 'no reason given' }],
    [['pause', ID, '--reason', 'odd'], { command: 'pause', reason: 'odd' }],
    [['resume', ID], { command: 'resume' }],
    [['retry', ID], { command: 'retry' }],
    [['rollback', ID], { command: 'rollback', reason: 'no reason given' }],
    [['promote', ID], { command: 'promote', full: false }],
    [['promote', ID, '--full'], { command: 'promote', full: true }],
    [['promote', ID, '--step', '2'], { command: 'promote', full: false, step: 1 }],
    [['approve', ID, '--gate', '50'], { command: 'approve', gate: 50 }],
    [['abort', ID, '--reason', 'slow'], { command: 'abort', reason: 'slow' }],
  ])('%s is sent once, with who gave it', async (args, sent) => {
    const { backend, asked } = fakeBackend();
    expect(await spillway(backend, ...args, '--local')).toMatchObject({ code: 0, err: '' });
    expect(asked).toEqual([{ what: 'command', with: [{ rolloutId: ID, by: 'ada', ...sent }] }]);
  });

  test('is given by whom --by names', async () => {
    const { backend, asked } = fakeBackend();
    await spillway(backend, 'resume', ID, '--by', 'grace', '--local');
    expect(asked[0]?.with).toEqual([{ command: 'resume', rolloutId: ID, by: 'grace' }]);
  });

  test('abort --direct takes the canary out without the controller', async () => {
    const { backend, asked } = fakeBackend();
    const { code, out } = await spillway(backend, 'abort', ID, '--direct', '--local');
    expect(code).toBe(0);
    expect(out).toContain('api: version 1 serves');
    expect(asked).toEqual([{ what: 'revertDirectly', with: [ID] }]);
  });

  test('that is refused exits 1 with the refusal and no stack', async () => {
    const refusal = async () => {
      const { RolloutError } = await import('../../core/errors.ts');
      throw new RolloutError('CommandRefused', `${ID} has ended.`);
    };
    const { backend } = fakeBackend({ command: refusal });
    expect(await spillway(backend, 'pause', ID, '--local')).toEqual({
      code: 1,
      out: '',
      err: `${ID} has ended.`,
    });
  });

  test('that AWS refuses exits 1 with what AWS says', async () => {
    const denied = Object.assign(new Error('not authorized'), { $metadata: { httpStatusCode: 403 } });
    const { backend } = fakeBackend({ command: () => Promise.reject(denied) });
    expect(await spillway(backend, 'pause', ID, '--local')).toMatchObject({ code: 1, err: 'not authorized' });
  });

  test('does not hide a fault of this program', async () => {
    const fault = new TypeError('x is not a function');
    const { backend } = fakeBackend({ command: () => Promise.reject(fault) });
    await expect(spillway(backend, 'pause', ID, '--local')).rejects.toThrow('x is not a function');
  });
});
