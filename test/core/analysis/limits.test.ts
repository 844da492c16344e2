import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge, type Reading } from '../../../core/analysis/judge.ts';
import { limitNotices, limitsOf } from '../../../core/analysis/limits.ts';
import {
  type Level,
  LIMITS,
  type LimitRule,
  type Series,
  type Window,
} from '../../../core/analysis/types.ts';
import type { Opening } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { SOURCES, type Source } from '../../../core/target.ts';
import { WINDOW_MS } from '../../../core/units.ts';
import { traitsOf } from '../../../targets/lambda-alias/kind.ts';
import { inVerify, minute, onFirstStep, onSecondStep, plan, stateAfter, target } from '../rollout/given.ts';

/** A point for each minute from `first` on, relative to the opening; the first raise is in minute 0. */
const levels = (first: number, ...values: (number | undefined)[]): Level[] =>
  values.flatMap((value, index) => (value === undefined ? [] : [{ start: minute(first + index), value }]));

const errors: Window[] = [1, 2, 3, 4, 5, 6].map((at) => ({
  start: minute(at),
  canary: { bad: 0, total: 200 },
  stable: { bad: 2, total: 1_800 },
}));

const fed = (source: Source) => target('api', { source, ref: { queue: 'orders', dlq: 'orders-dlq' } });

/** What is said at minute 8, when the windows up to minute 7 have settled. */
function said(
  rule: LimitRule,
  series: Series,
  { source = 'sqs' as Source, now = 8, history = onFirstStep } = {},
) {
  const opening = {
    watch: [{ metric: 'errors' as const, ratio: 1.5 }],
    limits: [rule],
    targets: [fed(source)],
  };
  const reading: Reading = { series: { api: { errors, ...series } }, alarms: [] };
  const { status, reason, limits = [] } = judge(trialOf(stateAfter(history(opening))), reading, minute(now));
  return { status, reason, limit: limits[0] };
}

describe('dlqNew', () => {
  const rule: LimitRule = { limit: 'dlqNew', max: 3 };
  const on = (...points: Level[]) => said(rule, { dlqNew: points });

  test('fails on growth above it in two points in a row, counts first', () => {
    expect(on(...levels(-2, 40, 40), ...levels(1, 41, 44, 45))).toEqual({
      status: 'fail',
      reason: '5 new in the dead-letter queue, where 40 were before; at most 3 may be new',
      limit: {
        ...{ limit: 'dlqNew', max: 3, target: 'api', status: 'fail', value: 5 },
        reason: '5 new in the dead-letter queue, where 40 were before; at most 3 may be new',
      },
    });
  });

  test('does not fail at the limit, on one point above it, or on what lay there before', () => {
    expect(on(...levels(-2, 40, 40), ...levels(1, 43, 43, 43)).limit?.status).toBe('pass');
    expect(on(...levels(-2, 40, 40), ...levels(1, 44, 40, 44, 40)).limit?.status).toBe('pass');
    expect(on(...levels(-2, 900, 900), ...levels(1, 900, 900, 900)).limit?.status).toBe('pass');
  });

  test('does not count the minute of the raise, nor what somebody took out before it', () => {
    expect(on(...levels(-3, 1, 1, 1, 50), ...levels(1, 1, 1)).limit?.status).toBe('pass');
    expect(on(...levels(-3, 40, 40, 2), ...levels(1, 6, 6)).limit?.status).toBe('fail');
  });

  test('takes an inactive queue for an empty one, before and after', () => {
    expect(on().limit).toMatchObject({ status: 'pass', value: 0 });
    expect(on(...levels(4, 4, 4)).limit?.status).toBe('fail');
  });

  test('is read in the order of time, in whatever order it came, and without what is no number of messages', () => {
    const points = [...levels(-2, 40, 40), ...levels(1, 41, 44, 45)].reverse();
    expect(on(...points).limit).toMatchObject({ status: 'fail', value: 5 });
    expect(on(...levels(-3, 40, -1), ...levels(1, 40, 41)).limit?.reason).toContain('where 40 were before');
    expect(on(...levels(-2, 40), ...levels(-1, 0), ...levels(1, 2, 2)).limit?.reason).toContain(
      'where 0 were before',
    );
  });

  test('waits until a point has settled', () => {
    expect(on(...levels(5, 9, 9)).status).toBe('fail');
    expect(on(...levels(6, 9, 9)).limit?.status).not.toBe('fail');
  });

  test('does not pass on a newest point that is over, which the next one explains', () => {
    expect(on(...levels(1, 1, 9)).limit).toMatchObject({
      status: 'suspect',
      reason: expect.stringContaining('this is the newest data point alone, and the next one decides'),
    });
    expect(on(...levels(1, 1, 9, 1)).limit?.status).toBe('pass');
    expect(on(...levels(1, 1, 9, 9)).limit?.status).toBe('fail');
  });
});

