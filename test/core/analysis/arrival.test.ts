import { describe, expect, test } from 'vitest';
import {
  arrivalFinding,
  arrivalMetric,
  needsHeartbeat,
  recentPastOf,
  splitWindows,
} from '../../../core/analysis/arrival.ts';
import { judge } from '../../../core/analysis/judge.ts';
import { LOST } from '../../../core/analysis/loss.ts';
import { believable } from '../../../core/analysis/settled.ts';
import type { Past, ReadWindow, WatchRule, Window } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import {
  intended,
  inVerify,
  measured,
  minute,
  onFirstStep,
  opened,
  plan,
  raised,
  stateAfter,
  TWO_TARGETS,
  tick,
} from '../rollout/given.ts';

type Counts = [canary: number | undefined, stable: number | undefined];
const count = (total: number) => ({ bad: 0, total });
/** Windows from one minute on, oldest first. */
const windows = (from: number, ...counts: Counts[]): Window[] =>
  counts.map(([canary, stable], at) => ({
    start: minute(from + at),
    ...(canary === undefined ? {} : { canary: count(canary) }),
    ...(stable === undefined ? {} : { stable: count(stable) }),
  }));
const times = (length: number, each: Counts) => Array.from({ length }, () => each);
const steady: Past = { lately: 1_000, hours: Array.from({ length: 24 }, () => null), falls: [1, 1] };
const found = (
  history: RolloutEvent[],
  read: Window[],
  given: { from?: number; until?: number; to?: number; isRead?: boolean } = {},
) => {
  const { from = 1, isRead = false } = given;
  const { until = from + read.length } = given;
  const { to = until } = given;
  return arrivalFinding(
    trialOf(stateAfter(history)),
    'api',
    {
      believed: believable(read),
      step: { from: minute(from), until: minute(until), to: minute(to) },
      isRead,
    },
    '',
  ).finding;
};
const stepsOf = (length: number) =>
  plan({
    steps: Array.from({ length }, (_, at) => ({ weight: 10 + at, bakeSeconds: 120, maxBakeSeconds: 600 })),
  });

describe('the evidence against a canary that swallows requests', () => {
  const swallowed = windows(1, ...times(14, [0, 900]));
  const evidence = (length: number, read = swallowed) =>
    found([opened({ plan: stepsOf(length) }), ...raised(10, 1, 0.5)], read).evidence;

  test('is staked in equal parts by the steps of the plan and its recalls', () => {
    expect(evidence(1)).toBeGreaterThan(20);
    expect(evidence(1) - evidence(4)).toBeCloseTo(Math.log(5 / 2), 6);
    expect(evidence(2) - evidence(4)).toBeCloseTo(Math.log(5 / 3), 6);
  });

  test('of a step that has told nothing yet is what was staked', () => {
    for (const length of [1, 4]) expect(evidence(length, [])).toBeCloseTo(0, 6);
  });

  test('leaves out the newest windows, whose counts may be late', () => {
    expect(evidence(1, windows(1, ...times(10, [0, 900])))).toBeCloseTo(0, 6);
  });

  test('grows if most minutes show the loss, and not if a third of them came lower', () => {
    const lost = (length: number, share: (at: number) => number) =>
      evidence(
        1,
        windows(1, ...Array.from({ length }, (_, at): Counts => [Math.round(100 * (1 - share(at))), 900])),
      );
    for (const length of [11, 12, 13, 14, 20, 40, 90]) {
      for (const share of [0.5, 0.9, 1])
        for (const first of [0, 1, 2])
          expect(
            lost(length, (at) => (at % 3 === first ? share : 0)),
            `${length} ${share}`,
          ).toBeLessThan(1);
    }
    expect(lost(24, () => 0.45)).toBeGreaterThan(20);
    expect(lost(40, (at) => (at % 8 === 0 ? 0 : 0.6))).toBeGreaterThan(20);
  });

  test('finds a loss that begins late in a long bake', () => {
    const read = windows(1, ...times(100, [100, 900]), ...times(26, [20, 900]));
    expect(evidence(1, read)).toBeGreaterThan(20);
  });
});

