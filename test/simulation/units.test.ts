import { expect, test } from 'vitest';
import { broken, faults, type Plot, play } from './stage.ts';

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

test('requests that hang for longer than a step bakes complete no release', async () => {
  const { rollout, run } = await play({
    timeoutSeconds: 900,
    canaries: { 2: { hanging: 0.5 } },
    rollout: { steps: [{ weight: 50, bake: '5m', maxBake: '20m' }], verify: '5m' },
    hours: 30,
  });
  expect(rollout?.outcome).toBe('reverted');
  expect(faults(run)).toEqual([]);
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
