import type { GetMetricDataInput, GetMetricDataOutput } from '@aws-sdk/client-cloudwatch';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { describe, expect, test } from 'vitest';
import { byKind } from '../../adapters/registry.ts';
import type { Ports } from '../../controller/ports.ts';
import type { FunctionName } from '../../infra/facts.ts';
import { controllerFunctions } from '../../local/functions.ts';
import { seededRandom } from '../../local/random.ts';
import { storeCalls } from '../../local/services/cloudfront-kvs.ts';
import { s3Calls } from '../../local/services/s3.ts';
import { SERVICE } from '../../simulation/scenario.ts';
import { routers } from '../../targets/adapters.ts';
import { sampled } from '../deep.ts';
import { broken, faults, HOUR, MINUTE, type Plot, play, ROLLOUT_ID, type Stage, staged } from './stage.ts';

/** Each call of a function, and what it writes with, is on a machine whose clock is off by what `offset` says. */
function skewed(offset: (name: FunctionName) => number): Plot {
  let ports: Ports | undefined;
  let clients: Stage['clients'] | undefined;
  return {
    changePorts: (made) => {
      ports = made;
      return made;
    },
    before: (stage) => {
      clients = stage.clients;
    },
    around: (name, event) => {
      if (ports === undefined || clients === undefined) throw new Error('The world is not made yet.');
      const { clock } = ports;
      const off = offset(name);
      const own = { now: () => clock.now() + off, sleep: (ms: number) => clock.sleep(ms) };
      const reached = { ...clients, s3: s3Calls(clients.s3), stores: storeCalls(clients.kvs) };
      const there = { ...ports, clock: own, router: byKind(routers, reached, own) };
      return controllerFunctions(() => there)[name](event);
    },
  };
}

/** The checkers of time itself are exact to the millisecond of the right time. */
const ofTime =
  /^(unsettledNeverJudged|tickAtMostTwoMinutes)|although its verdict began before traffic stood there/;

test('clocks that are 2 s apart, which is what a machine leaves of more, carry a good release to its end', async () => {
  const random = seededRandom(5);
  const { rollout, run } = await play(skewed(() => (random.int(3) - 1) * 2_000));
  expect(rollout?.reason).toMatch(/^proven/);
  expect(run.histories[ROLLOUT_ID]?.filter(({ type }) => type === 'TookOver')).toEqual([]);
  expect(faults(run).filter((fault) => !ofTime.test(fault))).toEqual([]);
});

describe('clocks that are 5 minutes apart', () => {
  const random = seededRandom(5);
  const cases: [string, (name: FunctionName) => number][] = [
    ['each call on another one', () => (random.int(3) - 1) * 5 * MINUTE],
    ['the watchdog ahead', (name) => (name === 'Watchdog' ? 5 * MINUTE : 0)],
    ['the measuring behind', (name) => (name === 'Measure' ? -5 * MINUTE : 0)],
    ['the measuring ahead', (name) => (name === 'Measure' ? 5 * MINUTE : 0)],
    ['the raising behind', (name) => (name === 'ShiftTraffic' ? -5 * MINUTE : 0)],
    ['the raising ahead', (name) => (name === 'ShiftTraffic' ? 5 * MINUTE : 0)],
  ];
  test.each(cases)(
    'take a bad release back all the same, and raise nothing unproven: %s',
    async (_, offset) => {
      const { rollout, stage, run } = await play({ ...skewed(offset), canaries: { 2: { errors: 0.2 } } });
      expect(rollout?.outcome).toBe('reverted');
      expect(stage.alias()).toMatchObject({ primary: '1' });
      expect(faults(run).filter((fault) => !ofTime.test(fault))).toEqual([]);
    },
  );

  test.each(cases)('end a good release at 0 or 100 %: %s', async (_, offset) => {
    const { rollout, run } = await play({ ...skewed(offset), rollout: { onInconclusive: 'revert' } });
    expect(['completed', 'reverted']).toContain(rollout?.outcome);
    // A raise that is dated five minutes too early says that the canary was due requests that it was not.
    const ofDates = /^lateNeverBlames/;
    expect(faults(run).filter((fault) => !ofTime.test(fault) && !ofDates.test(fault))).toEqual([]);
  });
});

describe('two controllers', () => {
  const second = async (stage: Stage) => {
    await stage.saw('RolloutOpened');
    await stage.clock.sleep(2_000);
    const [first] = stage.stepFunctions.executions;
    const input = JSON.stringify(first?.input);
    await stage.clients.sfn.send(
      new StartExecutionCommand({ stateMachineArn: stage.machineArn, name: 'of-the-other', input }),
    );
  };

  test('of one environment work on one rollout, each with its execution, and it ends as with one', async () => {
    const { rollout, run } = await play({ act: second });
    expect(rollout?.reason).toMatch(/^proven/);
    expect(faults(run)).toEqual([]);
  });

  test('of one environment take a bad release back', async () => {
    const { rollout, run } = await play({ act: second, canaries: { 2: { errors: 0.2 } } });
    expect(rollout?.outcome).toBe('reverted');
    expect(faults(run)).toEqual([]);
  });
});

