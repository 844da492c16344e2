import { DeleteAliasCommand } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { executionInput } from '../../controller/execution.ts';
import type { Ports } from '../../controller/ports.ts';
import { RolloutError } from '../../core/errors.ts';
import { signedCommand } from '../../core/people/signed-command.ts';
import type { ExecutionInput } from '../../core/ports.ts';
import { command } from '../../functions/command.ts';
import { decide } from '../../functions/decide.ts';
import { openRollout } from '../../functions/open-rollout.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { runHook } from '../../functions/run-hook.ts';
import { shiftTraffic } from '../../functions/shift-traffic.ts';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION, SERVICE } from '../../simulation/scenario.ts';
import { actor, proven } from '../core/rollout/given.ts';
import { EMPTY } from '../empty.ts';
import { eventFor, FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

const abort = { command: 'abort', rolloutId: FIRST, by: 'ada', reason: 'orders look odd' };
const order = (change: object) => ({ rolloutId: FIRST, by: 'ada', ...change });
const REVERTED = { primary: '1', weights: {}, token: `spillway ${FIRST} 1 2 closed by ada` };

async function waitWith(stage: Stage, token: string): Promise<void> {
  const { version } = await stage.rollout();
  await stage.ports.journal.putToken(FIRST, { version, token });
}

describe('abort', () => {
  test('takes the canary out, writes it down, and wakes the hold', async () => {
    const stage = setUp();
    await stage.openRaised();
    await waitWith(stage, 'hold');
    expect(await stage.call(command, abort)).toEqual({ rolloutId: FIRST, accepted: true });
    expect(stage.standing()).toEqual(REVERTED);
    expect((await stage.rollout()).leaving).toMatchObject({
      cause: 'human',
      reason: 'ada aborted: orders look odd',
      outcome: 'reverted',
    });
    expect(stage.woken).toEqual(['hold']);
  });

  test('closes the fence before the first raise too, so that none can follow', async () => {
    const stage = setUp();
    const ref = await stage.open();
    await stage.call(command, abort);
    expect(stage.standing()).toEqual({
      primary: '1',
      weights: {},
      token: `spillway ${FIRST} 1 1 closed by ada`,
    });
    expect(await stage.call(shiftTraffic, ref)).toMatchObject({ kind: 'revert' });
    expect(stage.standing().weights).toEqual({});
  });

  test('takes a promoted canary back as well', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.meddle({ FunctionVersion: '2', weights: {}, Description: `spillway ${FIRST} 1 2 open` });
    await stage.call(command, abort);
    expect(stage.standing()).toMatchObject({ primary: '1', weights: EMPTY });
  });

  test('acts from the watchdog’s frozen input while the journal is down', async () => {
    const stage = setUp();
    await stage.openRaised();
    const ports = withJournal(stage.ports, {
      read: unreachable,
      append: unreachable,
      takeTokens: unreachable,
    });
    expect(await stage.call(command, abort, ports)).toEqual({ rolloutId: FIRST, accepted: true });
    expect(stage.standing()).toEqual(REVERTED);
    expect((await stage.rollout()).leaving).toBeUndefined();
  });

  test('is not accepted while the journal is down and a close has sealed the canary', async () => {
    const stage = setUp();
    await sealed(stage);
    const ports = withJournal(stage.ports, { read: unreachable, append: unreachable });
    await expect(stage.call(command, abort, ports)).rejects.toMatchObject({
      name: 'Unavailable',
      message: `The journal cannot be read, and ${FIRST} was about to complete or has completed: version 2 of api still serves. Abort it again; if it has completed, order a rollback.`,
    });
    expect(stage.standing()).toMatchObject({ primary: '2' });
  });

  test('while the journal is down is still told to it afterwards, with the name, and keeps the release out', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, abort, withJournal(stage.ports, { read: unreachable }));
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'revert' });
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'human', outcome: 'reverted' });
    await stage.call(revertTraffic, { ref, came: {} });
    expect((await stage.ports.journal.service(SERVICE)).quarantined).toMatchObject([{ release: 'r1' }]);
  });

  test('whose order the journal does not take is still told to it afterwards, with the name, and keeps the release out', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const ports = withJournal(stage.ports, { append: unreachable });
    await expect(stage.call(command, abort, ports)).rejects.toMatchObject({ name: 'Unavailable' });
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'revert' });
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'human', outcome: 'reverted' });
    await stage.call(revertTraffic, { ref, came: {} });
    expect((await stage.ports.journal.service(SERVICE)).quarantined).toMatchObject([{ release: 'r1' }]);
  });

  test('is written down before its function ends, however long Lambda takes', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await waitWith(stage, 'hold');
    const began = stage.clock.now();
    const router: Ports['router'] = (kind) => ({
      ...stage.ports.router(kind),
      revert: () => new Promise<never>(() => {}),
    });
    await stage.call(command, abort, { ...stage.ports, router });
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'human' });
    expect((await stage.rollout()).lastEventAt - began).toBeLessThanOrEqual(9_000);
    expect(stage.woken).toEqual(['hold']);
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'revert' });
  });

  test('is tried again by itself if AWS fails once, since its execution may be dead', async () => {
    const stage = setUp();
    await stage.openRaised();
    let tries = 0;
    const router: Ports['router'] = (kind) => {
      const known = stage.ports.router(kind);
      return {
        ...known,
        revert: async (...given) => {
          if (++tries === 1) throw new RolloutError('Unavailable', 'AWS failed');
          return known.revert(...given);
        },
      };
    };
    await stage.call(command, abort, { ...stage.ports, router });
    expect(stage.standing()).toEqual(REVERTED);
    expect(tries).toBe(2);
  });

  test('keeps as much of its reason as there is room for, as a text that can be stored', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.call(command, { ...abort, reason: `${'a'.repeat(999)}😀` });
    expect((await stage.rollout()).leaving?.reason).toBe(`ada aborted: ${'a'.repeat(999)}\uFFFD`);
  });

  test('has taken the canary out also where it cannot be written down', async () => {
    const stage = setUp();
    await stage.openRaised();
    const ports = withJournal(stage.ports, { append: unreachable });
    await expect(stage.call(command, abort, ports)).rejects.toMatchObject({ name: 'Unavailable' });
    expect(stage.standing()).toEqual(REVERTED);
    expect(await stage.call(command, abort)).toMatchObject({ accepted: true });
    expect(await stage.history()).toContain('Aborted');
  });

  test('is written down after whatever another writer was faster with', async () => {
    const stage = setUp();
    await stage.openRaised();
    const { journal } = stage.ports;
    let others = 3;
    const ports = withJournal(stage.ports, {
      async append(rollout, events) {
        const at = stage.clock.now();
        if (others-- > 0)
          await journal.append(await stage.rollout(), [
            { type: 'AlarmRaised', at, alarm: `a${others}`, since: at },
          ]);
        return journal.append(rollout, events);
      },
    });
    await stage.call(command, abort, ports);
    expect((await stage.history()).slice(-4)).toEqual([
      'AlarmRaised',
      'AlarmRaised',
      'AlarmRaised',
      'Aborted',
    ]);
  });

  test('may be given twice: the second changes nothing', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.call(command, abort);
    const before = [await stage.history(), stage.standing()];
    expect(await stage.call(command, { ...abort, by: 'grace' })).toMatchObject({ accepted: true });
    expect([await stage.history(), stage.standing()]).toEqual(before);
    expect((await stage.rollout()).leaving?.reason).toContain('ada');
  });

  test('of a rollout that has ended is refused with its outcome, and touches nothing', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(revertTraffic, { ref, came: {} });
    await stage.meddle({ FunctionVersion: '2', weights: {} });
    const before = [await stage.history(), stage.standing()];
    await expect(stage.call(command, abort)).rejects.toMatchObject({
      name: 'CommandRefused',
      message: expect.stringMatching(`${FIRST} has ended \\(reverted\\)`),
    });
    expect([await stage.history(), stage.standing()]).toEqual(before);
  });

  test('of a rollout that nobody knows is refused by its id', async () => {
    const stage = setUp();
    const unknown = stage.call(command, { ...abort, rolloutId: 'checkout-api--r7--1' });
    await expect(unknown).rejects.toMatchObject({
      name: 'RolloutUnknown',
      message: expect.stringContaining('checkout-api--r7--1'),
    });
  });

  test('says so where the target cannot be written, and has not pretended anything', async () => {
    const stage = setUp();
    await stage.openRaised();
    const router = { ...stage.ports.router('lambda-alias'), revert: unreachable };
    const failed = stage.call(command, abort, { ...stage.ports, router: () => router });
    await expect(failed).rejects.toMatchObject({
      name: 'RevertFailed',
      message: expect.stringMatching(/1 of 1 targets.*api.*may still have traffic/),
    });
    expect(await stage.history()).not.toContain('Aborted');
  });
});

