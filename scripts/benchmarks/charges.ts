import type { MetricDataQuery } from '@aws-sdk/client-cloudwatch';
import { type FunctionName, factsOf } from '../../infra/facts.ts';
import type { VirtualClock } from '../../local/clock.ts';
import { LATENCY_MS } from '../../local/latency.ts';
import { caller } from '../../local/running.ts';
import type { ScenarioOptions } from '../../simulation/scenario.ts';

/** Prices in US dollars, us-east-1, 2026 (AWS price lists of Step Functions, Lambda, CloudWatch, DynamoDB on demand, S3, EventBridge and its Scheduler); free tiers are left out. */
const PRICE = {
  transitions: 0.025 / 1_000,
  invocations: 0.2 / 1e6,
  gbSeconds: 0.0000166667,
  metrics: 0.01 / 1_000,
  writeUnits: 0.625 / 1e6,
  readUnits: 0.125 / 1e6,
  scheduled: 1 / 1e6,
  puts: 0.005 / 1_000,
  /** Of up to 64 KB, which a transition never reaches. */
  events: 1 / 1e6,
};

/** What AWS charges for, and how much of it. */
type Charges = Record<keyof typeof PRICE, number>;

const NOTHING: Charges = {
  ...{ transitions: 0, invocations: 0, gbSeconds: 0, metrics: 0, writeUnits: 0, readUnits: 0 },
  ...{ scheduled: 0, puts: 0, events: 0 },
};

const EVERY = () => true;

/** Counts what a world is charged for, by some of its functions alone if that is said; the transitions of its state machine are not among it. */
export function counting(
  clock: VirtualClock,
  isMeant: (name: FunctionName) => boolean = EVERY,
): { charges: Charges; calls: Partial<Record<FunctionName, number>>; world: Partial<ScenarioOptions> } {
  const charges: Charges = { ...NOTHING };
  const calls: Partial<Record<FunctionName, number>> = {};
  return {
    charges,
    calls,
    world: {
      intercept: (command, input, call) => {
        const by = caller();
        // What a pipeline does is charged as well, but to nobody in particular.
        if (by === undefined ? isMeant === EVERY : isMeant(by)) tally(command, input, charges);
        return call();
      },
      around: async (name, event, call) => {
        if (!isMeant(name)) return call(event);
        const began = clock.now();
        charges.invocations += 1;
        calls[name] = (calls[name] ?? 0) + 1;
        if (name === 'Watchdog' || 'wake' in Object(event)) charges.scheduled += 1;
        try {
          return await call(event);
        } finally {
          const seconds = (clock.now() - began + LATENCY_MS.lambdaInvoke) / 1_000;
          charges.gbSeconds += (seconds * factsOf(name).megabytes) / 1_024;
        }
      },
    },
  };
}

/** What the calls are charged by: metrics asked for, kilobytes written and read, objects, events. */
function tally(command: string, input: object, charges: Charges): void {
  const of = input as Record<string, unknown[] | undefined>;
  // Up to five statistics of one metric are charged as one (CloudWatch pricing).
  if (command === 'GetMetricDataCommand')
    charges.metrics += new Set(
      (of.MetricDataQueries as MetricDataQuery[] | undefined)?.map(({ MetricStat }) =>
        JSON.stringify(MetricStat?.Metric),
      ),
    ).size;
  if (command === 'PutObjectCommand') charges.puts += 1;
  if (command === 'PutEventsCommand') charges.events += of.Entries?.length ?? 0;
  // A transaction costs two units for each begun kilobyte of each item (DynamoDB developer guide, "Transactions").
  if (command === 'TransactWriteItemsCommand')
    for (const item of of.TransactItems ?? []) charges.writeUnits += 2 * kilobytes(item);
  if (command === 'PutItemCommand' || command === 'UpdateItemCommand' || command === 'DeleteItemCommand')
    charges.writeUnits += kilobytes(input);
  if (command === 'GetItemCommand' || command === 'QueryCommand' || command === 'BatchGetItemCommand')
    charges.readUnits += 1;
}

const kilobytes = (item: unknown) => Math.ceil(JSON.stringify(item).length / 1024);

/** What that costs, in US dollars. */
export const dollarsFor = (charges: Charges): number =>
  Object.entries(charges).reduce((sum, [what, much]) => sum + much * PRICE[what as keyof Charges], 0);

/** Four steps of three minutes: five ticks each, as the windows they begin in and the settling ask for. */
export const FOUR_STEPS = {
  steps: [5, 10, 25, 50].map((weight) => ({ weight, bake: '3m' })),
  verify: '0s',
};