describe('counts of the canary that are missing', () => {
  const history = [opened({ plan: stepsOf(1) }), ...raised(10, 1, 0.5)];
  const missing = (read: Window[], given: RolloutEvent[] = history) =>
    arrivalFinding(
      trialOf(stateAfter(given)),
      'api',
      {
        believed: believable(read),
        step: { from: minute(1), until: minute(1 + read.length), to: minute(1 + read.length) },
        isRead: true,
      },
      '',
    ).missing;

  test.each<[string, Counts[]]>([
    [
      'all of two minutes',
      [
        [100, 900],
        [100, 900],
        [0, 900],
        [undefined, 900],
      ],
    ],
    [
      'nearly all of two minutes',
      [
        [3, 900],
        [2, 900],
      ],
    ],
    ['nearly half of some minutes', times(8, [55, 900])],
    ['all, of a canary that was never seen', times(2, [undefined, 900])],
  ])('are waited for if there are many: %s', (_, counts) => {
    expect(missing(windows(1, ...counts))).toMatch(
      /^traffic: \d+ of about \d+ requests that were due at the canary in \d+ min at \d+ % are counted/,
    );
  });

  test.each<[string, Counts[]]>([
    ['none is missing', times(10, [100, 900])],
    [
      'one minute alone is missing',
      [
        [100, 900],
        [100, 900],
        [0, 900],
      ],
    ],
    ['they came later', [...times(4, [0, 900] as Counts), ...times(4, [100, 900] as Counts)]],
    ['chance may explain it', times(3, [0, 12])],
    ['a fifth is missing', times(10, [80, 900])],
    ['nobody calls', times(5, [0, 0])],
  ])('are not if %s', (_, counts) => {
    expect(missing(windows(1, ...counts))).toBeUndefined();
  });

  describe('and were waited for', () => {
    const steps = [{ weight: 75, bakeSeconds: 480, maxBakeSeconds: 900 }];
    const before = [opened({ plan: plan({ steps }) }), ...raised(75, 1, 0.5)];
    const waiting: RolloutEvent[] = [
      ...before,
      {
        ...{ type: 'RecallOrdered', at: minute(8.3), nth: 0, weight: 1, reason: '', remaining: 180 },
        waitsFor: 'api',
      },
      ...raised(1, 2, 8.4),
    ];
    const [first, ...short]: Counts[] = [
      ...[[30, 24] as Counts, [6, 15] as Counts, [4, 17] as Counts, [6, 21] as Counts],
      ...[[4, 20] as Counts, [1, 22] as Counts, [7, 14] as Counts],
    ];
    const read = (...counts: (Counts | undefined)[]) =>
      missing(windows(1, ...counts.map((each): Counts => each ?? [undefined, undefined])), waiting);

    test('are not there yet because fewer minutes could be read', () => {
      expect(missing(windows(1, ...short), before)).toBeDefined();
      const gaps = short.map(
        ([canary, stable], at): Counts => [
          at % 3 === 2 ? undefined : canary,
          at % 3 === 0 ? undefined : stable,
        ],
      );
      expect(missing(windows(1, ...gaps), before)).toBeUndefined();
      expect(read(first, ...gaps)).toBeDefined();
    });

    test('are there once most of them are counted', () => {
      expect(
        read(first, ...short.map(([, stable = 0]): Counts => [Math.round(2.6 * stable), stable])),
      ).toBeUndefined();
    });
  });

  test('are not asked for at 100 %', () => {
    expect(missing(windows(1, ...times(10, [100, 0])), inVerify())).toBeUndefined();
  });
});

describe('what arrived', () => {
  const silentFrom = (loud: number, silent: number) =>
    windows(1, ...times(loud, [100, 900]), ...times(silent, [0, 0]));
  const past = { past: { api: steady } };

  test('passes if it was split as the weight says', () => {
    expect(found(onFirstStep(), windows(1, ...times(5, [100, 900])))).toMatchObject({
      status: 'pass',
      reason: 'traffic: canary 500 of 5,000 requests, about 500 were due at 10 %',
    });
  });

  test('is in doubt if it was split otherwise', () => {
    expect(found(onFirstStep(), windows(1, ...times(5, [500, 500])))).toMatchObject({
      status: 'suspect',
      needed: 'the split of the requests has to be explained',
    });
  });

  test('is broken if nothing comes any more', () => {
    const verdict = found(onFirstStep(past), silentFrom(5, 4), { isRead: true });
    expect(verdict).toMatchObject({ status: 'broken' });
    expect(verdict.reason).toMatch(/^traffic: 0 requests came in 2 min/);
  });

  test('is not broken if it was silent at the end of the bake and came again since', () => {
    const again = [...silentFrom(5, 4), ...windows(10, ...times(3, [100, 900]))];
    expect(found(onFirstStep(past), again, { until: 10, to: 13, isRead: true }).status).toBe('pass');
  });

  test('is not broken by a silence that began after the end of the bake', () => {
    expect(found(onFirstStep(past), silentFrom(5, 4), { until: 6, to: 10, isRead: true }).status).toBe(
      'pass',
    );
  });

  test('is not called silent if it was not read', () => {
    expect(found(onFirstStep(past), silentFrom(5, 4)).status).toBe('pass');
  });

  describe('and stopped in verify', () => {
    const promoted = inVerify(past);
    const read = [...windows(1, ...times(8, [500, 500])), ...windows(9, ...times(2, [1_000, undefined]))];
    const arrival = (history: RolloutEvent[], to: number, late: Window[] = []) =>
      arrivalFinding(
        trialOf(stateAfter(history)),
        'api',
        {
          believed: believable([
            ...read,
            ...late,
            ...windows(11 + late.length, ...times(to - 10 - late.length, [0, 0])),
          ]),
          step: { from: minute(9), until: minute(to), to: minute(to) },
          isRead: true,
          heartbeat: minute(to - 1),
        },
        '',
      );

    test('is a doubt, also if a few requests still come', () => {
      expect(arrival(promoted, 14).doubt).toMatchObject({ isSilence: true });
      const few = windows(11, ...times(3, [20, undefined]));
      expect(arrival(promoted, 13, few).doubt).toMatchObject({ isSilence: true });
    });

    test('is a measuring fault once it has lasted ten minutes beside stable: the canary is not why', () => {
      const recall: RolloutEvent = {
        ...{ type: 'RecallOrdered', at: minute(14), nth: 1, weight: 5, reason: 'silence', remaining: 180 },
      };
      const recalled = [...promoted, recall, ...raised(5, 4, 14.5)];
      expect(arrival(recalled, 20)).toMatchObject({ doubt: { isSilence: true } });
      const late = arrival(recalled, 25);
      expect(late).toMatchObject({ finding: { status: 'broken' }, isExplained: true });
      expect(late.doubt).toBeUndefined();
    });
  });

  test('is not proven if a canary that serves alone gets far less than was due', () => {
    const alone = (total: number) =>
      found(inVerify(past), windows(9, ...times(4, [total, undefined])), { from: 9, isRead: true });
    expect(alone(200)).toMatchObject({ status: 'inconclusive', needed: expect.stringContaining('only') });
    expect(alone(900)).toMatchObject({ status: 'pass' });
  });

  test('is in doubt if requests that are due may still be running', () => {
    const read = windows(1, ...times(3, [100, 900]), ...times(3, [60, 900]));
    const hanging = (timeout: number) => found(onFirstStep({ timeouts: { api: timeout } }), read);
    expect(hanging(900).needed).toMatch(/of its requests have not been counted yet: they may run for 15 min/);
    expect(found(onFirstStep(), read).needed ?? '').not.toContain('counted yet');
  });
});

