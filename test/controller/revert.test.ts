import { describe, expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { command } from '../../functions/command.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION, ROLLOUT, SERVICE } from '../../simulation/scenario.ts';
import { actor } from '../core/rollout/given.ts';
import { EMPTY } from '../empty.ts';
import { FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

const CLOSED = { primary: '1', weights: {}, token: `spillway ${FIRST} 1 2 closed` };
const DIED = { Error: 'Lambda.Unknown', Cause: 'exit status 1' };

/** A rollout at 100 % whose closing has sealed its target and written nothing. */
async function sealed() {
  const stage = setUp();
  const ref = await stage.openRaised();
  await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
  await stage.call(promoteCanary, ref);
  const [target] = ref.targets;
  if (target === undefined) throw new Error('The rollout has no target.');
  await stage.clock.run(stage.ports.router('lambda-alias').closeFence(target, ref));
  return { stage, ref };
}

describe('the revert path', () => {
  test('takes the canary out, ends the rollout and disarms the watchdog', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toEqual({
      kind: 'left',
      outcome: 'reverted',
      reason:
        'the controller met an error that it could not handle: one of its functions ended without an answer (Lambda.Unknown)',
    });
    expect(stage.standing()).toEqual(CLOSED);
    expect((await stage.history()).slice(-2)).toEqual(['Reverted', 'RolloutClosed']);
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'environment' });
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeUndefined();
    expect(await stage.ports.journal.running()).toEqual([]);
  });

  test('keeps the reason for which the canary was to leave, whatever error came with it', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, { command: 'abort', rolloutId: FIRST, by: 'ada', reason: 'odd' });
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toEqual({
      kind: 'left',
      outcome: 'reverted',
      reason: 'ada aborted: odd',
    });
  });

  test('calls a release refused that never had a request', async () => {
    const stage = setUp();
    const ref = await stage.open();
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toMatchObject({ outcome: 'refused' });
    expect(stage.standing()).toMatchObject({ primary: '1', token: `spillway ${FIRST} 1 1 closed` });
  });

  test('says what users met', async () => {
    const stage = setUp();
    await stage.clock.advance(20 * 60_000);
    const ref = await stage.openRaised();
    await stage.clock.advance(5 * 60_000);
    await stage.call(revertTraffic, { ref, came: {} });
    const { exposure } = await stage.rollout();
    expect(exposure?.requests).toBeGreaterThan(0);
    expect(exposure?.seconds).toBeGreaterThanOrEqual(300);
  });

  test('ends without that where the metrics cannot be read', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const ports = { ...stage.ports, metrics: { ...stage.ports.metrics, read: unreachable } };
    expect(await stage.call(revertTraffic, { ref, came: {} }, ports)).toMatchObject({ outcome: 'reverted' });
    expect((await stage.rollout()).exposure).toBeUndefined();
  });

  test('may be taken again, and comes to the same', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const first = await stage.call(revertTraffic, { ref, came: DIED });
    const before = [await stage.history(), stage.standing()];
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toEqual(first);
    expect([await stage.history(), stage.standing()]).toEqual(before);
  });

  test('needs no journal, and leaves the watchdog armed to write what is missing', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const ports = withJournal(stage.ports, { read: unreachable, append: unreachable });
    expect(await stage.call(revertTraffic, { ref, came: DIED }, ports)).toMatchObject({
      kind: 'left',
      outcome: 'reverted',
      reason: expect.stringMatching(/Lambda.Unknown.*the journal could not be written/),
    });
    expect(stage.standing()).toEqual(CLOSED);
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeDefined();
    expect((await stage.rollout()).outcome).toBeUndefined();
  });

  test('is taken before the journal is asked', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const { journal } = stage.ports;
    const ports = withJournal(stage.ports, {
      async read(id) {
        expect(stage.standing()).toEqual(CLOSED);
        return journal.read(id);
      },
    });
    await stage.call(revertTraffic, { ref, came: {} }, ports);
    expect(await stage.history()).toContain('Reverted');
  });

  test('acts for a rollout that the journal does not know', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const ports = withJournal(stage.ports, { read: async () => undefined });
    expect(await stage.call(revertTraffic, { ref, came: {} }, ports)).toMatchObject({ outcome: 'reverted' });
    expect(stage.standing()).toEqual(CLOSED);
  });

  test('ends halted where a stranger serves, and leaves him serving', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    stage.scenario.lambda.helpers.publishCounted(FUNCTION);
    await stage.meddle({ FunctionVersion: '3', weights: { '2': 10 } });
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({ outcome: 'halted' });
    expect(stage.standing()).toMatchObject({ primary: '3', weights: EMPTY });
  });

  test('calls a sealed release completed where the journal cannot be asked, as its targets say', async () => {
    const { stage, ref } = await sealed();
    const ports = withJournal(stage.ports, { read: unreachable, append: unreachable });
    expect(await stage.call(revertTraffic, { ref, came: DIED }, ports)).toMatchObject({
      kind: 'done',
      outcome: 'completed',
      reason: expect.stringMatching(/Lambda.Unknown.*the journal could not be written/),
    });
    expect(stage.standing()).toMatchObject({ primary: '2', weights: EMPTY });
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeDefined();
  });

  test('does not end as completed where it reverted what had completed', async () => {
    const { stage, ref } = await sealed();
    await stage.call(revertTraffic, { ref, came: DIED });
    const router: Ports['router'] = (kind) => ({
      ...stage.ports.router(kind),
      revert: async ({ name }) => ({ name, primary: '1', changed: true, drifted: false }),
    });
    expect(await stage.call(revertTraffic, { ref, came: DIED }, { ...stage.ports, router })).toMatchObject({
      kind: 'left',
      outcome: 'completed',
    });
  });

  describe('after which somebody else gives the canary traffic again, before the end is written', () => {
    /** The journal is read after the revert, and before its end is written. */
    const meddling = (stage: Stage, change: Parameters<Stage['meddle']>[0]) => {
      const { journal } = stage.ports;
      return withJournal(stage.ports, {
        async read(id) {
          if ((await stage.history()).at(-1) !== 'RolloutClosed') await stage.meddle(change);
          return journal.read(id);
        },
      });
    };
    const left = async (change: Parameters<Stage['meddle']>[0]) => {
      const stage = setUp();
      const ref = await stage.openRaised();
      stage.scenario.lambda.helpers.publishCounted(FUNCTION);
      const answer = await stage.call(revertTraffic, { ref, came: DIED }, meddling(stage, change));
      return { stage, answer, rollout: await stage.rollout() };
    };
    const AGAIN = /somebody else gave version 2 of api traffic after the revert/;

    test.each([
      ['that he chose', { weights: { '2': 80 } }, 3],
      ['that he had read before', { weights: { '2': 10 }, Description: `spillway ${FIRST} 1 1 open` }, 2],
    ])('takes a share %s out once more, and calls a person', async (_, change, seq) => {
      const { stage, answer, rollout } = await left(change);
      expect(answer).toEqual({ kind: 'left', outcome: 'halted', reason: expect.stringMatching(AGAIN) });
      expect(stage.standing()).toEqual({
        primary: '1',
        weights: {},
        token: `spillway ${FIRST} 1 ${seq} closed`,
      });
      expect(rollout.left).toEqual([
        { name: 'api', primary: '1', changed: true, drifted: false, regained: true },
      ]);
    });

    test('leaves it where it serves alone, which somebody chose, and calls a person', async () => {
      const { stage, answer, rollout } = await left({ FunctionVersion: '2' });
      expect(answer).toEqual({ kind: 'left', outcome: 'halted', reason: expect.stringMatching(AGAIN) });
      expect(stage.standing()).toMatchObject({ primary: '2', weights: EMPTY });
      expect(rollout).toMatchObject({ outcome: 'halted', left: [{ primary: '2', regained: true }] });
    });

    test('and another version serves, takes the share alone', async () => {
      const { stage, answer, rollout } = await left({ FunctionVersion: '3', weights: { '2': 10 } });
      expect(answer).toEqual({ kind: 'left', outcome: 'halted', reason: expect.stringMatching(AGAIN) });
      expect(stage.standing()).toMatchObject({ primary: '3', weights: EMPTY });
      expect(rollout.left).toMatchObject([{ primary: '3', drifted: true, regained: true }]);
    });

    test('is not said where he changed nothing of ours', async () => {
      const { answer } = await left({ Description: 'the team’s own words' });
      expect(answer).toMatchObject({ outcome: 'reverted' });
    });
  });

  test('looks once where it was quick, and leaves the room to others where it was one of many', async () => {
    for (const [tookMs, looks] of [
      [0, 1],
      [3_000, 0],
    ] as const) {
      const stage = setUp();
      const ref = await stage.openRaised();
      const real = stage.ports.router('lambda-alias');
      let looked = 0;
      const router: typeof real = {
        ...real,
        revert: async (target, by) => {
          await stage.clock.sleep(tookMs);
          return real.revert(target, by);
        },
        observe: (target, until) => {
          looked += 1;
          return real.observe(target, until);
        },
      };
      await stage.call(revertTraffic, { ref, came: {} }, { ...stage.ports, router: () => router });
      expect(looked).toBe(looks);
    }
  });

  test.each([
    ['fails', unreachable],
    ['hangs', () => new Promise<never>(() => {})],
  ])('ends without a last look where that %s', async (_, observe) => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const router = { ...stage.ports.router('lambda-alias'), observe };
    const before = stage.clock.now();
    const ports = { ...stage.ports, router: () => router };
    expect(await stage.call(revertTraffic, { ref, came: {} }, ports)).toMatchObject({ outcome: 'reverted' });
    expect(stage.clock.now() - before).toBeLessThan(10_000);
  });

  test('leaves a sealed release serving, and writes its completion down', async () => {
    const { stage, ref } = await sealed();
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toMatchObject({
      kind: 'done',
      outcome: 'completed',
    });
    expect(stage.standing()).toMatchObject({ primary: '2', weights: EMPTY });
    expect((await stage.ports.journal.service(SERVICE)).completed).toMatchObject({ release: 'r1' });
  });
});

