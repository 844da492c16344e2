import { describe, expect, test } from 'vitest';
import { boundsOf } from '../../simulation/bounds.ts';
import { FAULT_NAMES } from '../../simulation/faults.ts';
import { reportOf } from '../../simulation/report.ts';
import { playSeed } from '../../simulation/seed.ts';
import { times } from '../deep.ts';
import { EMPTY } from '../empty.ts';
import { HOUR, MINUTE, type Plot, play, ROLLOUT_ID, type Stage } from './stage.ts';

/** Seeds in which an alarm turns red while the canary has traffic. */
const RED = [36, 126, 197];

describe('where nothing is disturbed', () => {
  test('an abort is done within 2 s and an alarm within 5 s of virtual time, from the decision to the alias', async () => {
    const results = [];
    for (const seed of [...Array(times(40, 200)).keys(), ...RED]) results.push(await playSeed(seed, []));
    const { violations, bounds } = reportOf(results, 1);
    expect(violations).toBe(0);
    expect(bounds.abort.count).toBeGreaterThan(5);
    expect(bounds.abort.max).toBeLessThan(2);
    expect(bounds.alarm.count).toBeGreaterThan(0);
    expect(bounds.alarm.max).toBeLessThan(5);
    expect(bounds.failing.count).toBeGreaterThan(5);
    // What takes the time is the wait for data that is complete, and for enough of it; never the revert path.
    expect(bounds.failing.moved.max).toBeLessThan(2);
  }, 600_000);
});

describe('where no function of the controller can run', () => {
  /** From the second measurement on every function is throttled, as by a canary that eats the concurrency of an account. */
  const throttled = (more: (stage: Stage) => Promise<unknown> = async () => {}): Plot => {
    let isGone = false;
    return {
      hours: 100,
      rollout: { steps: [{ weight: 10, bake: '1h' }], verify: '0m' },
      around: async (_name, event, call) => {
        if (isGone)
          throw Object.assign(new Error('Rate Exceeded.'), { name: 'Lambda.TooManyRequestsException' });
        return call(event);
      },
      act: async (stage) => {
        await stage.saw('Measured', 2);
        isGone = true;
        await more(stage);
      },
    };
  };

  test('the execution takes the canary out by itself, in less than two minutes after its next tick', async () => {
    let out: unknown;
    const { path } = await play(
      throttled(async (stage) => {
        await stage.clock.sleep(3 * 60_000);
        out = stage.alias();
      }),
    );
    expect(out).toEqual({ primary: '1', weights: EMPTY });
    expect(path).toEqual(expect.arrayContaining(['RevertDirectly', 'RemoveCanary', 'Halted']));
  });

  test('and the execution is dead too, a last execution takes the canary out at the deadline', async () => {
    let before: unknown;
    const { stage } = await play(
      throttled(async (on) => {
        await on.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
        await on.clock.sleep(24 * HOUR);
        before = on.alias();
      }),
    );
    expect(before).toEqual({ primary: '1', weights: { 2: 10 } });
    expect(stage.alias()).toEqual({ primary: '1', weights: EMPTY });
    const last = stage.stepFunctions.executions.at(-1);
    expect(last?.name).toMatch(/^scheduled-/);
    expect(last?.path).toEqual(expect.arrayContaining(['RevertDirectly', 'RemoveCanary', 'Halted']));
  });
});

test('an abort is not charged with what a later rollout of the same version takes', async () => {
  const { run } = await play({
    hours: 3,
    rollout: { steps: [{ weight: 10, bake: '10m' }] },
    act: async (stage) => {
      await stage.saw('Shifted');
      const closed = stage.saw('RolloutClosed');
      await stage.order('abort');
      await closed;
      const shifted = stage.saw('Shifted');
      await stage.invoke('Command', { command: 'retry', rolloutId: ROLLOUT_ID, by: 'ada' });
      await shifted;
      await stage.clock.sleep(5 * MINUTE);
      await stage.order('abort', { rolloutId: 'checkout-api--r1--2' });
    },
  });
  const seconds = boundsOf(run).map((bound) => bound.seconds);
  expect(seconds).toHaveLength(2);
  expect(Math.max(...seconds)).toBeLessThan(2);
});

describe('where everything is disturbed', () => {
  test('no world but those of an outage keeps a canary that has to leave for more than twenty minutes', async () => {
    const calm = FAULT_NAMES.filter((name) => !/Away$|^concurrencyGone|^execution/.test(name));
    const results = [];
    for (let seed = 2_000; seed < 2_000 + times(10, 200); seed++) results.push(await playSeed(seed, calm));
    const { violations, bounds } = reportOf(results, 1);
    expect(violations).toBe(0);
    for (const { moved } of Object.values(bounds)) expect(moved.max).toBeLessThan(20 * 60);
  }, 600_000);
});