describe('a release that waits in the queue', () => {
  const SECOND = `${SERVICE}--r2--1`;
  const order = (name: string, more: object = {}) => ({
    command: name,
    rolloutId: SECOND,
    by: 'ada',
    ...more,
  });
  const queued = async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const event = await stage.upload();
    expect(await stage.call(openRollout, event)).toMatchObject({ result: 'waiting' });
    return { stage, ref, event };
  };

  test('is taken out of the queue by an abort, and what is under way goes on', async () => {
    const { stage, ref, event } = await queued();
    const before = stage.standing();
    await stage.call(command, order('abort', { reason: 'wrong one' }));
    expect((await stage.ports.journal.service(SERVICE)).waiting).toBeUndefined();
    expect(await stage.rollout(SECOND)).toMatchObject({
      outcome: 'refused',
      reason: 'ada aborted it while it waited: wrong one',
    });
    expect(stage.standing()).toEqual(before);
    expect((await stage.rollout()).outcome).toBeUndefined();
    await stage.call(revertTraffic, { ref, came: {} });
    expect(await stage.call(openRollout, event)).toMatchObject({ result: 'refused' });
    expect(stage.standing().weights).toEqual({});
  });

  test('is not lost to an abort that names another one', async () => {
    const { stage } = await queued();
    const other = { ...order('abort', { reason: 'odd' }), rolloutId: `${SERVICE}--r3--1` };
    await expect(stage.call(command, other)).rejects.toMatchObject({ name: 'RolloutUnknown' });
    expect((await stage.ports.journal.service(SERVICE)).waiting).toMatchObject({ release: 'r2' });
  });

  test('that is opened at that very moment is reverted like any other', async () => {
    const { stage, ref, event } = await queued();
    await stage.call(revertTraffic, { ref, came: {} });
    const { journal } = stage.ports;
    const record = await journal.service(SERVICE);
    await stage.call(openRollout, event);
    let reads = 0;
    const ports = withJournal(stage.ports, {
      read: async (id) => (reads++ === 0 ? undefined : journal.read(id)),
      service: async () => record,
    });
    await stage.call(command, order('abort', { reason: 'odd' }), ports);
    expect((await stage.rollout(SECOND)).leaving).toMatchObject({ reason: 'ada aborted: odd' });
    expect(stage.standing().token).toBe(`spillway ${SECOND} 1 1 closed by ada`);
  });

  test.each([
    order('pause', { reason: 'odd' }),
    order('resume'),
    order('promote'),
    order('approve', { gate: 50 }),
    order('retry'),
    order('rollback', { reason: 'odd' }),
  ])('takes no other command: $command', async (given) => {
    const { stage } = await queued();
    await expect(stage.call(command, given)).rejects.toMatchObject({
      name: 'CommandRefused',
      message: `${SECOND} waits in the queue and is not opened yet; until then it can only be aborted.`,
    });
  });
});

