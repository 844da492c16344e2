import { describe, expect, test } from 'vitest';
import { arrivalFinding } from '../../../core/analysis/arrival.ts';
import { judge } from '../../../core/analysis/judge.ts';
import type { Past, Window } from '../../../core/analysis/types.ts';
import { believable } from '../../../core/analysis/windows.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import {
  intended,
  inVerify,
  minute,
  onFirstStep,
  opened,
  plan,
  raised,
  stateAfter,
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
    stateAfter(history),
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
      stateAfter(given),
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
      /^traffic: \d+ of about \d+ requests that were due at the canary in \d+ min are counted/,
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

  test('is broken if the counts of stable are late', () => {
    const late = windows(1, ...times(3, [100, 900]), ...times(2, [100, undefined]));
    expect(found(onFirstStep(), late)).toMatchObject({
      status: 'broken',
      reason: expect.stringContaining(
        'stable was due about 1,800 requests at 90 % and CloudWatch shows none',
      ),
    });
  });

  describe('and stopped in verify', () => {
    const promoted = inVerify(past);
    const read = [...windows(1, ...times(8, [500, 500])), ...windows(9, ...times(2, [1_000, undefined]))];
    const arrival = (history: RolloutEvent[], to: number, late: Window[] = []) =>
      arrivalFinding(
        stateAfter(history),
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
      stateAfter(opened(), raised(10, 1, 0.3), more),
      { series: { api: { errors } }, alarms: [] },
      minute(30),
    ).findings.find(({ metric }) => metric === 'traffic')?.lossSeen;
  expect(lost(intended(50, 2, 29.5))).toBe(lost());
});
