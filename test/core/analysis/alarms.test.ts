import { describe, expect, test } from 'vitest';
import {
  alarmFindings,
  alarmsAgainst,
  countedBy,
  isBlamed,
  isCanarysDoing,
  watchedAlarms,
} from '../../../core/analysis/alarms.ts';
import { SUSPICIOUS } from '../../../core/analysis/evidence.ts';
import type { Alarm, Verdict } from '../../../core/analysis/types.ts';
import type { Opening } from '../../../core/rollout/event.ts';
import { measured, minute, onFirstStep, opened, stateAfter } from '../rollout/given.ts';

const green = { alarms: [{ name: 'orders-low', red: false }] };
const red = { alarms: [{ name: 'orders-low', red: true }] };
const seen = (state: Alarm['state'], since = 1): Alarm => ({
  name: 'orders-low',
  state,
  since: minute(since),
});
const recovered = [...onFirstStep(red), measured('pass', [1, 2], [seen('ok', 2)])];

describe('an alarm is the canary’s doing', () => {
  test.each([
    ['when it went off after the first raise', onFirstStep(green), 1, true],
    ['not when it went off before the first raise', onFirstStep(green), 0.4, false],
    ['not when it went off in the very moment of the first raise', onFirstStep(green), 0.5, false],
    ['not when there was no raise', [opened(green)], 1, false],
    ['not when it was red at opening and still is', onFirstStep(red), -1, false],
    ['when it was red at opening, recovered and went off again', recovered, 4, true],
    [
      'when it was red at opening and went off again, also if nobody saw it recover',
      onFirstStep(red),
      1,
      true,
    ],
  ])('%s', (_, history, since, is) => {
    expect(isCanarysDoing(stateAfter(history), { since: minute(since) })).toBe(is);
  });
});

describe('a watched alarm', () => {
  const status = (history: Parameters<typeof stateAfter>, alarms: Alarm[]) =>
    alarmFindings(stateAfter(...history), alarms).map((finding) => finding.status);

  test.each<[string, Alarm, string]>([
    ['is green: pass', seen('ok'), 'pass'],
    ['has too little data: pass', seen('insufficient'), 'pass'],
    ['cannot be evaluated: broken', seen('unknown'), 'broken'],
    ['went off after the first raise: fail', seen('alarm', 1), 'fail'],
    ['went off between opening and first raise: inconclusive', seen('alarm', 0.4), 'inconclusive'],
  ])('%s', (_, alarm, expected) => {
    expect(status([onFirstStep(green)], [alarm])).toEqual([expected]);
  });

  test('that was red before neither fails nor blocks, however long it stays so', () => {
    expect(status([onFirstStep(red)], [seen('alarm', -60)])).toEqual(['pass']);
    expect(status([onFirstStep(red)], [seen('alarm', 0)])).toEqual(['pass']);
    expect(status([onFirstStep(red)], [seen('unknown')])).toEqual(['broken']);
    expect(alarmFindings(stateAfter(onFirstStep(red)), [seen('alarm', 0)])[0]?.reason).toBe(
      'alarm orders-low is red as it was before the rollout, which is not held against this release',
    );
  });

  test('that was red at opening and changed its state since is judged like any other, also if nobody saw it recover', () => {
    expect(status([onFirstStep(red)], [seen('alarm', 3)])).toEqual(['fail']);
    expect(alarmFindings(stateAfter(onFirstStep(red)), [seen('alarm', 0.4)])).toEqual([
      {
        status: 'inconclusive',
        reason: 'alarm orders-low went red before the first raise and has not recovered',
      },
    ]);
  });

  test('holds the end if it is red since before the first raise, and is a doubt if it lost its data after it', () => {
    const against = (alarms: Opening['alarms'], seen: Alarm) =>
      alarmsAgainst(stateAfter(onFirstStep({ alarms }), measured('pass', [1, 2], [seen])));
    const [nothing, name] = [{ red: [], silent: [], gone: [] }, 'orders-low'];
    expect(against(green.alarms, seen('ok'))).toEqual(nothing);
    expect(against(green.alarms, seen('alarm', 0.4))).toEqual({ ...nothing, red: [name] });
    expect(against(red.alarms, seen('alarm', 0.4))).toEqual({ ...nothing, red: [name] });
    expect(against(red.alarms, seen('alarm', -60))).toEqual(nothing);
    expect(against(green.alarms, seen('insufficient', 1))).toEqual({ ...nothing, silent: [name] });
    expect(against(green.alarms, seen('insufficient', 0.4))).toEqual(nothing);
    expect(against([{ name, red: false, silent: true }], seen('insufficient', 1))).toEqual(nothing);
    expect(against([{ name: 'other', red: false }], seen('alarm', 0.4))).toEqual(nothing);
    expect(against(green.alarms, seen('gone', 1))).toEqual({ ...nothing, gone: [name] });
  });

  test('that was red before fails once it has recovered and goes off again', () => {
    expect(status([recovered], [seen('alarm', 4)])).toEqual(['fail']);
  });

  test('that was deleted or renamed is gone, which neither fails nor blocks, and is named with the fix', () => {
    const rollout = stateAfter(onFirstStep(green));
    expect(watchedAlarms(rollout, undefined, minute(3))).toEqual([]);
    expect(watchedAlarms(rollout, [seen('ok')], minute(3))).toEqual([seen('ok')]);
    const gone = watchedAlarms(rollout, [], minute(3));
    expect(gone).toEqual([seen('gone', 3)]);
    expect(alarmFindings(rollout, gone)).toEqual([
      {
        status: 'pass',
        reason:
          'alarm orders-low no longer exists, so it shows nothing of this release; create it again under this name if it is to watch the rest of the rollout',
      },
    ]);
  });

  test('that was not read is broken', () => {
    expect(alarmFindings(stateAfter(onFirstStep(green)), [])).toEqual([
      { status: 'broken', reason: 'alarm orders-low was not read' },
    ]);
  });

  test('is found by its name, and others are not looked at', () => {
    const others = [{ ...seen('alarm'), name: 'other' }, seen('ok')];
    expect(alarmFindings(stateAfter(onFirstStep(green)), others)).toEqual([
      { status: 'pass', reason: 'alarm orders-low is ok' },
    ]);
    expect(alarmFindings(stateAfter(onFirstStep()), others)).toEqual([]);
  });
});