describe('promote', () => {
  test('of the step that the person saw is written down, and wakes the hold', async () => {
    const stage = setUp();
    await stage.openRaised();
    await waitWith(stage, 'hold');
    await stage.call(command, order({ command: 'promote', step: 0 }));
    expect((await stage.rollout()).promotion).toEqual({ step: 0, full: false });
    expect((await stage.rollout()).unproven.join()).toContain('ada promoted it');
    expect(stage.woken).toEqual(['hold']);
  });

  test('of another step than the present one is refused, with both', async () => {
    const stage = setUp();
    await stage.openRaised();
    const before = await stage.history();
    await expect(stage.call(command, order({ command: 'promote', step: 1 }))).rejects.toMatchObject({
      name: 'CommandRefused',
      message: expect.stringMatching(/is at step 1, not 2/),
    });
    expect(await stage.history()).toEqual(before);
    expect(stage.woken).toEqual([]);
  });

  test('without a step holds for the present one, and to 100 % only where that is said', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.call(command, order({ command: 'promote' }));
    expect((await stage.rollout()).promotion).toEqual({ step: 0, full: false });
    await stage.call(command, order({ command: 'promote', full: true }));
    expect((await stage.rollout()).promotion).toEqual({ step: 0, full: true });
  });

  test('after an abort is refused: a release that leaves does not come back', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.call(command, abort);
    const late = stage.call(command, order({ command: 'promote', full: true }));
    await expect(late).rejects.toMatchObject({
      name: 'CommandRefused',
      message: expect.stringContaining('reverted'),
    });
  });
});

