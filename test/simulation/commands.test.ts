import type { UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import type { HookRunner } from '../../core/ports.ts';
import { check } from '../../simulation/checkers/checkers.ts';
import { crashes } from '../../simulation/faults.ts';
import { sampled } from '../deep.ts';
import {
  addWorker,
  faults,
  MINUTE,
  type Played,
  type Plot,
  play,
  ROLLOUT_ID,
  type Stage,
  TWO_TARGETS,
} from './stage.ts';

const BAKING = [
  'RolloutOpened api 1->2',
  'ShiftIntended api 10 %',
  'Shifted api 10 %',
  'Measured inconclusive x2',
];
const ABORTED = ['Aborted by ada', 'Reverted human: api at 1 already', 'RolloutClosed reverted'];

test('a pause holds the step, measured all the while, and a resume goes on', async () => {
  const { story, path, rollout, run } = await play({
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.order('pause');
      await stage.clock.sleep(10 * MINUTE);
      await stage.order('resume');
    },
  });
  expect(story).toEqual([
    ...BAKING,
    'Paused by ada, human',
    'Measured inconclusive',
    'Measured pass x8',
    'Resumed by ada',
    'Measured pass',
    'ShiftIntended api 50 %',
    'Shifted api 50 %',
    'Measured inconclusive x2',
    'Measured pass x3',
    'ShiftIntended api 90 %',
    'Shifted api 90 %',
    'Measured inconclusive x2',
    'Measured pass x3',
    'ShiftIntended api 100 %',
    'Promoted api',
    'Measured inconclusive x2',
    'Measured pass x2',
    'RolloutClosed completed',
  ]);
  expect(path.filter((state) => state.startsWith('Shift'))).toHaveLength(3);
  expect(rollout?.reason).toMatch(/^proven/);
  expect(faults(run)).toEqual([]);
});

test('a command to promote a step leaves that step alone, and the outcome is unproven', async () => {
  const { story, rollout, run } = await play({
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.order('promote', { step: 0 });
    },
  });
  expect(story.slice(0, 9)).toEqual([
    ...BAKING,
    'PromotionOrdered by ada',
    'ShiftIntended api 50 %',
    'Shifted api 50 %',
    'Measured inconclusive x2',
    'Measured pass x3',
  ]);
  expect(rollout?.reason).toBe('unproven: ada promoted it before its evidence was complete');
  expect(faults(run)).toEqual([]);
});

test('a command to promote in full goes to 100 % at once and is verified there', async () => {
  const { story, path, run } = await play({
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.order('promote', { full: true });
    },
  });
  expect(story).toEqual([
    ...BAKING,
    'PromotionOrdered by ada, full',
    'ShiftIntended api 100 %',
    'Promoted api',
    'Measured inconclusive x2',
    'Measured pass x5',
    'RolloutClosed completed',
  ]);
  expect(path.slice(2, 6)).toEqual(['Hold Measure x2', 'Hold', 'Decide', 'PromoteCanary']);
  expect(faults(run)).toEqual([]);
});

test('a command to promote another step than the present one is refused and changes nothing', async () => {
  let refusal: unknown;
  const { rollout, run } = await play({
    act: async (stage) => {
      await stage.saw('Measured', 2);
      refusal = await stage.order('promote', { step: 1 }).catch((error: unknown) => error);
    },
  });
  expect(String(refusal)).toMatch(/CommandRefused: .* is at step 1, not 2/);
  expect(rollout?.reason).toMatch(/^proven/);
  expect(faults(run)).toEqual([]);
});

/** Aborts at some moment, and measures how long the canary has traffic from then on. */
async function abortedAt(
  when: (stage: Stage) => Promise<unknown>,
  plot: Plot = {},
): Promise<Played & { tookMs: number }> {
  let accepted = Number.POSITIVE_INFINITY;
  const played = await play({
    ...plot,
    act: async (stage) => {
      await when(stage);
      accepted = stage.clock.now();
      await stage.order('abort');
    },
  });
  const last = played.run.timeline.findLast(
    (entry) => entry.kind === 'write' && entry.by?.rolloutId === ROLLOUT_ID,
  );
  return { ...played, tookMs: (last?.at ?? Number.NaN) - accepted };
}

