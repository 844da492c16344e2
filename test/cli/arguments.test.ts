import { describe, expect, test } from 'vitest';
import type { Backend } from '../../cli/backend.ts';
import type { Gate, RolloutEvent } from '../../core/rollout/event.ts';
import { fold } from '../../core/rollout/state.ts';
import { minute, onFirstStep, promotionOrdered } from '../core/rollout/given.ts';
import { fakeBackend, spillway } from './called.ts';

const ID = 'checkout--r1--1';

describe('a call that is wrong', () => {
  test.each<[args: string[], says: string]>([
    [[], 'No command was given.'],
    [['deploy'], 'There is no command "deploy".'],
    [['toString'], 'There is no command "toString".'],
    [['pause', '--local'], 'expected ROLLOUT, got none'],
    [['pause', ID, 'more', '--local'], `expected ROLLOUT, got ${ID} more`],
    [['pause', ID, '--locale'], "Unknown option '--locale'; did you mean --local?\n"],
    [['resume', ID, '--reason', 'why', '--local'], "Unknown option '--reason'"],
    [['pause', ID], 'say which controller is meant'],
    [['approve', ID, '--local'], 'say which gate'],
    [['approve', ID, '--gate', '5O', '--local'], '--gate takes a whole number of at most 999, not "5O"'],
    [['promote', ID, '--step', '0', '--local'], '--step counts from 1'],
    [['promote', ID, '--step', '-1', '--local'], '--step needs a value behind it'],
    [['plan', 'rollout.yaml', '--error-rate'], '--error-rate needs a value behind it\n'],
    [['validate'], 'expected FILE, got none'],
    [['plan', 'rollout.yaml'], '--requests-per-second 20'],
    [['plan', 'rollout.yaml', '--requests-per-second', '20', '--error-rate', 'few'], '--error-rate 0.1%'],
    [['status', 'api', '--local'], '"api" is no id of a rollout; it is SERVICE--RELEASE--ATTEMPT'],
    [['status', ID, ID, '--local'], `expected ROLLOUT, got ${ID} ${ID}`],
    [['abort', 'checkout--r1--first', '--local'], '"checkout--r1--first" is no id of a rollout'],
    [['report', 'api', 'api.html', '--local'], '"api" is no id of a rollout'],
    [['pause', ID, '--local', '--environment', 'prod'], 'say one of --local and --environment prod'],
    [['pause', ID, '--environment', 'a b'], '"a b" is no name of an environment'],
    [['pause', ID, '--environment', ''], 'say which controller is meant'],
  ])('%s exits 2, says what is wrong, and asks nothing of the controller', async (args, says) => {
    const { backend, asked } = fakeBackend();
    const { code, err } = await spillway(backend, ...args);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(err).toContain('spillway ');
    expect(asked).toEqual([]);
  });

  test.each(['release', 'status', 'abort'])('%s --help exits 0 and says how it is called', async (name) => {
    const { code, out, err } = await spillway(fakeBackend().backend, name, '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^spillway ${name} `));
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
    const orders = asked.filter(({ what }) => what !== 'read');
    expect(orders).toEqual([{ what: 'command', with: [{ rolloutId: ID, by: 'ada', ...sent }] }]);
  });

  test('is given by whom --by names', async () => {
    const { backend, asked } = fakeBackend();
    await spillway(backend, 'resume', ID, '--by', 'grace', '--local');
    expect(asked[0]?.with).toEqual([{ command: 'resume', rolloutId: ID, by: 'grace' }]);
  });

  const gates: Gate[] = [
    { before: 50, approvers: 2, by: ['ada', 'grace'], timeoutSeconds: 3600, onTimeout: 'revert' },
    { before: 100, approvers: 1, by: [], timeoutSeconds: 3600, onTimeout: 'revert' },
  ];
  const holding = (...more: RolloutEvent[]) => {
    const read = async () => ({ rollout: fold([...onFirstStep({ gates }), ...more]), events: [] });
    return fakeBackend({ read: read as Backend['read'] }).backend;
  };

  test('to promote does not claim what a gate still holds', async () => {
    const { out } = await spillway(holding(promotionOrdered(2)), 'promote', ID, '--local');
    expect(out.split('\n')).toEqual([
      `${ID} is to go past its step without waiting for evidence`,
      `  the gate before 50 % holds it: 0 of 2 approvals of ada, grace; approve ${ID} --gate 50`,
    ]);
    const full = holding(promotionOrdered(2, { full: true }));
    expect((await spillway(full, 'promote', ID, '--full', '--local')).out).toContain(
      `the gate before 100 % holds it: 0 of 1 approvals; approve ${ID} --gate 100`,
    );
  });

  test('to approve says how many approvals are still missing, and nothing once there are enough', async () => {
    const asked: RolloutEvent = { type: 'GateOpened', at: minute(3), gate: 50, until: minute(63) };
    const approval = (by: string): RolloutEvent => ({ type: 'Approved', at: minute(4), gate: 50, by });
    const args = ['approve', ID, '--gate', '50', '--local'];
    const first = await spillway(holding(asked, approval('ada')), ...args);
    expect(first.out.split('\n')).toEqual([
      `ada approves the gate before 50 % of ${ID}`,
      expect.stringContaining('holds it: 1 of 2 approvals of ada, grace'),
    ]);
    const second = await spillway(holding(asked, approval('ada'), approval('grace')), ...args);
    expect(second.out).toBe(`ada approves the gate before 50 % of ${ID}`);
  });

  test('that was taken is not called failed because its rollout cannot be read afterwards', async () => {
    const read = () => Promise.reject(new Error('no right to read'));
    const { backend } = fakeBackend({ read });
    expect(await spillway(backend, 'promote', ID, '--local')).toMatchObject({ code: 0, err: '' });
  });

  test('abort --direct takes the canary out without the controller', async () => {
    const { backend, asked } = fakeBackend();
    const { code, out } = await spillway(backend, 'abort', ID, '--direct', '--local');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'api: version 1 serves',
      `${ID} is aborted by ada without the controller (no reason given); its journal says so at the next tick`,
    ]);
    expect(asked).toEqual([{ what: 'revertDirectly', with: [ID, 'ada'] }]);
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
    const { code, err } = await spillway(backend, 'pause', ID, '--local');
    expect(code).toBe(1);
    expect(err).toMatch(/^TypeError: x is not a function\n {4}at /);
  });
});
