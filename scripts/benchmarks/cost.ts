import { virtualClock } from '../../local/clock.ts';
import { LATENCY_MS } from '../../local/latency.ts';
import { createScenario } from '../../simulation/scenario.ts';
import type { Figures } from './figures.ts';

/** Prices in US dollars, us-east-1, 2026 (AWS price lists of Step Functions, Lambda, CloudWatch, DynamoDB on demand, S3, EventBridge Scheduler); free tiers are left out. */
const PRICE = {
  transition: 0.025 / 1_000,
  invocation: 0.2 / 1e6,
  gbSecond: 0.0000166667,
  metric: 0.01 / 1_000,
  writeUnit: 0.625 / 1e6,
  readUnit: 0.125 / 1e6,
  schedule: 1 / 1e6,
  put: 0.005 / 1_000,
};

/** What most functions have, and Measure (`infra/functions.ts`). */
const MEMORY_GB = 0.25;
const MEASURE_GB = 0.5;
/** Four steps of three minutes: five ticks each, as the windows they begin in and the settling ask for. */
const STEPS = [5, 10, 25, 50].map((weight) => ({ weight, bake: '3m' }));

/** What one rollout of 4 steps x 5 ticks with built-in metrics and one target costs on AWS, counted from the calls it makes. */
export async function cost(): Promise<Figures> {
  const clock = virtualClock();
  const count = {
    metrics: 0,
    writeUnits: 0,
    readUnits: 0,
    puts: 0,
    scheduleCalls: 0,
    looks: 0,
    invocations: 0,
    gbMs: 0,
  };
  const scenario = createScenario({
    clock,
    seed: 1,
    journal: 'dynamodb',
    warmMinutes: 2,
    requestsPerSecond: 1000,
    rollout: { steps: STEPS, verify: '0s' },
    intercept: (command, input, call) => {
      tally(command, input, count);
      return call();
    },
    around: async (name, event, call) => {
      const began = clock.now();
      count.invocations += 1;
      if (name === 'Watchdog') count.looks += 1;
      try {
        return await call(event);
      } finally {
        const ms = clock.now() - began + LATENCY_MS.lambdaInvoke;
        count.gbMs += ms * (name === 'Measure' ? MEASURE_GB : MEMORY_GB);
      }
    },
  });
  const { outcome } = await clock.run(scenario.run(), 24 * 3600_000);
  if (outcome !== 'completed') throw new Error(`The rollout was to complete and is ${outcome}.`);
  const transitions = [...scenario.stepFunctions.executions.values()].reduce(
    (sum, each) => sum + each.transitions,
    0,
  );
  // The journal's stream still tells of the end.
  await clock.advance(60_000);
  const charged = { ...count };
  await clock.advance(24 * 3600_000);
  const gbSeconds = charged.gbMs / 1000;
  const dollars =
    transitions * PRICE.transition +
    charged.invocations * PRICE.invocation +
    gbSeconds * PRICE.gbSecond +
    charged.metrics * PRICE.metric +
    charged.writeUnits * PRICE.writeUnit +
    charged.readUnits * PRICE.readUnit +
    charged.looks * PRICE.schedule +
    charged.puts * PRICE.put;
  return {
    transitions,
    invocations: charged.invocations,
    'GB-seconds': round(gbSeconds),
    'metrics read': charged.metrics,
    'write units': charged.writeUnits,
    'read units': charged.readUnits,
    'scheduled looks': charged.looks,
    'objects put': charged.puts,
    'US dollars per rollout': round(dollars),
    'invocations in a day of idling afterwards': count.invocations - charged.invocations,
  };
}

type Tally = { metrics: number; writeUnits: number; readUnits: number; puts: number };

/** What the calls are charged by: metrics asked for, kilobytes written and read, objects. */
function tally(command: string, input: object, count: Tally): void {
  const of = input as Record<string, unknown[] | undefined>;
  if (command === 'GetMetricDataCommand') count.metrics += of.MetricDataQueries?.length ?? 0;
  if (command === 'PutObjectCommand') count.puts += 1;
  // A transaction costs two units for each begun kilobyte of each item (DynamoDB developer guide, "Transactions").
  if (command === 'TransactWriteItemsCommand')
    for (const item of of.TransactItems ?? []) count.writeUnits += 2 * kilobytes(item);
  if (command === 'PutItemCommand' || command === 'UpdateItemCommand' || command === 'DeleteItemCommand')
    count.writeUnits += kilobytes(input);
  if (command === 'GetItemCommand' || command === 'QueryCommand' || command === 'BatchGetItemCommand')
    count.readUnits += 1;
}

const kilobytes = (item: unknown) => Math.ceil(JSON.stringify(item).length / 1024);
const round = (value: number) => Math.round(value * 1e6) / 1e6;