describe('pause and resume', () => {
  test('stop the rollout at its weight and let it go on', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.call(command, order({ command: 'pause', reason: 'lunch' }));
    expect((await stage.rollout()).pause).toMatchObject({
      by: { id: 'ada', via: 'iam', isVerified: false },
      reason: 'lunch',
      why: 'human',
    });
    await stage.call(command, order({ command: 'resume' }));
    expect((await stage.rollout()).pause).toBeUndefined();
    expect(stage.standing().weights).toEqual({ '2': 10 });
  });

  test('are refused where there is nothing to pause or resume', async () => {
    const stage = setUp();
    await stage.openRaised();
    await expect(stage.call(command, order({ command: 'resume' }))).rejects.toThrow(/is not paused/);
    await stage.call(command, order({ command: 'pause', reason: 'lunch' }));
    await expect(stage.call(command, order({ command: 'pause', reason: 'again' }))).rejects.toThrow(
      /paused already \(its status says why\)/,
    );
  });

  test.each(['pause', 'resume', 'promote'])(
    '%s is refused for a rollout that has ended or never was',
    async (name) => {
      const stage = setUp();
      const event = order({ command: name, ...(name === 'pause' ? { reason: 'why' } : {}) });
      await expect(stage.call(command, event)).rejects.toMatchObject({ name: 'RolloutUnknown' });
      const ref = await stage.openRaised();
      await stage.call(revertTraffic, { ref, came: {} });
      await expect(stage.call(command, event)).rejects.toMatchObject({ name: 'CommandRefused' });
    },
  );

  test('need the journal: without it nothing is accepted', async () => {
    const stage = setUp();
    await stage.openRaised();
    const ports = withJournal(stage.ports, { read: unreachable });
    const pausing = stage.call(command, order({ command: 'pause', reason: 'lunch' }), ports);
    await expect(pausing).rejects.toMatchObject({ name: 'Unavailable' });
  });
});

describe('approve', () => {
  const gates = [{ before: 10, approvers: 1, by: ['ada'], from: ['leads'], notAuthor: true }];
  const approval = { command: 'approve', rolloutId: FIRST, gate: 10 } as const;

  async function gated() {
    const access = { groups: { leads: ['grace'] }, people: {}, believedSessions: [], notify: {} };
    const stage = setUp({ rollout: { gates }, access });
    const ref = await stage.open({ manifest: { author: 'Joan <joan@shop.example>' } });
    await stage.call(runHook, { ref, version: 1, token: 'asked' });
    return { stage, ref };
  }

  test('and reject of somebody whose identity is not proven are refused, and nothing is written down', async () => {
    const { stage } = await gated();
    const before = await stage.history();
    for (const name of ['approve', 'reject'])
      await expect(
        stage.call(
          command,
          order({ command: name, gate: 10, ...(name === 'reject' ? { reason: 'no' } : {}) }),
        ),
      ).rejects.toThrow(
        `ada is what the caller said, and a gate counts proven identities only: ${name} in Slack, or by "spillway ${name}`,
      );
    expect(await stage.history()).toEqual(before);
  });

  test('goes by the groups and the names that the API has proven', async () => {
    const { stage } = await gated();
    const give = async (more: object) =>
      stage.call(command, await signedCommand({ ...approval, by: proven('joan'), ...more }, stage.ports));
    await expect(give({})).rejects.toThrow('joan may not: ada, or anybody in leads may');
    await expect(give({ groups: ['leads'], aka: ['mail:joan@shop.example'] })).rejects.toThrow(
      'joan is the author of the release',
    );
    await give({ by: proven('grace'), groups: ['leads'] });
    expect((await stage.rollout()).gates[10]?.approvedBy).toEqual([proven('grace')]);
  });

  test('has an opposite, which pauses the rollout and wakes the hold', async () => {
    const { stage, ref } = await gated();
    await waitWith(stage, 'hold');
    const rejection = {
      ...approval,
      command: 'reject',
      reason: 'the search is slow',
      by: proven('ada'),
    } as const;
    await stage.call(command, await signedCommand(rejection, stage.ports));
    expect((await stage.history()).slice(-2)).toEqual(['Rejected', 'Paused']);
    expect(stage.woken).toContain('hold');
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'hold' });
  });

  test('opens the way for the gate that is asked for, and wakes the hold', async () => {
    const { stage, ref } = await gated();
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'hold' });
    await waitWith(stage, 'hold');
    await stage.call(command, await signedCommand({ ...approval, by: proven('ada') }, stage.ports));
    expect((await stage.rollout()).gates[10]?.approvedBy).toEqual([proven('ada')]);
    expect(stage.woken).toContain('hold');
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'shift' });
  });

  test('of another gate is refused, and nothing is written down', async () => {
    const { stage } = await gated();
    const before = await stage.history();
    await expect(stage.call(command, order({ command: 'approve', gate: 50 }))).rejects.toMatchObject({
      name: 'CommandRefused',
      message: expect.stringMatching(/no open gate before 50 %, only before 10 %/),
    });
    expect(await stage.history()).toEqual(before);
  });
});