describe('the end of a rollback that was written although the answer was lost', () => {
  async function lost(readsLost: number) {
    const { stage, ref } = await sealed();
    await stage.call(revertTraffic, { ref, came: {} });
    await stage.call(command, { command: 'rollback', rolloutId: FIRST, by: 'ada', reason: 'odd' });
    const back = stage.started.at(-1);
    if (back === undefined) throw new Error('No rollback was started.');
    const { journal } = stage.ports;
    let left = 0;
    const ports = withJournal(stage.ports, {
      async append(...given: Parameters<typeof journal.append>) {
        await journal.append(...given);
        left = readsLost;
        return unreachable();
      },
      read: (id) => (left-- > 0 ? unreachable() : journal.read(id)),
    });
    return { stage, ref: back, ports };
  }

  test.each([0, 1, 2])('is its answer, also after %i reads that failed', async (readsLost) => {
    const { stage, ref, ports } = await lost(readsLost);
    expect(await stage.call(revertTraffic, { ref, came: {} }, ports)).toMatchObject({
      kind: 'done',
      outcome: 'completed',
    });
  });

  test('is asked again of the whole function if it cannot be read', async () => {
    const { stage, ref, ports } = await lost(9);
    const first = stage.call(revertTraffic, { ref, came: {} }, ports);
    await expect(first).rejects.toMatchObject({ name: 'Unavailable' });
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({ kind: 'done' });
  });

  test('is waited for in time that the function has, if the journal hangs', async () => {
    const { stage, ref, ports } = await lost(0);
    const { append, read } = ports.journal;
    let isWritten = false;
    const hanging = withJournal(ports, {
      append: (...given) => append(...given).finally(() => (isWritten = true)),
      read: (id) => (isWritten ? new Promise<never>(() => {}) : read(id)),
    });
    const before = stage.clock.now();
    const first = stage.call(revertTraffic, { ref, came: {} }, hanging);
    await expect(first).rejects.toMatchObject({ name: 'Unavailable' });
    expect(stage.clock.now() - before).toBeLessThan(8_000);
  });
});

