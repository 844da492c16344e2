import { expect, test } from 'vitest';
import { questionOf } from '../../../core/rollout/question.ts';
import { onFirstStep, opened, ROLLOUT_ID, smokeHooks, stateAfter, target } from './given.ts';

const [hook] = smokeHooks('/health');
if (hook === undefined) throw new Error('There is no hook to ask.');

test('a question says what it is about, with a key that is the same for each try', () => {
  const rollout = stateAfter(onFirstStep());
  const question = questionOf(rollout, 'smoke.1@2', hook);
  expect(question).toEqual({
    hook,
    target: target(),
    occurrence: 'smoke.1@2',
    idempotencyKey: `${ROLLOUT_ID}/smoke.1@2`,
    about: {
      service: 'checkout-api',
      environment: 'prod',
      rolloutId: ROLLOUT_ID,
      release: 'r8',
      step: 0,
      weight: 10,
    },
  });
  expect(questionOf(rollout, 'smoke.1@2', hook)).toEqual(question);
});

test('a question before any traffic is about no weight, and one about no target of the rollout is a fault', () => {
  const rollout = stateAfter(opened());
  expect(questionOf(rollout, 'smoke.1', hook).about).toMatchObject({ step: -1, weight: 0 });
  expect(() => questionOf(rollout, 'smoke.1', { ...hook, target: 'other' })).toThrow('has no target other');
});
