import { expect, test } from 'vitest';
import { knownWindows } from '../../core/analysis/settled.ts';
import type { Series } from '../../core/analysis/types.ts';
import { blind, writing } from './planted.ts';
import { broken, faults, HOUR, MINUTE, type Plot, play } from './stage.ts';

/** A release that hardly anybody calls. */
const QUIET: Plot = { requestsPerSecond: 0.02, hours: 2, rollout: { onInconclusive: 'revert' } };

test('no data is never a pass, and a checker sees a judge that takes it for one', async () => {
  const real = await play(QUIET);
  expect(real.story).not.toContain('Measured pass');
  expect(real.rollout?.outcome).toBe('reverted');
  expect(faults(real.run)).toEqual([]);

  const lenient = writing((event) =>
    event.type === 'RevertOrdered'
      ? []
      : event.type === 'Measured'
        ? { ...event, verdict: { ...event.verdict, status: 'pass' } }
        : event,
  );
  const bug = await play({ ...QUIET, changePorts: lenient });
  expect(bug.rollout?.outcome).toBe('completed');
  expect(broken(bug.run)).toContain('zeroEvidenceNeverPasses');
});

test('a checker sees metrics that read silence as healthy requests', async () => {
  const filled = (series: Series, from: number, to: number): Series => {
    const starts = Array.from(
      { length: Math.max(0, (to - from) / MINUTE) },
      (_, index) => from + index * MINUTE,
    );
    const healthy = { bad: 0, total: 200 };
    return Object.fromEntries(
      (['errors', 'http5xx', 'throttles'] as const).map((metric) => [
        metric,
        starts.map((start) => {
          const found = knownWindows(series[metric]).find((window) => window.start === start);
          return { start, canary: found?.canary ?? healthy, stable: found?.stable ?? healthy };
        }),
      ]),
    );
  };
  const bug = await play({
    ...QUIET,
    // Both versions are filled up alike, which is the split that is due at 50 %.
    rollout: { ...QUIET.rollout, steps: [{ weight: 50, bake: '3m' }], holdout: 0 },
    changePorts: (ports) => ({
      ...ports,
      metrics: {
        ...ports.metrics,
        read: async (target, rules, from, to) =>
          filled(await ports.metrics.read(target, rules, from, to), from, to),
      },
    }),
  });
  expect(bug.rollout?.outcome).toBe('completed');
  expect(broken(bug.run)).toContain('zeroEvidenceNeverPasses');
});

/** Everything fails for a minute that no verdict of the last step has seen, and then nothing does. */
function burst(): Plot {
  let promoted: number | undefined;
  let baked: number | undefined;
  return {
    canaries: {
      2: {
        errors: (_, at) => (baked !== undefined && promoted === undefined && at > baked ? 1 : 0.001),
      },
    },
    rollout: { steps: [{ weight: 50, bake: '3m' }], verify: '6m' },
    act: async (stage) => {
      baked = stage.clock.now() + 4 * MINUTE;
      await stage.saw('ShiftIntended', 2);
      promoted = stage.clock.now();
    },
  };
}

test('errors that show only after the last step has passed revert the release while it is verified', async () => {
  const real = await play(burst());
  expect(real.story.slice(-6)).toEqual([
    'ShiftIntended api 90 %',
    'Shifted api 90 %',
    'Measured fail',
    'RevertOrdered canary',
    'Reverted canary: api at 1',
    'RolloutClosed reverted',
  ]);
  expect(faults(real.run)).toEqual([]);
});

test('a checker sees a verify that looks at nothing before the promotion', async () => {
  const plot = burst();
  let promoted = 0;
  const bug = await play({
    ...plot,
    act: async (stage) => {
      await plot.act?.(stage);
      promoted = stage.clock.now();
    },
    changePorts: (ports) => ({
      ...ports,
      metrics: {
        ...ports.metrics,
        read: (target, rules, from, to) =>
          ports.metrics.read(target, rules, Math.max(from, Math.ceil(promoted / MINUTE) * MINUTE), to),
      },
    }),
  });
  expect(bug.rollout?.outcome).toBe('completed');
  expect(broken(bug.run)).toContain('worseNeverCompletes');
});

test('a checker sees a pass that is blind to what fails on the canary', async () => {
  const bug = await play({
    canaries: { 2: { errors: 0.2 } },
    changePorts: blind,
    rollout: { watch: { errors: '1.5x' } },
  });
  expect(bug.rollout?.outcome).toBe('completed');
  expect(broken(bug.run)).toEqual(expect.arrayContaining(['passMeansWell', 'worseNeverCompletes']));
});

test('a checker sees a step that is left before its bake is over', async () => {
  const hasty = writing((event) =>
    event.type === 'Measured' ? { ...event, verdict: { ...event.verdict, to: event.at + HOUR } } : event,
  );
  const bug = await play({ changePorts: hasty });
  expect(broken(bug.run)).toContain('unsettledNeverJudged');
});

test('metrics that cannot be read for ten minutes pause the rollout, which goes on by itself', async () => {
  let isOut = false;
  const { story, rollout, run } = await play({
    intercept: (command, _input, call) => {
      if (!isOut || !/^(GetMetricData|DescribeAlarms)Command$/.test(command)) return call();
      return Promise.reject(
        Object.assign(new Error('try again'), {
          name: 'InternalServiceFault',
          $metadata: { httpStatusCode: 500 },
        }),
      );
    },
    act: async (stage) => {
      await stage.saw('Measured', 2);
      isOut = true;
      await stage.clock.sleep(10 * MINUTE);
      isOut = false;
    },
  });
  expect(story.slice(3, 9)).toEqual([
    'Measured inconclusive x2',
    'Measured broken x5',
    'Paused by spillway, broken',
    'Measured broken x4',
    'Measured pass',
    'Resumed by spillway',
  ]);
  expect(rollout?.reason).toMatch(/^proven/);
  expect(faults(run)).toEqual([]);
});
