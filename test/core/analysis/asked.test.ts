import { expect, test } from 'vitest';
import { FAILURE_BETS, LATENCY_BETS } from '../../../core/analysis/evidence.ts';
import {
  type Asked,
  countsIn,
  isCounted,
  questionOf,
  servesAlone,
  sides,
  sinceFolded,
} from '../../../core/analysis/finding/asked.ts';
import { percentilesOf, talliesOf } from '../../../core/analysis/finding/tally.ts';
import { LATENCY_ODDS } from '../../../core/analysis/latency.ts';
import type { Part } from '../../../core/analysis/parts.ts';
import { settle } from '../../../core/analysis/settled.ts';
import type { Metric, Spread, SpreadWindow, WatchRule } from '../../../core/analysis/types.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { minute, onFirstStep, plan, stateAfter, target } from '../rollout/given.ts';
import { window } from './given.ts';

const ruleOf = (metric: Metric, more: object = { ratio: 1.5 }) => ({ metric, ...more }) as WatchRule;
const askedOf = (rule: WatchRule, more: object = {}) =>
  ({ trial: trialOf(stateAfter(onFirstStep())), rule, target: target(), ...more }) as Asked;

test.each<[WatchRule, object]>([
  [ruleOf('errors'), { w0: 1.5, bets: FAILURE_BETS }],
  [ruleOf('errors', { share: 0.1 }), { w0: 1, bets: FAILURE_BETS }],
  [ruleOf('latency', { ratio: 3 }), { w0: LATENCY_ODDS, bets: LATENCY_BETS }],
  [ruleOf('p99', { ratio: 3 }), { w0: LATENCY_ODDS, bets: LATENCY_BETS }],
])('%j is bet on with %j, whatever its part, over the minutes planned', (rule, question) => {
  const clustering = target().traits;
  // Two steps of ten minutes at the longest, each with a minute to settle.
  expect(questionOf(askedOf(rule))).toMatchObject({ ...question, planned: 22, clustering, head: undefined });
  const part: Part = { name: 'recall', stake: 0.2, planned: 30, head: 0.5, bets: [7] };
  expect(questionOf(askedOf(rule), part)).toMatchObject({
    ...{ ...question, planned: 30, head: 0.5 },
    ...((question as { w0: number }).w0 === LATENCY_ODDS ? {} : { bets: [7] }),
  });
});

test('windows are those since the fold, its end included, and all of them without one', () => {
  const windows = [1, 2, 3].map((at) => window(at, [0, 1]));
  const folded = { end: minute(2), from: minute(1), targets: {} };
  expect(sinceFolded(askedOf(ruleOf('errors'), { folded }), windows)).toEqual(windows.slice(1));
  expect(sinceFolded(askedOf(ruleOf('errors')), windows)).toEqual(windows);
});

test('counts are taken where the canary was counted, and those of stable that are not there are none', () => {
  expect(countsIn([window(1, [1, 10], [2, 90]), window(2, undefined, [2, 90]), window(3, [0, 0])])).toEqual([
    { start: minute(1), c: 1, nc: 10, s: 2, ns: 90 },
    { start: minute(3), c: 0, nc: 0, s: 0, ns: 0 },
  ]);
  expect(sides([window(1, [1, 10], [2, 90])], [window(2, [5, 50], [3, 30]), window(3)])).toEqual({
    canary: { bad: 1, total: 10 },
    stable: { bad: 3, total: 30 },
  });
});

test('a target is served alone at 100 % of its own traffic, whatever that of others', () => {
  const at = (traffic: object) =>
    servesAlone(askedOf(ruleOf('errors'), { trial: { ...trialOf(stateAfter(onFirstStep())), traffic } }));
  expect(at({ api: { weight: 100 }, worker: { weight: 10 } })).toBe(true);
  expect(at({ api: { weight: 99 }, worker: { weight: 100 } })).toBe(false);
  expect(at({})).toBe(false);
});

test('a step counts requests if its plan says how many', () => {
  const step = { weight: 10, bakeSeconds: 60, maxBakeSeconds: 600 };
  const on = (...steps: object[]) =>
    isCounted(trialOf(stateAfter(onFirstStep({ plan: plan({ steps: steps as (typeof step)[] }) }))));
  expect(on({ ...step, untilRequests: 1 }, step)).toBe(true);
  expect(on(step, { ...step, untilRequests: 1 })).toBe(false);
});

test.each<['latency' | `p${number}`, number[]]>([
  ['latency', [90, 50, 99]],
  ['p50', [50]],
  ['p99', [99]],
])('%s is told at the percentiles %j', (metric, percentiles) => {
  expect(percentilesOf(metric)).toEqual(percentiles);
});

const spread = (total: number): Spread => ({
  ...{ total, edges: [10, 20, 40, 80, 160] },
  over: [0.6, 0.3, 0.08, 0.008, 0].map((share) => Math.round(share * total)),
});
const minutes = (from: number, to: number, each: (start: number) => Omit<SpreadWindow, 'start'>) =>
  Array.from({ length: to - from }, (_, nth) => ({ start: minute(from + nth), ...each(from + nth) }));
const past = minutes(-15, -1, () => ({ stable: spread(1_000) }));
const since = minutes(1, 5, () => ({ canary: spread(100), stable: spread(900) }));

test('what a rule is judged by has the key of its evidence', () => {
  const keys = (rule: WatchRule, latency: SpreadWindow[] = [...past, ...since], more = {}) => {
    const settled = settle({ errors: [window(1, [0, 9])], latency });
    const { told, slowness } = talliesOf(askedOf(rule, more), settled);
    return [told.map(({ key }) => key), slowness?.windows.map(({ start }) => (start - minute(0)) / 60_000)];
  };
  expect(keys(ruleOf('errors'))).toEqual([['errors'], undefined]);
  // The minutes in which environments are new are left out.
  expect(keys(ruleOf('p50'))).toEqual([['p50@50'], [2, 3, 4]]);
  expect(keys(ruleOf('latency'))).toEqual([
    ['latency@90', 'latency@50', 'latency@99'],
    [2, 3, 4],
  ]);
  expect(keys(ruleOf('latency'), since)).toEqual([[], undefined]);
  expect(keys(ruleOf('p50'), since)).toEqual([[], undefined]);
  expect(keys(ruleOf('p99'), past.slice(0, 1))).toEqual([['p99@99'], []]);
  const folded = { end: minute(3), from: minute(1), targets: { api: { history: [spread(9_000)] } } };
  expect(keys(ruleOf('latency'), since, { folded })).toEqual([
    ['latency@90', 'latency@50', 'latency@99'],
    [3, 4],
  ]);
  const sticky = { target: target('api', { traits: { ...target().traits, isSticky: true } }) };
  expect(keys(ruleOf('latency'), undefined, sticky)).toEqual([
    ['latency@90', 'latency@50', 'latency@99'],
    undefined,
  ]);
});

test('a metric that was not read is judged by nothing', () => {
  expect(talliesOf(askedOf(ruleOf('errors')), settle({})).told).toEqual([
    { key: 'errors', believed: { windows: [], unknown: new Map(), skipped: [] } },
  ]);
  expect(talliesOf(askedOf(ruleOf('latency')), settle({}))).toEqual({ told: [] });
});