describe('several targets', () => {
  const WORKER = 'checkout-prod-Worker';

  async function twoRaised() {
    const targets = { api: { lambda: FUNCTION, alias: ALIAS }, worker: { lambda: WORKER, alias: ALIAS } };
    const stage = setUp({ rollout: { ...ROLLOUT, targets } });
    const { helpers } = stage.scenario.lambda;
    helpers.createFunction({ name: WORKER, tags: { 'spillway:service': SERVICE } });
    for (let version = 1; version <= 2; version++) helpers.publishCounted(WORKER);
    helpers.createAlias(WORKER, ALIAS, '1');
    const manifest = { targets: { api: { version: '2' }, worker: { version: '2' } } };
    return { stage, ref: await stage.openRaised({ manifest }), worker: () => helpers.routing(WORKER, ALIAS) };
  }

  test('are all reverted, also those that were never raised', async () => {
    const { stage, ref, worker } = await twoRaised();
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({ outcome: 'reverted' });
    expect(stage.standing()).toEqual(CLOSED);
    expect(worker()).toMatchObject({
      primary: '1',
      weights: EMPTY,
      description: expect.stringMatching(/closed$/),
    });
    expect((await stage.rollout()).left).toEqual([
      { name: 'api', primary: '1', changed: true, drifted: false },
      { name: 'worker', primary: '1', changed: false, drifted: false },
    ]);
  });

  test('do not wait for one that fails, which is named', async () => {
    const { stage, ref, worker } = await twoRaised();
    const router = stage.ports.router('lambda-alias');
    const ports = {
      ...stage.ports,
      router: () => ({
        ...router,
        revert: (...[target, by]: Parameters<typeof router.revert>) =>
          target.name === 'api' ? unreachable() : router.revert(target, by),
      }),
    };
    await expect(stage.call(revertTraffic, { ref, came: {} }, ports)).rejects.toMatchObject({
      name: 'RevertFailed',
      message: expect.stringMatching(/1 of 2 targets.*api: /),
    });
    expect(worker().description).toMatch(/closed$/);
    await expectOpen(stage);
  });

  test('of which one was sealed on the canary are all reverted: half a completion must not stay', async () => {
    const { stage, ref, worker } = await twoRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    await stage.call(promoteCanary, ref);
    const [api] = ref.targets;
    if (api === undefined) throw new Error('The rollout has no target.');
    await stage.clock.run(stage.ports.router('lambda-alias').closeFence(api, ref));
    expect(stage.standing()).toMatchObject({
      primary: '2',
      weights: EMPTY,
      token: expect.stringMatching(/closed$/),
    });
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toMatchObject({ outcome: 'reverted' });
    expect(stage.standing()).toMatchObject({ primary: '1', weights: EMPTY });
    expect(worker()).toMatchObject({ primary: '1', weights: EMPTY });
    expect((await stage.rollout()).left?.map(({ primary }) => primary)).toEqual(['1', '1']);
  });

  test('of which one alone was sealed are not called completed if the journal cannot be asked', async () => {
    const { stage, ref } = await twoRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    await stage.call(promoteCanary, ref);
    const [api] = ref.targets;
    if (api === undefined) throw new Error('The rollout has no target.');
    await stage.clock.run(stage.ports.router('lambda-alias').closeFence(api, ref));
    const ports = withJournal(stage.ports, { read: unreachable, append: unreachable });
    expect(await stage.call(revertTraffic, { ref, came: DIED }, ports)).toMatchObject({
      kind: 'left',
      outcome: 'reverted',
    });
  });

  test('are not called reverted where a sealed one could not be: Step Functions must act', async () => {
    const { stage, ref } = await twoRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    await stage.call(promoteCanary, ref);
    const [api] = ref.targets;
    if (api === undefined) throw new Error('The rollout has no target.');
    const real = stage.ports.router('lambda-alias');
    await stage.clock.run(real.closeFence(api, ref));
    const revert: typeof real.revert = (target, by) =>
      by.evenIfClosed ? Promise.reject(new Error('the alias cannot be reached')) : real.revert(target, by);
    const ports = { ...stage.ports, router: () => ({ ...real, revert }) };
    await expect(stage.call(revertTraffic, { ref, came: DIED }, ports)).rejects.toMatchObject({
      name: 'RevertFailed',
    });
    expect((await stage.rollout()).outcome).toBeUndefined();
  });

  test('that were sealed beside a command to leave are reverted too', async () => {
    const { stage, ref } = await sealedAndAborted();
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({ outcome: 'reverted' });
    expect(stage.standing()).toMatchObject({ primary: '1', weights: EMPTY });
  });

  test('that were sealed where the version to go back to is gone page somebody, and are not called reverted', async () => {
    const { stage, ref } = await sealedAndAborted();
    // What pins it is gone as well, as by somebody who tidies up.
    const { operations } = stage.scenario.lambda;
    await operations.DeleteAliasCommand({ FunctionName: FUNCTION, Name: `spillway-stable-${ALIAS}` });
    await operations.DeleteFunctionCommand({ FunctionName: FUNCTION, Qualifier: '1' });
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({
      outcome: 'halted',
      reason: expect.stringContaining('version 1 of api does not exist any more, so version 2 still serves'),
    });
    expect(stage.standing()).toMatchObject({ primary: '2' });
  });

  /** A rollout whose close had closed the fence when somebody aborted it. */
  async function sealedAndAborted() {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    await stage.call(promoteCanary, ref);
    const [api] = ref.targets;
    if (api === undefined) throw new Error('The rollout has no target.');
    await stage.clock.run(stage.ports.router('lambda-alias').closeFence(api, ref));
    const at = stage.clock.now();
    await stage.ports.journal.append(await stage.rollout(), [
      { type: 'Aborted', at, by: actor('ada'), reason: 'odd' },
    ]);
    return { stage, ref };
  }

  async function expectOpen(stage: Stage): Promise<void> {
    expect((await stage.rollout()).outcome).toBeUndefined();
    expect(stage.standing().weights).toEqual({ '2': 10 });
  }
});

