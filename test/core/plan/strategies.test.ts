import { describe, expect, test } from 'vitest';
import { planFrom } from '../../../core/config/rollout-file.ts';
import { strategies } from '../../../core/plan/strategies.ts';
import { rolloutFileFrom } from '../../formats.ts';
import { leastFile, thrownBy } from '../config/files.ts';

const { steps: _, ...base } = leastFile();
const weights = (way: object) =>
  planFrom(rolloutFileFrom({ ...base, ...way })).plan.steps.map(({ weight }) => weight);
const bakes = (way: object) =>
  planFrom(rolloutFileFrom({ ...base, ...way })).plan.steps.map(({ bakeSeconds }) => bakeSeconds);
const TENS = [10, 20, 30, 40, 50, 60, 70, 80, 90];

describe('linear', () => {
  test.each([
    [10, TENS],
    [30, [30, 60, 90]],
    [50, [50]],
    [33, [33, 66, 99]],
    [99, [99]],
  ])('by %d rises through %j', (by, expected) => {
    expect(weights({ linear: { by, every: '2m' } })).toEqual(expected);
    expect(new Set(bakes({ linear: { by, every: '2m' } }))).toEqual(new Set([120]));
  });

  test.each([
    [{ by: 0, every: '2m' }, 'linear.by is 0: a weight is a whole percent from 1 to 99'],
    [{ by: 10 }, 'linear.every is missing:'],
    [{ by: 10, every: 120 }, 'linear.every is 120: a time needs its unit; write `120s` or `120m`.'],
    [{ by: 10, evry: '2m' }, 'linear.evry is not a known key: did you mean `every`?'],
  ])('with %j is refused', (linear, line) => {
    expect(thrownBy(() => weights({ linear })).message).toContain(line);
  });
});

describe('exponential', () => {
  test.each([
    [1, 2, [1, 2, 4, 8, 16, 32, 64]],
    [5, 3, [5, 15, 45]],
    [1, 1.5, [1, 2, 3, 5, 8, 11, 17, 26, 38, 58, 86]],
    [10, 10, [10]],
    [50, 2, [50]],
    [99, 99, [99]],
    [33, 3, [33, 99]],
    [83, 1.2, [83]],
  ])('from %d by factor %d rises through %j', (from, factor, expected) => {
    const way = { exponential: { from, factor, every: '5m' } };
    expect(weights(way)).toEqual(expected);
    expect(new Set(bakes(way))).toEqual(new Set([300]));
  });

  test.each([
    [{ factor: 1 }, 'exponential.factor is 1: write a number from 1.1 to 99, like 2.'],
    [{ factor: 0.5 }, 'exponential.factor is 0.5: write a number from 1.1 to 99'],
    [{ factor: 100 }, 'exponential.factor is 100: write a number from 1.1 to 99'],
    [{ factor: '2x' }, 'exponential.factor is "2x": write a number from 1.1 to 99'],
    [{ from: 0 }, 'exponential.from is 0: a weight is a whole percent from 1 to 99'],
    [{ every: undefined }, 'exponential.every is missing:'],
    [{ evry: '2m' }, 'exponential.evry is not a known key: did you mean `every`?'],
  ])('with %j is refused', (wrong, line) => {
    const way = JSON.parse(JSON.stringify({ exponential: { from: 1, factor: 2, every: '5m', ...wrong } }));
    expect(thrownBy(() => weights(way)).message).toContain(line);
  });
});