describe.each([
  ['oldestMessage', 'sqs', 'the oldest message has waited'],
  ['oldestMessage', 'async', 'the oldest message has waited'],
  ['iteratorAge', 'stream', 'the last record was as old as'],
] as const)('%s of a target with source %s', (limit, source, words) => {
  const on = (points: Level[], more = {}) =>
    said({ limit, max: 120 }, { [limit]: points }, { source, ...more });

  test('fails where what was sent since the first raise is too old, twice in a row', () => {
    const found = on([...levels(-3, 1, 1, 1), ...levels(1, 1, 60, 130, 190, 250)]);
    expect(found).toMatchObject({ status: 'fail', limit: { status: 'fail', value: 250 } });
    expect(found.reason).toBe(`${words} 4 min, and 2 min at most are allowed`);
  });

  test('is not broken by one point, or at the limit', () => {
    expect(on([...levels(-1, 1), ...levels(2, 1, 121, 1, 121, 1)]).limit?.status).toBe('pass');
    expect(on([...levels(-1, 1), ...levels(2, 120, 120, 120)]).limit?.status).toBe('pass');
  });

  test('does not hold what waited before the raise against the release', () => {
    const found = on([...levels(-3, 10, 70, 119), ...levels(1, 239, 299, 359, 419, 479)]);
    expect(found.limit?.status).toBe('pass');
    expect(found.limit?.reason).toBe(
      `${words} 8 min, and 2 min at most are allowed; not held against it: too little of that is since this release`,
    );
  });

  test('does not hold it where it was over before, until it has recovered', () => {
    const before = levels(-4, 1, 130, 1, 1);
    expect(on([...before, ...levels(3, 130, 130, 130, 130)]).limit).toMatchObject({
      status: 'pass',
      reason: expect.stringContaining('it was so before this release too'),
    });
    expect(on([...before, ...levels(1, 1, 1, 130, 130)]).limit?.status).toBe('fail');
    expect(on([...before, ...levels(1, 1, 130, 130, 130)]).limit?.status).toBe('pass');
  });
});

describe('ages that never arrive', () => {
  test.each([
    ['iteratorAge', 'stream'],
    ['oldestMessage', 'async'],
  ] as const)('are broken where the function ran: %s of %s', (limit, source) => {
    expect(said({ limit, max: 120 }, { [limit]: [] }, { source })).toMatchObject({
      status: 'broken',
      reason: `${limit}: the target ran 8,000 times in this step and nothing was reported`,
    });
  });

  test('may be late by two windows', () => {
    const rule: LimitRule = { limit: 'iteratorAge', max: 120 };
    const more = { source: 'stream' as const };
    expect(said(rule, { iteratorAge: [] }, { ...more, now: 4 }).limit?.status).toBe('pass');
    expect(said(rule, { iteratorAge: [] }, { ...more, now: 5 }).limit?.status).toBe('broken');
  });

  test('are nothing if nothing ran, or where a queue is empty', () => {
    const idle = { errors: [], iteratorAge: [] };
    expect(said({ limit: 'iteratorAge', max: 120 }, idle, { source: 'stream' }).limit?.status).toBe('pass');
    expect(said({ limit: 'oldestMessage', max: 120 }, { oldestMessage: [] }).limit?.status).toBe('pass');
  });
});

