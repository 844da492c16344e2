import { DeleteAliasCommand, UpdateAliasCommand, type UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { virtualClock } from '../../local/clock.ts';
import {
  createScenario,
  FUNCTION,
  type Scenario,
  type ScenarioOptions,
  SERVICE,
} from '../../simulation/scenario.ts';

const DAY_MS = 24 * 3600_000;
const ID = `${SERVICE}--r1--1`;
const WORKER = 'checkout-prod-Worker';

/** The token that Step Functions writes where no function of ours can count. */
const CLOSED = `spillway ${ID} 1 999999999 closed`;

/** Version 1 is stable, 2 the canary; the others are strangers'. */
const BAD = { canaries: { 2: { errors: 0.5 } } };
/** One that fails as soon as it serves alone, of a plan that gives stable no traffic again to find out why. */
const BAD_ALONE = {
  rollout: { recall: 'off', verify: '10m' },
  canaries: { 2: { errors: (_version: string, _at: number, weight: number) => (weight === 100 ? 0.5 : 0) } },
};

interface Stage {
  options?: Omit<ScenarioOptions, 'clock' | 'around'>;
  /** Stands around the other functions of the controller. */
  around?: ScenarioOptions['around'];
  release?: Parameters<Scenario['release']>[0];
  /** Arranged before the release. */
  before?: (scenario: Scenario) => unknown;
  /** What others do once the controller begins to revert. */
  meanwhile?: (scenario: Scenario) => Promise<unknown>;
  /** What others do as soon as the execution is in this state. */
  during?: { state: string; act: (scenario: Scenario) => Promise<unknown> };
}

/** Carries a rollout to where the controller cannot revert, and on: how the alias stood then, how it stands at the end, and the way between. */
async function stuck({ options = BAD, around, release, before, meanwhile, during }: Stage) {
  const clock = virtualClock();
  let found: ReturnType<typeof aliasOf> | undefined;
  const scenario = createScenario({
    clock,
    requestsPerSecond: 1000,
    warmMinutes: 2,
    ...options,
    async around(name, event, call) {
      if (name !== 'RevertTraffic') return around === undefined ? call(event) : around(name, event, call);
      await meanwhile?.(scenario);
      found = aliasOf(scenario);
      throw new Error('planted: the controller cannot revert');
    },
  });
  await before?.(scenario);
  const carry = async () => {
    await clock.sleep(2 * 60_000);
    await scenario.release(release);
    const execution = await started(scenario);
    if (during !== undefined) {
      while (execution.status === 'RUNNING' && execution.path.at(-1) !== during.state) await clock.sleep(10);
      await during.act(scenario);
    }
    await execution.done;
    return execution;
  };
  const execution = await clock.run(carry(), DAY_MS);
  const way = execution.path.slice(execution.path.indexOf('RevertTraffic') + 1);
  return { scenario, execution, way, found, left: aliasOf(scenario) };
}

/** The alias of a function, or undefined if it was deleted. */
function aliasOf({ lambda }: Scenario, functionName = FUNCTION) {
  try {
    return lambda.helpers.routing(functionName, ALIAS);
  } catch {
    return undefined;
  }
}

async function started({ stepFunctions, clock }: Scenario) {
  for (;;) {
    const execution = stepFunctions.execution(`${ID}-1`);
    if (execution !== undefined) return execution;
    await clock.sleep(100);
  }
}

/** Somebody else publishes versions 3 and 4 and writes the alias; what is not named stays. */
const write =
  (fields: Partial<UpdateAliasCommandInput>) =>
  ({ clients, lambda }: Scenario) => {
    for (let version = 3; version <= 4; version++) lambda.helpers.publishCounted(FUNCTION);
    return clients.lambda.send(new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, ...fields }));
  };

const weights = (AdditionalVersionWeights: Record<string, number>) => ({ AdditionalVersionWeights });

/** Exactly this, at whatever revision, and under any description where none is named. */
const alias = (
  primary: string,
  weights: Record<string, number>,
  description: unknown = expect.any(String),
) => ({
  primary,
  weights,
  description,
  revisionId: expect.any(String),
});

