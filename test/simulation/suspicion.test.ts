import { describe, expect, test } from 'vitest';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { faults, MINUTE, type Plot, play } from './stage.ts';

/** How a canary that is only a little worse looks depends on chance, so each plot is played in several worlds. */
const SEEDS = [1, 2, 3, 4, 5, 6];
const USUAL = 0.01;

const BASE: Plot = { stable: { errors: USUAL }, requestsPerSecond: 10, hours: 30 };

/** Fails almost three times as often as stable from its first request on. */
const ON_A_STEP: Plot = {
  ...BASE,
  canaries: { 2: { errors: 0.028 } },
  rollout: { onInconclusive: 'promote', steps: [{ weight: 30, bake: '3m', maxBake: '6m' }], verify: '0m' },
};

/** Is better than stable, but for two minutes when it comes to stand beside the holdout. */
function heldOut(): Plot {
  let since: number | undefined;
  const errors = (_: string, at: number, weight: number) => {
    if (weight > 50) since ??= at;
    return since !== undefined && at < since + 2 * MINUTE ? 0.05 : USUAL / 2;
  };
  return {
    ...BASE,
    canaries: { 2: { errors } },
    rollout: { onInconclusive: 'promote', steps: [{ weight: 50, bake: '6m', maxBake: '6m' }], verify: '10m' },
  };
}

const statusOf = (event: RolloutEvent | undefined) =>
  event?.type === 'Measured' ? event.verdict.status : undefined;
const isHeld = (event: RolloutEvent) => event.type === 'Paused' && event.why === 'suspect';

describe('a canary that looks worse, of a plan that promotes without evidence', () => {
  test.each<[string, () => Plot, number]>([
    ['on a step', () => ON_A_STEP, 2],
    ['beside the holdout', heldOut, 1],
  ])(
    '%s goes on and completes only once it has recovered',
    async (_, plot, least) => {
      let suspicious = 0;
      for (const seed of SEEDS) {
        const { events, run } = await play({ ...plot(), seed });
        expect(faults(run), `seed ${seed}`).toEqual([]);
        if (!events.some((event) => statusOf(event) === 'suspect')) continue;
        suspicious += 1;
        expect(events.map(({ type }) => type)).not.toContain('PromotionOrdered');
        for (const [at, event] of events.entries()) {
          const isEnd = event.type === 'RolloutClosed' && event.outcome === 'completed';
          const isPromotion = event.type === 'ShiftIntended' && event.weight === 100;
          const verdict = events.slice(0, at).findLast(({ type }) => type === 'Measured');
          if (isEnd || isPromotion) expect(statusOf(verdict), `seed ${seed}`).toBe('pass');
        }
      }
      expect(suspicious).toBeGreaterThanOrEqual(least);
    },
    60_000,
  );

  test('does not get through on a single pass in a day of looks', async () => {
    let suspicious = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const plot = { ...ON_A_STEP, seed, canaries: { 2: { errors: 0.024 } } };
      const { rollout, events, run } = await play(plot);
      expect(faults(run)).toEqual([]);
      if (!events.some((event) => statusOf(event) === 'suspect')) continue;
      suspicious += 1;
      expect(rollout?.outcome, `seed ${seed}`).not.toBe('completed');
    }
    expect(suspicious).toBeGreaterThanOrEqual(3);
  }, 60_000);

  test('waits for a person, whose order completes it with its suspicion in the outcome', async () => {
    const { events, rollout, run } = await play({
      ...ON_A_STEP,
      seed: 3,
      act: async (stage) => {
        await stage.event(isHeld);
        await stage.order('promote');
      },
    });
    expect(events.some(isHeld)).toBe(true);
    expect(rollout).toMatchObject({
      outcome: 'completed',
      reason: expect.stringMatching(/^unproven: .*at 30 % it looked worse/),
    });
    expect(faults(run)).toEqual([]);
  });
});