describe('an irreversible release', () => {
  const irreversible = async () => {
    const stage = setUp();
    const ref = await stage.openRaised({ manifest: { reversible: false } });
    return { stage, ref };
  };

  test('names nothing in its execution that an error may revert', async () => {
    const { ref, stage } = await irreversible();
    expect(ref.targets).toEqual([]);
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toMatchObject({ targets: [] });
  });

  test('is held where an error was not handled, and the watchdog goes on watching', async () => {
    const { stage, ref } = await irreversible();
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toMatchObject({ outcome: 'halted' });
    expect(stage.standing().weights).toEqual({ '2': 10 });
    expect((await stage.rollout()).outcome).toBeUndefined();
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeDefined();
  });

  test('is reverted once a person has aborted it', async () => {
    const { stage, ref } = await irreversible();
    await stage.call(command, { command: 'abort', rolloutId: FIRST, by: 'ada', reason: 'odd' });
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({ outcome: 'reverted' });
    expect(stage.standing()).toMatchObject({ primary: '1', weights: EMPTY });
    expect((await stage.rollout()).outcome).toBe('reverted');
  });

  test('is not silently left in traffic by an abort without a journal, which alone knows its targets', async () => {
    const { stage } = await irreversible();
    const ports = withJournal(stage.ports, { read: unreachable });
    const aborting = stage.call(
      command,
      { command: 'abort', rolloutId: FIRST, by: 'ada', reason: 'odd' },
      ports,
    );
    await expect(aborting).rejects.toMatchObject({ name: 'Unavailable' });
  });

  test('that has no traffic yet is refused like any other', async () => {
    const stage = setUp();
    const ref = await stage.open({ manifest: { reversible: false } });
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toMatchObject({ outcome: 'refused' });
    expect((await stage.rollout()).outcome).toBe('refused');
  });
});

