import { describe, expect, test } from 'vitest';
import { tokens } from '../../adapters/tokens.ts';
import { linkCommand } from '../../core/people/link.ts';
import { signedCommand } from '../../core/people/signed-command.ts';
import type { CommandRequest } from '../../core/rollout/command-request.ts';
import { command } from '../../functions/command.ts';
import { decide } from '../../functions/decide.ts';
import { openRollout } from '../../functions/open-rollout.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { PEOPLE_KEY } from '../../local/controller.ts';
import { SERVICE } from '../../simulation/scenario.ts';
import { atOnce } from '../contract/cases.ts';
import { proven } from '../core/rollout/given.ts';
import { EMPTY } from '../empty.ts';
import { FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

const BY = proven('ada');
const pause = (more: Partial<CommandRequest> = {}) =>
  ({ command: 'pause', rolloutId: FIRST, by: BY, reason: 'lunch', ...more }) as CommandRequest;
const abort = (more: Partial<CommandRequest> = {}) => pause({ command: 'abort', ...more } as CommandRequest);
const onceFor = (id: string, fingerprint = 'a') => ({ id, fingerprint, expiresAt: Date.parse('2100-01-01') });

/** Gives a signed command, as the API does. */
const give = async (stage: Stage, request: CommandRequest, ports = stage.ports) =>
  stage.call(command, await signedCommand(request, stage.ports), ports);

describe('a signed command', () => {
  test('is carried out in the name of whoever the API has proven', async () => {
    const stage = setUp();
    await stage.openRaised();
    const by = { ...BY, name: 'Ada', person: 'ada' };
    expect(await give(stage, pause({ by, groups: ['leads'], aka: ['mail:ada@shop.example'] }))).toEqual({
      rolloutId: FIRST,
      accepted: true,
    });
    expect((await stage.rollout()).pause).toMatchObject({ by, reason: 'lunch' });
  });

  test('that aborts leaves its name on the target, for a journal that cannot be written', async () => {
    const stage = setUp();
    await stage.openRaised();
    await give(stage, abort({ by: { ...BY, name: 'Ada' } }), withJournal(stage.ports, { read: unreachable }));
    expect(stage.standing().token).toBe(`spillway ${FIRST} 1 2 closed by Ada`);
  });

  const signer = (stage: Stage, environment = 'production', key = PEOPLE_KEY) =>
    tokens(async () => JSON.stringify({ current: 'local', keys: { local: key } }), {
      environment,
      clock: stage.clock,
    });

  test.each<[string, (stage: Stage) => string | Promise<string>, string]>([
    [
      'forged',
      (stage) =>
        signer(stage, undefined, 'cd'.repeat(32)).sign(
          'command',
          { request: pause() },
          stage.clock.now() + 1e6,
        ),
      'signature',
    ],
    [
      'of another environment',
      (stage) => signer(stage, 'staging').sign('command', { request: pause() }, stage.clock.now() + 1e6),
      'environment',
    ],
    [
      'a session',
      (stage) => signer(stage).sign('session', { request: pause() }, stage.clock.now() + 1e6),
      'something else',
    ],
    ['expired', (stage) => signer(stage).sign('command', { request: pause() }, stage.clock.now()), 'expired'],
    ['no token', () => 'pause', 'not whole'],
  ])('that is %s is refused with the reason, and nothing is done', async (_, signed, why) => {
    const stage = setUp();
    await stage.openRaised();
    const before = await stage.history();
    await expect(stage.call(command, { signed: await signed(stage) })).rejects.toMatchObject({
      name: 'TokenInvalid',
      message: expect.stringContaining(why),
    });
    expect(await stage.history()).toEqual(before);
  });

  test.each([
    {},
    { request: null },
    { request: { ...pause(), command: 'explode' } },
    { request: { ...pause(), by: 'ada' } },
    { request: { ...pause(), by: { id: 'ada' } } },
    { request: { ...pause(), once: { id: '', fingerprint: 'a', expiresAt: 1 } } },
    { request: { ...pause(), force: true } },
  ])('that holds %j is refused, and nothing is done', async (claims) => {
    const stage = setUp();
    await stage.openRaised();
    const before = await stage.history();
    const signed = await signer(stage).sign('command', claims, stage.clock.now() + 1e6);
    await expect(stage.call(command, { signed })).rejects.toMatchObject({ name: 'EventInvalid' });
    expect(await stage.history()).toEqual(before);
  });

  test('is none if its event also says who gives it', async () => {
    const stage = setUp();
    const event = { ...(await signedCommand(pause(), stage.ports)), by: 'ada' };
    await expect(stage.call(command, event)).rejects.toMatchObject({ name: 'EventInvalid' });
  });
});

describe('a command that can be given once', () => {
  test('is answered as the first time if it comes again, also if it would be refused by now', async () => {
    const stage = setUp();
    await stage.openRaised();
    const request = pause({ once: onceFor('click') });
    expect(await give(stage, request)).toEqual({ rolloutId: FIRST, accepted: true });
    const before = await stage.history();
    for (let times = 0; times < 2; times++)
      expect(await give(stage, request)).toEqual({ rolloutId: FIRST, accepted: true, isRepeated: true });
    expect(await stage.history()).toEqual(before);
    await expect(give(stage, pause())).rejects.toMatchObject({ name: 'CommandRefused' });
  });

  test('is refused if its key was used for another command', async () => {
    const stage = setUp();
    await stage.openRaised();
    await give(stage, pause({ once: onceFor('click', 'pause') }));
    const before = stage.standing();
    for (const request of [abort, pause])
      await expect(give(stage, request({ once: onceFor('click', 'other') }))).rejects.toMatchObject({
        name: 'CommandRepeated',
        message: expect.stringContaining('was not carried out'),
      });
    expect(stage.standing()).toEqual(before);
  });

  test.each(['pause', 'abort'] as const)('%s is carried out once by ten who press at once', async (name) => {
    const stage = setUp();
    await stage.openRaised();
    const request = (name === 'pause' ? pause : abort)({ once: onceFor('click') });
    const answers = await atOnce(10, () => give(stage, request));
    expect(answers.filter(({ isRepeated }) => isRepeated !== true)).toHaveLength(1);
    const type = name === 'pause' ? 'Paused' : 'Aborted';
    expect((await stage.history()).filter((each) => each === type)).toHaveLength(1);
  });

  test('is used up although it has nothing to write', async () => {
    const stage = setUp();
    await stage.openRaised();
    await give(stage, abort());
    const request = abort({ once: onceFor('click') });
    expect(await give(stage, request)).toEqual({ rolloutId: FIRST, accepted: true });
    expect(await give(stage, request)).toMatchObject({ isRepeated: true });
  });

  test('is not used up if it is refused', async () => {
    const stage = setUp();
    await stage.openRaised();
    const resume = { command: 'resume', rolloutId: FIRST, by: BY, once: onceFor('click') } as const;
    await expect(give(stage, resume)).rejects.toMatchObject({ name: 'CommandRefused' });
    await give(stage, pause());
    expect(await give(stage, resume)).toEqual({ rolloutId: FIRST, accepted: true });
  });

  test('is carried out once although the answer of the journal was lost', async () => {
    const stage = setUp();
    await stage.openRaised();
    const { append } = stage.ports.journal;
    const lossy = withJournal(stage.ports, {
      append: async (...given) => {
        await append(...given);
        return unreachable();
      },
    });
    const request = pause({ once: onceFor('click') });
    await expect(give(stage, request, lossy)).rejects.toMatchObject({ name: 'Unavailable' });
    expect(await give(stage, request)).toMatchObject({ isRepeated: true });
  });

  test('waits for a journal that cannot say whether it was given, unless it aborts', async () => {
    const stage = setUp();
    await stage.openRaised();
    const away = withJournal(stage.ports, { used: unreachable });
    await expect(give(stage, pause({ once: onceFor('a') }), away)).rejects.toMatchObject({
      name: 'Unavailable',
    });
    expect(await give(stage, abort({ once: onceFor('b') }), away)).toEqual({
      rolloutId: FIRST,
      accepted: true,
    });
    expect(await stage.ports.journal.used('b')).toEqual({ fingerprint: 'a', rolloutId: FIRST });
  });

  test('aborts from the link alone while the journal is down; the link opens nothing else when it is back', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const claims = {
      rolloutId: FIRST,
      action: 'abort',
      jti: 'j',
      exp: stage.clock.now() / 1000 + 3600,
    } as const;
    const request = linkCommand(claims, 'odd');
    const down = withJournal(stage.ports, { read: unreachable, used: unreachable, append: unreachable });
    expect(await give(stage, request, down)).toEqual({ rolloutId: FIRST, accepted: true });
    expect(stage.standing()).toMatchObject({
      weights: EMPTY,
      token: `spillway ${FIRST} 1 2 closed by link:j`,
    });
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'revert' });
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'human' });
    expect(await give(stage, request)).toEqual({ rolloutId: FIRST, accepted: true });
    expect(await give(stage, request)).toMatchObject({ isRepeated: true });
  });

  test('leads to the rollout that it opened, also when it comes again', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    await stage.call(promoteCanary, ref);
    await stage.ports.journal.append(await stage.rollout(), [
      { type: 'RolloutClosed', at: stage.clock.now(), outcome: 'completed', reason: 'done' },
    ]);
    const back = `${SERVICE}--before-r1--1`;
    const request = {
      command: 'rollback',
      rolloutId: FIRST,
      by: BY,
      reason: 'odd',
      once: onceFor('key'),
    } as const;
    expect(await give(stage, request)).toEqual({ rolloutId: back, accepted: true });
    expect(await give(stage, request)).toEqual({ rolloutId: back, accepted: true, isRepeated: true });
    expect((await stage.rollout(back)).opening.by).toEqual(BY);
  });

  test('takes a release out of the queue once', async () => {
    const stage = setUp();
    await stage.openRaised();
    const waiting = await stage.upload();
    expect(await stage.call(openRollout, waiting)).toMatchObject({ result: 'waiting' });
    const request = abort({ rolloutId: `${SERVICE}--r2--1`, once: onceFor('key') });
    expect(await give(stage, request)).toEqual({ rolloutId: request.rolloutId, accepted: true });
    expect(await give(stage, request)).toMatchObject({ rolloutId: request.rolloutId, isRepeated: true });
    expect((await stage.rollout(request.rolloutId)).reason).toContain('ada aborted it while it waited');
  });
});
