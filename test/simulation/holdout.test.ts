import { expect, test } from 'vitest';
import { faults, MINUTE, type Plot, play } from './stage.ts';

const PLAN = { steps: [{ weight: 10, bake: '3m' }], verify: '10m' };
const HELD_OUT = { ...PLAN, holdout: 5 };

test('a release that is bad only under nearly all traffic is reverted beside its holdout, by comparison', async () => {
  const { story, rollout, run } = await play({
    rollout: HELD_OUT,
    canaries: { 2: { errors: (_, __, weight) => (weight > 90 ? 0.2 : 0.001) } },
  });
  expect(story).toContain('Shifted api 95 %');
  expect(story).not.toContain('Promoted api');
  expect(rollout).toMatchObject({
    outcome: 'reverted',
    reason: expect.stringMatching(/^errors: canary [\d,]+ of [\d,]+ failed, stable \d+ of [\d,]+/),
  });
  expect(faults(run)).toEqual([]);
});

/** For four minutes one request of twenty fails, whichever version answers it: from the moment of `from` on. */
function outage(rollout: Plot['rollout'], from: 'the last step' | 'promotion'): Plot {
  let since = Number.POSITIVE_INFINITY;
  const errors = (_: string, at: number) => (at >= since && at < since + 4 * MINUTE ? 0.05 : 0.001);
  return {
    rollout: { ...rollout },
    stable: { errors },
    canaries: { 2: { errors } },
    act: async (stage) => {
      await stage.event(({ type, ...event }) =>
        from === 'promotion'
          ? type === 'Promoted'
          : type === 'Shifted' && 'weight' in event && event.weight === 95,
      );
      since = stage.clock.now();
    },
  };
}

test('an outage that meets both versions reverts nothing, with or without a holdout', async () => {
  const real = await play(outage(HELD_OUT, 'the last step'));
  expect(real.rollout).toMatchObject({ outcome: 'completed', reason: expect.stringMatching(/^proven/) });
  const alone = await play(outage({ ...PLAN, holdout: 0 }, 'promotion'));
  expect(alone.story.join()).toContain('RecallOrdered');
  expect(alone.rollout).toMatchObject({ outcome: 'completed', reason: expect.stringMatching(/^proven/) });
});

test('a lost routing configuration lands on stable beside a holdout, and the loss is noticed', async () => {
  const { rollout, run, stage } = await play({
    rollout: HELD_OUT,
    act: async (stage) => {
      await stage.event((event) => event.type === 'Shifted' && event.weight === 95);
      await stage.lambda.operations.UpdateAliasCommand({
        FunctionName: 'checkout-prod-Api',
        Name: 'live',
        RoutingConfig: { AdditionalVersionWeights: {} },
      });
      expect(stage.alias()).toEqual({ primary: '1', weights: {} });
    },
  });
  expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'drift' } });
  expect(stage.alias()).toEqual({ primary: '1', weights: {} });
  expect(faults(run)).toEqual([]);
});
