import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { awsError } from '../../local/sdk.ts';
import { createScenario, type Scenario, SERVICE } from '../../simulation/scenario.ts';
import { addSite, SITE, SITE_RELEASE } from '../../simulation/site.ts';

const ID = `${SERVICE}--r1--1`;
/** The token that Step Functions writes where no function of ours can count. */
const CLOSED = `spillway ${ID} 1 999999999 closed`;
const GOOD = { seed: 1, release: { kind: 'good' }, requestsPerSecond: 50, stableErrors: 0.001 } as const;

/** States of the arm of the function, which is reverted at the same time. */
const OF_ALIAS = ['ReadAlias', 'WhoServes', 'RemoveCanary'];

type Value = Record<string, unknown>;

/** Carries a rollout of a bad function and a site to where the controller cannot revert, and on: how the site stood then and at the end, and the way of its arm. */
async function stuck(
  meanwhile: (value: Value) => Value | string = (value) => value,
  around?: (command: string, scenario: Scenario) => void,
) {
  const clock = virtualClock();
  let found: string | undefined;
  const read = () => scenario.kvs.helpers.value(SITE, 'spillway') ?? '';
  const scenario: Scenario = createScenario({
    ...{ clock, requestsPerSecond: 1000, canaries: { 2: { errors: 0.5 } }, warmMinutes: 2 },
    beside: { web: SITE_RELEASE },
    async around(name, event, call) {
      if (name !== 'RevertTraffic') return call(event);
      if (found === undefined) {
        const change = meanwhile(JSON.parse(read()));
        found = typeof change === 'string' ? change : JSON.stringify(change);
        scenario.kvs.helpers.put(SITE, { spillway: found });
      }
      throw new Error('planted: the controller cannot revert');
    },
    async aroundStep(command, _input, call) {
      around?.(command, scenario);
      return call();
    },
  });
  addSite(scenario, GOOD);
  const carry = async () => {
    await clock.sleep(2 * 60_000);
    await scenario.release();
    for (;;) {
      const execution = scenario.stepFunctions.execution(`${ID}-1`);
      if (execution !== undefined) {
        await execution.done;
        return execution;
      }
      await clock.sleep(100);
    }
  };
  const execution = await clock.run(carry(), 24 * 3600_000);
  const { path } = execution;
  const text = read();
  const from = path.lastIndexOf('ReadStore');
  return {
    found,
    text,
    left: text.startsWith('{"') ? (JSON.parse(text) as Value) : {},
    way: path.slice(from, path.indexOf('Halted')).filter((state) => !OF_ALIAS.includes(state)),
    path,
    alias: scenario.alias(),
    routes: scenario.kvs.helpers.value(SITE, 'routes'),
  };
}

const REVERTED = { primary: '1', weights: {} };

test('Step Functions takes the release out of the value by itself, and leaves all else of it and every other key', async () => {
  const { found, left, way, alias, routes } = await stuck((value) => ({ ...value, x: [1] }));
  expect(JSON.parse(found ?? '')).toMatchObject({ s: '1', c: '2', w: 1000, t: expect.any(String) });
  expect(left).toEqual({ s: '1', d: ['/sw.js'], k: 'k'.repeat(32), x: [1], f: CLOSED });
  expect(way).toEqual(['ReadStore', 'ReadSite', 'WhoServesSite', 'RestoreSite']);
  expect(alias).toEqual(REVERTED);
  expect(routes).toBe('[]');
});

test('a release that serves alone gives way to the one before', async () => {
  const { left } = await stuck(({ c: _, w: __, t: ___, ...value }) => ({ ...value, s: '2' }));
  expect(left).toMatchObject({ s: '1', f: CLOSED });
});

test('the release of somebody else goes on serving, without ours beside it', async () => {
  const { left } = await stuck((value) => ({ ...value, s: '3' }));
  expect(left).toMatchObject({ s: '3', f: CLOSED });
  expect(left).not.toHaveProperty('c');
});

describe('a site is left as it is', () => {
  const closed = (value: Value): Value => ({
    ...value,
    c: undefined,
    w: undefined,
    f: `spillway ${ID} 1 5 closed`,
  });
  test.each<[string, (value: Value) => Value]>([
    [
      'where another rollout has stamped it',
      (value) => ({ ...value, f: `spillway ${SERVICE}--r2--1 1 2 open` }),
    ],
    ['where it was reverted already', closed],
    ['where it has completed', (value) => ({ ...closed(value), s: '2' })],
    ['where somebody else serves alone', ({ c: _, w: __, ...value }) => ({ ...value, s: '3' })],
  ])('%s', async (_what, change) => {
    const { found, text, way, alias } = await stuck(change);
    expect(text).toBe(found);
    expect(way).toEqual(['ReadStore', 'ReadSite', 'WhoServesSite', 'LeftAlone']);
    expect(alias).toEqual(REVERTED);
  });
});

test('what nobody can read is left, and stops no other target', async () => {
  const { text, way, alias } = await stuck(() => '{');
  expect(text).toBe('{');
  expect(way).toEqual(['ReadStore', 'ReadSite', 'NotReverted']);
  expect(alias).toEqual(REVERTED);
});

test('who writes in between is not overwritten: the value is read again', async () => {
  let fights = 0;
  const { left, path, routes } = await stuck(undefined, (command, { kvs }) => {
    if (command === 'UpdateKeysCommand' && ++fights <= 2) kvs.helpers.put(SITE, { routes: `[${fights}]` });
  });
  expect(path.filter((state) => state === 'RestoreSite')).toHaveLength(3);
  expect(left).toMatchObject({ s: '1', f: CLOSED });
  expect(routes).toBe('[2]');
});

test('what passes is tried again, under whatever name', async () => {
  let tries = 0;
  const { left, path } = await stuck(undefined, (command) => {
    if (command === 'UpdateKeysCommand' && ++tries === 1)
      throw awsError('SlowDownException', 'Rate exceeded', 429);
    if (command === 'GetKeyCommand' && ++tries === 3) throw awsError('InternalServerException', 'no', 500);
  });
  expect(left).toMatchObject({ s: '1', f: CLOSED });
  expect(path).not.toContain('NotReverted');
});
