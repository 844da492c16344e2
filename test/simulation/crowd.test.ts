import { expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { CALLS_PER_SECOND } from '../../core/budget.ts';
import { type Crowd, crowd } from '../../simulation/crowd.ts';
import { isDeep } from '../deep.ts';

const ROLLOUTS = 100;
const REVERTING = 60;
/** A revert, like a raise, reads and writes its alias, and Lambda takes 15 such calls a second. */
const LEAST_SECONDS = (2 * REVERTING) / 15;

const play = (changePorts: (ports: Ports) => Ports = (ports) => ports): Promise<Crowd> =>
  crowd({ rollouts: ROLLOUTS, reverting: REVERTING, seed: 1, changePorts });

/** What has to hold for a crowd, as names of what does not. */
function wrong({ outcomes, revertSeconds, ...found }: Crowd): string[] {
  const rules: Record<string, boolean> = {
    'who has to go back does': outcomes.reverted === REVERTING,
    'everybody else completes': outcomes.completed === ROLLOUTS - REVERTING,
    'reverts wait for nothing but each other': (revertSeconds.at(-1) ?? 0) < 1.5 * LEAST_SECONDS,
    'nobody waits at the door for ever': found.firstWeightSeconds < 2 * ROLLOUTS,
    'nobody waits longer than the raises of all others take':
      found.raiseSeconds < (2 * ROLLOUTS) / CALLS_PER_SECOND,
    'ticks are never two minutes apart': found.tickGapSeconds < 120,
    'ticks can read what they must': found.brokenTicks === 0,
  };
  return Object.keys(rules).filter((rule) => rules[rule] === false);
}

test('a hundred rollouts share the calls of one region, and sixty of them go back at the same moment', async () => {
  const found = await play();
  expect(wrong(found)).toEqual([]);
  // Else nothing was scarce, and nothing was shown.
  expect(found.throttled).toBeGreaterThan(100);
  expect(found.revertSeconds.at(-1)).toBeGreaterThan(LEAST_SECONDS * 0.8);
});

/** Faults that this test exists for. */
const PLANTED: [what: string, trips: string, plant: (ports: Ports) => Ports][] = [
  [
    'ticks that all come in the same second',
    'nobody waits longer than the raises of all others take',
    (ports) => ({ ...ports, journal: { ...ports.journal, countRunning: async () => 0 } }),
  ],
  [
    'a budget without a limit',
    'nobody waits longer than the raises of all others take',
    (ports) => ({ ...ports, budget: { take: async () => ports.clock.now() } }),
  ],
  [
    'reverts that wait for their turn',
    'reverts wait for nothing but each other',
    (ports) => ({
      ...ports,
      router: (kind) => {
        const router = ports.router(kind);
        return {
          ...router,
          async revert(target, by) {
            const at = await ports.budget.take(2, target.key);
            await ports.clock.sleep(Math.max(0, at - ports.clock.now()));
            return router.revert(target, by);
          },
        };
      },
    }),
  ],
];

test.each(isDeep ? PLANTED : [])('%s are seen', async (_what, trips, plant) => {
  expect(wrong(await play(plant))).toContain(trips);
});
