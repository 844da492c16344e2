import { PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Instant, Seconds } from '../core/units.ts';
import { ALIAS } from '../local/account.ts';
import { virtualClock } from '../local/clock.ts';
import { createWorld, type World, type WorldOptions } from '../local/world.ts';
import { memoryStore } from './memory-store.ts';

const ALARM = 'shared-database';
const MINUTE_MS = 60_000;
interface CrowdOptions extends Pick<WorldOptions, 'seed' | 'controlPlane' | 'changePorts'> {
  /** Services that release at once, each with one function. */
  rollouts: number;
  /** How many of them have to go back at the same moment. */
  reverting: number;
}

/** Outcome of a crowd. */
export interface Crowd {
  outcomes: Record<string, number>;
  /** From the alarm to an alias that serves stable alone, ascending, one for each that had to go back; Infinity if it never did. */
  revertSeconds: Seconds[];
  /** From the upload until a rollout had its first weight, the longest. */
  firstWeightSeconds: Seconds;
  /** From the last window of a step to the next weight, over all steps, the longest. */
  raiseSeconds: Seconds;
  /** Between two ticks of one rollout, the longest. */
  tickGapSeconds: Seconds;
  ticks: number;
  brokenTicks: number;
  /** Calls that Lambda refused for their rate. */
  throttled: number;
  /** Calls of the shared quota in the busiest second. */
  peakPerSecond: number;
}

/** Releases many services in the same minute, in one account and region, and turns the alarm that some of them name red once all have traffic. */
export async function crowd(options: CrowdOptions): Promise<Crowd> {
  const clock = virtualClock();
  const reverting = new Map<string, Instant>();
  const perSecond = new Map<number, number>();
  const names = Array.from({ length: options.rollouts }, (_, index) => `svc-${index}`);
  let throttled = 0;
  const written = (command: string, input: unknown) => {
    const { FunctionName = '', RoutingConfig } = input as Partial<AliasUpdate>;
    const isBack = command === 'UpdateAliasCommand' && isEmpty(RoutingConfig?.AdditionalVersionWeights);
    if (isBack && !reverting.has(FunctionName)) reverting.set(FunctionName, clock.now());
  };
  const world = createWorld({
    ...options,
    clock,
    store: memoryStore,
    intercept: async (command, input, call) => {
      try {
        const answer = await call();
        written(command, input);
        if (SHARED.has(command)) {
          const second = Math.floor(clock.now() / 1000);
          perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
        }
        return answer;
      } catch (error) {
        if (error instanceof Error && error.name === 'TooManyRequestsException') throttled += 1;
        throw error;
      }
    },
    // If its function found no room for too long, Step Functions reverts by itself.
    aroundStep: async (command, input, call) => {
      const answer = await call();
      written(command, input);
      return answer;
    },
  });
  await clock.run(putAlarm(world));
  for (const name of names) addService(world, name);
  await clock.advance(2 * MINUTE_MS);
  const raised = new Set<string>();
  let allRaised = () => {};
  const isUp = new Promise<void>((resolve) => {
    allRaised = resolve;
  });
  world.follow(({ rollout, events }) => {
    if (!events.some(({ type }) => type === 'Shifted' || type === 'RolloutClosed')) return;
    raised.add(rollout.opening.rolloutId);
    if (raised.size === names.length) allRaised();
  });
  const uploadedAt = clock.now();
  const ended = Promise.all(
    names.map(async (name, index) => {
      await release(world, names.length, name, index < options.reverting ? [ALARM] : []);
      return world.ended(`${name}--r1--1`);
    }),
  );
  await clock.run(isUp, 6 * 60 * MINUTE_MS);
  await clock.advance(MINUTE_MS);
  reverting.clear();
  const redAt = clock.now();
  await clock.run(setAlarm(world, 'ALARM'));
  const rollouts = await clock.run(ended, 12 * 60 * MINUTE_MS);
  const histories = await clock.run(
    Promise.all(rollouts.map(({ opening }) => world.journal.events(opening.rolloutId))),
  );
  await world.close();
  const outcomes: Record<string, number> = {};
  for (const { outcome = 'none' } of rollouts) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return {
    outcomes,
    revertSeconds: names
      .slice(0, options.reverting)
      .map((name) => {
        const { primary, weights } = world.lambda.helpers.routing(name, ALIAS);
        const isBack = primary === '1' && isEmpty(weights);
        return isBack ? ((reverting.get(name) ?? Number.POSITIVE_INFINITY) - redAt) / 1000 : Infinity;
      })
      .sort((a, b) => a - b),
    firstWeightSeconds: most(
      histories.map((events) => ((atOf(events, 'Shifted') ?? Infinity) - uploadedAt) / 1000),
    ),
    raiseSeconds: most(histories.flatMap(raiseWaits)),
    tickGapSeconds: most(histories.flatMap(tickGaps)),
    ticks: histories.flat().filter(({ type }) => type === 'Measured').length,
    brokenTicks: histories
      .flat()
      .filter((event) => event.type === 'Measured' && event.verdict.status === 'broken').length,
    throttled,
    peakPerSecond: most([...perSecond.values()]),
  };
}

