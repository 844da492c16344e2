import { expect, test } from 'vitest';
import { isPlans, nameOf, PLANS, SPILLWAY, voiceOf } from '../../../core/rollout/actor.ts';
import { actor } from './given.ts';

test('a command is the plan’s own by its name and its way: a person may be called so too', () => {
  expect([PLANS, SPILLWAY, actor(PLANS.id), { ...PLANS, via: 'oidc' as const }].map(isPlans)).toEqual([
    ...[true, false, false, false],
  ]);
});

test('an actor is called by its person or its name, if it has one, and is one voice by person', () => {
  expect(nameOf(actor('arn:ada'))).toBe('arn:ada');
  expect(nameOf({ ...actor('arn:ada'), name: 'Ada' })).toBe('Ada');
  expect(nameOf({ ...actor('arn:ada'), name: 'Ada', person: 'ada' })).toBe('ada');
  expect(voiceOf({ ...actor('arn:ada'), name: 'Ada' })).toBe('arn:ada');
  expect(voiceOf({ ...actor('arn:ada'), person: 'ada' })).toBe('ada');
});