describe('batchFailures', () => {
  const rule: LimitRule = { limit: 'batchFailures', max: 10 };
  const batch = (at: number, canary?: [number, number], stable?: [number, number]): Window => ({
    start: minute(at),
    ...(canary === undefined ? {} : { canary: { bad: canary[0], total: canary[1] } }),
    ...(stable === undefined ? {} : { stable: { bad: stable[0], total: stable[1] } }),
  });
  const on = (...windows: Window[]) => said(rule, { batchFailures: windows });

  test('adds up what the canary handed back since the first raise, its minute included', () => {
    expect(on(batch(0, [6, 50]), batch(1, [5, 50], [0, 900]))).toMatchObject({
      status: 'fail',
      reason: 'canary handed back 11 of 100 as failed, and 10 at most are allowed',
    });
    expect(on(batch(0, [6, 50]), batch(1, [4, 50])).limit?.status).toBe('pass');
  });

  test('adds up nothing of the minute of the raise if the version may have had traffic in it before', () => {
    const again = (opening: Partial<Opening> = {}) => onFirstStep({ ...opening, attempt: 2 });
    const left = { batchFailures: [batch(0, [50, 60]), batch(1, [5, 50], [0, 900])] };
    expect(said(rule, left, { history: again }).limit).toMatchObject({ status: 'pass', value: 5 });
    expect(on(batch(-1, [9, 60], [0, 900]), ...left.batchFailures).limit).toMatchObject({ value: 5 });
    const own = { batchFailures: [batch(0, [50, 60]), batch(1, [11, 50], [0, 900])] };
    expect(said(rule, own, { history: again }).limit).toMatchObject({ status: 'fail', value: 11 });
  });

  test('never counts those of stable', () => {
    expect(on(batch(1, [0, 100], [500, 900])).limit).toMatchObject({ status: 'pass', value: 0 });
  });

  test('excuses nothing by what stable handed back after the raise, nor blames what came before it', () => {
    expect(on(batch(1, [11, 100], [500, 900])).status).toBe('fail');
    expect(on(batch(-2, [50, 100], [0, 900]), batch(1, [10, 100])).limit).toMatchObject({
      status: 'pass',
      value: 10,
      reason: 'canary handed back 10 of 100 as failed, and 10 at most are allowed',
    });
  });

  test('counts a window only once it has settled', () => {
    expect(on(batch(1, [0, 100]), batch(6, [50, 100])).status).toBe('fail');
    expect(on(batch(1, [0, 100]), batch(7, [50, 100])).limit).toMatchObject({ status: 'pass', value: 0 });
  });

  test('is not held against a release where stable broke it just before', () => {
    expect(on(batch(-2, undefined, [110, 900]), batch(1, [12, 100])).limit).toMatchObject({
      status: 'pass',
      reason:
        'canary handed back 12 of 100 as failed, and 10 at most are allowed; stable handed back 110 of 900 just before this release',
    });
    expect(on(batch(-2, undefined, [10, 900]), batch(1, [50, 100])).status).toBe('fail');
  });

  test('is suspect if stable broke it too, though surely far less often', () => {
    expect(on(batch(-2, undefined, [11, 900]), batch(1, [50, 100]))).toMatchObject({
      status: 'suspect',
      reason: expect.stringContaining(
        'stable handed back 11 of 900 just before this release, and surely less often than the canary does',
      ),
    });
  });

  test('is broken where the canary runs and counts none', () => {
    expect(on(batch(1, undefined, [0, 900]))).toMatchObject({
      status: 'broken',
      reason:
        'batchFailures: the canary ran 800 times in this step and nothing was reported; wrap its handler with withSpillway',
    });
  });

  test('does not believe counts that are none', () => {
    expect(on(batch(1, [Number.NaN, 10]), batch(2, [30, 20]), batch(3, [0, 10])).limit?.value).toBe(0);
  });
});