test('requests of a step that is being left are counted once while the next raise is announced and not made', () => {
  const errors = Array.from({ length: 40 }, (_, nth) => ({
    start: minute(nth - 9),
    ...(nth > 9 ? { canary: { bad: 0, total: 92 } } : {}),
    stable: { bad: 0, total: 900 },
  }));
  const lost = (...more: RolloutEvent[]) =>
    judge(
      trialOf(stateAfter(opened(), raised(10, 1, 0.3), more)),
      { series: { api: { errors } }, alarms: [] },
      minute(30),
    ).findings.find(({ metric }) => metric === 'traffic')?.lossSeen;
  expect(lost(intended(50, 2, 29.5))).toBe(lost());
});

type Given = {
  from?: number;
  until?: number;
  to?: number;
  isRead?: boolean;
  heartbeat?: number;
  label?: string;
  target?: string;
};
/** A step whose longest bake takes an hour. */
const LONG = plan({ steps: [{ weight: 10, bakeSeconds: 120, maxBakeSeconds: 3600 }] });
/** All that is said of the windows of a step, which begins at minute 1 and ends with them unless said otherwise. */
const arrivalAt = (history: RolloutEvent[], read: ReadWindow[], given: Given = {}) => {
  const { from = 1, until = from + read.length, to = until, isRead = true, heartbeat } = given;
  return arrivalFinding(
    trialOf(stateAfter(history)),
    given.target ?? 'api',
    {
      believed: believable(read),
      step: { from: minute(from), until: minute(until), to: minute(to) },
      isRead,
      ...(heartbeat === undefined ? {} : { heartbeat: minute(heartbeat) }),
    },
    given.label ?? '',
  );
};
const shareLost = (history: RolloutEvent[], read: Window[], given: Given = {}) =>
  arrivalAt(history, read, { isRead: false, ...given }).finding;

/** Ticks by which its counts are known to come three minutes late. */
const LATE = [tick(-1, 3), tick(0, 4)];

describe('the metric by which requests are seen to arrive', () => {
  const errors: WatchRule = { metric: 'errors', ratio: 1.5 };
  test('counts throttled requests too if throttles are watched, and errors are read whatever is watched', () => {
    expect(arrivalMetric([errors, { metric: 'throttles', ratio: 1.5 }])).toBe('throttles');
    expect(arrivalMetric([errors])).toBe('errors');
    expect(arrivalMetric([])).toBe('errors');
  });
});

