import { describe, expect, test } from 'vitest';
import { RolloutError } from '../../core/errors.ts';
import type { Gate, RolloutEvent } from '../../core/rollout/event.ts';
import { actor, minute, onFirstStep, promotionOrdered } from '../core/rollout/given.ts';
import { textOf } from '../house/project.ts';
import { answering, fakeClient, reads, spillway } from './called.ts';

const ID = 'checkout--r1--1';

describe('a call that is wrong', () => {
  test.each<[args: string[], says: string]>([
    [[], 'No command was given.'],
    [['deploy'], 'There is no command "deploy"; there are init, validate, plan, '],
    [['toString'], 'There is no command "toString"; '],
    [['stats'], 'There is no command "stats"; did you mean status?\n'],
    [['pause', '--local'], 'spillway pause expects ROLLOUT, got none'],
    [['pause', ID, 'more', '--local'], `spillway pause expects ROLLOUT, got ${ID} more`],
    [['pause', ID, '--locale'], 'spillway pause has no option --locale; did you mean --local?\n'],
    [
      ['resume', ID, '--reason', 'why', '--local'],
      'spillway resume has no option --reason; it has --by, --environment, --local, --json\n',
    ],
    [['pause', ID], 'say which controller is meant'],
    [['approve', ID, '--local'], 'spillway approve needs --gate PERCENT: 50 is the gate before 50 %\n'],
    [['approve', ID, '--gate', '5O', '--local'], '--gate takes a whole number of at most 999, not "5O"'],
    [['promote', ID, '--step', '0', '--local'], '--step counts from 1'],
    [
      ['promote', ID, '--step', '-1', '--local'],
      '--step needs a value: --step N, or --step=-1 if that is the value\n',
    ],
    [['pause', ID, '--reason', '--local'], '--reason needs a value: --reason TEXT\n'],
    [
      ['pause', ID, '--reason', 'a', '--reason', 'b', '--local'],
      '--reason is given twice, as "a" and "b"; give it once\n',
    ],
    [
      ['release', 'f.yaml', '--assets', 'share', '--local'],
      '--assets takes shared or per-release, not "share"; did you mean shared?\n',
    ],
    [['completion', 'csh'], '"csh" is no shell known here; there are bash, zsh, fish'],
    [['status', '--json=yes', '--local'], '--json takes no value, but was given "yes"; write --json alone\n'],
    [
      ['status', '-j', '--local'],
      'spillway status has no option -j; it has --json, --verbose, --environment, --local\n',
    ],
    [['plan', 'rollout.yaml', '--error-rate'], '--error-rate needs a value: --error-rate PERCENT\n'],
    [['validate'], 'spillway validate expects FILE, got none'],
    [['plan', 'rollout.yaml'], 'spillway plan needs --requests-per-second N: '],
    [
      ['plan', 'rollout.yaml', '--requests-per-second', '20', '--error-rate', 'few'],
      '--error-rate takes a percentage below 100, such as 0.1%, not "few"',
    ],
    [
      ['plan', 'rollout.yaml', '--requests-per-second', '20', '--error-rate', '0.1'],
      '--error-rate 0.1 has no % sign; write 0.1% if one request in 1,000 fails, or 10% if one request in 10 does\n',
    ],
    [
      ['plan', 'rollout.yaml', '--requests-per-second', '20', '--error-rate', '5'],
      '--error-rate 5 has no % sign; write 5% if one request in 20 fails\n',
    ],
    [['plan', 'rollout.yaml', '--requests-per-second', 'many', '--error-rate', '1%'], 'not "many"\n'],
    [['status', 'api', '--local'], 'invalid rollout id "api": expected SERVICE--RELEASE--ATTEMPT'],
    [['status', ID, ID, '--local'], `spillway status expects [ROLLOUT], got ${ID} ${ID}`],
    [['abort', 'checkout--r1--first', '--local'], 'invalid rollout id "checkout--r1--first"'],
    [['report', 'api', 'api.html', '--local'], 'invalid rollout id "api"'],
    [['pause', ID, '--local', '--environment', 'prod'], 'say one of --local and --environment prod'],
    [['pause', ID, '--environment', 'a b'], '"a b" (--environment) is no name of an environment'],
    [['pause', ID, '--environment', ''], '"" (--environment) is no name of an environment'],
  ])('%s exits 2, says what is wrong, and asks nothing of the controller', async (args, says) => {
    const { client, asked } = fakeClient();
    const { code, err } = await spillway(client, ...args);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(err).toContain('spillway ');
    expect(asked).toEqual([]);
  });

  test.each([
    ['release', '--help'],
    ['status', '-h'],
    ['abort', ID, '--direct', '--help'],
    ['help', 'approve'],
  ])('%s %s exits 0, says how it is called with each of its options, and asks nothing', async (...args) => {
    const { client, asked } = fakeClient();
    const { code, out, err } = await spillway(client, ...args);
    expect({ code, err, asked }).toEqual({ code: 0, err: '', asked: [] });
    expect(out).toMatch(new RegExp(`^Usage: spillway ${args.find((each) => each !== 'help')} `));
    expect(out).toMatch(/^ {2}--environment NAME {2}the controller of this environment/m);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test.each([
    [
      ['rollback', ID],
      'Rollback of checkout--r1--1 sends all traffic to the newest older release that was good',
    ],
    [['promote', ID, '--full'], 'Promotion of checkout--r1--1 to 100 % waits for no evidence'],
  ])('%s, which cannot be undone, is refused where nobody can answer', async (args, what) => {
    const { client, asked } = fakeClient();
    const { code, err } = await spillway(client, ...args, '--local');
    expect({ code, asked }).toEqual({ code: 2, asked: [] });
    expect(err).toContain(what);
    expect(err).toContain('add --yes if that is meant');
  });

  test('a text behind -- is no question for help', async () => {
    const { code, err } = await spillway(fakeClient().client, 'validate', '--', '--help');
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringContaining('--help: The file cannot be read'),
    });
  });

  test.each(['help', '--help', '-h'])('%s exits 0 and names every command', async (word) => {
    const { code, out } = await spillway(fakeClient().client, word);
    expect(code).toBe(0);
    for (const name of [
      'validate',
      'plan',
      'release',
      'status',
      'pause',
      'resume',
      'promote',
      'approve',
      'reject',
    ])
      expect(out).toContain(`\n  ${name} `);
    for (const name of ['report', 'abort', 'rollback', 'retry']) expect(out).toContain(`\n  ${name} `);
  });

  test('--version is that of the package', async () => {
    const { version } = JSON.parse(textOf('package.json'));
    expect(await spillway(fakeClient().client, '--version')).toEqual({ code: 0, out: version, err: '' });
  });
});