test.each(['memory', 'dynamodb'] as const)(
  'of a queue of 50 releases the newest goes out and each of the others says why it did not, with a journal in %s',
  async (journal) => {
    const stage = staged({ journal });
    const all = Array.from({ length: 50 }, (_, n) => `${SERVICE}--r${n + 1}--1`);
    await stage.clock.advance(20 * MINUTE);
    await stage.clock.run(stage.release());
    await stage.clock.run(stage.saw('Shifted'), HOUR);
    for (let left = 49; left > 0; left--) {
      await stage.clock.run(stage.release());
      await stage.clock.advance(3_000);
    }
    await stage.clock.run(Promise.all([stage.ended(all[0] ?? ''), stage.ended(all[49] ?? '')]), 12 * HOUR);
    const ends = await stage.clock.run(
      Promise.all(all.map(async (id) => (await stage.journal.read(id))?.outcome)),
    );
    expect(ends).toEqual(['completed', ...Array.from({ length: 48 }, () => 'superseded'), 'completed']);
    const told = await stage.clock.run(Promise.all(all.slice(1, 49).map((id) => stage.journal.events(id))));
    expect(
      told.map((events) => events.map((event) => event.type === 'RolloutDeclined' && event.reason)),
    ).toEqual(Array.from({ length: 48 }, (_, n) => [`r${n + 3} was uploaded while it waited`]));
    expect((await stage.clock.run(stage.journal.service(SERVICE))).waiting).toBeUndefined();
    expect(stage.alias().primary).toBe('51');
  },
);

test('an abort whose reason is over 400 KB takes the canary out and is written down, cut', async () => {
  const { rollout, run } = await play({
    journal: 'dynamodb',
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.order('abort', { reason: 'x'.repeat(500_000), by: 'y'.repeat(500_000) });
    },
  });
  expect(rollout).toMatchObject({ outcome: 'reverted', opening: { rolloutId: ROLLOUT_ID } });
  expect(rollout?.reason).toBe(`${'y'.repeat(200)} aborted: ${'x'.repeat(1000)}`);
  expect(faults(run)).toEqual([]);
});