describe('what a finding on the arrival of requests holds', () => {
  const read = windows(-2, [300, 700], [300, 700], [300, 700], ...times(4, [100, 900]), [0, 900]);

  test('are the requests and minutes of the step, and the newest minute in which the canary was counted', () => {
    expect(found(onFirstStep(), read, { until: 6 })).toMatchObject({
      canary: { bad: 0, total: 400 },
      stable: { bad: 0, total: 4_500 },
      windows: 5,
      newest: minute(4),
      skipped: [],
    });
    expect(found(onFirstStep(), windows(1, [0, 900])).newest).toBeUndefined();
  });

  test('is the larger doubt of a split that is off and of a loss of requests', () => {
    const off = found(onFirstStep(), windows(1, ...times(5, [500, 500])));
    expect(off.doubt).toBeGreaterThan(-Math.log(0.001));
    const lossy = found(onFirstStep(), windows(1, ...times(30, [920, 9_000])));
    expect(lossy).toMatchObject({ status: 'suspect', needed: expect.stringContaining('counted nowhere') });
    expect(lossy.doubt).toBeGreaterThan(LOST);
    expect(lossy.lossSeen).toBeGreaterThan(0);
  });

  test('is no doubt of a split at 100 %, where there is none', () => {
    const alone = found(inVerify(), windows(9, ...times(3, [1_000, 500])), { from: 9 });
    expect(alone).toMatchObject({ status: 'pass', evidence: 0 });
    expect(alone).not.toHaveProperty('doubt');
    expect(alone).not.toHaveProperty('lossSeen');
  });

  test('counts from the minute on in which the raise was made, and not the minutes of another weight', () => {
    const atOnce = [opened(), ...raised(10, 1, 1)];
    expect(found(atOnce, windows(1, ...times(5, [100, 900]))).reason).toContain('canary 500 of 5,000');
    expect(found(atOnce, windows(-1, ...times(7, [100, 900])), { from: -1 }).reason).toContain(
      'canary 500 of 5,000',
    );
  });

  test('leaves out the newest minutes in which one version is not counted yet, ten at most', () => {
    const open = (length: number) =>
      found(onFirstStep(), windows(1, ...times(3, [100, 900]), ...times(length, [undefined, 900]))).reason;
    expect(open(2)).toMatch(/^traffic: canary 300 of 3,000 requests/);
    expect(open(11)).toMatch(/^traffic: canary 300 of 3,900 requests/);
  });

  test('names the target by its label', () => {
    const past = { past: { api: steady } };
    const off = arrivalAt(onFirstStep(), windows(1, ...times(5, [500, 500])), { label: 'api: ' });
    expect(off.finding.reason).toBe(
      'api: traffic: canary 2,500 of 5,000 requests, about 500 were due at 10 %; while the split is off, no comparison can be trusted',
    );
    const silent = windows(1, ...times(5, [100, 900]), ...times(4, [0, 0]));
    expect(arrivalAt(onFirstStep(past), silent, { label: 'api: ' }).finding.reason).toMatch(
      /^api: traffic: 0 requests came in 2 min/,
    );
  });
});

describe('the words for counts of the canary that are missing', () => {
  const history = [opened({ plan: stepsOf(1) }), ...raised(10, 1, 1)];

  test('name the minutes that show it most, and how many requests were due in them', () => {
    expect(arrivalAt(history, windows(1, ...times(8, [55, 900])), { label: 'api: ' }).missing).toBe(
      'api: traffic: 440 of about 800 requests that were due at the canary in 8 min at 10 % are counted, though those of stable are; its counts may be late, or it loses its requests',
    );
    const stopped = windows(1, ...times(6, [100, 900]), ...times(5, [0, 900]));
    expect(arrivalAt(history, stopped).missing).toMatch(
      /^traffic: 0 of about 500 requests .* in 5 min at 10 % are/,
    );
  });

  test('need whole minutes of the weight that stands, the first after the raise included', () => {
    expect(arrivalAt(history, windows(1, ...times(2, [0, 900]))).missing).toBeDefined();
    const before = windows(-4, ...times(5, [0, 900]), ...times(2, [100, 900]));
    expect(arrivalAt(history, before, { until: 3 }).missing).toBeUndefined();
    const ahead = windows(1, ...times(3, [100, 900]), ...times(3, [0, 900]));
    expect(arrivalAt(history, ahead, { until: 4 }).missing).toBeUndefined();
  });

  test('leave out the minutes in which counts are known to come late', () => {
    const late = [...onFirstStep(), ...LATE];
    expect(stateAfter(late).lateness).toEqual({ api: 3 });
    const stopped = (length: number) => windows(1, ...times(4, [100, 900]), ...times(length, [0, 900]));
    expect(arrivalAt(late, stopped(4)).missing).toBeUndefined();
    expect(arrivalAt(late, stopped(5)).missing).toBeDefined();
  });

  test('are none if it was not read, before the first raise, or if a canary that serves alone leaves stable some requests', () => {
    const gone = windows(1, ...times(4, [0, 900]));
    expect(arrivalAt(history, gone, { isRead: false })).not.toHaveProperty('missing');
    expect(arrivalAt([opened()], gone).missing).toBeUndefined();
    expect(arrivalAt(inVerify(), windows(9, ...times(4, [0, 900])), { from: 9 }).missing).toBeUndefined();
  });
});

