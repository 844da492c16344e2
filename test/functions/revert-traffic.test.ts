import { describe, expect, test } from 'vitest';
import { command } from '../../functions/command.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { FUNCTION, ROLLOUT, SERVICE } from '../../local/scenario.ts';
import { ALIAS } from '../../local/world.ts';
import { FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

const CLOSED = { primary: '1', weights: {}, stamp: `spillway ${FIRST} 1 2 closed` };
const DIED = { Error: 'Lambda.Unknown', Cause: 'exit status 1' };

describe('the way out', () => {
  test('takes the canary out, ends the rollout and disarms the dead man', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toEqual({
      outcome: 'reverted',
      reason: 'an error that nobody handled: Lambda.Unknown: exit status 1',
    });
    expect(stage.standing()).toEqual(CLOSED);
    expect((await stage.history()).slice(-2)).toEqual(['Reverted', 'RolloutClosed']);
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'environment' });
    expect(await stage.clock.run(stage.ports.deadMan.frozen(FIRST))).toBeUndefined();
    expect(await stage.ports.journal.running()).toEqual([]);
  });

  test('keeps the reason for which the canary was to leave, whatever error came with it', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, { command: 'abort', rolloutId: FIRST, by: 'ada', reason: 'odd' });
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toEqual({
      outcome: 'reverted',
      reason: 'ada aborted: odd',
    });
  });

  test('calls a release refused that never had a request', async () => {
    const stage = setUp();
    const ref = await stage.open();
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toMatchObject({ outcome: 'refused' });
    expect(stage.standing()).toMatchObject({ primary: '1', stamp: `spillway ${FIRST} 1 1 closed` });
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
    const ports = { ...stage.ports, metrics: { read: unreachable } };
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

  test('needs no journal, and leaves the dead man armed to write what is missing', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const ports = withJournal(stage.ports, { read: unreachable, append: unreachable });
    expect(await stage.call(revertTraffic, { ref, came: DIED }, ports)).toMatchObject({
      outcome: 'reverted',
      reason: expect.stringMatching(/Lambda.Unknown.*the journal could not be written/),
    });
    expect(stage.standing()).toEqual(CLOSED);
    expect(await stage.clock.run(stage.ports.deadMan.frozen(FIRST))).toBeDefined();
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
    expect(stage.standing()).toMatchObject({ primary: '3', weights: {} });
  });

  test('leaves a sealed release serving, and writes its completion down', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    await stage.call(promoteCanary, ref);
    const [target] = ref.targets;
    if (target === undefined) throw new Error('The rollout has no target.');
    await stage.clock.run(stage.ports.router('lambda-alias').seal(target, ref));
    expect(await stage.call(revertTraffic, { ref, came: DIED })).toMatchObject({ outcome: 'completed' });
    expect(stage.standing()).toMatchObject({ primary: '2', weights: {} });
    expect((await stage.ports.journal.service(SERVICE)).completed).toMatchObject({ release: 'r1' });
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

  test('are all taken back, also those that were never raised', async () => {
    const { stage, ref, worker } = await twoRaised();
    expect(await stage.call(revertTraffic, { ref, came: {} })).toMatchObject({ outcome: 'reverted' });
    expect(stage.standing()).toEqual(CLOSED);
    expect(worker()).toMatchObject({
      primary: '1',
      weights: {},
      description: expect.stringMatching(/closed$/),
    });
    expect((await stage.rollout()).left).toEqual([
      { name: 'api', primary: '1', changed: true, stranger: false },
      { name: 'worker', primary: '1', changed: false, stranger: false },
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

  async function expectOpen(stage: Stage): Promise<void> {
    expect((await stage.rollout()).outcome).toBeUndefined();
    expect(stage.standing().weights).toEqual({ '2': 10 });
  }
});