test('an abort that comes with the first raise under way ends it without a single request', async () => {
  let present: Stage | undefined;
  const { story, stage, run } = await abortedAt((on) => on.saw('ShiftIntended'), {
    before: (on) => {
      present = on;
    },
    // The raise is on its way for a while.
    intercept: async (command, input, call) => {
      const { RoutingConfig = {} } = input as UpdateAliasCommandInput;
      const isRaise = Object.keys(RoutingConfig.AdditionalVersionWeights ?? {}).length > 0;
      if (command === 'UpdateAliasCommand' && isRaise) await present?.clock.sleep(300);
      return call();
    },
  });
  expect(story).toEqual([
    'RolloutOpened api 1->2',
    'ShiftIntended api 10 %',
    'Aborted by ada',
    'Reverted human: api at 1 already',
    'RolloutClosed reverted',
  ]);
  expect(stage.traffic.tally[2]).toBeUndefined();
  expect(faults(run)).toEqual([]);
});

test('an abort while a smoke test runs does not wait for its answer', async () => {
  const slow = (stage: () => Stage): HookRunner => ({
    ask: async () => {
      await stage().clock.sleep(9_000);
      return { status: 'pass', reason: 'late' };
    },
  });
  let present: Stage | undefined;
  const { story, stage, tookMs, run } = await abortedAt(
    async (on) => {
      await on.saw('RolloutOpened');
      await on.clock.sleep(1_000);
    },
    {
      before: (on) => {
        present = on;
      },
      changePorts: (ports) => ({ ...ports, hooks: () => slow(() => present as Stage) }),
      rollout: { smoke: [{ get: '/health', expect: { status: 200 } }] },
    },
  );
  expect(tookMs).toBeLessThan(2_000);
  expect(story.at(-1)).toBe('RolloutClosed refused');
  expect(stage.traffic.tally[2]).toBeUndefined();
  expect(faults(run)).toEqual([]);
});

test('an abort in the bake takes the canary out within 2 s', async () => {
  const { story, path, tookMs, run } = await abortedAt((on) => on.saw('Measured', 2));
  expect(story).toEqual([...BAKING, ...ABORTED]);
  expect(path.slice(-4)).toEqual(['Hold', 'Decide', 'RevertTraffic', 'Reverted']);
  expect(tookMs).toBeLessThan(2_000);
  expect(faults(run)).toEqual([]);
});

test('an abort between two targets reverts the one that was raised and closes the other', async () => {
  const { story, tookMs, run } = await abortedAt((on) => on.saw('Shifted', 1), {
    before: (on) => void addWorker(on, 'worker'),
    release: TWO_TARGETS,
  });
  expect(story.filter((line) => line.startsWith('Shifted worker'))).toEqual([]);
  expect(story.at(-1)).toBe('RolloutClosed reverted');
  expect(tookMs).toBeLessThan(2_000);
  expect(faults(run)).toEqual([]);
});

test('an abort while verifying goes back to the version that served before', async () => {
  const { story, stage, tookMs, run } = await abortedAt(async (on) => {
    await on.saw('Promoted');
    await on.clock.sleep(90_000);
  });
  expect(story.slice(-4)).toEqual(['Measured inconclusive', ...ABORTED]);
  expect(stage.alias()).toEqual({ primary: '1', weights: {} });
  expect(tookMs).toBeLessThan(2_000);
  expect(faults(run)).toEqual([]);
});

test('an abort while paused acts at once', async () => {
  const { story, tookMs, run } = await abortedAt(async (on) => {
    await on.saw('Measured', 2);
    await on.order('pause');
    await on.clock.sleep(10_000);
  });
  expect(story).toEqual([...BAKING, 'Paused by ada, human', ...ABORTED]);
  expect(tookMs).toBeLessThan(2_000);
  expect(faults(run)).toEqual([]);
});

