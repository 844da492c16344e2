import { expect, test } from 'vitest';
import { chaos, DISTURBED } from './chaos.ts';
import { faults, type Played, play } from './stage.ts';

const SEEDS = Array.from({ length: 206 }, (_, seed) => seed);

test('206 seeds of plans, traffic, releases and misfortunes keep every promise', async () => {
  const outcomes: Record<string, number> = {};
  for (const seed of SEEDS) {
    const { rollout, run } = await play(chaos(seed));
    expect(faults(run, DISTURBED), `seed ${seed}`).toEqual([]);
    const outcome = rollout?.outcome ?? 'never opened';
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  // A simulation in which everything is reverted, or nothing is, would show little.
  expect(outcomes.completed).toBeGreaterThan(SEEDS.length / 5);
  expect(outcomes.reverted).toBeGreaterThan(SEEDS.length / 5);
  expect(outcomes.halted).toBeGreaterThan(0);
}, 60_000);

const appends = ({ run }: Played) =>
  JSON.stringify(
    run.timeline.map((entry) => (entry.kind === 'append' ? [entry.at, entry.events, entry.rollout] : entry)),
  );

test('one seed gives one history, byte for byte', async () => {
  for (let seed = 0; seed < 200; seed += 10) {
    const first = appends(await play(chaos(seed)));
    expect(first.length).toBeGreaterThan(1_000);
    expect(appends(await play(chaos(seed))), `seed ${seed}`).toBe(first);
  }
});

test('another seed gives another history', async () => {
  expect(appends(await play(chaos(1)))).not.toBe(appends(await play(chaos(2))));
});