describe('answer', () => {
  const said = (change: object = {}) =>
    order({ command: 'answer', hook: 'smoke.1', status: 'pass', reason: 'all is well', ...change });

  async function asked() {
    const stage = setUp({ rollout: { smoke: [{ get: '/health', expect: { status: 200 } }] } });
    const ref = await stage.open();
    const hooks = () => ({ ask: async () => ({ status: 'pending' as const, reason: 'it takes a while' }) });
    await stage.call(runHook, { ref, version: 1, token: 'asked' }, { ...stage.ports, hooks });
    return { stage, ref };
  }

  test('of a hook that was asked lets the rollout go on, and wakes its hold', async () => {
    const { stage, ref } = await asked();
    expect(await stage.history()).toEqual(['RolloutOpened', 'HookStarted']);
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'hold' });
    await waitWith(stage, 'hold');
    await stage.call(command, said());
    expect(stage.woken).toContain('hold');
    expect(await stage.call(decide, ref)).toMatchObject({ kind: 'shift' });
  });

  test('that fails reverts the release', async () => {
    const { stage } = await asked();
    await stage.call(command, said({ status: 'fail', reason: 'orders were lost' }));
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'canary', reason: 'orders were lost' });
  });

  test('that is sent again is accepted, and changes nothing', async () => {
    const { stage } = await asked();
    await stage.call(command, said());
    const before = await stage.history();
    expect(await stage.call(command, said({ status: 'fail' }))).toMatchObject({ accepted: true });
    expect(await stage.history()).toEqual(before);
  });

  test('of a hook that was not asked is refused', async () => {
    const { stage } = await asked();
    const other = stage.call(command, said({ hook: 'smoke.2' }));
    await expect(other).rejects.toMatchObject({ name: 'CommandRefused' });
  });
});

/** Promotes the first rollout and closes its fence; the journal does not know yet that it has completed. */
async function sealed(stage: Stage): Promise<ExecutionInput> {
  const ref = await stage.openRaised();
  await stage.call(command, order({ command: 'promote', full: true }));
  await stage.call(promoteCanary, ref);
  const [target] = ref.targets;
  if (target === undefined) throw new Error('The rollout has no target.');
  await stage.clock.run(stage.ports.router('lambda-alias').closeFence(target, ref));
  return ref;
}

/** Completes the first rollout, as far as journal and alias go. */
async function completed(stage: Stage): Promise<void> {
  const ref = await sealed(stage);
  await stage.call(revertTraffic, { ref, came: {} });
  expect(await stage.rollout()).toMatchObject({ outcome: 'completed' });
}

