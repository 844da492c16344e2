import { PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import type { Rollout } from '../../core/rollout/state.ts';
import { patternOf } from '../../infra/facts.ts';
import { type Account, type AccountOptions, ALIAS, createAccount } from '../../local/account.ts';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import { type Controller, createController } from '../../local/controller.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SERVICE = 'checkout';
const idOf = (release: string) => `${SERVICE}--${release}--1`;
const ROLLOUT_ID = idOf('r1');
const ALARM = 'orders';

const zipOf = (answer: number) =>
  zipSync({ 'index.mjs': new TextEncoder().encode(`export const handler = () => ${answer};`) });

/** A controller, and the function of its service: version 1 serves, version 2 is the release. */
interface Stage extends Controller {
  functionName: string;
  /** Where the alias sends its traffic. */
  alias(): { primary: string; weights: Record<string, number> };
  /** Releases version 2 and answers what became of it. */
  release(changes?: {
    name?: string;
    manifest?: object;
    alarms?: string[];
    functionName?: string;
  }): Promise<Rollout>;
}

function staged(account: Account, environment: string, canaryErrors = 0.001): Stage {
  const controller = createController(account, environment);
  const { helpers } = account.lambda;
  const functionName = `checkout-${environment}`;
  helpers.createFunction({ name: functionName, tags: { 'spillway:service': SERVICE } });
  helpers.createAlias(functionName, ALIAS, helpers.publish(functionName, zipOf(1)));
  helpers.publish(functionName, zipOf(2));
  account.addTraffic({
    functionName,
    requestsPerSecond: 50,
    errorRate: (version) => (version === '1' ? 0.001 : canaryErrors),
  });
  return {
    ...controller,
    functionName,
    alias() {
      const { primary, weights } = helpers.routing(functionName, ALIAS);
      return { primary, weights };
    },
    async release({ name = 'r1', manifest = {}, alarms = [], functionName: lambda = functionName } = {}) {
      await controller.upload(`releases/${SERVICE}/${name}/manifest.json`, {
        ...{ schema: 1, service: SERVICE, environment, release: name, order: 1 },
        targets: { api: { version: '2' } },
        rollout: {
          ...{ service: SERVICE, targets: { api: { lambda, alias: ALIAS } } },
          ...{ steps: [{ weight: 10, bake: '3m' }], verify: '3m', alarms },
        },
        ...manifest,
      });
      return controller.ended(idOf(name));
    },
  };
}

const AFTER = { completed: { primary: '2', weights: {} }, untouched: { primary: '1', weights: {} } };

/** What a call that changes something names: a function, a table, a group of schedules, a bucket, a state machine. */
function namedBy(command: string, input: object): string[] {
  if (!/^(?:Update|Put|Delete|Create|Transact|Start|Stop|Send|Invoke|Publish)/.test(command)) return [];
  const { FunctionName, TableName, GroupName, Bucket, stateMachineArn, executionArn, TransactItems } =
    input as Record<string, string | undefined> & { TransactItems?: Record<string, { TableName: string }>[] };
  const tables = (TransactItems ?? []).flatMap((item) => Object.values(item).map((each) => each.TableName));
  return [FunctionName, TableName, GroupName, Bucket, stateMachineArn, executionArn, ...tables].flatMap(
    (name) => name ?? [],
  );
}

async function playing<Result>(
  clock: VirtualClock,
  accounts: Account[],
  play: () => Promise<Result>,
): Promise<Result> {
  await clock.advance(20 * MINUTE);
  const result = await clock.run(play(), 12 * HOUR);
  // Locks and schedules go a little later.
  await clock.advance(15 * MINUTE);
  for (const account of accounts) await account.close();
  return result;
}

function alone(options: Partial<AccountOptions> = {}): { clock: VirtualClock; account: Account } {
  const clock = virtualClock();
  return { clock, account: createAccount({ clock, ...options }) };
}

/** Everything a controller has kept. */
const kept = ({ dynamodb }: Account, { table }: Controller) => dynamodb.items(table);
const locksIn = (account: Account, controller: Controller) =>
  kept(account, controller).flatMap(({ pk, sk }) => (sk?.S === 'LOCK' ? [pk?.S] : []));
const historyOf = ({ journal }: Controller) => journal.events(ROLLOUT_ID);

describe('two environments in one account', () => {
  test('a release in one moves nothing in the other, and calls nothing of it', async () => {
    const named = new Set<string>();
    const { clock, account } = alone({
      intercept(command, input, call) {
        for (const name of namedBy(command, input)) named.add(name);
        return call();
      },
    });
    const [staging, production] = [staged(account, 'staging'), staged(account, 'production')];
    const { outcome } = await playing(clock, [account], () => staging.release());
    expect(outcome).toBe('completed');
    expect(staging.alias()).toEqual(AFTER.completed);
    expect(production.alias()).toEqual(AFTER.untouched);
    expect(kept(account, production)).toEqual([]);
    expect([...named].filter((name) => name.includes('production'))).toEqual([]);
    const own = ['checkout-staging', 'staging-journal', 'staging-releases', 'staging-spillway'];
    expect([...named].sort()).toEqual([...own, staging.machineArn, 'completions'].sort());
  });

  test('releases of the same name at the same time, each with its own lock, journal, schedules, execution and end', async () => {
    const { clock, account } = alone();
    const [staging, production] = [staged(account, 'staging', 0.2), staged(account, 'production')];
    const during: { locks: unknown[]; watched: unknown[] } = { locks: [], watched: [] };
    staging.follow(({ events }) => {
      if (!events.some(({ type }) => type === 'Shifted')) return;
      for (const each of [staging, production]) {
        during.locks.push(locksIn(account, each));
        const { scheduleGroup: GroupName } = each.ports.about;
        const schedule = account.scheduler.operations.GetScheduleCommand({ Name: ROLLOUT_ID, GroupName });
        during.watched.push(JSON.parse(schedule.Target?.Input ?? '{}').targets[0].ref.functionName);
      }
    });
    const [inStaging, inProduction] = await playing(clock, [account], () =>
      Promise.all([staging.release(), production.release()]),
    );
    const key = (name: string) => `TARGET#aws:111122223333:eu-west-1:lambda-alias/${name}/live`;
    expect(during).toEqual({
      locks: [[key('checkout-staging')], [key('checkout-production')]],
      watched: ['checkout-staging', 'checkout-production'],
    });
    expect([inStaging.opening.environment, inStaging.outcome]).toEqual(['staging', 'reverted']);
    expect([inProduction.opening.environment, inProduction.outcome]).toEqual(['production', 'completed']);
    expect([staging.alias(), production.alias()]).toEqual([AFTER.untouched, AFTER.completed]);
    for (const each of [staging, production]) {
      const opened = (await clock.run(historyOf(each))).filter(({ type }) => type === 'RolloutOpened');
      expect(opened).toMatchObject([{ environment: each.environment }]);
      expect(locksIn(account, each)).toEqual([]);
      expect(await clock.run(each.ports.watchdog.frozen(ROLLOUT_ID))).toBeUndefined();
    }
    const machines = account.stepFunctions.executions.map(({ name, machineArn }) => [machineArn, name]);
    expect(machines.sort()).toEqual(
      [production, staging].map(({ machineArn }) => [machineArn, `${ROLLOUT_ID}-1`]),
    );
  });

  test('one opens only what has completed in the other, and knows it by what it is made of', async () => {
    const { clock, account } = alone();
    const [staging, production] = [staged(account, 'staging'), staged(account, 'production')];
    const manifest = { requires: { completedIn: 'staging' } };
    const tooEarly = await playing(clock, [], () => production.release({ manifest }));
    expect(tooEarly).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching('completed in environment staging'),
    });
    await playing(clock, [], () => staging.release());
    const rollout = await playing(clock, [account], () => production.release({ name: 'r2', manifest }));
    expect(rollout.outcome).toBe('completed');
    expect(production.alias()).toEqual(AFTER.completed);
  });

  test('an alarm reaches both, and reverts only the rollout that names it', async () => {
    const { clock, account } = alone();
    const [staging, production] = [staged(account, 'staging'), staged(account, 'production')];
    await clock.run(putAlarm(account));
    redOnceRaised(staging, account, clock);
    const ends = await playing(clock, [account], () =>
      Promise.all([staging.release({ alarms: [ALARM] }), production.release()]),
    );
    expect(ends.map(({ outcome }) => outcome)).toEqual(['reverted', 'completed']);
  });

  test('a rollout whose execution dies is taken over by the watchdog of its own environment', async () => {
    const { clock, account } = alone();
    const [staging, production] = [staged(account, 'staging'), staged(account, 'production')];
    let isKilled = false;
    staging.follow(({ events }) => {
      if (isKilled || !events.some(({ type }) => type === 'Shifted')) return;
      isKilled = true;
      void clock.sleep(MINUTE).then(() => staging.ports.executions.stop(ROLLOUT_ID, 1, 'killed'));
    });
    const ends = await playing(clock, [account], () =>
      Promise.all([staging.release(), production.release()]),
    );
    expect(ends.map(({ outcome, epoch }) => [outcome, epoch])).toEqual([
      ['completed', 2],
      ['completed', 1],
    ]);
  });

  test('that release to one alias are kept apart by its fence, also where their rollouts have the same id', async () => {
    const { clock, account } = alone();
    const [staging, production] = [staged(account, 'staging'), staged(account, 'production')];
    const [first, second] = await playing(clock, [account], () =>
      Promise.all([
        staging.release(),
        clock.sleep(2 * MINUTE).then(() => production.release({ functionName: staging.functionName })),
      ]),
    );
    expect(first.outcome).toBe('completed');
    const reason = expect.stringContaining(`is being moved by rollout ${ROLLOUT_ID}`);
    expect(second).toMatchObject({ outcome: 'refused', reason });
    expect(staging.alias()).toEqual(AFTER.completed);
  });

  test('of one name are refused', () => {
    const { account } = alone();
    createController(account, 'production');
    expect(() => createController(account, 'production')).toThrow(/exists already/);
    expect(() => createController(account, 'staging')).not.toThrow();
  });
});