describe('a canary that waits for its counts', () => {
  const order: RolloutEvent = {
    ...{ type: 'RecallOrdered', at: minute(8), nth: 0, weight: 1, reason: 'missing', remaining: 180 },
    waitsFor: 'api',
  };
  const waiting = [...onFirstStep(), order, ...raised(1, 2, 8.5)];
  /** Four good minutes, three in which this many came beside 900 of stable, and the minutes at 1 %, in which `since` came. */
  const read = (came: number, length: number, since = 10) =>
    windows(1, ...times(4, [100, 900]), ...times(3, [came, 900]), [0, 900], ...times(length, [since, 990]));

  test('still misses them as long as the minutes before the wait do, and no longer', () => {
    expect(arrivalAt(waiting, read(0, 4), { from: 9, until: 13 }).missing).toMatch(
      /^traffic: 0 of about 300 requests that were due at the canary in 3 min at \d+ % are counted/,
    );
    expect(arrivalAt(waiting, read(100, 4), { from: 9, until: 13 }).missing).toBeUndefined();
  });

  test('has lost them once they are ten minutes old, which is evidence against it', () => {
    const evidence = (came: number, to: number, since?: number) =>
      shareLost(waiting, read(came, to - 9, since), { from: 9, until: to }).evidence;
    expect(evidence(0, 17, 0)).toBeLessThan(1);
    expect(evidence(0, 18, 0)).toBeGreaterThan(9);
    expect(evidence(5, 18)).toBeGreaterThan(9);
    expect(evidence(100, 18)).toBeLessThan(1);
  });

  test('is reverted with the minutes before the wait in its reason, since those at 1 % show little', () => {
    const { reason } = shareLost(waiting, read(0, 9, 0), { from: 9, until: 18 });
    expect(reason).toMatch(/^traffic: .*; 0 of about 300 requests .* in 3 min at 10 % are counted/);
    expect(shareLost(waiting, read(100, 9), { from: 9, until: 18 }).reason).not.toContain('are counted');
  });

  test('has lost none for certain of minutes that are empty, if it is counted since: they may be later than that', () => {
    const { evidence } = shareLost(waiting, read(0, 9), { from: 9, until: 18 });
    expect(evidence).toBeLessThan(1);
  });
});

