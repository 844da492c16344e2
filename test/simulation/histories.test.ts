import {
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
  type StateValue,
} from '@aws-sdk/client-cloudwatch';
import { expect, test } from 'vitest';
import type { Model } from '../../local/services/lambda.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { isDeep } from '../deep.ts';
import {
  addWorker,
  faults,
  MINUTE,
  type Plot,
  play,
  ROLLOUT_ID,
  type Stage,
  storyOf,
  TWO_TARGETS,
} from './stage.ts';
import { rememberedWindows } from './windows.ts';

const FIRST_STEP = [
  'RolloutOpened api 1->2',
  'ShiftIntended api 10 %',
  'Shifted api 10 %',
  'Measured inconclusive x3',
  'Measured pass x3',
];
const SECOND_STEP = [
  'ShiftIntended api 50 %',
  'Shifted api 50 %',
  'Measured inconclusive x2',
  'Measured pass x3',
];
const HELD_OUT = [
  'ShiftIntended api 90 %',
  'Shifted api 90 %',
  'Measured inconclusive x2',
  'Measured pass x3',
];
const PROMOTION = ['ShiftIntended api 100 %', 'Promoted api'];
const VERIFIED = ['Measured inconclusive x2', 'Measured pass x2', 'RolloutClosed completed'];
/** What is verified without a request goes on, since nobody could say more by waiting. */
const UNSEEN = [
  'ShiftIntended api 75 %',
  'Shifted api 75 %',
  'Measured inconclusive x5',
  ...PROMOTION,
  'Measured inconclusive x4',
];
const TAKEN_BACK = ['RevertOrdered canary', 'Reverted canary: api at 1', 'RolloutClosed reverted'];
/** An alarm alone blames nobody. */
const BY_ALARM = ['RevertOrdered environment', 'Reverted environment: api at 1', 'RolloutClosed reverted'];

test('a good release goes through two steps and completes, proven', async () => {
  const { story, path, rollout, run, stage } = await play();
  expect(story).toEqual([...FIRST_STEP, ...SECOND_STEP, ...HELD_OUT, ...PROMOTION, ...VERIFIED]);
  expect(path).toEqual([
    'Decide',
    'ShiftTraffic',
    'Hold Measure x6',
    'ShiftTraffic',
    'Hold Measure x5',
    'ShiftTraffic',
    'Hold Measure x5',
    'PromoteCanary',
    'Hold Measure x4',
    'CloseRollout',
    'Completed',
  ]);
  expect(rollout?.reason).toMatch(/^proven: errors: canary \d+ of [\d,]+ failed, stable/);
  expect(rollout?.reason).toMatch(/; 5 min of its verify had stable beside it/);
  expect(stage.alias()).toEqual({ primary: '2', weights: {} });
  expect(faults(run)).toEqual([]);
});

test('answers with 5xx at the first step revert the release', async () => {
  const { story, path, rollout, run, stage } = await play({ canaries: { 2: { faults: 0.05 } } });
  expect(story).toEqual([
    ...FIRST_STEP.slice(0, 3),
    'Measured inconclusive x3',
    'Measured fail',
    ...TAKEN_BACK,
  ]);
  expect(path).toEqual(['Decide', 'ShiftTraffic', 'Hold Measure x4', 'RevertTraffic', 'Reverted']);
  expect(rollout?.reason).toMatch(/^http5xx: canary \d+ of \d+ failed, stable/);
  expect(stage.alias()).toEqual({ primary: '1', weights: {} });
  expect(faults(run)).toEqual([]);
});

test('errors that come only under load revert the release at the second step', async () => {
  const errors = (_version: string, _at: number, weight: number) => (weight >= 50 ? 0.2 : 0.001);
  const { story, path, rollout, run } = await play({ canaries: { 2: { errors } } });
  expect(story).toEqual([
    ...FIRST_STEP,
    'ShiftIntended api 50 %',
    'Shifted api 50 %',
    'Measured inconclusive x2',
    'Measured fail',
    ...TAKEN_BACK,
  ]);
  expect(path.slice(-3)).toEqual(['Hold Measure x3', 'RevertTraffic', 'Reverted']);
  expect(rollout?.reason).toMatch(/^errors: canary/);
  expect(faults(run)).toEqual([]);
});

