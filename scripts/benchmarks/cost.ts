import { virtualClock } from '../../local/clock.ts';
import { createScenario } from '../../simulation/scenario.ts';
import { counting, dollarsFor, FOUR_STEPS } from './charges.ts';
import type { Figures } from './figures.ts';

/** What one rollout of 4 steps x 5 ticks with built-in metrics and one target costs on AWS, counted from the calls it makes; what it announces is among it, and reporting it to somebody is not. */
export async function cost(): Promise<Figures> {
  const clock = virtualClock();
  const { charges, world } = counting(clock);
  const scenario = createScenario({
    ...{ clock, seed: 1, journal: 'dynamodb', warmMinutes: 2, requestsPerSecond: 1000 },
    rollout: FOUR_STEPS,
    ...world,
  });
  const { outcome } = await clock.run(scenario.run(), 24 * 3600_000);
  if (outcome !== 'completed') throw new Error(`The rollout was to complete and is ${outcome}.`);
  const transitions = [...scenario.stepFunctions.executions.values()].reduce(
    (sum, each) => sum + each.transitions,
    0,
  );
  // The journal's stream still tells of the end.
  await clock.advance(60_000);
  const charged = { ...charges, transitions };
  await clock.advance(24 * 3600_000);
  return {
    transitions,
    invocations: charged.invocations,
    'GB-seconds': round(charged.gbSeconds),
    'metrics read': charged.metrics,
    'write units': charged.writeUnits,
    'read units': charged.readUnits,
    'scheduled looks': charged.scheduled,
    'objects put': charged.puts,
    'events announced': charged.events,
    'US dollars per rollout': round(dollarsFor(charged)),
    'invocations in a day of idling afterwards': charges.invocations - charged.invocations,
  };
}

const round = (value: number) => Math.round(value * 1e6) / 1e6;