describe('blue-green', () => {
  const blueGreen = { strategy: 'blue-green' };
  const unasked = 'strategy is "blue-green": it moves all traffic at once, so something must be asked before';

  test.each([
    [{ smoke: [{ get: '/', expect: { status: 200 } }] }],
    [{ hooks: { beforeTraffic: [{ lambda: 'check' }] } }],
    [{ hooks: { beforePromotion: [{ http: 'https://a.example/check' }] } }],
    [{ gates: [{ before: 100 }] }],
  ])('goes from 0 to 100 %% at once after %j, and pauses where it can not judge', (check) => {
    const { plan, notices } = planFrom(rolloutFileFrom({ ...base, ...blueGreen, ...check }));
    expect(plan).toEqual({ steps: [], verifySeconds: 600, onInconclusive: 'pause' });
    expect(notices).toEqual([]);
  });

  test.each([
    [{}],
    [{ smoke: [] }],
    [
      {
        hooks: { afterPromotion: [{ lambda: 'check' }], onRevert: [{ lambda: 'check' }], beforeTraffic: [] },
      },
    ],
    [{ gates: [] }],
    [{ alarms: ['orders-too-low'] }],
  ])('is refused where %j is all that is asked before', (check) => {
    expect(thrownBy(() => weights({ ...blueGreen, ...check })).message).toContain(unasked);
  });

  test.each(['0s', '0m'])('is refused where nobody looks afterwards: verify %s', (verify) => {
    const lines = thrownBy(() => weights({ ...blueGreen, gates: [{ before: 50 }], verify })).message;
    expect(lines).toBe(
      `verify is "${verify}": \`strategy: blue-green\` meets users only after its promotion; write a time above 0s in which it can be reverted, like \`10m\`.`,
    );
  });

  test('tells everything that it lacks at once', () => {
    expect(thrownBy(() => weights({ ...blueGreen, verify: '0s' })).message.split('\n')).toHaveLength(2);
  });
});

describe('a step by count', () => {
  const step = (written: object) =>
    planFrom(rolloutFileFrom({ ...base, steps: [{ weight: 10, ...written }] })).plan.steps[0];

  test.each([
    [{}, 60, 86_400],
    [{ bake: '10m' }, 600, 86_400],
    [{ bake: '2d' }, 172_800, 518_400],
    [{ bake: '10m', maxBake: '30m' }, 600, 1_800],
    [{ maxBake: '1m' }, 60, 60],
  ])('and %j takes from %d to %d seconds', (times, bakeSeconds, maxBakeSeconds) => {
    expect(step({ ...times, until: { canary: '20 invocations' } })).toEqual({
      weight: 10,
      bakeSeconds,
      maxBakeSeconds,
      untilRequests: 20,
    });
  });

  test.each([
    ['1 invocation', 1],
    ['1000000 invocations', 1_000_000],
  ])('of %s needs %d requests', (canary, untilRequests) => {
    expect(step({ until: { canary } })).toMatchObject({ untilRequests });
  });

  test('is not what a step by time is', () => {
    expect(step({ bake: '5m' })).toEqual({ weight: 10, bakeSeconds: 300, maxBakeSeconds: 900 });
  });
});

test('canary is one step, and nothing else can be told to it', () => {
  expect(weights({ canary: { weight: 5, bake: '15m' } })).toEqual([5]);
  expect(bakes({ canary: { weight: 5, bake: '15m' } })).toEqual([900]);
  expect(() => weights({ canary: { weight: 5, bake: '15m', steps: 2 } })).toThrow(
    'canary.steps is not a known key',
  );
});

describe('a step without maxBake', () => {
  test.each([
    ['1m', 660],
    ['5m', 900],
    ['10m', 1_800],
    ['3d', 604_800],
    ['7d', 604_800],
  ])('of %s waits for traffic for %d seconds at most', (bake, maxBakeSeconds) => {
    const file = rolloutFileFrom({ ...base, canary: { weight: 5, bake } });
    expect(planFrom(file).plan.steps[0]).toMatchObject({ maxBakeSeconds });
  });
});