test('an abort acts without any journal, and the rollout ends when it is back', async () => {
  let isOut = false;
  const { rollout, tookMs, run } = await abortedAt(
    async (on) => {
      await on.saw('Measured', 2);
      isOut = true;
      void on.clock.sleep(20_000).then(() => {
        isOut = false;
      });
    },
    {
      changePorts: (ports) => ({
        ...ports,
        journal: new Proxy(ports.journal, {
          get: (journal, key) =>
            isOut ? () => Promise.reject(new Error('no journal')) : Reflect.get(journal, key),
        }),
      }),
    },
  );
  expect(tookMs).toBeLessThan(2_000);
  expect(rollout?.outcome).toBe('reverted');
  expect(faults(run)).toEqual([]);
});

const SHORT = { steps: [{ weight: 10, bake: '1m' }], verify: '1m' };

/** What an abort at each of these moments broke, with the moment. */
async function brokenByAborts(moments: number[]): Promise<string[]> {
  const broken: string[] = [];
  for (const moment of moments) {
    let accepted = Number.POSITIVE_INFINITY;
    const { rollout, run, stage } = await play({
      rollout: SHORT,
      act: async (on) => {
        await on.clock.sleep(moment);
        const asked = on.clock.now();
        const answer = await on.order('abort').catch(() => undefined);
        if (answer !== undefined) accepted = asked;
      },
    });
    const isLate = run.timeline.some(({ kind, at }) => kind === 'write' && at > accepted + 2_000);
    const isIn = accepted < Number.POSITIVE_INFINITY && stage.alias().primary !== '1';
    const found = [
      ...faults(run),
      ...(isLate ? ['written after 2 s'] : []),
      ...(isIn ? [`${rollout?.outcome} on the canary`] : []),
    ];
    broken.push(...found.map((fault) => `${moment} ms: ${fault}`));
  }
  return broken;
}

test('an abort at any moment before the closing takes the canary out within 2 s, and nothing raises it again', async () => {
  const { before } = await momentsOf({ rollout: SHORT });
  expect(before.length).toBeGreaterThan(80);
  expect(await brokenByAborts(sampled(before, 9))).toEqual([]);
});

test('an abort at any moment of the closing takes the canary out or is refused', async () => {
  const { closing } = await momentsOf({ rollout: SHORT });
  expect(closing.length).toBeGreaterThan(10);
  expect(await brokenByAborts(closing)).toEqual([]);
});

test('a checker sees an abort that only writes itself down', async () => {
  const { run } = await play({
    rollout: SHORT,
    changePorts: (ports) => ({
      ...ports,
      router: (kind) => ({
        ...ports.router(kind),
        revert: async ({ name, stable }) => ({ name, primary: stable, changed: false, drifted: false }),
      }),
    }),
    act: async (on) => {
      await on.saw('Shifted');
      await on.order('abort');
    },
  });
  const promises = check(run).map(({ promise }) => promise);
  expect(promises).toContain('revertFirst');
  expect(promises).toContain('outInTime');
  expect(promises).toContain('ourWeightRemoved');
  expect(promises).toContain('endsAtZeroOrHundred');
});

/** An abort needs about as long until its write arrives. */
const ABORT_MS = 300;

/** Milliseconds after the upload at which the controller began or ended something, each with its neighbours: those that meet CloseRollout, and those before. */
async function momentsOf(plot: Plot): Promise<{ before: number[]; closing: number[] }> {
  const times = new Set<number>();
  let closesAt = Number.POSITIVE_INFINITY;
  let stage: Stage | undefined;
  let uploaded = 0;
  await play({
    ...plot,
    ...crashes(({ fn }) => {
      const at = (stage?.clock.now() ?? 0) - uploaded;
      for (const near of [at - 1, at, at + 1]) times.add(Math.max(0, near));
      if (fn === 'CloseRollout') closesAt = Math.min(closesAt, at - ABORT_MS);
      return false;
    }),
    act: async (on) => {
      stage = on;
      uploaded = on.clock.now();
    },
  });
  const all = [...times].sort((a, b) => a - b);
  return { before: all.filter((at) => at < closesAt), closing: all.filter((at) => at >= closesAt) };
}
