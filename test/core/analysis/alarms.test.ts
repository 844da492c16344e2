import { describe, expect, test } from 'vitest';
import { alarmFindings, alarmsAgainst, isCanarysDoing } from '../../../core/analysis/alarms.ts';
import type { Alarm } from '../../../core/analysis/types.ts';
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
    const [nothing, name] = [{ red: [], silent: [] }, 'orders-low'];
    expect(against(green.alarms, seen('ok'))).toEqual(nothing);
    expect(against(green.alarms, seen('alarm', 0.4))).toEqual({ red: [name], silent: [] });
    expect(against(red.alarms, seen('alarm', 0.4))).toEqual({ red: [name], silent: [] });
    expect(against(red.alarms, seen('alarm', -60))).toEqual(nothing);
    expect(against(green.alarms, seen('insufficient', 1))).toEqual({ red: [], silent: [name] });
    expect(against(green.alarms, seen('insufficient', 0.4))).toEqual(nothing);
    expect(against([{ name, red: false, silent: true }], seen('insufficient', 1))).toEqual(nothing);
    expect(against([{ name: 'other', red: false }], seen('alarm', 0.4))).toEqual(nothing);
  });

  test('that was red before fails once it has recovered and goes off again', () => {
    expect(status([recovered], [seen('alarm', 4)])).toEqual(['fail']);
  });

  test('that no longer exists is broken, and named', () => {
    expect(alarmFindings(stateAfter(onFirstStep(green)), [])).toEqual([
      { status: 'broken', reason: 'alarm orders-low no longer exists' },
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
