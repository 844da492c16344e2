import { crowd } from '../../simulation/crowd.ts';
import type { Figures } from './figures.ts';

const ROLLOUTS = 1_000;
const REVERTING = 200;

/** A thousand services released in the same minute in one region, 200 of which have to go back at the same moment; all times are virtual. */
export async function many(): Promise<Figures> {
  const began = performance.now();
  const { outcomes, revertSeconds, ...figures } = await crowd({ rollouts: ROLLOUTS, reverting: REVERTING });
  const at = (share: number) => revertSeconds[Math.ceil(revertSeconds.length * share) - 1] ?? Number.NaN;
  return {
    rollouts: ROLLOUTS,
    completed: outcomes.completed ?? 0,
    reverted: outcomes.reverted ?? 0,
    'otherwise ended': ROLLOUTS - (outcomes.completed ?? 0) - (outcomes.reverted ?? 0),
    p50RevertSeconds: round(at(0.5)),
    p99RevertSeconds: round(at(0.99)),
    maxRevertSeconds: round(at(1)),
    ...Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)])),
    realSeconds: round((performance.now() - began) / 1000),
  };
}

const round = (value: number) => Math.round(value * 100) / 100;
