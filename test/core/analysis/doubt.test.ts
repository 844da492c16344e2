import { describe, expect, test } from 'vitest';
import { doubtAbout } from '../../../core/analysis/doubt.ts';
import { believable } from '../../../core/analysis/settled.ts';
import type { Doubt, FailurePast, Finding, ReadWindow, WatchRule } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import {
  inVerify,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  raised,
  stateAfter,
  target,
} from '../rollout/given.ts';

const ERRORS: WatchRule = { metric: 'errors', ratio: 1.5 };
const THROTTLES: WatchRule = { metric: 'throttles', ratio: 1.5 };
const CALM: FailurePast = { mean: 0.001, strength: 1, worst: [0.001, 0.001, 0.001], ever: 0.001 };
const usual = { usual: { api: { errors: CALM, throttles: CALM } } };
/** Verify at 100 % since 8:30, of a target that never failed much. */
const verifying = (more: Parameters<typeof inVerify>[0] = {}) => inVerify({ ...usual, ...more });

type Count = [bad: number, total: number];
const alone = (from: number, ...counts: Count[]): ReadWindow[] =>
  counts.map(([bad, total], at) => ({ start: minute(from + at), canary: { bad, total } }));
const beside = (from: number, ...counts: Count[]): ReadWindow[] =>
  counts.map(([bad, total], at) => ({ start: minute(from + at), stable: { bad, total } }));
const same = (length: number, each: Count) => Array.from({ length }, () => each);
const doubt = (history: RolloutEvent[], to: number, read: ReadWindow[], rule: WatchRule = ERRORS) =>
  doubtAbout(trialOf(stateAfter(history)), { target: target(), rule }, believable(read), minute(to));

const BAD: Count = [300, 1_000];
const GOOD: Count = [0, 1_000];

describe('doubt about a target that serves', () => {
  test('says how many requests failed, in how long, and how many is usual', () => {
    expect(doubt(verifying(), 10, alone(9, BAD))).toMatchObject({
      reason:
        'errors: 300 of 1,000 requests to both versions failed in 60 s, and up to 0.15 % is usual for api',
    });
    expect(doubt(verifying(), 10, alone(9, BAD), THROTTLES)?.reason).toMatch(
      /^throttles: 300 of 1,000 requests to both versions were throttled in 60 s, and up to/,
    );
    expect(doubt(verifying(), 10, alone(9, GOOD))).toBeUndefined();
  });

  test('is of verify alone, and of rules that count bad requests', () => {
    expect(doubt(onFirstStep(usual), 3, alone(1, BAD, BAD))).toBeUndefined();
    expect(doubt(onSecondStep(usual), 7, alone(5, BAD, BAD))).toBeUndefined();
    const slow = { ...ERRORS, metric: 'p95' as const };
    expect(doubt(verifying(), 10, alone(9, BAD), slow)).toBeUndefined();
  });

  test('takes a target of which nothing is known for one that never fails', () => {
    expect(doubt(inVerify(), 10, alone(9, BAD))).toBeDefined();
    expect(doubt(inVerify({ usual: { api: {} } }), 10, alone(9, BAD))).toBeDefined();
    expect(doubt(inVerify({ usual: {} }), 10, alone(9, BAD))).toBeDefined();
  });

  test('needs three times the evidence if an event that fails is tried three times', () => {
    const of = (source: 'http' | 'sqs' | 'async', read: Count) =>
      doubtAbout(
        trialOf(stateAfter(verifying())),
        { target: target('api', { source }), rule: ERRORS },
        believable(alone(9, read)),
        minute(10),
      );
    for (const source of ['sqs', 'async'] as const) {
      expect(of(source, [12, 1_000])).toBeUndefined();
      expect(of(source, [36, 1_000])).toBeDefined();
    }
    expect(of('http', [12, 1_000])).toBeDefined();
  });

  test('asks the newest ten minutes again if the canary can be recalled: their counts may have come late', () => {
    const read = (good: number) => alone(9, BAD, ...same(good, GOOD));
    expect(doubt(verifying(), 19, read(9))?.reason).toContain('300 of 1,000');
    expect(
      doubt(
        verifying(),
        20,
        read(10).map((each) => each),
      )?.reason ?? '',
    ).not.toContain('in 60 s');
  });

  test('asks the minutes since the last look if it cannot be recalled', () => {
    const fixed = verifying({ reversible: false });
    const looked = (to: number) => [...fixed, measured('pass', [9, to])];
    const read = alone(9, BAD, ...same(3, [0, 100_000]));
    expect(doubt(looked(12), 13, read)).toBeUndefined();
    expect(doubt(looked(9), 13, read)?.reason).toContain('300 of 1,000');
    expect(doubt(fixed, 13, read)).toBeUndefined();
  });

  test('asks every minute that no look knew, however late it was counted', () => {
    const looked = (more: Parameters<typeof verifying>[0], newest: number | undefined): RolloutEvent[] => {
      const { verdict, ...event } = measured('broken', [9, 39]);
      const nothing = { bad: 0, total: 0 };
      const traffic: Finding = {
        ...{ target: 'api', metric: 'traffic', status: 'broken', canary: nothing, stable: nothing },
        ...{ windows: 0, evidence: 0, skipped: [], reason: 'traffic: 0 requests came' },
        ...(newest === undefined ? {} : { newest: minute(newest) }),
      };
      return [...verifying(more), { ...event, verdict: { ...verdict, findings: [traffic] } }];
    };
    for (const more of [{}, { reversible: false }]) {
      expect(doubt(looked(more, undefined), 40, alone(9, BAD))?.reason).toContain('300 of 1,000');
      expect(doubt(looked(more, 15), 40, alone(16, BAD))?.reason).toContain('300 of 1,000');
      expect(doubt(looked(more, 38), 40, alone(16, BAD))).toBeUndefined();
    }
  });
});

