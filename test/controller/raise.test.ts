import { describe, expect, test } from 'vitest';
import type { TrafficRouter } from '../../core/ports.ts';
import { lambda } from '../../functions/_lambda.ts';
import { command } from '../../functions/command.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { shiftTraffic } from '../../functions/shift-traffic.ts';
import { atOnce } from '../contract/cases.ts';
import { actor } from '../core/rollout/given.ts';
import { EMPTY } from '../empty.ts';
import { FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

const AT_10 = { primary: '1', weights: { '2': 10 }, token: `spillway ${FIRST} 1 1 open` };

function withRouter(stage: Stage, change: (router: TrafficRouter) => Partial<TrafficRouter>) {
  const router = stage.ports.router('lambda-alias');
  return { ...stage.ports, router: () => ({ ...router, ...change(router) }) };
}

describe('a shift', () => {
  test('is announced, written once, and written down', async () => {
    const stage = setUp();
    const ref = await stage.open();
    expect(await stage.call(shiftTraffic, ref)).toMatchObject({ kind: 'hold', version: 3 });
    expect(stage.standing()).toEqual(AT_10);
    const [, intended, shifted] = await stage.ports.journal.events(FIRST);
    const token = { rolloutId: FIRST, epoch: 1, seq: 1, open: true };
    expect(intended).toMatchObject({ type: 'ShiftIntended', weight: 10, token });
    expect(shifted).toMatchObject({ type: 'Shifted', weight: 10, token });
  });

  test('is in the journal before it is on the target', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const ports = withRouter(stage, (router) => ({
      async raise(target, raise) {
        expect(await stage.history()).toEqual(['RolloutOpened', 'ShiftIntended']);
        expect(raise.expiresAt).toBe((await stage.rollout()).lastEventAt + 10_000);
        return router.raise(target, raise);
      },
    }));
    await stage.call(shiftTraffic, ref, ports);
    expect(stage.standing()).toEqual(AT_10);
  });

  test('is not repeated by a duplicate call', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const answer = await stage.call(shiftTraffic, ref);
    const before = [await stage.history(), stage.standing()];
    expect(await stage.call(shiftTraffic, ref)).toMatchObject({ kind: answer.kind, version: answer.version });
    expect([await stage.history(), stage.standing()]).toEqual(before);
  });

  test('of several executions at once takes effect once', async () => {
    const stage = setUp();
    const ref = await stage.open();
    await atOnce(4, () => stage.call(shiftTraffic, ref));
    expect(stage.standing()).toEqual(AT_10);
    expect(await stage.rollout()).toMatchObject({
      step: 0,
      seq: 1,
      intents: [],
      traffic: { api: { weight: 10 } },
    });
    expect((await stage.rollout()).moves).toHaveLength(1);
  });

  test('is written and confirmed only by the execution that announced it', async () => {
    const stage = setUp();
    const ref = await stage.open();
    let raises = 0;
    const ports = withRouter(stage, (router) => ({
      raise: (target, raise) => {
        raises += 1;
        return router.raise(target, raise);
      },
    }));
    await atOnce(4, () => stage.call(shiftTraffic, ref, ports));
    expect(await stage.history()).toEqual(['RolloutOpened', 'ShiftIntended', 'Shifted']);
    expect(raises).toBe(1);
  });

  test('that was not announced is not written', async () => {
    const stage = setUp();
    const ref = await stage.open();
    let raises = 0;
    const ports = withRouter(stage, (router) => ({
      raise: (target, raise) => {
        raises += 1;
        return router.raise(target, raise);
      },
    }));
    const { journal } = stage.ports;
    const overtaken = withJournal(ports, {
      async append(rollout, events) {
        const at = stage.clock.now();
        await journal.append(await stage.rollout(), [
          { type: 'Aborted', at, by: actor('ada'), reason: 'odd' },
        ]);
        return journal.append(rollout, events);
      },
    });
    expect(await stage.call(shiftTraffic, ref, overtaken)).toMatchObject({ kind: 'revert' });
    expect(raises).toBe(0);
  });

  test('whose announcement cannot be written is not written', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const down = stage.call(shiftTraffic, ref, withJournal(stage.ports, { append: unreachable }));
    await expect(down).rejects.toMatchObject({ name: 'Unavailable' });
    expect(stage.standing()).toMatchObject({ weights: EMPTY, token: `spillway ${FIRST} 1 0 open` });
  });

  test('that an abort overtook between announcement and write is fenced', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const ports = withRouter(stage, (router) => ({
      async raise(target, raise) {
        await stage.call(command, { command: 'abort', rolloutId: FIRST, by: 'ada', reason: 'odd' });
        return router.raise(target, raise);
      },
    }));
    expect(await stage.call(shiftTraffic, ref, ports)).toMatchObject({ kind: 'revert' });
    expect(stage.standing()).toEqual({
      primary: '1',
      weights: {},
      token: `spillway ${FIRST} 1 1 closed by ada`,
    });
    expect(await stage.history()).not.toContain('Shifted');
  });

  test('whose effect is known and cannot be written down is found on the target by the next call', async () => {
    const stage = setUp();
    const ref = await stage.open();
    let appends = 0;
    const { journal } = stage.ports;
    const ports = withJournal(stage.ports, {
      append: (rollout, events) => (++appends === 2 ? unreachable() : journal.append(rollout, events)),
    });
    await expect(stage.call(shiftTraffic, ref, ports)).rejects.toMatchObject({ name: 'Unavailable' });
    expect(stage.standing()).toEqual(AT_10);
    expect(await stage.call(shiftTraffic, ref)).toMatchObject({ kind: 'hold' });
    expect(stage.standing()).toEqual(AT_10);
    expect((await stage.history()).at(-1)).toBe('Shifted');
  });

  test('that was fenced and saw the target before others of its kind moved on takes that for nobody’s doing', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const ports = withRouter(stage, (router) => ({
      // The clock runs already, so that these are called as they are.
      async raise(target) {
        const observed = await router.observe(target);
        await lambda(shiftTraffic, () => stage.ports)(ref);
        await lambda(
          command,
          () => stage.ports,
        )({ command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
        await lambda(promoteCanary, () => stage.ports)(ref);
        return { result: 'fenced', observed, why: 'a twin was first' };
      },
    }));
    await stage.call(shiftTraffic, ref, ports);
    const { traffic, leaving } = await stage.rollout();
    expect(leaving).toBeUndefined();
    expect(traffic.api?.weight).toBe(100);
  });

  test('that meets a stranger leaves, and does not touch what stands there', async () => {
    const stage = setUp();
    const ref = await stage.open();
    stage.scenario.lambda.helpers.publishCounted('checkout-prod-Api');
    await stage.meddle({ FunctionVersion: '3' });
    expect(await stage.call(shiftTraffic, ref)).toMatchObject({ kind: 'revert' });
    expect(stage.standing()).toMatchObject({ primary: '3', weights: EMPTY });
    expect((await stage.rollout()).leaving).toMatchObject({ outcome: 'halted' });
  });

  test('is not made by a function whose turn it is not', async () => {
    const stage = setUp();
    const ref = await stage.open();
    expect(await stage.call(promoteCanary, ref)).toMatchObject({ kind: 'shift' });
    expect(stage.standing()).toMatchObject({ primary: '1', weights: EMPTY });
    expect(await stage.history()).toEqual(['RolloutOpened']);
  });
});

describe('a promotion', () => {
  test('makes the canary the primary in one write, and is written down', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    expect(await stage.call(shiftTraffic, ref)).toMatchObject({ kind: 'promote' });
    expect(await stage.call(promoteCanary, ref)).toMatchObject({ kind: 'hold' });
    expect(stage.standing()).toEqual({ primary: '2', weights: {}, token: `spillway ${FIRST} 1 2 open` });
    expect((await stage.history()).slice(-2)).toEqual(['ShiftIntended', 'Promoted']);
    expect(await stage.call(promoteCanary, ref)).toMatchObject({ kind: 'hold' });
    expect((await stage.history()).filter((type) => type === 'Promoted')).toHaveLength(1);
  });
});