describe('a strategy by name', () => {
  const PRESETS: [string, number[], number[]][] = [
    ...[5, 10, 15, 30].map((m): [string, number[], number[]] => [
      `Canary10Percent${m}Minutes`,
      [10],
      [m * 60],
    ]),
    ['Linear10PercentEvery1Minute', TENS, Array(9).fill(60)],
    ...[2, 3, 10].map((m): [string, number[], number[]] => [
      `Linear10PercentEvery${m}Minutes`,
      TENS,
      Array(9).fill(m * 60),
    ]),
    ['AllAtOnce', [], []],
  ];

  test.each(
    PRESETS.flatMap((preset) =>
      ['', 'Lambda', 'CodeDeployDefault.Lambda'].map(
        (prefix) => [prefix + preset[0], ...preset.slice(1)] as const,
      ),
    ),
  )('%s is imported, goes on where there is too little traffic, and says so', (strategy, expected, times) => {
    const { plan, notices } = planFrom(rolloutFileFrom({ ...base, strategy }));
    expect(plan.steps.map(({ weight }) => weight)).toEqual(expected);
    expect(plan.steps.map(({ bakeSeconds }) => bakeSeconds)).toEqual(times);
    expect(plan.onInconclusive).toBe('promote');
    expect(notices).toEqual([expect.stringContaining(strategy as string)]);
  });

  test('keeps what the file says of inconclusive steps, and then has nothing to notice', () => {
    const file = rolloutFileFrom({ ...base, strategy: 'Canary10Percent5Minutes', onInconclusive: 'revert' });
    expect(planFrom(file)).toMatchObject({ plan: { onInconclusive: 'revert' }, notices: [] });
  });

  test('all-at-once is our own: no step, and it pauses where it cannot judge', () => {
    const { plan, notices } = planFrom(rolloutFileFrom({ ...base, strategy: 'all-at-once' }));
    expect(plan).toEqual({ steps: [], verifySeconds: 600, onInconclusive: 'pause' });
    expect(notices).toEqual([]);
  });

  test.each([
    ['Canary5Percent12Minutes', 'its name says what it does; write `canary: { weight: 5, bake: 12m }`.'],
    ['CodeDeployDefault.LambdaCanary10Percent5Minute', 'write `canary: { weight: 10, bake: 5m }`.'],
    ['CodeDeployDefault.Canary10Percent5Minutes', 'write `canary: { weight: 10, bake: 5m }`.'],
    ['LambdaLinear25PercentEvery90Minutes', 'write `linear: { by: 25, every: 1h30m }`.'],
    ['Linear5PercentEvery2Hours', 'write `linear: { by: 5, every: 2h }`.'],
    ['CodeDeployDefault.ECSLinear10PercentEvery1Minutes', 'write `linear: { by: 10, every: 1m }`.'],
    ['canary10percent5minutes', 'write `canary: { weight: 10, bake: 5m }`.'],
    ['Canary0Percent5Minutes', 'unknown strategy; did you mean `Canary10Percent5Minutes`?'],
    ['Canary100Percent5Minutes', 'unknown strategy; did you mean `Canary10Percent5Minutes`?'],
    ['Canary10Percent99999Minutes', 'unknown strategy'],
    ['all-at-onec', 'did you mean `all-at-once`?'],
    ['blue-gren', 'unknown strategy; did you mean `blue-green`?'],
    ['exponential', 'it has a key of its own; write `exponential: { from: 1, factor: 2, every: 5m }`.'],
    ['Canary10Percent20Minutes', 'write `canary: { weight: 10, bake: 20m }`.'],
    ['CodeDeployDefault.ECSAllAtOnce', 'write `strategy: all-at-once`.'],
    ['CodeDeployDefault.HalfAtATime', 'unknown strategy. Known are `all-at-once`'],
    ['toString', 'unknown strategy'],
    ['linear', 'it has a key of its own; write `linear: { by: 10, every: 2m }`.'],
    [5, 'strategy is 5: unknown strategy'],
  ])('%s is refused: %s', (strategy, line) => {
    expect(thrownBy(() => weights({ strategy })).message).toContain(line);
  });
});

test('the example of each strategy is written with its own name', () => {
  for (const [name, { example }] of Object.entries(strategies)) expect(example).toContain(name);
});