describe('requests that stopped', () => {
  const past = { past: { api: steady } };
  const silentFrom = (loud: number, silent: number) =>
    windows(1, ...times(loud, [100, 900]), ...times(silent, [0, 0]));

  test('are not silent in the minutes in which counts are known to come late', () => {
    const late = [...onFirstStep(past), ...LATE];
    expect(arrivalAt(late, silentFrom(6, 4)).finding.status).toBe('pass');
    expect(arrivalAt(late, silentFrom(6, 5)).finding.status).toBe('broken');
  });

  test('are not silent in minutes in which nothing of the region was counted', () => {
    const at = (heartbeat: number) =>
      arrivalAt(onFirstStep({ ...past, plan: LONG }), silentFrom(6, 4), { heartbeat });
    expect(at(6).finding.status).toBe('pass');
    expect(at(10).finding.status).toBe('broken');
  });

  test('are compared with the quarter of an hour before the first raise if the day before was not read', () => {
    const before = windows(-14, ...times(15, [undefined, 1_000]));
    const silent = [...before, ...silentFrom(5, 8)];
    const given = { until: 14 };
    expect(arrivalAt(onFirstStep(), silent, given).finding.status).toBe('broken');
    expect(arrivalAt(onFirstStep(), silentFrom(5, 8), given).finding.status).toBe('pass');
    const state = stateAfter(onFirstStep());
    expect(recentPastOf(trialOf(state), 'api', before)?.lately).toBe(1_000);
    // The minute of the raise has requests of both versions, and those after it are not the past.
    const after = windows(0, ...times(6, [10, 10]));
    expect(recentPastOf(trialOf(state), 'api', [...before.slice(0, -1), ...after])?.lately).toBe(1_000);
  });

  describe('in verify', () => {
    const promoted = inVerify(past);
    const recallAt = (weight: number, at = 14): RolloutEvent[] => [
      ...[...promoted],
      { type: 'RecallOrdered', at: minute(at), nth: 1, weight, reason: 'silence', remaining: 180 },
      ...raised(weight, 4, at + 1),
    ];
    const silent = (to: number) =>
      windows(1, ...times(8, [500, 500]), ...times(2, [1_000, undefined]), ...times(to - 11, [0, 0]));
    const at = (history: RolloutEvent[], to: number, heartbeat = to - 1) =>
      arrivalAt(history, silent(to), { from: 9, until: to, heartbeat, label: 'api: ' });

    test('are a doubt that says so, and the finding is not proven', () => {
      const { finding, doubt, isExplained } = at(promoted, 14);
      expect(doubt).toEqual({
        reason: expect.stringMatching(/^api: traffic: 0 requests came in 2 min/),
        isSilence: true,
      });
      expect(finding).toMatchObject({
        status: 'inconclusive',
        needed: expect.stringMatching(/^0 requests came/),
        reason: doubt?.reason,
      });
      expect(isExplained).toBeUndefined();
    });

    test('are a measuring fault and no doubt if nothing of the region came since', () => {
      const late = at(promoted, 14, 10);
      expect(late.doubt).toBeUndefined();
    });

    test('are a measuring fault if the release cannot be recalled', () => {
      const fixed = at(inVerify({ ...past, reversible: false }), 14);
      expect(fixed).toMatchObject({ finding: { status: 'broken' } });
      expect(fixed.doubt).toBeUndefined();
    });

    test('are a measuring fault once a recall has shown that the canary is not why', () => {
      const explained = [...promoted, tick(10, 13, { explained: ['api'] })];
      expect(at(explained, 14)).toMatchObject({ finding: { status: 'broken' } });
      expect(at(explained, 14).doubt).toBeUndefined();
      const other = [...promoted, tick(10, 13, { explained: ['worker'] })];
      expect(at(other, 14).doubt).toMatchObject({ isSilence: true });
    });

    test('are explained by ten whole minutes in which most of them would have met stable', () => {
      expect(at(recallAt(5), 24).isExplained).toBeUndefined();
      expect(at(recallAt(5), 25)).toMatchObject({ isExplained: true, finding: { status: 'broken' } });
      for (const weight of [50, 75]) expect(at(recallAt(weight), 26).isExplained).toBeUndefined();
    });

    test('are not explained if they came again', () => {
      const again = [...silent(20), ...windows(20, ...times(6, [50, 950]))];
      const arrival = arrivalAt(recallAt(5), again, { from: 15, until: 26, heartbeat: 25 });
      expect(arrival.isExplained).toBeUndefined();
      expect(arrival.doubt).toBeUndefined();
    });
  });

  describe('as the canary came to serve alone', () => {
    const alone = (total: number, to: number, history = inVerify(past)) =>
      arrivalAt(history, windows(1, ...times(8, [500, 500]), ...times(to - 9, [total, undefined])), {
        ...{ from: 9, until: to, heartbeat: to - 1, label: 'api: ' },
      });

    test('in part are in doubt at once: the split beside stable shows whether the canary loses them', () => {
      const { finding, doubt } = alone(400, 10);
      expect(finding).toMatchObject({ status: 'inconclusive', reason: doubt?.reason });
      expect(doubt?.reason).toMatch(/^api: traffic: only 400 requests came in the 60 s after promotion/);
      expect(`api: traffic: ${finding.needed}`).toBe(doubt?.reason);
      expect(doubt?.isSilence).toBeUndefined();
    });

    test('are no doubt once a recall has shown that the canary is not why, and not proven either', () => {
      const explained = alone(200, 12, [...inVerify(past), tick(9, 10, { explained: ['api'] })]);
      expect(explained.doubt).toBeUndefined();
      expect(explained.finding).toMatchObject({
        status: 'inconclusive',
        reason: expect.stringMatching(/^api: traffic: only /),
        needed: expect.stringMatching(/^only /),
      });
    });

    test('stay in doubt while too little is known of the minutes around promotion to ask again', () => {
      const { finding, doubt } = alone(400, 10);
      const before = tick(9, 10, {
        from: minute(9),
        findings: [finding],
        ...(doubt === undefined ? {} : { doubt }),
      });
      const again = (history: RolloutEvent[], isKnown: (at: number) => boolean) => {
        const read = windows(1, ...times(8, [500, 500]), ...times(3, [700, undefined]));
        const lost = read.map((window, at) =>
          isKnown(at + 1) ? window : { start: window.start, unknown: 'counted by half' },
        );
        return arrivalAt(history, lost, { from: 9, until: 12, heartbeat: 11, label: 'api: ' });
      };
      const history = [...inVerify(past), before];
      const [few, all] = [(at: number) => at < 3 || at > 7, () => true];
      expect(again(history, few).doubt?.reason).toMatch(
        /^api: traffic: nothing is known of the minutes around/,
      );
      expect(again(history, all).doubt).toBeUndefined();
      expect(again(inVerify(past), few).doubt).toBeUndefined();
    });

    test('over hours are in doubt at the end of verify and not before', () => {
      const ebb = (to: number) =>
        arrivalAt(inVerify(past), windows(1, ...times(8, [100, 100]), ...times(to - 9, [200, undefined])), {
          ...{ from: 9, until: to, heartbeat: to - 1 },
        });
      expect(ebb(10).doubt).toBeUndefined();
      expect(ebb(10).finding).toMatchObject({ status: 'inconclusive' });
      expect(ebb(11).doubt?.reason).toMatch(/^traffic: only /);
    });
  });

  describe('at the end of verify', () => {
    const read = (to: number) => windows(9, ...times(to - 9, [1_000, undefined]));
    const at = (heartbeat: number | undefined, given: Given = {}, history = inVerify()) => {
      const { to = 14, until = to } = given;
      const seen = read((heartbeat ?? to) + 1);
      return arrivalAt(history, seen, {
        ...{ from: 9, until, to, label: 'api: ' },
        ...(heartbeat === undefined ? {} : { heartbeat }),
      }).finding;
    };

    test('are late if the counts of the whole region end before it', () => {
      expect(at(10)).toMatchObject({
        status: 'broken',
        reason:
          'api: traffic: nothing of any function of this region has been counted in the last 3 min; the counts of CloudWatch are late',
      });
    });

    test('are late also if the target has counts that are older still', () => {
      const seen = (heartbeat: number) =>
        arrivalAt(inVerify(), windows(8, [1_000, undefined]), { from: 9, until: 11, to: 14, heartbeat })
          .finding;
      expect(seen(9)).toMatchObject({ status: 'broken', reason: expect.stringContaining('are late') });
      // Nobody calls, and all of the bake was heard.
      expect(seen(10).status).toBe('pass');
    });

    test('are not if the region is counted to its end, if it was not asked, or if verify goes on', () => {
      expect(at(13).status).toBe('pass');
      expect(at(10, { until: 11 }).status).toBe('pass');
      expect(at(undefined).status).toBe('pass');
      expect(at(9, { to: 10.5 }).status).toBe('pass');
    });

    test('are late at a step only once its longest bake is over', () => {
      const step = windows(1, ...times(3, [100, 900]));
      const until = (to: number) =>
        arrivalAt(onFirstStep(), step, { until: to, heartbeat: 3 }).finding.status;
      expect(until(10)).toBe('pass');
      expect(until(11)).toBe('broken');
    });
  });
});