describe('doubt during a recall', () => {
  const recalled = (more: Parameters<typeof inVerify>[0] = {}): RolloutEvent[] => [
    ...verifying(more),
    { type: 'RecallOrdered', at: minute(12), nth: 1, weight: 25, reason: 'doubt', remaining: 180 },
    ...raised(25, 4, 12.5),
  ];

  test('is over after two calm minutes at its weight', () => {
    const read = (good: number) => alone(13, BAD, ...same(good, GOOD));
    expect(doubt(recalled(), 15, read(1))).toBeDefined();
    expect(doubt(recalled(), 16, read(2))).toBeUndefined();
  });

  test('is not over if nothing is known of one of its last two minutes', () => {
    const lost = (at: number): ReadWindow[] => [
      ...alone(13, ...same(4, GOOD)).filter(({ start }) => start !== minute(at)),
      { start: minute(at), unknown: 'no answer' },
    ];
    const sorted = (at: number) => lost(at).sort((a, b) => a.start - b.start);
    for (const at of [15, 16])
      expect(doubt(recalled(), 17, sorted(at))).toMatchObject({
        reason: expect.stringContaining('errors: nothing is known of the last minutes of api'),
      });
    expect(doubt(recalled(), 17, sorted(14))).toBeUndefined();
    expect(doubt(verifying(), 17, sorted(16))).toBeUndefined();
  });

  test('is not over before both versions have had requests, if the rule itself ordered the recall', () => {
    const by = { target: 'api', metric: 'errors' as const };
    const ordered = (more: Partial<Doubt>): RolloutEvent[] => {
      const [verify, [order, ...moves]] = [verifying(), recalled().slice(verifying().length)];
      const { verdict, ...tick } = measured('inconclusive', [9, 11]);
      const found: RolloutEvent = { ...tick, verdict: { ...verdict, doubt: { reason: 'bad', ...more } } };
      return [...verify, found, ...(order === undefined ? [] : [order]), ...moves];
    };
    const both = (at: number) => ({
      start: minute(at),
      canary: { bad: 0, total: 1 },
      stable: { bad: 0, total: 3 },
    });
    expect(doubt(ordered({ by }), 18, [])?.reason).toContain('no requests came to both versions of api');
    expect(doubt(ordered({ by }), 18, alone(13, ...same(5, GOOD)))).toMatchObject({ by });
    expect(doubt(ordered({ by }), 18, beside(13, ...same(5, GOOD)))).toMatchObject({ by });
    expect(doubt(ordered({ by }), 18, [both(12)])).toMatchObject({ by });
    expect(doubt(ordered({ by }), 18, [both(14)])).toBeUndefined();
    expect(doubt(ordered({ by: { ...by, target: 'worker' } }), 18, [])).toBeUndefined();
    expect(doubt(ordered({ by }), 18, [], THROTTLES)).toBeUndefined();
    expect(doubt(ordered({}), 18, [])).toBeUndefined();
  });

  test('asks single minutes, and nothing that is steady', () => {
    const steady = {
      usual: { api: { errors: { ...CALM, worst: [0.03, 0.03, 0.03], typical: [0.001, 0.001] } } },
    };
    const read = alone(13, ...same(6, [20, 1_000]));
    expect(doubt(recalled(steady), 19, read)).toBeUndefined();
    expect(doubt(verifying(steady), 19, read)).toBeDefined();
  });

  test('is not asked before every target stands at its weight', () => {
    const ordered = recalled().slice(0, -2);
    expect(doubt(ordered, 14, alone(12, BAD, BAD))).toBeUndefined();
  });
});