describe('one environment in two regions', () => {
  const regional = () => {
    const clock = virtualClock();
    const accounts = ['eu-west-1', 'us-east-1'].map((region, seed) => createAccount({ clock, region, seed }));
    return { clock, accounts };
  };

  test('has the same names and target in both, and a release in one moves nothing in the other', async () => {
    const { clock, accounts } = regional();
    const [here, there] = accounts.map((account) => staged(account, 'production')) as [Stage, Stage];
    const rollout = await playing(clock, accounts, () => here.release());
    expect(rollout.outcome).toBe('completed');
    expect([here.alias(), there.alias()]).toEqual([AFTER.completed, AFTER.untouched]);
    expect([here.bucket, here.table, here.functionName]).toEqual([
      there.bucket,
      there.table,
      there.functionName,
    ]);
    expect(there.machineArn).toBe(here.machineArn.replace('eu-west-1', 'us-east-1'));
    expect(accounts[1]?.dynamodb.items(there.table)).toEqual([]);
    expect(accounts[1]?.stepFunctions.executions).toEqual([]);
  });

  test('an alarm of one region reaches only the controller there', async () => {
    const { clock, accounts } = regional();
    const heard: string[] = [];
    const [here, there] = accounts.map((account) => {
      account.events.rule({
        name: 'listener',
        pattern: patternOf('AlarmChanged', { bucket: '', environment: '', machine: '' }),
        target: async ({ region }) => void heard.push(`${account.region} of ${region}`),
      });
      return staged(account, 'production');
    }) as [Stage, Stage];
    const [account] = accounts as [Account];
    await clock.run(Promise.all(accounts.map(putAlarm)));
    redOnceRaised(here, account, clock);
    const ends = await playing(clock, accounts, () =>
      Promise.all([here, there].map((each) => each.release({ alarms: [ALARM] }))),
    );
    expect(ends.map(({ outcome }) => outcome)).toEqual(['reverted', 'completed']);
    expect(ends.map(({ opening }) => opening.targets[0]?.key)).toEqual(
      ['eu-west-1', 'us-east-1'].map(
        (region) => `aws:111122223333:${region}:lambda-alias/checkout-production/live`,
      ),
    );
    expect(heard).toEqual(['eu-west-1 of eu-west-1']);
    const types = (await clock.run(historyOf(there))).map(({ type }) => type);
    expect(types).not.toContain('AlarmRaised');
  });
});

async function putAlarm({ clients }: Account): Promise<void> {
  await clients.cloudwatch.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName: ALARM, Namespace: 'Shop', MetricName: 'OrdersLost', Statistic: 'Sum', Period: 60 },
      ...{ EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: 'GreaterThanThreshold' },
    }),
  );
  await clients.cloudwatch.send(
    new SetAlarmStateCommand({ AlarmName: ALARM, StateValue: 'OK', StateReason: 'green' }),
  );
}

/** Turns the alarm of an account red a minute after a rollout has its first weight. */
function redOnceRaised({ follow }: Controller, { clients }: Account, clock: VirtualClock): void {
  const red = new SetAlarmStateCommand({ AlarmName: ALARM, StateValue: 'ALARM', StateReason: 'red' });
  follow(({ events }) => {
    if (events.some(({ type }) => type === 'Shifted'))
      void clock.sleep(MINUTE).then(() => clients.cloudwatch.send(red));
  });
}
