import { expect, test } from 'vitest';
import { trialOf } from '../../../core/rollout/trial.ts';
import { intended, inVerify, minute, onFirstStep, PROBED, stateAfter, TWO_TARGETS } from './given.ts';

test('the trial of a rollout is its course, with what its policies ask of the canary now', () => {
  const more = { ...PROBED, targets: TWO_TARGETS.slice(0, 1) };
  const first = stateAfter(onFirstStep(more));
  expect(trialOf(first)).toStrictEqual({
    ...first,
    bake: { from: minute(1), to: minute(3), max: minute(11) },
    ...{ isStanding: true, isVerifying: false, canRecall: true, probed: ['api'] },
  });
  expect(trialOf(stateAfter(inVerify({ targets: TWO_TARGETS, reversible: false, ...PROBED })))).toMatchObject(
    {
      ...{ isStanding: false, isVerifying: true, canRecall: false, probed: ['api'] },
    },
  );
  const moving = trialOf(stateAfter(onFirstStep(), intended(50, 2, 4)));
  expect(moving).toMatchObject({ bake: undefined, isStanding: false, probed: [] });
});