describe('harm that is steady', () => {
  const batches = { ...CALM, worst: [0.3, 0.3, 0.3], ever: 0.3, typical: [0.001, 0.001] };
  const steady = { usual: { api: { errors: batches, throttles: batches } } };
  const read = alone(9, ...same(6, [20, 1_000]));

  test('is in doubt from three minutes on if a recall can answer it, and from ten on if none can', () => {
    expect(doubt(inVerify(steady), 15, read)?.reason).toMatch(
      /^errors: 80 of 4,000 requests .* in the best 4 of 6 minutes,/,
    );
    const alike = (length: number) => alone(9, ...same(length, [20, 1_000]));
    const stuck = inVerify({ ...steady, reversible: false });
    expect(doubt(stuck, 15, read)).toBeUndefined();
    expect(doubt(stuck, 18, alike(9))).toBeUndefined();
    expect(doubt(stuck, 19, alike(10))?.reason).toContain('in the best 7 of 10 minutes');
    const outage = alone(9, ...same(7, GOOD), ...same(3, [200, 1_000]));
    expect(doubt(stuck, 19, outage)).toBeUndefined();
  });

  test('is in doubt also after an outage that met stable', () => {
    const outage = beside(4, ...same(4, [500, 1_000]));
    expect(doubt(inVerify(steady), 12, [...outage, ...alone(9, ...same(3, [100, 1_000]))])?.reason).toContain(
      '100 of 1,000 requests to both versions failed in the best 1 of 3 minutes',
    );
    // A level that stable showed outside of an outage is usual.
    const level = beside(4, ...same(4, [80, 1_000]));
    expect(doubt(inVerify(steady), 12, [...level, ...alone(9, ...same(3, [100, 1_000]))])).toBeUndefined();
  });

  test('is not asked of throttles', () => {
    expect(doubt(inVerify(steady), 15, read, THROTTLES)).toBeUndefined();
  });
});

describe('an outage that stable has shown beside the canary', () => {
  const outage = beside(4, ...same(3, [500, 1_000]));

  test('is waited for and blames nobody', () => {
    expect(doubt(verifying(), 10, [...outage, ...alone(9, [400, 1_000])])).toMatchObject({
      reason:
        'errors: 400 of 1,000 requests to both versions failed in 60 s, as stable did beside the canary before; verify continues until that outage is over',
      isOutage: true,
    });
    expect(doubt(verifying(), 11, [...outage, ...alone(9, [400, 1_000], GOOD)])?.isOutage).toBe(true);
    expect(doubt(verifying(), 12, [...outage, ...alone(9, [400, 1_000], GOOD, GOOD)])).toBeUndefined();
    expect(doubt(verifying(), 10, [...outage, ...alone(9, [100, 1_000])])).toBeUndefined();
  });

  test('is waited for also where the target often fails as much for a minute, and steady harm is what shows it', () => {
    const batches = { ...CALM, worst: [0.5, 0.5, 0.5], ever: 0.5, typical: [0.001, 0.001] };
    const often = inVerify({ usual: { api: { errors: batches, throttles: CALM } } });
    const failing = (each: Count) => doubt(often, 12, [...outage, ...alone(9, each, each, each)]);
    expect(failing([200, 1_000])).toMatchObject({
      reason: expect.stringContaining(
        '200 of 1,000 requests to both versions failed in the best 1 of 3 minutes',
      ),
      isOutage: true,
    });
    expect(failing([100, 1_000])).toBeUndefined();
  });

  test('goes on while nothing is known of a minute after it', () => {
    const isOutage = doubt(verifying(), 10, [...outage, ...alone(9, [400, 1_000])]);
    const seen = measured('inconclusive', [9, 10]);
    const history: RolloutEvent[] = [
      ...verifying(),
      { ...seen, verdict: { ...seen.verdict, ...(isOutage === undefined ? {} : { doubt: isOutage }) } },
    ];
    const lost = [9, 10].map((at): ReadWindow => ({ start: minute(at), unknown: 'no answer' }));
    expect(doubt(history, 11, [...outage, ...lost])).toMatchObject({
      reason: expect.stringContaining('nothing is known of the last minutes of api'),
      isOutage: true,
    });
    expect(doubt(history, 12, [...outage, ...lost, ...alone(11, GOOD)])).toBeUndefined();
  });

  test('excuses nothing in throttles, which both versions share, unless stable showed it before the first raise', () => {
    expect(doubt(verifying(), 10, [...outage, ...alone(9, [400, 1_000])], THROTTLES)).toBeDefined();
    const found = doubt(verifying(), 10, [...outage, ...alone(9, [400, 1_000])], THROTTLES);
    expect(found?.isOutage).toBeUndefined();
    const before = beside(-2, [500, 1_000], GOOD);
    const earlier = doubt(verifying(), 10, [...before, ...alone(9, [400, 1_000])], THROTTLES);
    expect(earlier?.isOutage).toBe(true);
  });

  test('is forgotten after two hours', () => {
    const read = (from: number) => [...beside(from, [500, 1_000]), ...alone(9, [400, 1_000])];
    expect(doubt(verifying(), 10, read(-110))?.isOutage).toBe(true);
    expect(doubt(verifying(), 10, read(-111))?.isOutage).toBeUndefined();
  });
});