/** A release whose version runs code, so that a smoke test can ask it. */
const smoked = (model: Model): Plot => ({
  before: (stage) => {
    stage.lambda.helpers.publish(FUNCTION, model);
  },
  release: { manifest: { targets: { api: { version: '2' } } } },
  rollout: { smoke: [{ get: '/health', expect: { status: 200 } }] },
});

test('a release that answers its smoke test is raised', async () => {
  const { story, path, run } = await play(smoked(() => ({ statusCode: 200, body: 'fine' })));
  expect(story.slice(0, 4)).toEqual([
    'RolloutOpened api 1->2',
    'HookAnswered smoke.1 pass',
    'ShiftIntended api 10 %',
    'Shifted api 10 %',
  ]);
  expect(path.slice(0, 4)).toEqual(['Decide', 'RunHook', 'Decide', 'ShiftTraffic']);
  expect(faults(run)).toEqual([]);
});

test('a release that fails its smoke test is refused and never gets a request', async () => {
  const { story, path, rollout, run, stage } = await play(smoked(() => ({ statusCode: 503, body: 'no' })));
  expect(story).toEqual([
    'RolloutOpened api 1->2',
    'HookAnswered smoke.1 fail',
    'RevertOrdered canary',
    'Reverted canary: api at 1 already',
    'RolloutClosed refused',
  ]);
  expect(path).toEqual(['Decide', 'RunHook', 'Decide', 'RevertTraffic', 'Reverted']);
  expect(rollout?.reason).toBe('GET /health answered 503 instead of 200: no');
  expect(stage.traffic.tally[2]).toBeUndefined();
  expect(faults(run)).toEqual([]);
});

test('a version that serves already, but that this controller never completed, completes unproven without a move', async () => {
  const { story, path, rollout, run, stage } = await play({
    release: { manifest: { targets: { api: { version: '1' } } } },
  });
  expect(story).toEqual(['RolloutOpened api 1->1', 'RolloutClosed completed']);
  expect(rollout?.reason).toMatch(/^unproven: api served version 1 before this release came/);
  expect(path).toEqual(['Decide', 'CloseRollout', 'Completed']);
  expect(stage.alias()).toEqual({ primary: '1', weights: {} });
  expect(faults(run)).toEqual([]);
});

/** Two alarms that are green: `orders`, and `everything` that is red when it is. */
async function alarmed({ clock, clients }: Stage): Promise<void> {
  const put = async () => {
    await clients.cloudwatch.send(
      new PutMetricAlarmCommand({
        AlarmName: 'orders',
        Namespace: 'Shop',
        MetricName: 'Orders',
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
      }),
    );
    await clients.cloudwatch.send(
      new PutCompositeAlarmCommand({ AlarmName: 'everything', AlarmRule: 'ALARM(orders)' }),
    );
    await clients.cloudwatch.send(
      new SetAlarmStateCommand({ AlarmName: 'orders', StateValue: 'OK', StateReason: 'a test' }),
    );
  };
  await clock.run(put());
}

const turn = ({ clients }: Stage, StateValue: StateValue) =>
  clients.cloudwatch.send(
    new SetAlarmStateCommand({ AlarmName: 'orders', StateValue, StateReason: 'a test' }),
  );

test.each(['orders', 'everything'])(
  'the alarm %s, red after the first raise, reverts the release within 5 s',
  async (alarm) => {
    let red = 0;
    const { story, path, run } = await play({
      rollout: { alarms: [alarm] },
      before: alarmed,
      act: async (stage) => {
        await stage.saw('Measured', 2);
        await stage.clock.sleep(10_000);
        red = stage.clock.now();
        await turn(stage, 'ALARM');
      },
    });
    expect(story).toEqual([
      ...FIRST_STEP.slice(0, 3),
      'Measured inconclusive x2',
      `AlarmRaised ${alarm}`,
      ...BY_ALARM,
    ]);
    expect(path.slice(-4)).toEqual(['Hold', 'Decide', 'RevertTraffic', 'Reverted']);
    const out = run.timeline.findLast(({ kind }) => kind === 'write');
    expect((out?.at ?? Number.POSITIVE_INFINITY) - red).toBeLessThan(5_000);
    expect(faults(run)).toEqual([]);
  },
);

