import {
  DeleteAlarmsCommand,
  type MetricDataQuery,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { describe, expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { writing } from './planted.ts';
import { broken, faults, MINUTE, type Plot, play, type Stage } from './stage.ts';

const NAME = 'checkout';

/** The dimensions of the runs behind the alias, of one version or of both. */
const runsOf = (version?: string) =>
  Object.entries({
    FunctionName: FUNCTION,
    Resource: `${FUNCTION}:${ALIAS}`,
    ...(version === undefined ? {} : { ExecutedVersion: version }),
  }).map(([Name, Value]) => ({ Name, Value }));

const put = (stage: Stage, changes: Partial<PutMetricAlarmCommandInput>) =>
  stage.clients.cloudwatch.send(
    new PutMetricAlarmCommand({
      AlarmName: NAME,
      EvaluationPeriods: 1,
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 20,
      TreatMissingData: 'notBreaching',
      ...(changes.Metrics === undefined
        ? { Namespace: 'AWS/Lambda', MetricName: 'Errors', Statistic: 'Sum', Period: 60 }
        : {}),
      ...changes,
    }),
  );

const set = (stage: Stage, StateValue: 'ALARM' | 'OK', data?: object, AlarmName = NAME) =>
  stage.clients.cloudwatch.send(
    new SetAlarmStateCommand({
      ...{ AlarmName, StateValue, StateReason: 'Threshold Crossed' },
      ...(data === undefined ? {} : { StateReasonData: JSON.stringify(data) }),
    }),
  );

const metric = (Id: string, version?: string): MetricDataQuery => ({
  Id,
  MetricStat: {
    Metric: { Namespace: 'AWS/Lambda', MetricName: 'Errors', Dimensions: runsOf(version) },
    Period: 60,
    Stat: 'Sum',
  },
  ReturnData: false,
});
const expression = (text: string): MetricDataQuery => ({ Id: 'e1', Expression: text });

/** A rollout that watches the alarm, which CloudWatch evaluates once a minute. */
const watching = (changes: Plot): Plot => ({
  ...changes,
  before: async (stage) => {
    await changes.before?.(stage);
    const evaluated = async (): Promise<void> => {
      stage.traffic.settle();
      stage.cloudwatch.evaluate();
      await stage.clock.sleep(MINUTE);
      return evaluated();
    };
    void evaluated();
  },
  rollout: {
    watch: { http5xx: '1.5x' },
    steps: [{ weight: 10, bake: '5m' }],
    verify: '5m',
    alarms: [NAME],
    ...changes.rollout,
  },
});

/** A minute after the second tick at the first step. */
async function later(stage: Stage): Promise<void> {
  await stage.saw('Measured', 2);
  await stage.clock.sleep(MINUTE);
}

const timestamp = (at: number) => new Date(at).toISOString().replace('Z', '+0000');

/** The alarm stands from the beginning, and goes off during the rollout; what metric math says is not evaluated here. */
const goingOff = (alarm: Partial<PutMetricAlarmCommandInput>): Plot => ({
  before: async (stage) => void (await stage.clock.run(put(stage, alarm))),
  act: async (stage) => {
    await later(stage);
    if (alarm.Metrics !== undefined) await set(stage, 'ALARM');
  },
});

describe('an alarm on the canary alone', () => {
  const bad: Plot = { canaries: { 2: { errors: 0.3 } }, rollout: { watch: { throttles: '1.5x' } } };

  test.each<[string, Partial<PutMetricAlarmCommandInput>]>([
    ['by the executed version', { Dimensions: runsOf('2') }],
    ['by metric math', { Metrics: [metric('m1', '2'), expression('m1 * 1')] }],
  ])('that goes off blames the release: %s', async (_, alarm) => {
    const { rollout, run, stage } = await play(
      watching({
        ...bad,
        ...goingOff(alarm),
      }),
    );
    expect(rollout?.outcome).toBe('reverted');
    expect(rollout?.leaving).toMatchObject({
      cause: 'canary',
      reason: expect.stringMatching(`^alarm ${NAME} (went off|is alarm)$`),
    });
    expect((await stage.clock.run(stage.journal.service('checkout-api'))).quarantined).toHaveLength(1);
    expect(faults(run)).toEqual([]);
  });

  test('of which the tick hears before its event does the same', async () => {
    const { rollout, events } = await play(
      watching({
        ...bad,
        before: async (stage) => void (await stage.clock.run(put(stage, { Dimensions: runsOf('2') }))),
        around: async (name, event, call) => (name === 'AlarmEvent' ? { told: [] } : call(event)),
      }),
    );
    expect(events.some(({ type }) => type === 'AlarmRaised')).toBe(false);
    expect(rollout?.leaving).toMatchObject({ cause: 'canary' });
  });

  test.each<[string, Partial<PutMetricAlarmCommandInput>]>([
    ['both versions', { Dimensions: runsOf() }],
    ['the whole function', { Dimensions: [{ Name: 'FunctionName', Value: FUNCTION }] }],
    [
      'an expression over both versions',
      { Metrics: [metric('m1', '1'), metric('m2', '2'), expression('m2 - m1')] },
    ],
    ['a search', { Metrics: [metric('m1', '2'), expression(`SUM(SEARCH('{AWS/Lambda} Errors', 'Sum'))`)] }],
  ])('is not one on %s: that reverts as the environment’s doing', async (_, alarm) => {
    const { rollout, stage, run } = await play(
      watching({
        ...bad,
        ...goingOff(alarm),
      }),
    );
    expect(rollout?.leaving).toMatchObject({ cause: 'environment' });
    expect((await stage.clock.run(stage.journal.service('checkout-api'))).quarantined ?? []).toEqual([]);
    expect(faults(run)).toEqual([]);
  });
});

describe('an alarm on stable alone', () => {
  test('that stable turns red reverts nothing, and the opening says that it cannot show the release', async () => {
    const { rollout, run, events } = await play(
      watching({
        stable: { errors: (_, at) => (at > Date.UTC(2026, 0, 1) ? 0.3 : 0) },
        canaries: { 2: { errors: 0.3 } },
        before: async (stage) =>
          void (await stage.clock.run(put(stage, { Dimensions: runsOf('1'), Threshold: 1_000_000 }))),
        act: async (stage) => {
          await later(stage);
          await put(stage, { Dimensions: runsOf('1') });
        },
      }),
    );
    expect(events.some(({ type }) => type === 'AlarmRaised')).toBe(true);
    expect(rollout?.reason).toMatch(/^proven/);
    expect(rollout?.opening.notices).toContain(
      `alarm ${NAME} counts the requests of ${FUNCTION}:1 alone and never those of this release, so it is not held against it; take \`ExecutedVersion\` out of the alarm's dimensions, or take the alarm out of the rollout file`,
    );
    expect(faults(run)).toEqual([]);
  });

  test.each(['breaching', 'missing'])(
    'that loses its data as the canary takes all traffic (%s) neither reverts nor leaves it unproven',
    async (TreatMissingData) => {
      const { rollout, run } = await play(
        watching({
          before: async (stage) =>
            void (await stage.clock.run(put(stage, { Dimensions: runsOf('1'), TreatMissingData }))),
        }),
      );
      expect(rollout?.reason).toMatch(/^proven/);
      expect(faults(run)).toEqual([]);
    },
  );
});

test('a checker sees a release that an alarm on stable alone reverts', async () => {
  const { run } = await play(
    watching({
      stable: { errors: 0.3 },
      before: async (stage) =>
        void (await stage.clock.run(put(stage, { Dimensions: runsOf('1'), Threshold: 1_000_000 }))),
      act: async (stage) => {
        await later(stage);
        await put(stage, { Dimensions: runsOf('1') });
      },
      changePorts: writing((event) =>
        event.type === 'AlarmRaised'
          ? [
              event,
              {
                ...{ type: 'RevertOrdered', at: event.at, cause: 'environment', outcome: 'reverted' },
                reason: `alarm ${event.alarm} went off`,
              },
            ]
          : event,
      ),
    }),
  );
  expect(broken(run)).toContain('redBeforeNeverBlames');
});

describe('a breach of which the data points', () => {
  const breach = async (
    data: (at: number) => object | undefined,
    alarm: Partial<PutMetricAlarmCommandInput>,
  ) =>
    play(
      watching({
        before: async (stage) => void (await stage.clock.run(put(stage, alarm))),
        act: async (stage) => {
          const raise = stage.event(({ type }) => type === 'ShiftIntended');
          await raise;
          const raisedAt = stage.clock.now();
          await stage.clock.sleep(MINUTE);
          await set(stage, 'ALARM', data(raisedAt));
          await stage.clock.sleep(30_000);
          await set(stage, 'OK');
        },
      }),
    );
  const math = { Metrics: [metric('m1'), expression('m1 * 1')] };
  const band = {
    Metrics: [metric('m1'), { Id: 'ad1', Expression: 'ANOMALY_DETECTION_BAND(m1, 2)' }],
    ThresholdMetricId: 'ad1',
  };
  const whole = (at: number) => Math.floor(at / MINUTE) * MINUTE;
  const base = (at: number) => ({ version: '1.0', queryDate: timestamp(at), period: 60 });
  const dated = (at: number, back: number, more: object) => ({
    ...base(at),
    recentDatapoints: [30],
    evaluatedDatapoints: [{ timestamp: timestamp(whole(at) - back * MINUTE), sampleCount: 1, value: 30 }],
    ...more,
  });

  test.each<[string, object, (at: number) => object]>([
    ['of an expression', math, (at) => dated(at, 2, { threshold: 20 })],
    [
      'of an anomaly band with one edge',
      band,
      (at) => ({
        ...dated(at, 2, { recentUpperThresholds: [20] }),
        evaluatedDatapoints: [{ timestamp: timestamp(whole(at) - 2 * MINUTE), value: 30, threshold: 20 }],
      }),
    ],
    [
      'of an anomaly band with two edges',
      band,
      (at) => dated(at, 2, { recentLowerThresholds: [5], recentUpperThresholds: [20] }),
    ],
  ])('%s ended before the first raise reverts nothing', async (_, alarm, data) => {
    const { rollout, run, events } = await breach(data, alarm);
    expect(events.some(({ type }) => type === 'AlarmRaised')).toBe(true);
    expect(rollout?.reason).toMatch(/^proven/);
    expect(faults(run)).toEqual([]);
  });

  test.each<[string, object, (at: number) => object | undefined]>([
    ['are not said', math, () => undefined],
    [
      'of an anomaly band are not dated',
      band,
      (at) => ({ ...base(at + 3 * MINUTE), recentDatapoints: [30], recentUpperThresholds: [20] }),
    ],
    ['lie after the first raise', math, (at) => dated(at, 0, { threshold: 20 })],
    [
      'are missing since the first raise',
      math,
      (at) => ({
        ...dated(at, 2, { threshold: 20, recentDatapoints: [] }),
        evaluatedDatapoints: [
          { timestamp: timestamp(whole(at)) },
          { timestamp: timestamp(whole(at) - 2 * MINUTE), sampleCount: 1, value: 10 },
        ],
      }),
    ],
  ])('%s reverts as the environment’s doing', async (_, alarm, data) => {
    const { rollout, run } = await breach(data, alarm);
    expect(rollout?.leaving).toMatchObject({ cause: 'environment', reason: `alarm ${NAME} went off` });
    expect(faults(run)).toEqual([]);
  });

  test('of a composite alarm are not known, so the date of its state counts', async () => {
    const { rollout, run } = await play(
      watching({
        before: async (stage) => {
          await stage.clock.run(
            put(stage, { AlarmName: 'child', Dimensions: runsOf(), Threshold: 1_000_000 }),
          );
          await stage.clock.run(
            stage.clients.cloudwatch.send(
              new PutCompositeAlarmCommand({ AlarmName: NAME, AlarmRule: 'ALARM("child")' }),
            ),
          );
        },
        act: async (stage) => {
          await later(stage);
          await set(stage, 'ALARM', undefined, 'child');
        },
      }),
    );
    expect(rollout?.leaving).toMatchObject({ cause: 'environment' });
    expect(faults(run)).toEqual([]);
  });
});

describe('an alarm that', () => {
  test('had too little data at opening and later passes does not stand in the way', async () => {
    const { rollout, run } = await play(
      watching({
        act: async (stage) => void (await put(stage, { Dimensions: runsOf() })),
      }),
    );
    expect(rollout?.opening.alarms).toEqual([{ name: NAME, red: false, silent: true }]);
    expect(rollout?.reason).toMatch(/^proven/);
    expect(faults(run)).toEqual([]);
  });

  test('had too little data at opening and never gets any is said at opening, and holds nothing', async () => {
    const { rollout, run } = await play(
      watching({
        before: async (stage) =>
          void (await stage.clock.run(
            put(stage, { Namespace: 'Shop', MetricName: 'Nothing', TreatMissingData: 'missing' }),
          )),
      }),
    );
    expect(rollout?.opening.alarms).toEqual([{ name: NAME, red: false, silent: true }]);
    expect(rollout?.outcome).toBe('completed');
    expect(rollout?.opening.notices.join()).toContain(`alarm ${NAME}`);
    expect(faults(run)).toEqual([]);
  });

  test.each(['is deleted', 'is renamed'])(
    '%s in mid-rollout reverts nothing, and the release ends unproven',
    async (how) => {
      const { rollout, run } = await play(
        watching({
          before: async (stage) => void (await stage.clock.run(put(stage, { Dimensions: runsOf() }))),
          act: async (stage) => {
            await later(stage);
            await stage.clients.cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [NAME] }));
            if (how === 'is renamed') await put(stage, { AlarmName: `${NAME}-2`, Dimensions: runsOf() });
          },
        }),
      );
      expect(rollout?.outcome).toBe('completed');
      expect(rollout?.reason).toContain(`unproven: alarm ${NAME} was deleted or renamed during the rollout`);
      expect(faults(run)).toEqual([]);
    },
  );

  test('is deleted and made again during the rollout is watched again', async () => {
    const again = (canaries: Plot['canaries'] = {}) =>
      play(
        watching({
          canaries,
          before: async (stage) => void (await stage.clock.run(put(stage, { Dimensions: runsOf() }))),
          act: async (stage) => {
            await stage.saw('Measured', 2);
            await stage.clients.cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [NAME] }));
            await stage.clock.sleep(2 * MINUTE);
            await put(stage, { Dimensions: runsOf() });
          },
        }),
      );
    const good = await again();
    expect(good.rollout?.reason).toMatch(/^proven/);
    expect(faults(good.run)).toEqual([]);
    const errors = (_version: string, _at: number, weight: number) => (weight > 10 ? 0.3 : 0);
    const bad = await again({ 2: { errors } });
    expect(bad.rollout?.outcome).toBe('reverted');
  });

  test('is deleted does not keep a worse canary', async () => {
    const { rollout } = await play(
      watching({
        rollout: { watch: { errors: '1.5x' } },
        canaries: { 2: { errors: 0.2 } },
        before: async (stage) =>
          void (await stage.clock.run(put(stage, { Dimensions: runsOf(), Threshold: 1e6 }))),
        act: async (stage) => {
          await stage.saw('Measured');
          await stage.clients.cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [NAME] }));
        },
      }),
    );
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
  });
});