describe('doubt that is sure', () => {
  const read = alone(9, ...same(6, [600, 1_000]));

  test('takes six minutes beyond everything seen, and is asked only if nothing can be recalled', () => {
    const fixed = verifying({ reversible: false });
    expect(doubt(fixed, 15, read)?.isSure).toBe(true);
    expect(doubt(fixed, 14, read.slice(0, 5))?.isSure).toBeUndefined();
    expect(doubt(verifying(), 15, read)?.isSure).toBeUndefined();
    const known = doubt(fixed, 15, [...beside(5, [500, 1_000]), ...alone(9, ...same(6, [950, 1_000]))]);
    expect(known?.isSure).toBe(true);
    const like = doubt(fixed, 15, [...beside(5, [500, 1_000]), ...alone(9, ...same(6, [620, 1_000]))]);
    expect(like?.isSure).toBeUndefined();
  });

  test('is never of a share that no release is held to', () => {
    const fixed = verifying({ reversible: false });
    const small = alone(9, ...same(6, [600, 150_000]));
    expect(doubt(fixed, 15, small)?.isSure).toBeUndefined();
  });
});

describe('doubt after a look', () => {
  const lost = (at: number): ReadWindow[] => [{ start: minute(at), unknown: 'no answer' }];
  /** Verify that looked at the minutes 9 to 12 last, and saw this. */
  const looked = (more: Partial<Doubt>, opening: Parameters<typeof inVerify>[0] = {}): RolloutEvent[] => {
    const { verdict, ...event } = measured('inconclusive', [9, 12]);
    const by = { target: 'api', metric: 'errors' as const };
    return [
      ...verifying(opening),
      { ...event, verdict: { ...verdict, doubt: { by, reason: 'bad', ...more } } },
    ];
  };
  const nothing =
    'errors: nothing is known of the last minutes of api, so that nothing shows whether the doubt is over';

  test.each<[string, Partial<Doubt>, Parameters<typeof inVerify>[0], object | undefined]>([
    ['of an outage', { isOutage: true }, {}, { isOutage: true, reason: nothing }],
    ['that nothing can be recalled for', {}, { reversible: false }, { reason: nothing }],
    ['that a recall answers', {}, {}, undefined],
    ['of another target', { by: { target: 'worker', metric: 'errors' } }, { reversible: false }, undefined],
    ['of another rule', { by: { target: 'api', metric: 'throttles' } }, { reversible: false }, undefined],
    ['of nobody', { by: undefined }, { reversible: false }, undefined],
  ])('%s goes on where nothing is known of the minutes since', (_, seen, opening, said) => {
    const found = doubt(looked(seen, opening), 14, [...alone(9, ...same(3, GOOD)), ...lost(12), ...lost(13)]);
    if (said === undefined) expect(found).toBeUndefined();
    else expect(found).toEqual({ by: { target: 'api', metric: 'errors' }, ...said });
    const known = doubt(looked(seen, opening), 14, [
      ...alone(9, ...same(3, GOOD)),
      ...lost(12),
      ...alone(13, GOOD),
    ]);
    expect(known).toBeUndefined();
  });

  test('is asked from the last move or the end of the last recall on, whichever is later', () => {
    const from = (recalls: [number, number][]) =>
      doubtAbout(
        {
          ...trialOf(stateAfter(verifying())),
          recalls: recalls.map(([from, to]) => ({ from: minute(from), to: minute(to) })),
        },
        { target: target(), rule: ERRORS },
        believable(alone(12, BAD, GOOD, GOOD, GOOD)),
        minute(16),
      );
    expect(from([])).toBeDefined();
    expect(from([[9, 12]])).toBeDefined();
    expect(from([[9, 13]])).toBeUndefined();
    expect(
      from([
        [5, 6],
        [9, 13],
      ]),
    ).toBeUndefined();
    expect(
      from([
        [5, 6],
        [9, 12],
        [1, 2],
      ]),
    ).toBeDefined();
  });
});