describe('rollback', () => {
  const back = order({ command: 'rollback', reason: 'orders look odd' });
  const BACK = 'checkout-api--before-r1--1';

  test('opens a rollout of its own that puts back what served before', async () => {
    const stage = setUp();
    await completed(stage);
    expect(await stage.call(command, back)).toEqual({ rolloutId: BACK, accepted: true });
    const rollout = await stage.rollout(BACK);
    // Whatever goes wrong leads to stable, which is what was ordered.
    expect(rollout.opening.targets).toMatchObject([{ stable: '1', canary: '2' }]);
    const ref = stage.started.at(-1);
    expect(ref?.rolloutId).toBe(BACK);
    expect(stage.standing()).toMatchObject({ primary: '2', token: `spillway ${BACK} 1 0 open` });
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({ kind: 'done' });
    expect(stage.standing()).toMatchObject({ primary: '1' });
    expect(await stage.rollout(BACK)).toMatchObject({ outcome: 'completed' });
  });

  test('arms the watchdog for that rollout before anything moves', async () => {
    const stage = setUp();
    await completed(stage);
    await stage.call(command, back);
    expect(await stage.clock.run(stage.ports.watchdog.frozen(BACK))).toMatchObject({ rolloutId: BACK });
  });

  test('of a rollout that is under way or was reverted is refused', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await expect(stage.call(command, back)).rejects.toThrow(/still under way.*abort it instead/);
    await stage.call(revertTraffic, { ref, came: {} });
    await expect(stage.call(command, back)).rejects.toThrow(/is reverted/);
    expect(await stage.ports.journal.read(BACK)).toBeUndefined();
  });

  test('given twice, or by two people at once, is one rollback', async () => {
    const stage = setUp();
    await completed(stage);
    const bob = { ...back, by: 'bob' };
    const [first, second] = await Promise.all([stage.call(command, back), stage.call(command, bob)]);
    expect([first, second]).toEqual([
      { rolloutId: BACK, accepted: true },
      { rolloutId: BACK, accepted: true },
    ]);
    expect(await stage.call(command, back)).toEqual({ rolloutId: BACK, accepted: true });
    expect((await stage.ports.journal.running()).map(({ opening }) => opening.rolloutId)).toEqual([BACK]);
  });

  test('is not aborted: it has one direction, and the refusal says how to serve the newer release again', async () => {
    const stage = setUp();
    await completed(stage);
    await stage.call(command, back);
    await expect(stage.call(command, { ...abort, rolloutId: BACK })).rejects.toThrow(
      /is a rollback: it leads to version 1 of api in one write and cannot abort.*retry checkout-api--r1--1/,
    );
    expect(stage.standing()).toMatchObject({ primary: '2' });
  });

  test('ends its execution as completed although the answer to the write of its end was lost', async () => {
    const stage = setUp();
    await completed(stage);
    await stage.call(command, back);
    const { append } = stage.ports.journal;
    const lost = withJournal(stage.ports, {
      append: async (rollout, events) => {
        await append(rollout, events);
        return unreachable();
      },
    });
    const ref = stage.started.at(-1);
    expect(await stage.call(revertTraffic, { ref, came: {} }, lost)).toMatchObject({ kind: 'done' });
    expect(await stage.rollout(BACK)).toMatchObject({ outcome: 'completed' });
  });

  test('is tried again while its end cannot be written, with its traffic back already', async () => {
    const stage = setUp();
    await completed(stage);
    await stage.call(command, back);
    const away = withJournal(stage.ports, { append: unreachable });
    const ref = stage.started.at(-1);
    await expect(stage.call(revertTraffic, { ref, came: {} }, away)).rejects.toMatchObject({
      name: 'Unavailable',
    });
    expect(stage.standing()).toMatchObject({ primary: '1' });
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({ kind: 'done' });
  });

  test('reverts what somebody has claimed in its place, if that one has ended', async () => {
    const stage = setUp();
    await completed(stage);
    const lost = {
      ...stage.ports,
      router: () => ({ ...stage.ports.router('lambda-alias'), claim: async () => {} }),
    };
    await stage.call(
      openRollout,
      { open: 'rollback', rolloutId: FIRST, by: actor('ada'), reason: 'odd' },
      lost,
    );
    expect(stage.standing().token).toContain(FIRST);
    expect(await stage.call(revertTraffic, { ref: stage.started.at(-1), came: {} })).toMatchObject({
      kind: 'done',
    });
    expect(stage.standing()).toMatchObject({ primary: '1' });
  });
});