const wayBy = (...states: string[]) => [
  ...['RevertDirectly', 'WhichKind', 'ReadAlias', 'WhoServes'],
  ...[...states, 'Halted'],
];

test('Step Functions takes the canary out by itself, and the execution ends halted', async () => {
  const { found, left, way, execution } = await stuck({});
  expect(found).toEqual(alias('1', { 2: 10 }));
  expect(left).toEqual(alias('1', {}, CLOSED));
  expect(way).toEqual(wayBy('RemoveCanary'));
  expect(execution).toMatchObject({ status: 'FAILED', error: 'halted' });
});

test('a canary that somebody took out already leaves nothing to change but the fence, which is shut', async () => {
  const { left, way } = await stuck({ meanwhile: write({ RoutingConfig: weights({}) }) });
  expect(left).toEqual(alias('1', {}, CLOSED));
  expect(way).toEqual(wayBy('CloseFence'));
});

test('a canary that serves alone gives way to the version that served before', async () => {
  const { found, left, way, execution } = await stuck({ options: BAD_ALONE });
  expect(found).toEqual(alias('2', {}));
  expect(left).toEqual(alias('1', {}, CLOSED));
  expect(way).toEqual(wayBy('RestoreStable'));
  expect(execution).toMatchObject({ status: 'FAILED', error: 'halted' });
});

test('the version of a stranger goes on serving, without our weight beside it', async () => {
  const { found, left, way, execution } = await stuck({ meanwhile: write({ FunctionVersion: '3' }) });
  expect(found).toEqual(alias('3', { 2: 10 }));
  expect(left).toEqual(alias('3', {}, CLOSED));
  expect(way).toEqual(wayBy('RemoveCanary'));
  expect(execution).toMatchObject({ status: 'FAILED', error: 'halted' });
});

describe('an alias is left as it is', () => {
  const expectUntouched = async (stage: Stage) => {
    const { found, left, way, execution } = await stuck(stage);
    expect(left).toEqual(found);
    expect(left).toBeDefined();
    expect(way).toEqual(wayBy('LeftAlone'));
    expect(execution).toMatchObject({ status: 'FAILED', error: 'halted' });
    return left;
  };

  test('where a stranger serves alone', async () => {
    const left = await expectUntouched({
      meanwhile: write({ FunctionVersion: '3', RoutingConfig: weights({}) }),
    });
    expect(left).toEqual(alias('3', {}));
  });

  test('where a stranger shares its traffic with another stranger', async () => {
    const theirs = { FunctionVersion: '3', RoutingConfig: weights({ 4: 0.2 }) };
    expect(await expectUntouched({ meanwhile: write(theirs) })).toEqual(alias('3', { 4: 20 }));
  });

  test.each(['open', 'closed'])('where another rollout has stamped it %s', async (state) => {
    const Description = `spillway ${SERVICE}--r2--1 1 2 ${state}`;
    const left = await expectUntouched({ meanwhile: write({ Description }) });
    expect(left).toEqual(alias('1', { 2: 10 }, Description));
  });

  test('where another rollout has stamped it whose id only begins like ours', async () => {
    await expectUntouched({ meanwhile: write({ Description: `spillway ${ID}2 1 2 open` }) });
  });

  test('where this rollout has completed and was sealed, though the answer of its closing was lost', async () => {
    const left = await expectUntouched({
      options: {},
      async around(name, event, call) {
        const answer = await call(event);
        if (name === 'CloseRollout') throw new Error('planted: the answer is lost');
        return answer;
      },
    });
    expect(left).toEqual(alias('2', {}));
    expect(left?.description).toMatch(/ closed$/);
  });
});

describe('our weight is taken out', () => {
  test('also where an older seal of ours stands and somebody brought the canary back', async () => {
    const { left } = await stuck({ meanwhile: write({ Description: `spillway ${ID} 1 2 closed` }) });
    expect(left).toEqual(alias('1', {}));
  });

  test('also where somebody described the alias, with the word closed in it', async () => {
    const { left } = await stuck({ meanwhile: write({ Description: 'live; the old shop is closed' }) });
    expect(left).toEqual(alias('1', {}));
  });

  test('also where somebody described the alias', async () => {
    const { left } = await stuck({ meanwhile: write({ Description: 'live' }) });
    expect(left).toEqual(alias('1', {}, CLOSED));
  });
});