test('an alarm that was red before neither blocks nor fails the release, and the rollout says so', async () => {
  const { story, rollout, run } = await play({
    rollout: { alarms: ['orders'] },
    before: async (stage) => {
      await alarmed(stage);
      await stage.clock.run(turn(stage, 'ALARM'));
    },
  });
  expect(story).toEqual([...FIRST_STEP, ...SECOND_STEP, ...HELD_OUT, ...PROMOTION, ...VERIFIED]);
  expect(rollout?.opening.notices).toContain(
    'alarm orders was red before the rollout; it is not held against this release unless it recovers and goes red again',
  );
  expect(faults(run)).toEqual([]);
});

/** An alarm that was red before recovers for so long, in the middle of the first bake. */
const recovering = (forMs: number) =>
  play({
    rollout: { alarms: ['orders'] },
    before: async (stage) => {
      await alarmed(stage);
      await stage.clock.run(turn(stage, 'ALARM'));
    },
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.clock.sleep(5_000);
      await turn(stage, 'OK');
      await stage.clock.sleep(forMs);
      await turn(stage, 'ALARM');
    },
  });

test.each([
  ['between two ticks', 20_000],
  ['for long enough that a tick sees it', 90_000],
])('an alarm that was red before, recovers %s and goes red again reverts the release', async (_, forMs) => {
  const { story, run } = await recovering(forMs);
  expect(story.slice(-4)).toEqual(['AlarmRaised orders', ...BY_ALARM]);
  expect(faults(run)).toEqual([]);
});

test('all at once is verified at 100 % and completes unproven', async () => {
  const { story, path, rollout, run } = await play({
    rollout: { steps: undefined, strategy: 'all-at-once' },
  });
  expect(story).toEqual([
    'RolloutOpened api 1->2',
    ...PROMOTION,
    'Measured inconclusive x3',
    'Measured pass x3',
    'RolloutClosed completed',
  ]);
  expect(path).toEqual(['Decide', 'PromoteCanary', 'Hold Measure x6', 'CloseRollout', 'Completed']);
  expect(rollout?.reason).toBe('unproven: it went from 0 to 100 % in one step');
  expect(faults(run)).toEqual([]);
});

test('too little traffic with onInconclusive: promote goes on after the longest bake, unproven', async () => {
  const { story, rollout, run } = await play({
    requestsPerSecond: 0.02,
    rollout: { onInconclusive: 'promote' },
  });
  expect(story).toEqual([
    ...FIRST_STEP.slice(0, 3),
    'Measured inconclusive x16',
    'PromotionOrdered by onInconclusive',
    'ShiftIntended api 50 %',
    'Shifted api 50 %',
    'Measured inconclusive x15',
    'PromotionOrdered by onInconclusive',
    ...UNSEEN,
    'RolloutClosed completed',
  ]);
  expect(rollout?.reason).toMatch(/^unproven: onInconclusive promoted it/);
  expect(faults(run)).toEqual([]);
});

test('too little traffic with onInconclusive: revert reverts the release after the longest bake', async () => {
  const { story, rollout, run } = await play({
    requestsPerSecond: 0.02,
    rollout: { onInconclusive: 'revert' },
  });
  expect(story).toEqual([
    ...FIRST_STEP.slice(0, 3),
    'Measured inconclusive x16',
    'RevertOrdered environment',
    'Reverted environment: api at 1',
    'RolloutClosed reverted',
  ]);
  expect(rollout?.reason).toMatch(
    /without enough evidence: errors: canary 0 of 0 failed.*a pass needs about \d+ canary requests/,
  );
  expect(faults(run)).toEqual([]);
});

test('too little traffic with onInconclusive: pause calls a person, who may promote', async () => {
  const { story, rollout, run } = await play({
    requestsPerSecond: 0.02,
    rollout: { steps: [{ weight: 10, bake: '3m' }] },
    act: async (stage) => {
      await stage.saw('Paused');
      await stage.clock.sleep(5 * MINUTE + 20_000);
      await stage.order('promote', { step: 0 });
    },
  });
  expect(story).toEqual([
    ...FIRST_STEP.slice(0, 3),
    'Measured inconclusive x16',
    'Paused by spillway, inconclusive',
    'Measured inconclusive x5',
    'PromotionOrdered by ada',
    ...UNSEEN,
    'RolloutClosed completed',
  ]);
  expect(rollout?.reason).toMatch(/^unproven: ada promoted it/);
  expect(faults(run)).toEqual([]);
});