describe('the counts of the whole region', () => {
  const counted = (...counts: [at: number, Counts][]) => ({
    errors: counts.flatMap(([at, each]) => windows(at, each)),
  });
  const needs = (history: RolloutEvent[], ...read: ReturnType<typeof counted>[]) =>
    needsHeartbeat(trialOf(stateAfter(history)), read, minute(12));

  test('are asked for in verify if a target has no count in its newest settled minute', () => {
    expect(needs(inVerify(), counted([10, [100, undefined]]))).toBe(true);
    expect(needs(inVerify(), counted([10, [100, undefined]], [11, [0, undefined]]))).toBe(true);
    expect(needs(inVerify(), counted([11, [1, undefined]]))).toBe(false);
    expect(needs(inVerify(), counted([11, [undefined, 1]]))).toBe(false);
    expect(needs(inVerify(), counted([11, [1, undefined]]), counted([10, [1, undefined]]))).toBe(true);
  });

  test('are asked for at the end of the longest bake of a step', () => {
    const silent = counted([10, [100, 900]]);
    const to = (minutes: number) =>
      needsHeartbeat(trialOf(stateAfter(onFirstStep())), [silent], minute(minutes));
    expect(to(10.9)).toBe(false);
    expect(to(11)).toBe(false);
    expect(to(12)).toBe(true);
  });

  test('are not asked for before that, of what cannot be recalled, or of silence that is explained', () => {
    const silent = counted([10, [100, undefined]]);
    expect(needs(onFirstStep({ plan: LONG }), silent)).toBe(false);
    const verify = { plan: plan({ verifySeconds: 3600 }) };
    expect(needs(inVerify({ ...verify, reversible: false }), silent)).toBe(false);
    expect(needs(inVerify({ reversible: false }), silent)).toBe(true);
    const explained = (...names: string[]) => [
      ...inVerify({ ...verify, targets: TWO_TARGETS }),
      tick(9, 10, { explained: names }),
    ];
    expect(needs(explained('api', 'worker'), silent)).toBe(false);
    expect(needs(explained('worker'), silent)).toBe(true);
  });
});

describe('requests of the canary that may still be running', () => {
  const hanging = (timeout: number, read: Window[]) =>
    found(onFirstStep({ timeouts: { api: timeout } }), read);
  const read = windows(1, ...times(30, [100, 900]), ...times(5, [60, 900]));

  test('are not hidden by counts of stable that are late', () => {
    const late = [...windows(1, ...times(30, [60, 900])), ...windows(31, ...times(5, [60, 90]))];
    expect(hanging(3600, late).needed).toMatch(/^about 1,200 of its requests have not been counted yet/);
    const lost = [...windows(1, ...times(30, [88, 900])), ...windows(31, ...times(5, [88, 90]))];
    expect(found(onFirstStep(), lost).needed).toMatch(/requests that were due at it were counted nowhere/);
  });

  test('are said in words, with how many are not counted', () => {
    const { status, needed, reason } = hanging(300, read);
    expect(status).toBe('suspect');
    expect(needed).toBe(
      'about 200 of its requests have not been counted yet: they may run for 5 min, and AWS counts a request only when it ends',
    );
    expect(reason).toMatch(/were due at 10 %; about 200 of its requests/);
  });

  test('are not looked for in minutes that are older than the time-out', () => {
    const old = windows(1, ...times(30, [60, 900]), ...times(6, [100, 900]));
    expect(hanging(300, old).needed ?? '').not.toContain('counted yet');
  });

  test('are not told from counts that are late if none of a minute is counted', () => {
    const none = windows(1, ...times(30, [100, 900]), ...times(5, [0, 900]));
    expect(hanging(300, none).needed ?? '').not.toContain('counted yet');
  });
});

