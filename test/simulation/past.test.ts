import type { GetMetricDataOutput } from '@aws-sdk/client-cloudwatch';
import { describe, expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { sampled } from '../deep.ts';
import { writing } from './planted.ts';
import { broken, faults, MINUTE, type Plot, play, type Stage } from './stage.ts';

const DAY = 24 * 60;
const PER_MINUTE = 1_200;

/** Counts of so many minutes before the world begins; `count` says how many requests a minute had, the oldest being 0. */
function history(
  minutes: number,
  count: (minute: number) => number = () => PER_MINUTE,
  share: (minute: number) => number = () => 0.001,
) {
  return (stage: Stage) => {
    const end = stage.clock.now();
    for (let nth = 0; nth < minutes; nth++) {
      const requests = count(nth);
      if (requests === 0) continue;
      const errors = Math.round(requests * share(nth));
      stage.cloudwatch.invocations({
        ...{ functionName: FUNCTION, alias: ALIAS, version: '1', minute: end - (minutes - nth) * MINUTE },
        // Of both versions as many again fail in a handled way.
        ...{ count: requests, errors, faults: 2 * errors },
      });
    }
  };
}

const isIn = (minute: number, ...spans: [from: number, length: number][]) =>
  spans.some(([from, length]) => minute >= from && minute < from + length);

/** Answers of CloudWatch in which the times of an hour of the day before come twice, as a clock that is set back would write them. */
function repeatedHour(change: (value: number) => number): Plot {
  return {
    intercept: async (command, input, call) => {
      const answer = await call();
      const { StartTime, EndTime } = input as { StartTime: Date; EndTime: Date };
      if (command !== 'GetMetricDataCommand' || EndTime.getTime() - StartTime.getTime() < 2 * 60 * MINUTE)
        return answer;
      const output = answer as GetMetricDataOutput;
      const MetricDataResults = output.MetricDataResults?.map((result) => {
        const { Timestamps = [], Values = [] } = result;
        const [from, to] = [Math.floor(Timestamps.length / 3), Math.floor(Timestamps.length / 3) + 60];
        return {
          ...result,
          Timestamps: [...Timestamps.slice(0, to), ...Timestamps.slice(from)],
          Values: [...Values.slice(0, to), ...Values.slice(from, to).map(change), ...Values.slice(to)],
        };
      });
      return { ...output, MetricDataResults };
    },
  };
}

const PASTS: [string, Plot][] = [
  ['none', { warmMinutes: 0 }],
  ['an hour', { before: history(60) }],
  ['a day', { before: history(DAY) }],
  [
    'a day with gaps',
    { before: history(DAY, (minute) => (isIn(minute, [300, 2], [700, 45], [1_100, 5]) ? 0 : PER_MINUTE)) },
  ],
  [
    'a day with a rollout that was reverted in it',
    {
      before: history(
        DAY,
        () => PER_MINUTE,
        (minute) => (isIn(minute, [900, 10]) ? 0.05 : 0.001),
      ),
    },
  ],
  ['two days', { before: history(2 * DAY) }],
  ['a day of an office that closes', { before: history(DAY, (minute) => (minute < 720 ? 0 : PER_MINUTE)) }],
  ['a day in which an hour comes twice', { before: history(DAY), ...repeatedHour((value) => value) }],
  [
    'a day in which an hour comes twice and differs',
    { before: history(DAY), ...repeatedHour((value) => value / 2) },
  ],
];

/** A person who aborts once the rollout waits for one. */
async function abortsOnceAsked(stage: Stage): Promise<void> {
  await stage.saw('Paused');
  await stage.order('abort');
}

/** What a release met: Spillway held it for a person, reverted it by itself, or completed it with this word. */
function met({ rollout, events }: Pick<Awaited<ReturnType<typeof play>>, 'rollout' | 'events'>) {
  if (events.some(({ type }) => type === 'Paused')) return 'held';
  return rollout?.outcome === 'completed' ? rollout.reason?.split(':')[0] : rollout?.outcome;
}

const PLAN: Plot = {
  requestsPerSecond: 20,
  hours: 30,
  rollout: { steps: [{ weight: 10, bake: '3m' }], verify: '5m' },
};

describe.each(PASTS)('with a past of %s', (_, past) => {
  test('a good release completes', async () => {
    const { rollout, run, events } = await play({ ...PLAN, ...past });
    expect(rollout?.outcome).toBe('completed');
    expect(events.filter(({ type }) => type === 'RecallOrdered')).toEqual([]);
    expect(faults(run, { isGood: true })).toEqual([]);
  });
});

describe.each(sampled(PASTS, 2, 1))('with a past of %s', (_, past) => {
  test('a good release that meets an outage of both versions in verify is not reverted', async () => {
    let [since, until] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const { rollout, run } = await play({
      ...{ ...PLAN, ...past },
      weather: { errors: (at) => (at >= since && at < until ? 0.3 : 0) },
      act: async (stage) => {
        await stage.saw('Promoted');
        since = stage.clock.now();
        until = since + 2 * MINUTE;
      },
    });
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run, { isGood: true })).toEqual([]);
  });

  test('a release that fails once it serves alone is reverted, or held, or not proven', async () => {
    const played = await play({
      ...{ ...PLAN, ...past },
      canaries: { 2: { errors: (_version, _at, weight) => (weight === 100 ? 0.2 : 0.001) } },
      act: abortsOnceAsked,
    });
    expect(['reverted', 'held', 'unproven']).toContain(met(played));
    expect(faults(played.run)).toEqual([]);
  });

  test('a release whose requests are lost once it serves alone is not proven', async () => {
    const played = await play({
      ...{ ...PLAN, ...past },
      canaries: { 2: { uncounted: (_version, _at, weight) => (weight === 100 ? 1 : 0) } },
      act: abortsOnceAsked,
    });
    expect(['reverted', 'held', 'unproven']).toContain(met(played));
    expect(faults(played.run)).toEqual([]);
  });
});