test('an order to promote that comes just when a tick is due is not answered by another pause', async () => {
  const { story } = await play({
    requestsPerSecond: 0.02,
    hours: 2,
    rollout: { steps: [{ weight: 10, bake: '3m' }] },
    act: async (stage) => {
      await stage.saw('Paused');
      await stage.clock.sleep(5 * MINUTE);
      await stage.order('promote', { step: 0 });
    },
  });
  expect(story.at(-1)).toBe('RolloutClosed completed');
});

test('a release that no user met while it was verified is not called proven', async () => {
  let stage: Stage | undefined;
  const { rollout, run } = await play({
    before: (made) => {
      stage = made;
    },
    // A service that is called so seldom is never due enough to be silent.
    requestsPerSecond: () => (stage?.alias().primary === '2' ? 0 : 0.02),
    rollout: { onInconclusive: 'promote' },
  });
  expect(rollout?.outcome).toBe('completed');
  expect(rollout?.reason).toMatch(
    /its verify could not say: .*no window with requests has settled since promotion/,
  );
  expect(faults(run)).toEqual([]);
});

test('http5xx watched alone on a function that counts no responses is said at opening, or broken within minutes', async () => {
  const { rollout, events } = await play({
    hours: 1,
    rollout: { watch: { http5xx: '1.5x' } },
    before: ({ traffic, addTraffic }) => {
      traffic.stop();
      addTraffic({ functionName: FUNCTION, requestsPerSecond: 50, errorRate: () => 0.001, counters: false });
    },
  });
  const isBroken = events.some((event) => event.type === 'Measured' && event.verdict.status === 'broken');
  expect(isBroken || (rollout?.opening.notices.length ?? 0) > 0).toBe(true);
});

test('a release whose handled errors nobody counts is not called proven, and the opening and the end say why', async () => {
  const { rollout } = await play({
    hours: 2,
    before: ({ traffic, addTraffic }) => {
      traffic.stop();
      addTraffic({ functionName: FUNCTION, requestsPerSecond: 50, errorRate: () => 0.001, counters: false });
    },
  });
  expect(rollout?.opening.notices).toContainEqual(
    expect.stringContaining('http5xx and http4xx are not watched'),
  );
  expect(rollout?.outcome).toBe('completed');
  expect(rollout?.reason).toBe(
    'unproven: nothing counted the answers of api with a status of 500 or more (http5xx)',
  );
});

// A quick run has the pause of a release that nothing can be said of, in the tests of silence, and the day in those of `next`.
test.runIf(isDeep)(
  'a pause for want of evidence that nobody answers reverts the release after a day',
  async () => {
    const { story, rollout, run } = await play({
      hours: 30,
      requestsPerSecond: 0.002,
      changePorts: rememberedWindows,
    });
    expect(story[4]).toBe('Paused by spillway, inconclusive');
    expect(story.slice(-2)).toEqual(['Reverted timeout: api at 1', 'RolloutClosed reverted']);
    expect(rollout?.reason).toMatch(/^the pause \(.*\) ran out$/);
    expect(faults(run)).toEqual([]);
  },
);

test('two targets go in lockstep, and one that fails takes both back', async () => {
  const { story, path, rollout, run, stage } = await play({
    before: (on) => void addWorker(on, 'worker', { errors: (version) => (version === '2' ? 0.1 : 0.001) }),
    release: TWO_TARGETS,
  });
  expect(story).toEqual([
    'RolloutOpened api 1->2, worker 1->2',
    'ShiftIntended api 10 %',
    'Shifted api 10 %',
    'ShiftIntended worker 10 %',
    'Shifted worker 10 %',
    'Measured inconclusive x3',
    'Measured fail',
    'RevertOrdered canary',
    'Reverted canary: api at 1, worker at 1',
    'RolloutClosed reverted',
  ]);
  expect(path).toEqual([
    'Decide',
    'ShiftTraffic',
    'ShiftTraffic',
    'Hold Measure x4',
    'RevertTraffic',
    'Reverted',
  ]);
  expect(rollout?.reason).toMatch(/^worker errors: canary/);
  expect(stage.lambda.helpers.routing('checkout-prod-worker', 'live').weights).toEqual({});
  expect(faults(run)).toEqual([]);
});

