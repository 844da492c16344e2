import { expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { RolloutError } from '../../core/errors.ts';
import type { ExecutionInput } from '../../core/ports.ts';
import { WINDOW_MS } from '../../core/units.ts';
import { measure } from '../../functions/measure.ts';
import { actor } from '../core/rollout/given.ts';
import { FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

/** A rollout at 10 % whose first tick is due. */
async function due(stage: Stage): Promise<ExecutionInput> {
  await stage.clock.advance(20 * 60_000);
  const ref = await stage.openRaised();
  await stage.clock.advance(5 * 60_000);
  return ref;
}

test('a tick writes its verdict down, with the samples it rests on', async () => {
  const stage = setUp();
  const ref = await due(stage);
  expect(await stage.call(measure, ref)).toMatchObject({ kind: 'hold' });
  const { verdict, ticks } = await stage.rollout();
  expect(ticks).toBe(1);
  expect(verdict?.findings.find(({ metric }) => metric === 'errors')?.canary.total).toBeGreaterThan(0);
});

test('a tick that comes twice measures once', async () => {
  const stage = setUp();
  const ref = await due(stage);
  await stage.call(measure, ref);
  const before = await stage.history();
  await stage.call(measure, ref);
  expect(await stage.history()).toEqual(before);
});

test('a tick before its time passes the answer on', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  expect(await stage.call(measure, ref)).toMatchObject({ kind: 'hold' });
  expect(await stage.history()).not.toContain('Measured');
});

test.each(['metrics', 'alarms'] as const)(
  'a tick without %s is broken: never a pass, and no error either',
  async (what) => {
    const stage = setUp();
    const ref = await due(stage);
    const ports = { ...stage.ports, [what]: { read: unreachable } };
    expect(await stage.call(measure, ref, ports)).toMatchObject({ kind: 'hold' });
    const rollout = await stage.rollout();
    expect(rollout.verdict).toMatchObject({
      status: 'broken',
      reason: expect.stringContaining('could not be reached'),
    });
    expect(rollout.brokenInRow).toBe(1);
  },
);

test('a tick that waits for metrics and alarms in vain says of which no answer came', async () => {
  const stage = setUp();
  const ref = await due(stage);
  const never = { read: () => new Promise<never>(() => {}) };
  const ports = { ...stage.ports, metrics: { ...stage.ports.metrics, ...never }, alarms: never };
  await stage.clock.run(stage.call(measure, ref, ports));
  const { verdict } = await stage.rollout();
  expect(verdict?.reason).toMatch(
    /no answer to the read of metrics of api came in the first 7 s of the tick/,
  );
  expect(verdict?.reason).toMatch(/no answer to the read of alarms came in the first 7 s of the tick/);
});

test('a tick reads the targets first: traffic that somebody else moved is not measured', async () => {
  const stage = setUp();
  const ref = await due(stage);
  await stage.meddle({ weights: { '2': 80 } });
  expect(await stage.call(measure, ref)).toMatchObject({ kind: 'revert' });
  expect(await stage.history()).not.toContain('Measured');
  expect((await stage.rollout()).leaving).toMatchObject({ outcome: 'halted' });
});

test('a verdict is dropped when anything has happened since it was begun', async () => {
  const stage = setUp();
  const ref = await due(stage);
  const { journal } = stage.ports;
  const ports = withJournal(stage.ports, {
    async append(rollout, events) {
      const at = stage.clock.now();
      if (events.some(({ type }) => type === 'Measured'))
        await journal.append(await stage.rollout(), [
          { type: 'Aborted', at, by: actor('ada'), reason: 'odd' },
        ]);
      return journal.append(rollout, events);
    },
  });
  expect(await stage.call(measure, ref, ports)).toMatchObject({ kind: 'revert' });
  expect(await stage.history()).not.toContain('Measured');
  expect((await stage.ports.journal.read(FIRST))?.leaving).toMatchObject({ cause: 'human' });
});

test('a window that settles while a tick reads was not read, so the next tick judges it', async () => {
  const stage = setUp();
  const ref = await due(stage);
  await stage.clock.advance(58_000 - ((stage.clock.now() - WINDOW_MS) % WINDOW_MS));
  const { settleSeconds } = (await stage.rollout()).opening;
  await stage.clock.advance((settleSeconds % 60) * 1000);
  let readTo = 0;
  const { metrics } = stage.ports;
  const slow: Ports['metrics'] = {
    ...metrics,
    async read(target, rules, from, to, limits) {
      readTo = to;
      await stage.clock.sleep(4_000);
      return metrics.read(target, rules, from, to, limits);
    },
  };
  await stage.call(measure, ref, { ...stage.ports, metrics: slow });
  expect((await stage.rollout()).verdict).toMatchObject({ to: readTo });
});

test('a tick in which everything is slow ends before its function does, and is broken', async () => {
  const stage = setUp();
  const ref = await due(stage);
  const began = stage.clock.now();
  const router: Ports['router'] = (kind) => ({
    ...stage.ports.router(kind),
    observe: async () => {
      await stage.clock.sleep(6_000);
      throw new RolloutError('Unavailable', 'the alias could not be reached');
    },
  });
  const metrics: Ports['metrics'] = { ...stage.ports.metrics, read: () => new Promise(() => {}) };
  await stage.call(measure, ref, { ...stage.ports, router, metrics });
  expect((await stage.rollout()).verdict?.status).toBe('broken');
  expect(stage.clock.now() - began).toBeLessThanOrEqual(9_000);
});