describe('retry', () => {
  test('opens the next attempt of the same object, out of quarantine', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, abort);
    await stage.call(revertTraffic, { ref, came: {} });
    expect((await stage.ports.journal.service(SERVICE)).quarantined).toMatchObject([{ release: 'r1' }]);
    const rolloutId = 'checkout-api--r1--2';
    expect(await stage.call(command, order({ command: 'retry' }))).toEqual({ rolloutId, accepted: true });
    expect((await stage.rollout(rolloutId)).opening).toMatchObject({
      attempt: 2,
      manifest: (await stage.rollout()).opening.manifest,
    });
    expect((await stage.ports.journal.service(SERVICE)).quarantined ?? []).toEqual([]);
  });

  test('of what is under way or has completed is refused', async () => {
    const stage = setUp();
    await completed(stage);
    await expect(stage.call(command, order({ command: 'retry' }))).rejects.toThrow(
      /completed; there is nothing/,
    );
  });

  test('of an attempt that is not the newest is refused, and the quarantine stays', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, abort);
    await stage.call(revertTraffic, { ref, came: {} });
    const { rolloutId: second } = (await stage.call(command, order({ command: 'retry' }))) as {
      rolloutId: string;
    };
    await stage.call(command, { ...abort, rolloutId: second });
    await stage.call(revertTraffic, { ref: executionInput(await stage.rollout(second)), came: {} });
    await expect(stage.call(command, order({ command: 'retry' }))).rejects.toThrow(
      /was retried already, as checkout-api--r1--2/,
    );
    expect((await stage.ports.journal.service(SERVICE)).quarantined).toMatchObject([{ release: 'r1' }]);
  });

  test('without it, the same code is refused under another name', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, abort);
    await stage.call(revertTraffic, { ref, came: {} });
    const event = await stage.upload({ manifest: { targets: { api: { version: '2' } } } });
    expect(await stage.call(openRollout, event)).toMatchObject({
      result: 'refused',
      reason: expect.stringMatching(
        /r2 has the same artifacts \(api version 2\) as release r1, which was reverted as checkout-api--r1--1/,
      ),
    });
  });

  test('of the other name, as its refusal says, lifts what keeps it out', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, abort);
    await stage.call(revertTraffic, { ref, came: {} });
    const event = await stage.upload({ manifest: { targets: { api: { version: '2' } } } });
    const { reason } = (await stage.call(openRollout, event)) as { reason: string };
    const [, named = ''] = /run retry (\S+) to release it anyway\.$/.exec(reason) ?? [];
    expect(named).toBe('checkout-api--r2--1');
    const rolloutId = 'checkout-api--r2--2';
    expect(await stage.call(command, order({ command: 'retry', rolloutId: named }))).toMatchObject({
      rolloutId,
    });
    expect((await stage.rollout(rolloutId)).outcome).toBeUndefined();
    expect((await stage.ports.journal.service(SERVICE)).quarantined ?? []).toEqual([]);
  });

  test('that is refused at the door lifts no quarantine', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, abort);
    await stage.call(revertTraffic, { ref, came: {} });
    const gone = new DeleteAliasCommand({ FunctionName: FUNCTION, Name: ALIAS });
    await stage.clock.run(stage.scenario.clients.lambda.send(gone));
    await expect(stage.call(command, order({ command: 'retry' }))).rejects.toThrow(/was refused: /);
    expect((await stage.ports.journal.service(SERVICE)).quarantined).toMatchObject([{ release: 'r1' }]);
  });

  test('of one whose manifest is gone is refused, and the quarantine stays', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, abort);
    await stage.call(revertTraffic, { ref, came: {} });
    const { bucket: Bucket, key: Key, versionId: VersionId } = (await stage.rollout()).opening.manifest;
    await stage.clock.run(
      stage.scenario.clients.s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId })),
    );
    await expect(stage.call(command, order({ command: 'retry' }))).rejects.toMatchObject({
      name: 'ManifestInvalid',
      message: expect.stringContaining('upload it again'),
    });
    expect((await stage.ports.journal.service(SERVICE)).quarantined).toMatchObject([{ release: 'r1' }]);
  });
});

describe('where OpenRollout does not answer', () => {
  const deaf = (stage: Stage): Ports => ({ ...stage.ports, openings: { open: unreachable } });

  test.each([order({ command: 'retry' }), order({ command: 'rollback', reason: 'odd' })])(
    '$command says so, and has changed nothing',
    async (given) => {
      const stage = setUp();
      const ref = await stage.openRaised();
      await stage.call(command, abort);
      await stage.call(revertTraffic, { ref, came: {} });
      const before = [await stage.history(), stage.standing()];
      await expect(stage.call(command, given, deaf(stage))).rejects.toMatchObject({ name: 'Unavailable' });
      expect([await stage.history(), stage.standing()]).toEqual(before);
      expect((await stage.ports.journal.service(SERVICE)).quarantined).toMatchObject([{ release: 'r1' }]);
    },
  );

  test('an abort takes the canary out all the same', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.call(command, abort, deaf(stage));
    expect(stage.standing()).toEqual(REVERTED);
  });
});

test('a command is no event of an upload', async () => {
  await expect(setUp().call(command, eventFor('x'))).rejects.toMatchObject({ name: 'EventInvalid' });
});