test('the weight of a stranger beside stable stays', async () => {
  const { left } = await stuck({ meanwhile: write({ RoutingConfig: weights({ 3: 0.2 }) }) });
  expect(left).toEqual(alias('1', { 3: 20 }));
});

describe('a write by somebody else between reading and writing', () => {
  test('leads to another look, which finds the stranger and only removes our weight', async () => {
    const act = write({ FunctionVersion: '3' });
    const { left, way } = await stuck({ during: { state: 'RemoveCanary', act } });
    expect(left).toEqual(alias('3', {}, CLOSED));
    expect(way).toEqual(wayBy('RemoveCanary', 'ReadAlias', 'WhoServes', 'RemoveCanary'));
  });

  test('leads to another look while stable is restored, which leaves the stranger alone', async () => {
    const act = write({ FunctionVersion: '3' });
    const { left, way } = await stuck({
      options: BAD_ALONE,
      during: { state: 'RestoreStable', act },
    });
    expect(left).toEqual(alias('3', {}));
    expect(way).toEqual(wayBy('RestoreStable', 'ReadAlias', 'WhoServes', 'LeftAlone'));
  });

  test('leads to another look while only the fence is shut', async () => {
    const act = write({ RoutingConfig: weights({ 2: 0.3 }) });
    const meanwhile = write({ RoutingConfig: weights({}) });
    const { left, way } = await stuck({ meanwhile, during: { state: 'CloseFence', act } });
    expect(left).toEqual(alias('1', {}, CLOSED));
    expect(way).toEqual(wayBy('CloseFence', 'ReadAlias', 'WhoServes', 'RemoveCanary'));
  });

  test('leads to another look while our weight is removed, too', async () => {
    const act = write({ FunctionVersion: '1' });
    const meanwhile = write({ FunctionVersion: '3' });
    const { left, way } = await stuck({ meanwhile, during: { state: 'RemoveCanary', act } });
    expect(left).toEqual(alias('1', {}, CLOSED));
    expect(way).toEqual(wayBy('RemoveCanary', 'ReadAlias', 'WhoServes', 'RemoveCanary'));
  });
});

describe('of two targets', () => {
  const target = (functionName: string) => ({ lambda: functionName, alias: ALIAS });
  const two = (deleted?: string): Stage => ({
    options: { ...BAD, rollout: { targets: { api: target(FUNCTION), worker: target(WORKER) } } },
    release: { manifest: { targets: { api: { version: '2' }, worker: { version: '2' } } } },
    before(scenario) {
      const { helpers } = scenario.lambda;
      helpers.createFunction({ name: WORKER, tags: { 'spillway:service': SERVICE } });
      helpers.createAlias(WORKER, ALIAS, helpers.publishCounted(WORKER));
      helpers.publishCounted(WORKER);
      const traffic = { functionName: WORKER, requestsPerSecond: 1000, errorRate: () => 0 };
      stopped = scenario.addTraffic(traffic).stop;
    },
    async meanwhile({ clients, traffic }) {
      for (const stop of [traffic.stop, stopped]) stop();
      if (deleted === undefined) return;
      await clients.lambda.send(new DeleteAliasCommand({ FunctionName: deleted, Name: ALIAS }));
    },
  });
  let stopped = () => {};

  test('both are reverted', async () => {
    const { scenario, left } = await stuck(two());
    expect(left).toEqual(alias('1', {}, CLOSED));
    expect(aliasOf(scenario, WORKER)).toEqual(alias('1', {}, CLOSED));
  });

  test.each([
    [FUNCTION, WORKER],
    [WORKER, FUNCTION],
  ])('%s has lost its alias: %s is reverted all the same', async (lost, other) => {
    const { scenario, way, execution } = await stuck(two(lost));
    expect(aliasOf(scenario, lost)).toBeUndefined();
    expect(aliasOf(scenario, other)).toEqual(alias('1', {}, CLOSED));
    expect(way).toContain('NotReverted');
    expect(execution).toMatchObject({ status: 'FAILED', error: 'halted' });
  });
});