describe('a command', () => {
  test.each<[args: string[], sent: object]>([
    [['pause', ID], { command: 'pause', reason: 'no reason given' }],
    [['pause', ID, '--reason', 'odd'], { command: 'pause', reason: 'odd' }],
    [['resume', ID], { command: 'resume' }],
    [['retry', ID], { command: 'retry' }],
    [['acknowledge', ID], { command: 'acknowledge' }],
    [['rollback', ID, '--yes'], { command: 'rollback', reason: 'no reason given' }],
    [['promote', ID], { command: 'promote', full: false }],
    [['promote', ID, '--full', '--yes'], { command: 'promote', full: true }],
    [['promote', ID, '--step', '2'], { command: 'promote', full: false, step: 1 }],
    [['approve', ID, '--gate', '50'], { command: 'approve', gate: 50 }],
    [['reject', ID, '--gate', '50'], { command: 'reject', gate: 50, reason: 'no reason given' }],
    [['reject', ID, '--gate', '50', '--reason', 'odd'], { command: 'reject', gate: 50, reason: 'odd' }],
    [['abort', ID, '--reason', 'slow'], { command: 'abort', reason: 'slow' }],
  ])('%s is sent once, with who gave it', async (args, sent) => {
    const { client, asked } = fakeClient();
    expect(await spillway(client, ...args, '--local')).toMatchObject({ code: 0, err: '' });
    const orders = asked.filter(({ what }) => what !== 'read');
    expect(orders).toEqual([{ what: 'command', with: [{ rolloutId: ID, by: 'ada', ...sent }] }]);
  });

  test.each([
    ['y', 0, 1],
    ['yes', 0, 1],
    ['', 1, 0],
    ['no', 1, 0],
  ])('that cannot be undone asks at a terminal, and "%s" exits %i', async (answer, code, sent) => {
    const { client, asked } = fakeClient();
    const questions: string[] = [];
    const says = (question: string) => {
      questions.push(question);
      return answer;
    };
    expect(await answering(client, says, 'rollback', ID, '--local')).toMatchObject({ code });
    expect(questions).toEqual([expect.stringMatching(/Go on in the world of this machine\? \[y\/N\] $/)]);
    expect(asked).toHaveLength(sent);
  });

  test.each<[args: string[], answer: object]>([
    [['pause', ID], { rolloutId: ID, command: 'pause' }],
    [['approve', ID, '--gate', '50'], { rolloutId: ID, command: 'approve', gate: 50 }],
    [['abort', ID, '--direct'], { rolloutId: ID, command: 'abort', reverted: ['api: version 1 serves'] }],
    [['status'], []],
  ])('%s --json prints one line of JSON', async (args, answer) => {
    const { code, out, err } = await spillway(fakeClient().client, ...args, '--local', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toEqual(answer);
  });

  test('that is refused says so as JSON if that was asked for', async () => {
    const refusal = async () => {
      throw new RolloutError('CommandRefused', `${ID} has ended.`);
    };
    const refused = await spillway(
      fakeClient({ command: refusal }).client,
      ...['pause', ID, '--local', '--json'],
    );
    expect({ ...refused, out: JSON.parse(refused.out) }).toEqual({
      code: 1,
      out: { error: { code: 'CommandRefused', message: `${ID} has ended.` } },
      err: '',
    });
    const wrong = await spillway(fakeClient().client, 'pause', '--json');
    expect(JSON.parse(wrong.out)).toMatchObject({ error: { code: 'UsageError' } });
  });

  test('is given by whom --by names', async () => {
    const { client, asked } = fakeClient();
    await spillway(client, 'resume', ID, '--by', 'grace', '--local');
    expect(asked[0]?.with).toEqual([{ command: 'resume', rolloutId: ID, by: 'grace' }]);
  });

  const gates: Gate[] = [
    { before: 50, approvers: 2, by: ['ada', 'grace'], timeoutSeconds: 3600, onTimeout: 'revert' },
    { before: 100, approvers: 1, by: [], timeoutSeconds: 3600, onTimeout: 'revert' },
  ];
  const holding = (...more: RolloutEvent[]) =>
    fakeClient({ read: reads([...onFirstStep({ gates }), ...more]) }).client;

  test('to promote does not claim what a gate still holds', async () => {
    const { out } = await spillway(holding(promotionOrdered(2)), 'promote', ID, '--local');
    expect(out.split('\n')).toEqual([
      `${ID}: promotion past the current step is accepted`,
      `  the gate before 50 % holds it: 0 of 2 approvals of ada, grace; approve ${ID} --gate 50`,
    ]);
    const full = holding(promotionOrdered(2, { full: true }));
    expect((await spillway(full, 'promote', ID, '--full', '--yes', '--local')).out).toContain(
      `the gate before 100 % holds it: 0 of 1 approvals of anybody who may approve; approve ${ID} --gate 100`,
    );
  });

  test('to approve says how many approvals are still missing, and nothing once there are enough', async () => {
    const asked: RolloutEvent = { type: 'GateOpened', at: minute(3), gate: 50, until: minute(63) };
    const approval = (by: string): RolloutEvent => ({
      type: 'Approved',
      at: minute(4),
      gate: 50,
      by: actor(by),
    });
    const args = ['approve', ID, '--gate', '50', '--local'];
    const first = await spillway(holding(asked, approval('ada')), ...args);
    expect(first.out.split('\n')).toEqual([
      `your approval of the gate before 50 % of ${ID} is recorded`,
      expect.stringContaining('holds it: 1 of 2 approvals of ada, grace'),
    ]);
    const second = await spillway(holding(asked, approval('ada'), approval('grace')), ...args);
    expect(second.out).toBe(`your approval of the gate before 50 % of ${ID} is recorded`);
  });

  test('that was taken is not called failed because its rollout cannot be read afterwards', async () => {
    const read = () => Promise.reject(new Error('no right to read'));
    const { client } = fakeClient({ read });
    expect(await spillway(client, 'promote', ID, '--local')).toMatchObject({ code: 0, err: '' });
  });

  test('abort --direct takes the canary out without the controller', async () => {
    const { client, asked } = fakeClient();
    const { code, out } = await spillway(client, 'abort', ID, '--direct', '--local');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'api: version 1 serves',
      `${ID} is aborted by ada without the controller (no reason given); its journal says so at the next tick`,
    ]);
    expect(asked).toEqual([{ what: 'revertDirectly', with: [ID, 'ada'] }]);
  });

  test('that is refused exits 1 with the refusal and no stack', async () => {
    const refusal = async () => {
      throw new RolloutError('CommandRefused', `${ID} has ended.`);
    };
    const { client } = fakeClient({ command: refusal });
    expect(await spillway(client, 'pause', ID, '--local')).toEqual({
      code: 1,
      out: '',
      err: `${ID} has ended.`,
    });
  });

  test('that AWS refuses exits 1 with what AWS says', async () => {
    const denied = Object.assign(new Error('not authorized'), { $metadata: { httpStatusCode: 403 } });
    const { client } = fakeClient({ command: () => Promise.reject(denied) });
    expect(await spillway(client, 'pause', ID, '--local')).toMatchObject({ code: 1, err: 'not authorized' });
  });

  test('does not hide a fault of this program', async () => {
    const fault = new TypeError('x is not a function');
    const { client } = fakeClient({ command: () => Promise.reject(fault) });
    const { code, err } = await spillway(client, 'pause', ID, '--local');
    expect(code).toBe(1);
    expect(err).toMatch(/^TypeError: x is not a function\n {4}at /);
  });
});