describe('any limit', () => {
  test('that was not read is broken and never a pass', () => {
    for (const limit of LIMITS)
      for (const source of SOURCES)
        if (limitsOf({ traits: traitsOf(source, {}) }, [{ limit, max: 5 }]).length > 0)
          expect(said({ limit, max: 5 }, {}, { source })).toMatchObject({
            status: 'broken',
            reason: `${limit} was not read`,
          });
  });

  test('is no evidence: a step with limits and nothing else is not passed', () => {
    const opening = { watch: [], limits: [{ limit: 'dlqNew' as const, max: 0 }], targets: [fed('sqs')] };
    const reading = { series: { api: { dlqNew: [] } }, alarms: [] };
    const { status, reason } = judge(trialOf(stateAfter(onFirstStep(opening))), reading, minute(8));
    expect({ status, reason }).toEqual({ status: 'inconclusive', reason: 'nothing was watched' });
  });

  test('still stands after promotion', () => {
    const series = { dlqNew: levels(9, 5, 5) };
    expect(said({ limit: 'dlqNew', max: 3 }, series, { now: 12, history: inVerify }).status).toBe('fail');
  });

  test('is only of the targets that have it, which are named where there are several', () => {
    const opening = {
      watch: [],
      limits: [{ limit: 'dlqNew' as const, max: 0 }],
      targets: [target(), target('worker', { source: 'sqs' })],
    };
    const reading = { series: { worker: { dlqNew: levels(1, 2, 2) } }, alarms: [] };
    const { limits } = judge(trialOf(stateAfter(onFirstStep(opening))), reading, minute(8));
    expect(limits?.map(({ reason }) => reason)).toEqual([
      'worker: 2 new in the dead-letter queue, where 0 were before; at most 0 may be new',
    ]);
  });

  test('never fails on what is the same as before the raise', () => {
    const steady = fc.record({
      limit: fc.constantFrom('dlqNew' as const, 'oldestMessage' as const),
      max: fc.integer({ min: 0, max: 1000 }),
      level: fc.integer({ min: 0, max: 2000 }),
      gaps: fc.uniqueArray(fc.integer({ min: 1, max: 6 })),
    });
    fc.assert(
      fc.property(steady, ({ limit, max, level, gaps }) => {
        const points = levels(-10, ...Array.from({ length: 17 }, () => level));
        const seen = points.filter(({ start }) => !gaps.includes((start - minute(0)) / WINDOW_MS));
        expect(said({ limit, max }, { [limit]: seen }).limit?.status).toBe('pass');
      }),
    );
  });
});

describe('before a rollout', () => {
  const told = (limit: LimitRule['limit'], series: Series, source: Source = 'sqs', max = 60) =>
    limitNotices(fed(source), [{ limit, max }], plan(), series);

  test('nothing is told where all is well', () => {
    expect(told('dlqNew', { dlqNew: levels(-2, 0) })).toEqual([]);
    expect(told('oldestMessage', { oldestMessage: levels(-2, 60) })).toEqual([]);
    expect(told('oldestMessage', {})).toEqual([]);
    expect(told('batchFailures', {})).toEqual([]);
    expect(told('iteratorAge', { iteratorAge: levels(-2, 900) }, 'sqs')).toEqual([]);
  });

  test('a queue of which nothing is seen is named', () => {
    expect(told('dlqNew', {})).toEqual([
      'limits.dlqNew of api: CloudWatch shows nothing of queue orders-dlq lately. An inactive queue is empty, but its first message may be seen 15 min late, and a wrong name looks the same',
    ]);
  });

  test('a limit that is broken already is named', () => {
    expect(told('iteratorAge', { iteratorAge: levels(-9, 61, 1) }, 'stream')).toEqual([
      'limits.iteratorAge of api is over 60 s already; it is not held against this release until it has recovered',
    ]);
    const stable = (bad: number): Series => ({
      errors: [{ start: minute(-2), stable: { bad: 0, total: 9 } }],
      batchFailures: [{ start: minute(-2), stable: { bad, total: 90 } }],
    });
    expect(told('batchFailures', stable(61))).toEqual([
      'limits.batchFailures of api: version 7 handed back 61 lately, so it is not held against this release',
    ]);
    expect(told('batchFailures', stable(60))).toEqual([]);
  });

  test('an age that cannot come about in time is named', () => {
    expect(told('oldestMessage', {}, 'sqs', 900)).toEqual([
      'limits.oldestMessage of api allows 15 min, and this plan can be through in 6 min: what is sent during it may not become too old in time',
    ]);
  });

  test('a stable version that counts no batches is named', () => {
    const running: Series = {
      errors: [{ start: minute(-2), stable: { bad: 0, total: 9 } }],
      batchFailures: [],
    };
    expect(told('batchFailures', running)).toEqual([
      'limits.batchFailures of api: version 7 counts no batches; if version 8 does not either, it cannot be measured and the rollout pauses; wrap the handler with withSpillway',
    ]);
  });
});