test('a few gaps of the day before do not hide that requests stop once the canary serves alone', async () => {
  const { events } = await play({
    ...PLAN,
    before: history(DAY, (minute) => (isIn(minute, [300, 12], [700, 45], [1_100, 12]) ? 0 : PER_MINUTE)),
    canaries: { 2: { uncounted: (_version, _at, weight) => (weight === 100 ? 1 : 0) } },
    act: async (stage) => {
      await stage.saw('RecallOrdered');
      await stage.order('abort');
    },
  });
  expect(events.find((event) => event.type === 'RecallOrdered')).toMatchObject({
    reason: expect.stringMatching(/requests came in 2 min, where about .* were due/),
  });
});

test('a target whose requests stop again and again is not taken for silent when they stop', async () => {
  const isRest = (at: number) => Math.floor(at / MINUTE) % 20 < 4;
  const { rollout, run, events } = await play({
    ...PLAN,
    requestsPerSecond: (at) => (isRest(at) ? 0 : 20),
    before: (stage) => {
      const from = stage.clock.now() - DAY * MINUTE;
      history(DAY, (minute) => (isRest(from + minute * MINUTE) ? 0 : PER_MINUTE))(stage);
    },
  });
  expect(rollout?.outcome).toBe('completed');
  expect(events.filter(({ type }) => type === 'RecallOrdered')).toEqual([]);
  expect(faults(run, { isGood: true })).toEqual([]);
});

test('a checker sees a silence that is passed over for a few gaps of the day before', async () => {
  const deaf = writing((event) =>
    event.type === 'RecallOrdered' || event.type === 'Paused'
      ? []
      : event.type === 'Measured'
        ? { ...event, verdict: { ...event.verdict, status: 'pass', doubt: undefined } }
        : event,
  );
  const { rollout, run } = await play({
    ...PLAN,
    before: history(DAY, (minute) => (isIn(minute, [300, 12], [700, 45]) ? 0 : PER_MINUTE)),
    canaries: { 2: { uncounted: (_version, _at, weight) => (weight === 100 ? 1 : 0) } },
    changePorts: deaf,
  });
  expect(rollout?.outcome).toBe('completed');
  expect(broken(run)).toContain('silenceNeverCompletes');
});