test('two good targets reach each step together and complete together', async () => {
  const { story, run } = await play({ before: (on) => void addWorker(on, 'worker'), release: TWO_TARGETS });
  expect(story.slice(-14)).toEqual([
    'Measured pass x3',
    'ShiftIntended api 90 %',
    'Shifted api 90 %',
    'ShiftIntended worker 90 %',
    'Shifted worker 90 %',
    'Measured inconclusive x3',
    'Measured pass x2',
    'ShiftIntended api 100 %',
    'Promoted api',
    'ShiftIntended worker 100 %',
    'Promoted worker',
    'Measured inconclusive x2',
    'Measured pass x2',
    'RolloutClosed completed',
  ]);
  expect(faults(run)).toEqual([]);
});

test('a release that comes during a rollout waits, and is opened when that one has ended', async () => {
  const { run } = await play({
    act: async (stage) => {
      await stage.saw('Shifted');
      const next = await stage.release();
      await stage.ended(next);
    },
  });
  expect(storyOf(run.histories['checkout-api--r2--1'] ?? [])[0]).toBe('RolloutOpened api 2->3');
  expect(run.heads.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
  expect(faults(run)).toEqual([]);
});

test('a bake of six hours goes on in a fresh execution after 300 ticks, without a gap at the seam', async () => {
  const { story, path, run } = await play({
    changePorts: rememberedWindows,
    rollout: { steps: [{ weight: 10, bake: '6h' }] },
  });
  expect(story).toEqual([
    ...FIRST_STEP.slice(0, 3),
    'Measured inconclusive x3',
    'Measured pass x297',
    'Continued 2',
    'Measured pass x63',
    ...HELD_OUT.slice(0, 2),
    'Measured inconclusive x3',
    'Measured pass x2',
    ...PROMOTION,
    ...VERIFIED,
  ]);
  expect(path).toEqual([
    'Decide',
    'ShiftTraffic',
    'Hold Measure x300',
    'ContinueAsNew',
    'Continued',
    'Decide',
    'Hold Measure x63',
    'ShiftTraffic',
    'Hold Measure x5',
    'PromoteCanary',
    'Hold Measure x4',
    'CloseRollout',
    'Completed',
  ]);
  const measured = (run.histories[ROLLOUT_ID] ?? []).filter(({ type }) => type === 'Measured');
  const gaps = measured.map(({ at }, index) => at - (measured[index - 1]?.at ?? at));
  expect(Math.max(...gaps)).toBeLessThan(65_000);
  expect(faults(run)).toEqual([]);
});

// A quick run has the bake of six hours instead.
test.runIf(isDeep)(
  'a bake of three days is held to its end and measured all the way',
  async () => {
    const { story, rollout, run, events, stage } = await play({
      // The day before says that nothing is due outside of that hour.
      warmMinutes: 24 * 60,
      hours: 80,
      changePorts: rememberedWindows,
      requestsPerSecond: (at) => (new Date(at).getUTCHours() === 9 ? 20 : 0),
      rollout: { steps: [{ weight: 10, bake: '3d' }], verify: '3m' },
    });
    expect(story.filter((line) => line.startsWith('Continued'))).toHaveLength(14);
    expect(rollout?.outcome).toBe('completed');
    const lengths = stage.stepFunctions.executions.map(({ historyEvents }) => historyEvents);
    expect(lengths).toHaveLength(15);
    expect(Math.max(...lengths)).toBeLessThan(5_000);
    const ticks = [
      rollout?.raisedAt ?? 0,
      ...events.flatMap(({ type, at }) => (type === 'Measured' ? [at] : [])),
    ];
    expect(ticks.length).toBeGreaterThan(72 * 60);
    const gaps = ticks.slice(1).map((at, index) => at - (ticks[index] ?? at));
    expect(Math.max(...gaps)).toBeLessThan(65_000);
    expect(rollout?.opening.deadline).toBeGreaterThan(ticks.at(-1) ?? 0);
    const [first, last] = [run.timeline[0], run.timeline.at(-1)];
    expect((last?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(72 * 60 * MINUTE);
    expect(faults(run)).toEqual([]);
  },
  600_000,
);
