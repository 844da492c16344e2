import { describe, expect, test } from 'vitest';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import {
  mayBePinned,
  pinFrom,
  pinnedAtOpening,
  pinText,
  stablesToLookUp,
  waitsForPin,
} from '../../../core/rollout/pin.ts';
import {
  intended,
  inVerify,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  plan,
  raised,
  stateAfter,
  TWO_TARGETS,
  target,
} from './given.ts';

const names = (targets: { name: string }[]) => targets.map(({ name }) => name);
const stuck = target('api', { stable: '8' });
const worker = target('worker', { stable: '3', canary: '4' });
const rollsBack = { release: 'r8', rolloutId: 'checkout-api--r8--1', reason: 'odd', made: {} };
const adopted = { reason: 'somebody else put it there' };

describe('the text of a pin', () => {
  const said = 'Spillway keeps this version while checkout-api--r8--1 may revert to it';

  test('names its rollout, by which it is recognized', () => {
    expect(pinText('checkout-api--r8--1')).toBe(said);
    expect(pinFrom(said)).toBe('checkout-api--r8--1');
    expect(pinFrom(pinText('x'.repeat(60)))).toBe('x'.repeat(60));
  });

  test.each([
    ['no text', undefined],
    ['an empty one', ''],
    ['no rollout', pinText('')],
    ['a longer name than a rollout has', pinText('x'.repeat(61))],
    ['two words', pinText('a b')],
    ['more before it', `Note: ${said}`],
    ['more after it', `${said}.`],
    ['that of a person', 'live'],
  ])('is not that of an alias with %s', (_what, text) => {
    expect(pinFrom(text)).toBeUndefined();
  });
});

test('a promotion waits for its pin twice, whatever was announced of other weights and targets', () => {
  const waits = (...events: RolloutEvent[]) =>
    waitsForPin(stateAfter(...onSecondStep({ targets: TWO_TARGETS }), ...events), 'api');
  const announced = (times: number, weight = 100, on = 'api') =>
    Array.from({ length: times }, (_, nth) => intended(weight, 20 + nth, 9, on));
  expect([0, 2, 3, 4].map((times) => waits(...announced(times)))).toEqual([true, true, false, false]);
  expect(waits(...announced(2), ...announced(5, 100, 'worker'), ...announced(5, 50))).toBe(true);
});

describe('the targets that are pinned', () => {
  test('when a rollout begins are those of an adoption that have a way back', () => {
    const pinned = (more: Parameters<typeof opened>[0]) => names(pinnedAtOpening(stateAfter(opened(more))));
    expect(pinned({ adopted, targets: [stuck, worker] })).toEqual(['worker']);
    expect(pinned({ adopted: { ...adopted, beside: [stuck] }, targets: [worker] })).toEqual([]);
    expect(pinned({ targets: [worker] })).toEqual([]);
  });

  test('later are those of a promotion, since below it the alias names stable', () => {
    const may = (events: RolloutEvent[]) => names(mayBePinned(stateAfter(...events)));
    const two = { targets: [stuck, worker] };
    expect(may(onSecondStep(two))).toEqual([]);
    expect(may([...onSecondStep(two), intended(100, 9, 8)])).toEqual(['worker']);
    expect(may(inVerify(two))).toEqual(['worker']);
    expect(may(inVerify({ ...two, rollsBack }))).toEqual([]);
    expect(may([opened({ ...two, plan: plan({ steps: [] }) })])).toEqual([]);
  });
});

describe('the targets of which stable is looked up', () => {
  const gone = (on: string): RolloutEvent => ({ type: 'StableGone', at: minute(9), target: on });
  const all = [target('api'), worker, target('stuck', { stable: '8' })];
  const asked = (events: RolloutEvent[]) => names(stablesToLookUp(stateAfter(...events)));
  const full = ['api', 'worker', 'stuck'].flatMap((on, nth) => raised(100, 3 + nth, 8.5, on));

  test('serve the canary alone, have a way back, and are not known to have lost it', () => {
    expect(asked(onFirstStep({ targets: all }))).toEqual([]);
    expect(asked([...onSecondStep({ targets: all }), ...raised(100, 3, 8.5)])).toEqual(['api']);
    expect(asked([...onSecondStep({ targets: all }), ...full])).toEqual(['api', 'worker']);
    expect(asked([...onSecondStep({ targets: all }), ...full, gone('api')])).toEqual(['worker']);
    expect(asked([...onSecondStep({ targets: all }), ...full, gone('api'), gone('worker')])).toEqual([]);
    expect(asked([opened({ targets: all, adopted, plan: plan({ steps: [] }) })])).toEqual(['api', 'worker']);
  });

  test('are none of a rollback, which leaves the canary in one write', () => {
    expect(asked([...onSecondStep({ targets: all, rollsBack }), ...full])).toEqual([]);
  });
});
