import { LATENCY_EDGES } from '../../core/analysis/histogram.ts';
import { virtualClock } from '../../local/clock.ts';
import { createScenario } from '../../simulation/scenario.ts';
import { counting, dollarsFor, FOUR_STEPS } from './charges.ts';
import type { Figures } from './figures.ts';
import { BASES } from './harm-tails.ts';

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
    ...customMetrics(),
    'invocations in a day of idling afterwards': charges.invocations - charged.invocations,
  };
}

/** Metrics of durations that one version sends and is charged for, and what it would be by edges 12 % apart. */
function customMetrics(): Figures {
  const over = BASES.lognormal as (ms: number) => number;
  const sent = (edges: readonly number[]) =>
    [0, ...edges].filter((edge, at) => over(edge) - (at < edges.length ? over(edges[at] ?? 0) : 0) > SEEN)
      .length;
  const octaves = LATENCY_EDGES.filter((_, at) => at % 2 === 0);
  const fine = Array.from({ length: 125 }, (_, index) => Math.sqrt(1.25) ** index);
  return {
    'custom metrics of durations per version': sent(octaves),
    'custom metrics of durations per version, by edges 12 % apart': sent(fine),
  };
}

/** Part of the requests from which on a metric is sent at all within a month. Assumed. */
const SEEN = 1e-6;

const round = (value: number) => Math.round(value * 1e6) / 1e6;
