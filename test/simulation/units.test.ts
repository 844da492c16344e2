import type { GetMetricDataInput, GetMetricDataOutput } from '@aws-sdk/client-cloudwatch';
import { expect, test } from 'vitest';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { WINDOW_MS } from '../../core/units.ts';
import type { WorldOptions } from '../../local/world.ts';
import { writing } from './planted.ts';
import { broken, faults, type Plot, play } from './stage.ts';

type Measured = Extract<RolloutEvent, { type: 'Measured' }>;

/** A bug: a judge that says something else wherever the real one cannot tell. */
const guessing = (guess: (event: Measured) => RolloutEvent[]) =>
  writing((event) => {
    if (event.type === 'Paused' || event.type === 'RecallOrdered') return [];
    return event.type === 'Measured' && /broken|inconclusive/.test(event.verdict.status)
      ? guess(event)
      : event;
  });

/** What cannot be told is called health. */
const trusting = guessing((event) => [
  { ...event, verdict: { ...event.verdict, status: 'pass', doubt: undefined } },
]);

/** What cannot be told is called the canary's fault. */
const blaming = guessing((event) => [
  event,
  {
    type: 'RevertOrdered',
    at: event.at,
    cause: 'canary',
    reason: event.verdict.reason,
    outcome: 'reverted',
  },
]);

/** A release that loses orders, in a service whose count of lost orders comes in two units. */
const MIXED: Plot = {
  hasOrders: true,
  mixedUnits: () => true,
  stable: { errors: 0.001, lost: 0.001 },
  canaries: { 2: { errors: 0.001, lost: 0.3 } },
  rollout: {
    steps: [{ weight: 50, bake: '3m' }],
    verify: '2m',
    watch: { errors: '1.5x', custom: { orders: { bad: 'Shop/OrdersLost', total: 'Shop/Orders' } } },
  },
  hours: 4,
};

test('a count that comes in two units is unknown, and no release passes on the unit that CloudWatch adds up', async () => {
  const { rollout, events, run } = await play(MIXED);
  expect(events.filter((event) => event.type === 'Measured' && event.verdict.status === 'pass')).toEqual([]);
  expect(rollout?.outcome).toBe('reverted');
  expect(JSON.stringify(events)).toContain('was sent in several units');
  expect(faults(run)).toEqual([]);
});

test('a checker sees a reader that does not look at the message of CloudWatch', async () => {
  const { run } = await play({
    ...MIXED,
    intercept: async (command, _input, call) => {
      const answer = (await call()) as { MetricDataResults?: object[] };
      if (command !== 'GetMetricDataCommand') return answer;
      return {
        ...answer,
        MetricDataResults: answer.MetricDataResults?.map((result) => ({ ...result, Messages: [] })),
      };
    },
  });
  expect(broken(run)).toEqual(expect.arrayContaining(['passMeansWell', 'worseNeverCompletes']));
});

const HANGING: Plot = {
  timeoutSeconds: 900,
  canaries: { 2: { hanging: 0.5 } },
  rollout: { steps: [{ weight: 50, bake: '5m', maxBake: '20m' }], verify: '5m' },
  hours: 30,
};

test('requests that hang for longer than a step bakes complete no release', async () => {
  const { rollout, run } = await play(HANGING);
  expect(rollout?.outcome).toBe('reverted');
  expect(faults(run)).toEqual([]);
});

test('a checker sees a judge that takes requests that hang for health', async () => {
  const { run } = await play({
    ...HANGING,
    rollout: { ...HANGING.rollout, holdout: 0 },
    canaries: { 2: { hanging: 1 } },
    changePorts: trusting,
  });
  expect(broken(run)).toContain('silenceNeverCompletes');
});

test('runs that Lambda ends for their memory are errors that no counter of the function knows, and revert a release', async () => {
  const { rollout, run } = await play({ canaries: { 2: { killed: 0.2, errors: 0 } } });
  expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
  expect(faults(run)).toEqual([]);
});

test('counters that are stamped in the future stop no good release with blame', async () => {
  for (const side of ['1', '2']) {
    const { rollout, run } = await play({
      aheadMs: (version) => (version === side ? 180_000 : 0),
      hours: 30,
    });
    expect(rollout?.leaving?.cause, side).not.toBe('canary');
    expect(faults(run, { isGood: true }), side).toEqual([]);
  }
});

test('a checker sees a judge that blames a canary for counters that are stamped in the future', async () => {
  const { run } = await play({
    aheadMs: (version) => (version === '2' ? 180_000 : 0),
    hours: 30,
    changePorts: blaming,
  });
  expect(broken(run, { isGood: true })).toContain('goodNeverBlamed');
});

/** In every fourth read CloudWatch answers less for every third minute of the canary than it had counted before. */
const lowered = (): NonNullable<WorldOptions['intercept']> => {
  let reads = 0;
  return async (command, input, call) => {
    const answer = await call();
    if (command !== 'GetMetricDataCommand' || ++reads % 4 !== 0) return answer;
    return withLess(input as GetMetricDataInput, answer as GetMetricDataOutput);
  };
};

function withLess(
  { MetricDataQueries = [] }: GetMetricDataInput,
  { MetricDataResults = [], ...rest }: GetMetricDataOutput,
): GetMetricDataOutput {
  const isCanary = (index: number) =>
    MetricDataQueries[index]?.MetricStat?.Metric?.Dimensions?.some(
      ({ Name, Value }) => Name === 'ExecutedVersion' && Value === '2',
    );
  return {
    ...rest,
    MetricDataResults: MetricDataResults.map(({ Timestamps = [], Values = [], ...result }, index) => ({
      ...result,
      Timestamps,
      Values: Values.map((value, at) =>
        isCanary(index) && ((Timestamps[at]?.getTime() ?? 0) / WINDOW_MS) % 3 === 0
          ? Math.floor(value / 4)
          : value,
      ),
    })),
  };
}

test('counts that come lower than they were stop no good release with blame, and save no bad one', async () => {
  const good = await play({ intercept: lowered(), hours: 30 });
  expect(good.rollout?.leaving?.cause).not.toBe('canary');
  expect(faults(good.run, { isGood: true })).toEqual([]);
  const bad = await play({ intercept: lowered(), hours: 30, canaries: { 2: { errors: 0.2 } } });
  expect(bad.rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
  expect(faults(bad.run)).toEqual([]);
});

test('a checker sees a judge that blames a canary for counts that come lower', async () => {
  const { run } = await play({ intercept: lowered(), hours: 30, changePorts: blaming });
  expect(broken(run, { isGood: true })).toContain('goodNeverBlamed');
});