describe('counts of CloudWatch', () => {
  type Point = [at: number, value: number];
  type Change = (points: Point[], now: number, isRead: (at: number) => boolean) => Point[];

  /** One minute of three as `change` gives it. */
  const third =
    (change: (value: number, ageMs: number) => number[]): Change =>
    (points, now) =>
      points.flatMap(([at, value]) =>
        (at / MINUTE) % 3 === 0 ? change(value, now - at).map((each): Point => [at, each]) : [[at, value]],
      );

  const CHANGES: Record<string, Change> = {
    'that are none': third(() => [Number.NaN]),
    'without end': third(() => [Number.POSITIVE_INFINITY]),
    'below zero': third((value) => [-value - 1]),
    'with a fraction': third((value) => [value + 0.5]),
    'beyond all reason': third(() => [1e300]),
    'that are missing for ten minutes': third((value, ageMs) => (ageMs < 10 * MINUTE ? [] : [value])),
    'that come twice': third((value) => [value, value]),
    'that come twice and differ': third((value) => [value, value + 7]),
    'that are restated downwards': (points, _now, isRead) =>
      points.map(([at, value]) => [at, isRead(at) ? value : 2 * value]),
    'that are restated upwards': (points, _now, isRead) =>
      points.map(([at, value]) => [at, isRead(at) ? value : Math.floor(value / 2)]),
    'of minutes that have not come yet': (points, now) => [
      ...points,
      ...[1, 2, 9].map((minutes): Point => [(Math.ceil(now / MINUTE) + minutes) * MINUTE, 1_000]),
    ],
    'out of order': (points) => points.toReversed(),
  };
  const SIDES = { 'the canary': ['2'], stable: ['1'], 'both versions': ['1', '2'] };
  const CASES = Object.entries(SIDES).flatMap(([side, versions]) =>
    Object.entries(CHANGES).map(([what, change]): [string, string, Plot] => [
      what,
      side,
      answering(versions, change),
    ]),
  );

  /** The counts of these versions as `change` gives them, from the first raise on. */
  function answering(versions: string[], change: Change): Plot {
    let stage: Stage | undefined;
    const read = new Map<string, Set<number>>();
    const isRaised = () => stage?.alias().primary === '2' || stage?.alias().weights['2'] !== undefined;
    return {
      requestsPerSecond: 20,
      hours: 8,
      before: (made) => {
        stage = made;
        read.clear();
      },
      intercept: async (command, input, call) => {
        const answer = await call();
        if (stage === undefined || command !== 'GetMetricDataCommand' || !isRaised()) return answer;
        const now = stage.clock.now();
        const { MetricDataQueries = [] } = input as GetMetricDataInput;
        const { MetricDataResults = [], ...rest } = answer as GetMetricDataOutput;
        const changed = MetricDataResults.map((result, nth) => {
          const metric = MetricDataQueries[nth]?.MetricStat?.Metric;
          const version = metric?.Dimensions?.find(({ Name }) => Name === 'ExecutedVersion')?.Value;
          if (version === undefined || !versions.includes(version)) return result;
          const series = JSON.stringify(metric);
          const seen = read.get(series) ?? new Set();
          read.set(series, seen);
          const { Timestamps = [], Values = [] } = result;
          const points = Timestamps.map((at, index): Point => [at.getTime(), Values[index] ?? 0]);
          const given = change(points, now, (at) => seen.has(at));
          for (const [at] of points) seen.add(at);
          return {
            ...result,
            Timestamps: given.map(([at]) => new Date(at)),
            Values: given.map(([, value]) => value),
          };
        });
        return { ...rest, MetricDataResults: changed };
      },
    };
  }

  test.each(sampled(CASES, 33))(
    '%s, of %s, stop no good release and keep no bad one',
    async (_, __, plot) => {
      const good = await play(plot);
      expect(good.rollout?.reason).toMatch(/^proven/);
      expect(faults(good.run, { isGood: true })).toEqual([]);
      const bad = await play({ ...plot, canaries: { 2: { errors: 0.2 } } });
      expect(bad.rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
      expect(faults(bad.run)).toEqual([]);
    },
  );

  test.each(Object.entries(SIDES).slice(0, 2))(
    'that are missing for good in one minute of three, of %s, leave a good release to a person, and blame nobody',
    async (_, versions) => {
      const { rollout, run } = await play({
        ...answering(
          versions,
          third(() => []),
        ),
        hours: 2,
      });
      expect(rollout?.pause).toMatchObject({ why: 'suspect', reason: expect.stringMatching(/split is off/) });
      expect(broken(run, { isGood: true })).not.toContain('goodNeverBlamed');
    },
  );
});

describe('a holdout of', () => {
  const PLANS: [number, Record<string, unknown>][] = [
    [0, { steps: [{ weight: 10, bake: '3m' }], verify: '5m', holdout: 0 }],
    [1, { steps: [{ weight: 10, bake: '3m' }], verify: '5m', holdout: 1 }],
    [
      50,
      {
        steps: [
          { weight: 10, bake: '3m' },
          { weight: 50, bake: '3m' },
        ],
        verify: '5m',
        holdout: 50,
      },
    ],
  ];

  test.each(PLANS)('%d % completes a good release and keeps no bad one', async (_, rollout) => {
    const good = await play({ rollout });
    expect(good.rollout?.reason).toMatch(/^proven/);
    expect(faults(good.run, { isGood: true })).toEqual([]);
    const bad = await play({
      rollout,
      canaries: { 2: { errors: (_version, _at, weight) => (weight > 10 ? 0.2 : 0.001) } },
    });
    expect(bad.rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(faults(bad.run)).toEqual([]);
  });
});

describe('rules that contradict', () => {
  test('each other in how much they tolerate: the stricter one decides', async () => {
    const counts = { bad: 'Shop/OrdersLost', total: 'Shop/Orders' };
    const rules = { lost: { ...counts, tolerate: '1x' }, much: { ...counts, tolerate: '50%' } };
    const plot: Plot = { hasOrders: true, rollout: { watch: { http5xx: '1.5x', custom: rules } } };
    const good = await play(plot);
    expect(good.rollout?.reason).toMatch(/^proven/);
    const bad = await play({ ...plot, canaries: { 2: { lost: 0.1 } } });
    expect(bad.rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(bad.rollout?.reason).toMatch(/lost/);
  });

  test('what the version that serves does: the opening says that no release can keep them, with the fix', async () => {
    const noticesOf = async (errors: number) =>
      (
        await play({
          hours: 0.1,
          stable: { errors, faults: 0.001 },
          canaries: { 2: { errors } },
          rollout: { watch: { errors: '0.5%', http5xx: '1.5x' } },
        })
      ).rollout?.opening.notices.join();
    expect(await noticesOf(0.01)).toMatch(
      /^errors: version 1 of api breaks this rule itself \([\d,]+ of [\d,]+ requests before the rollout were bad, and 0\.5 % is tolerated\), so a release that is no worse is reverted; compare it with stable, like `1\.5x`, or tolerate more than [\d.]+ %$/,
    );
    expect(await noticesOf(0.002)).toBe('');
  });
});