describe('counts of stable that are late', () => {
  const late = (canary: number, length: number, given: Given = {}) =>
    arrivalAt(onFirstStep(), windows(1, ...times(3, [100, 900]), ...times(length, [canary, undefined])), {
      ...given,
    }).finding;
  const ofLong = (length: number) =>
    arrivalAt(
      onFirstStep({ plan: LONG }),
      windows(1, ...times(3, [100, 900]), ...times(length, [100, undefined])),
    ).finding;

  const waited =
    'traffic: stable was due about 900 requests at 90 % and CloudWatch shows none; its counts may be late';

  test('are waited for if the canary shows that some were due', () => {
    expect(late(100, 1).status).toBe('pass');
    expect(late(100, 2)).toMatchObject({ status: 'inconclusive', reason: waited });
    expect(ofLong(10).status).toBe('inconclusive');
  });

  test('are a measuring fault once they cannot be late, when the time of the step is over, and in a recall', () => {
    expect(ofLong(11).status).toBe('broken');
    const short = { plan: plan({ steps: [{ weight: 10, bakeSeconds: 120, maxBakeSeconds: 300 }] }) };
    const read = windows(1, ...times(3, [100, 900]), ...times(2, [100, undefined]));
    expect(arrivalAt(onFirstStep(short), read).finding).toMatchObject({ status: 'broken', reason: waited });
    const order: RolloutEvent = {
      ...{ type: 'RecallOrdered', at: minute(0.6), nth: 1, weight: 5, reason: 'odd', remaining: 180 },
    };
    const recalled = [...onFirstStep({ plan: LONG }), order, ...raised(5, 2, 0.7)];
    expect(arrivalAt(recalled, read).finding.status).toBe('broken');
  });

  test('are no silence of the target, unless the canary is hardly called either', () => {
    const long = { plan: LONG, past: { api: steady } };
    const first = [...onFirstStep(long), measured('pass', [1, 3])];
    const uncounted = (length: number, canary: number) => windows(1, ...times(length, [canary, undefined]));
    expect(arrivalAt(first, uncounted(5, 100)).finding).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringContaining('its counts may be late'),
    });
    expect(arrivalAt(first, uncounted(5, 2)).finding).toMatchObject({
      status: 'broken',
      reason: expect.stringMatching(/^traffic: \d+ requests came in/),
    });
    const second = [...first, ...raised(50, 2, 6.2)];
    const moved = [...uncounted(5, 100), ...windows(6, [130, undefined]), ...windows(7, [500, undefined])];
    expect(arrivalAt(second, moved, { from: 7, until: 8 }).finding.status).toBe('pass');
  });

  test('are not if so few were due that chance explains it, or if the minutes are not over', () => {
    expect(late(0, 3).status).toBe('pass');
    expect(late(100, 2, { until: 4, to: 6 }).status).toBe('pass');
  });
});

describe('the windows whose splits are compared', () => {
  const starts = (history: RolloutEvent[]) =>
    splitWindows(trialOf(stateAfter(history)), windows(-2, ...times(14, [100, 900]))).map(({ start }) =>
      Math.round((start - minute(0)) / 60_000),
    );

  test('are those in which one weight stood, without the minute after a move', () => {
    expect(starts([opened()])).toEqual([]);
    expect(starts([opened(), ...raised(10, 1, 0)])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const second = [opened(), ...raised(10, 1, 0), measured('pass', [1, 3]), ...raised(50, 2, 6)];
    expect(starts(second)).toEqual([1, 2, 3, 4, 5, 7, 8, 9, 10, 11]);
  });

  test('of a recall begin once it stands', () => {
    const order: RolloutEvent = {
      ...{ type: 'RecallOrdered', at: minute(5), nth: 0, weight: 1, reason: 'missing', remaining: 180 },
      waitsFor: 'api',
    };
    const ordered = [opened(), ...raised(10, 1, 0), order];
    expect(starts(ordered)).toEqual([1, 2, 3, 4]);
    expect(starts([...ordered, ...raised(1, 2, 7)])).toEqual([1, 2, 3, 4, 8, 9, 10, 11]);
  });
});

describe('the stake on a canary that swallows requests', () => {
  const swallowed = windows(1, ...times(14, [0, 900]));
  const evidenceAt = (history: RolloutEvent[], from: number) =>
    shareLost(
      history,
      swallowed.map((each, at) => ({ ...each, start: minute(from + at) })),
      {
        from,
        until: from + swallowed.length,
      },
    ).evidence;

  test('is the same at each step, and a quarter of it in each recall', () => {
    const steps = plan({
      steps: [10, 10].map((weight) => ({ weight, bakeSeconds: 120, maxBakeSeconds: 600 })),
    });
    const first = [opened({ plan: steps }), ...raised(10, 1, 0.5)];
    const second = [...first, measured('pass', [1, 3]), ...raised(10, 2, 4.2)];
    expect(evidenceAt(second, 5)).toBeCloseTo(evidenceAt(first, 1), 1);
    const recall: RolloutEvent = {
      ...{ type: 'RecallOrdered', at: minute(5), nth: 1, weight: 10, reason: 'doubt', remaining: 180 },
    };
    expect(evidenceAt(first, 1) - evidenceAt([...first, recall], 6)).toBeCloseTo(Math.log(4), 6);
  });
});