type AliasUpdate = {
  FunctionName: string;
  RoutingConfig: { AdditionalVersionWeights?: Record<string, number> };
};

/** The calls of the controller that share the quota (Lambda quotas, "Lambda API requests"). */
const SHARED = new Set([
  'GetAliasCommand',
  'UpdateAliasCommand',
  'ListEventSourceMappingsCommand',
  'ListProvisionedConcurrencyConfigsCommand',
]);

const isEmpty = (weights: object | undefined) => Object.keys(weights ?? {}).length === 0;
const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b), 0);
const atOf = (events: RolloutEvent[], type: RolloutEvent['type']) =>
  events.find((event) => event.type === type)?.at;

/** From the last tick at one weight to the next weight. */
function raiseWaits(events: RolloutEvent[]): Seconds[] {
  let measuredAt: Instant | undefined;
  return events.flatMap((event) => {
    if (event.type === 'Measured') measuredAt = event.at;
    const isRaise = event.type === 'Shifted' || event.type === 'Promoted';
    return isRaise && measuredAt !== undefined ? [(event.at - measuredAt) / 1000] : [];
  });
}

function tickGaps(events: RolloutEvent[]): Seconds[] {
  const from = atOf(events, 'Shifted') ?? 0;
  const at = [from, ...events.filter(({ type }) => type === 'Measured').map((event) => event.at)];
  return at.slice(1).map((each, index) => (each - (at[index] ?? each)) / 1000);
}

async function putAlarm({ clients }: World): Promise<void> {
  await clients.cloudwatch.send(
    new PutMetricAlarmCommand({
      AlarmName: ALARM,
      Namespace: 'Shop',
      MetricName: 'Errors',
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    }),
  );
  await clients.cloudwatch.send(
    new SetAlarmStateCommand({ AlarmName: ALARM, StateValue: 'OK', StateReason: 'green' }),
  );
}

const setAlarm = ({ clients }: World, StateValue: 'ALARM') =>
  clients.cloudwatch.send(new SetAlarmStateCommand({ AlarmName: ALARM, StateValue, StateReason: 'red' }));

function addService({ lambda: { helpers }, addTraffic }: World, name: string): void {
  helpers.createFunction({ name, tags: { 'spillway:service': name } });
  helpers.createAlias(name, ALIAS, helpers.publishCounted(name));
  helpers.publishCounted(name);
  addTraffic({ functionName: name, requestsPerSecond: 50, errorRate: () => 0.001 });
}

/** A first step that lasts until the last of the crowd has come in too. */
const planFor = (count: number) => ({
  steps: [
    { weight: 10, bake: `${3 + Math.ceil(count / 50)}m` },
    { weight: 50, bake: '3m' },
  ],
  verify: '3m',
});

async function release(world: World, count: number, service: string, alarms: string[]): Promise<void> {
  await world.upload(`releases/${service}/r1/manifest.json`, {
    schema: 1,
    service,
    environment: world.environment,
    release: 'r1',
    order: 1,
    targets: { api: { version: '2' } },
    rollout: { service, targets: { api: { lambda: service, alias: ALIAS } }, ...planFor(count), alarms },
  });
}
