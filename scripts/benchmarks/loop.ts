import { scaledClock, virtualClock } from '../../local/clock.ts';
import { createScenario, type Scenario } from '../../simulation/scenario.ts';
import type { Figures } from './figures.ts';

const DAY_MS = 24 * 3600_000;
const TEN_STEPS = [1, 2, 5, 10, 20, 30, 40, 60, 80, 95].map((weight) => ({ weight, bake: '5m' }));
/** Each step ticks five times: three windows, the one it begins in, and the one that settles last. */
const FOUR_STEPS = [5, 10, 25, 50].map((weight) => ({ weight, bake: '3m' }));

/** How fast the loop turns: rollouts in virtual time, and an abort on the real clock. */
export async function loop(): Promise<Figures> {
  for (let seed = 0; seed < 50; seed++) await rollout(seed, FOUR_STEPS, '0s');
  const long = await median(7, async () => timed(() => rollout(1, TEN_STEPS, '0s')));
  const short = await rollout(1, FOUR_STEPS, '0s');
  const many = 200;
  const all = await timed(async () => {
    for (let seed = 0; seed < many; seed++) await rollout(seed, FOUR_STEPS, '0s');
  });
  return {
    'ms per 50-minute ten-step rollout': round(long),
    'rollouts per second, 4 steps': round((many * 1000) / all),
    'ticks of such a rollout': short.ticks,
    'state transitions per tick': round(await perTick()),
    'ms from abort accepted to alias on stable': round(await median(9, abort)),
  };
}

async function rollout(
  seed: number,
  steps: object[],
  verify: string,
): Promise<{ ticks: number; transitions: number }> {
  const clock = virtualClock();
  const scenario = createScenario({
    clock,
    seed,
    warmMinutes: 2,
    requestsPerSecond: 1000,
    rollout: { steps, verify },
  });
  const { outcome, opening } = await clock.run(scenario.run(), DAY_MS);
  if (outcome !== 'completed') throw new Error(`Seed ${seed} was to complete and is ${outcome}.`);
  const events = await scenario.journal.events(opening.rolloutId);
  const executions = [...scenario.stepFunctions.executions.values()];
  return {
    ticks: events.filter(({ type }) => type === 'Measured').length,
    transitions: executions.reduce((sum, { transitions }) => sum + transitions, 0),
  };
}

/** What a longer bake adds, so that opening and closing do not count. */
async function perTick(): Promise<number> {
  const one = await rollout(1, [{ weight: 10, bake: '10m' }], '0s');
  const two = await rollout(1, [{ weight: 10, bake: '60m' }], '0s');
  return (two.transitions - one.transitions) / (two.ticks - one.ticks);
}

/** Real milliseconds from the command's call to the write that leaves only stable on the alias, simulated latencies included. */
async function abort(): Promise<number> {
  const clock = scaledClock(1);
  const scenario = createScenario({ clock, warmMinutes: 0 });
  const rolloutId = await scenario.release();
  await until(() => Object.keys(scenario.alias().weights).length > 0, scenario);
  const began = performance.now();
  const accepted = scenario.invoke('Command', {
    command: 'abort',
    rolloutId,
    by: 'bench',
    reason: 'measured',
  });
  await until(() => Object.keys(scenario.alias().weights).length === 0, scenario);
  const took = performance.now() - began;
  await accepted;
  await scenario.ended(rolloutId);
  return took;
}

async function until(isSo: () => boolean, { clock }: Scenario): Promise<void> {
  while (!isSo()) await clock.sleep(1);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function median(times: number, measure: () => Promise<number>): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < times; i++) all.push(await measure());
  return all.sort((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN;
}

const round = (value: number) => Math.round(value * 100) / 100;