describe('hooks on the revert path', () => {
  const asking = (
    stage: Stage,
    hooks: Ports['hooks'] extends (kind: string) => infer Runner ? Runner : never,
  ) => ({
    ...stage.ports,
    hooks: () => hooks,
    journal: {
      ...stage.ports.journal,
      read: async (id: string) => {
        const rollout = await stage.ports.journal.read(id);
        return rollout && { ...rollout, opening: { ...rollout.opening, hooks: [ON_REVERT] } };
      },
    },
  });
  const ON_REVERT = {
    id: 'onRevert.1',
    point: 'onRevert' as const,
    kind: 'lambda',
    target: 'api',
    spec: { functionName: 'checkout-prod-Tell' },
    timeoutSeconds: 60,
    onBroken: 'ignore' as const,
  };

  test('are told once traffic is back and the end is written down, whatever they answer', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const told: unknown[] = [];
    const ports = asking(stage, {
      ask: async ({ hook, idempotencyKey }) => {
        told.push([hook.id, idempotencyKey, stage.standing(), (await stage.rollout()).outcome]);
        return { status: 'fail', reason: 'too bad' };
      },
    });
    expect(await stage.call(revertTraffic, { ref, came: {} }, ports)).toMatchObject({ outcome: 'reverted' });
    expect(told).toEqual([['onRevert.1', `${FIRST}/onRevert.1`, CLOSED, 'reverted']]);
  });

  test('that hang or throw do not keep the revert path waiting', async () => {
    for (const ask of [() => new Promise<never>(() => {}), unreachable]) {
      const stage = setUp();
      const ref = await stage.openRaised();
      const before = stage.clock.now();
      const left = await stage.call(revertTraffic, { ref, came: {} }, asking(stage, { ask }));
      expect(left).toMatchObject({ outcome: 'reverted' });
      expect(stage.clock.now() - before).toBeLessThan(10_000);
    }
  });

  test('that hang are told to stop', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const signals: (AbortSignal | undefined)[] = [];
    const ask = (_: unknown, signal?: AbortSignal) => {
      signals.push(signal);
      return new Promise<never>(() => {});
    };
    await stage.call(revertTraffic, { ref, came: {} }, asking(stage, { ask }));
    expect(signals).toMatchObject([{ aborted: true }]);
  });

  test('are not told of a completion', async () => {
    const { stage, ref } = await sealed();
    let told = 0;
    const ports = asking(stage, {
      ask: async () => {
        told += 1;
        return { status: 'pass', reason: 'heard' };
      },
    });
    expect(await stage.call(revertTraffic, { ref, came: {} }, ports)).toMatchObject({ outcome: 'completed' });
    expect(told).toBe(0);
  });
});