test('what the counts of errors prove ends no bake early for a limit, which needs its time', () => {
  const proven = [{ start: minute(1), canary: { bad: 0, total: 6_000 }, stable: { bad: 1, total: 54_000 } }];
  const certified = (limits: LimitRule[]) => {
    const opening = { watch: [{ metric: 'errors' as const, ratio: 1.5 }], limits, targets: [fed('sqs')] };
    const series: Series = { errors: proven, dlqNew: [], oldestMessage: [] };
    const reading: Reading = { series: { api: series }, alarms: [] };
    const { status, certified } = judge(trialOf(stateAfter(onFirstStep(opening))), reading, minute(4));
    return [status, certified];
  };
  expect(certified([])).toEqual(['pass', true]);
  expect(certified([{ limit: 'dlqNew', max: 0 }])).toEqual(['pass', undefined]);
});

describe('what a limit says of a step is of that step', () => {
  const ran = (...minutes: number[]): Window[] =>
    minutes.map((at) => ({
      start: minute(at),
      canary: { bad: 0, total: 100 },
      stable: { bad: 0, total: 900 },
    }));
  const ages = (points: Level[], windows = errors) =>
    said({ limit: 'iteratorAge', max: 120 }, { errors: windows, iteratorAge: points }, { source: 'stream' });
  const batches = (read: Window[], windows = errors) =>
    said({ limit: 'batchFailures', max: 10 }, { errors: windows, batchFailures: read });

  test('by what was reported since its first minute', () => {
    expect(ages(levels(0, 1)).limit?.status).toBe('broken');
    expect(ages(levels(1, 1)).limit?.status).toBe('pass');
    expect(batches(ran(0)).limit?.status).toBe('broken');
    expect(batches(ran(1)).limit?.status).toBe('pass');
    expect(batches([{ start: minute(1), stable: { bad: 0, total: 9 } }]).limit?.status).toBe('broken');
    expect(batches([{ start: minute(1), canary: { bad: 0, total: 0 } }]).limit?.status).toBe('broken');
  });

  test('by what ran since its first minute and until two before the newest, of whichever metric counts more', () => {
    const times = (windows: Window[]) => /ran ([\d,]+) times/.exec(ages([], windows).reason)?.[1];
    expect(times(ran(-1, 0))).toBeUndefined();
    expect(times(ran(0, 1))).toBe('1,000');
    expect(times(ran(4, 5, 6))).toBe('1,000');
    expect(times(ran(5, 6))).toBeUndefined();
    const answers = said(
      { limit: 'iteratorAge', max: 120 },
      { errors: ran(1), http5xx: ran(1, 2), throttles: ran(1, 2, 3), iteratorAge: [] },
      { source: 'stream' },
    );
    expect(answers.reason).toContain('ran 2,000 times');
  });

  test('and a limit that was broken on an earlier step stays broken, whatever is reported since', () => {
    const series = {
      errors: ran(5, 6),
      batchFailures: [{ start: minute(1), canary: { bad: 50, total: 90 } }],
    };
    const options = { now: 9, history: onSecondStep };
    expect(said({ limit: 'batchFailures', max: 10 }, series, options).limit).toMatchObject({
      ...{ status: 'fail', value: 50 },
    });
    expect(said({ limit: 'batchFailures', max: 60 }, series, options).limit).toMatchObject({
      status: 'broken',
    });
  });
});

test('batches that stable counts though its answers are not read are no reason to warn, nor is a version unnamed', () => {
  const notices = (series: Series, canary = '8') =>
    limitNotices({ ...fed('sqs'), canary }, [{ limit: 'batchFailures', max: 60 }], plan(), series);
  const ran = (total: number): Window[] => [{ start: minute(-2), stable: { bad: 0, total } }];
  expect(notices({ errors: ran(0), batchFailures: [] })).toEqual([]);
  expect(notices({ http5xx: ran(9), batchFailures: [] }, '')).toEqual([
    'limits.batchFailures of api: version 7 counts no batches; if the new version does not either, it cannot be measured and the rollout pauses; wrap the handler with withSpillway',
  ]);
  expect(notices({ errors: ran(9), batchFailures: ran(1) })).toEqual([]);
});

test('an age as long as the plan is not named, nor one that is at its limit', () => {
  const told = (max: number, value: number) =>
    limitNotices(fed('sqs'), [{ limit: 'oldestMessage', max }], plan(), { oldestMessage: levels(-2, value) });
  expect(told(360, 360)).toEqual([]);
  expect(told(361, 0)).toEqual([
    expect.stringContaining('allows 6 min, and this plan can be through in 6 min'),
  ]);
  expect(told(360, 361)).toEqual([expect.stringContaining('is over 6 min already')]);
});