describe('an alarm that counts', () => {
  const rollout = stateAfter(onFirstStep(green));
  const { targets } = rollout.opening;
  const name = targets[0]?.ref.functionName ?? '';
  const [stable, canary] = [`${name}:${targets[0]?.stable}`, `${name}:${targets[0]?.canary}`];

  test.each<[string, string[] | undefined, string, boolean, boolean]>([
    ['nothing that is known', undefined, 'any', true, false],
    ['the canary alone', [canary], 'canary', true, true],
    ['stable alone', [stable], 'others', false, false],
    ['an older version alone', [`${name}:1`], 'others', false, false],
    ['both versions', [stable, canary], 'any', true, false],
    ['a version of another function', ['other:1'], 'any', true, false],
    ['the canary and another function', [canary, 'other:1'], 'any', true, false],
  ])('%s: %j', (_, versions, counted, isDoing, blames) => {
    const breach = { since: minute(1), versions };
    expect(countedBy(targets, breach)).toBe(counted);
    expect(isCanarysDoing(rollout, breach)).toBe(isDoing);
    expect(isBlamed(rollout, breach, undefined)).toBe(blames);
  });

  test('stable alone passes while it is red, and says why', () => {
    expect(alarmFindings(rollout, [{ ...seen('alarm', 1), versions: [stable] }])).toEqual([
      {
        status: 'pass',
        reason: `alarm orders-low counts ${stable} and not the canary, so it is not held against this release`,
      },
    ]);
  });

  test('others alone is told as it stands while it is not red, and with each that it counts', () => {
    const counting = (state: Alarm['state']) =>
      alarmFindings(rollout, [{ ...seen(state, 1), versions: [stable, `${name}:1`] }]);
    expect(counting('ok')).toEqual([{ status: 'pass', reason: 'alarm orders-low is ok' }]);
    expect(counting('unknown')).toEqual([{ status: 'broken', reason: 'alarm orders-low is unknown' }]);
    expect(counting('alarm')[0]?.reason).toBe(
      `alarm orders-low counts ${stable}, ${name}:1 and not the canary, so it is not held against this release`,
    );
  });

  test('data points that breached before the raise, or in its very moment, blames nobody', () => {
    const breach = (breachedAt: number) =>
      isCanarysDoing(rollout, { since: minute(3), breachedAt: minute(breachedAt) });
    expect([0.4, 0.5, 0.501].map(breach)).toEqual([false, false, true]);
  });

  test('any version is held against a release that looks worse by any comparison', () => {
    const compared = (...evidence: number[]) =>
      ({ findings: evidence.map((each) => ({ evidence: each })) }) as Verdict;
    const breach = { since: minute(1) };
    expect(isBlamed(rollout, breach, compared(SUSPICIOUS))).toBe(true);
    expect(isBlamed(rollout, breach, compared(SUSPICIOUS - 0.01))).toBe(false);
    expect(isBlamed(rollout, breach, compared(0, SUSPICIOUS, -1))).toBe(true);
    expect(isBlamed(rollout, breach, compared())).toBe(false);
  });
});

test('what was read of alarms against the end is told by name, each for its own reason', () => {
  const names = ['one', 'two', 'three'];
  const alarms = names.map((name) => ({ name, red: false }));
  const history = [
    ...onFirstStep({ alarms }),
    measured(
      'pass',
      [1, 2],
      [
        { name: 'three', state: 'alarm', since: minute(0.4) },
        { name: 'one', state: 'gone', since: minute(2) },
        { name: 'two', state: 'insufficient', since: minute(2) },
      ],
    ),
  ];
  expect(alarmsAgainst(stateAfter(history))).toEqual({ red: ['three'], silent: ['two'], gone: ['one'] });
  expect(alarmsAgainst(stateAfter(onFirstStep({ alarms })))).toEqual({ red: [], silent: [], gone: [] });
  expect(
    watchedAlarms(stateAfter(history), [seen('ok')], minute(4)).map(({ name, state }) => [name, state]),
  ).toEqual([['orders-low', 'ok'], ...names.map((name) => [name, 'gone'])]);
});
