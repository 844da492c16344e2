import { expect, test } from 'vitest';
import type { WatchRule } from '../../../core/analysis/types.ts';
import { type Opened, unseenBy } from '../../../core/analysis/unseen.ts';
import { plan, target } from '../rollout/given.ts';

const step = (weight: number, bakeSeconds = 600) => ({ weight, bakeSeconds, maxBakeSeconds: bakeSeconds });
const ALL: WatchRule[] = [
  { metric: 'errors', ratio: 1.5 },
  { metric: 'http5xx', ratio: 1.5 },
  { metric: 'http4xx', ratio: 1.5 },
  { metric: 'throttles', ratio: 1.5 },
  { metric: 'latency', ratio: 1.25 },
];
const held = (weight: number) =>
  plan({ steps: [step(10), { ...step(weight, 480), isHoldout: true }], verifySeconds: 120 });
const AT_ONCE = plan({ steps: [], verifySeconds: 600 });

const unseen = (more: Partial<Opened>) =>
  unseenBy({
    ...{ plan: held(95), watch: ALL, targets: [target('api')], isProbed: true, canRecall: true },
    ...{ timeouts: { api: 30 }, answerSeconds: 3600, outages: {}, ...more },
  });

test('a plan that watches everything is blind only above its holdout', () => {
  expect(unseen({})).toBe(
    'not seen by this plan: why all requests stop (it pages, and reverts after 60 min); harm that shows only above 95 % of the traffic (100 % is watched for 2 min without a control; in doubt the canary is held at 25 % for a person)',
  );
});

test.each<[string, Partial<Opened>, RegExp]>([
  [
    'each metric that no rule reads',
    { watch: [] },
    /calls that throw or time out \(no rule `errors`\); answers with a status of 500 or more \(no rule `http5xx`\); answers with a status of 400 to 499 \(no rule `http4xx`\); throttled requests \(no rule `throttles`\); slow answers \(no rule `latency`\)/,
  ],
  [
    'results that nothing checks',
    { isProbed: false },
    /: wrong results that raise no error \(no rule `custom`\)/,
  ],
  [
    'requests that run longer than anything is watched',
    { timeouts: { api: 900 } },
    /requests that run longer than 10 min \(api may run for 15 min\)/,
  ],
  [
    'what is above the second recall, in one step',
    { plan: AT_ONCE },
    /; harm that shows only above 75 % of the traffic \(100 % is watched for 10 min without/,
  ],
  [
    'what is above the last step, without recall',
    { plan: plan({ steps: [step(25)], verifySeconds: 600 }), canRecall: false },
    /; harm that shows only above 25 % of the traffic \(100 % is watched for 10 min without a control, and there is no recall\)/,
  ],
  [
    'all harm, in one step and without recall',
    { plan: AT_ONCE, canRecall: false },
    /; harm of any kind, by comparison \(100 % is watched/,
  ],
  [
    'all above the recall, if nothing is verified',
    { plan: plan({ steps: [step(50)], verifySeconds: 0 }) },
    /above 75 % of the traffic \(nothing is verified at 100 %\)/,
  ],
  [
    'a release among frequent outages, in one step',
    { plan: AT_ONCE, outages: { api: { stretches: 144, hit: 24 } } },
    /: failures that look like an outage of api \(in 24 of 144 stretches of 10 min of the last day, more than 5 % of a minute's requests failed; `steps` would compare\)/,
  ],
])('%s is named', (_, more, text) => {
  expect(unseen(more)).toMatch(text);
});

test('nobody waits for an answer where nothing is reverted by itself', () => {
  expect(unseen({ answerSeconds: undefined, canRecall: false })).toContain(
    ': why all requests stop (it pages); ',
  );
});

test('outages are named neither where they are rare nor beside steps', () => {
  expect(unseen({ plan: AT_ONCE, outages: { api: { stretches: 144, hit: 14 } } })).not.toContain('outage');
  expect(unseen({ outages: { api: { stretches: 144, hit: 100 } } })).not.toContain('outage');
});

test('a status is expected only of what answers requests, and a target is named if the others are seen', () => {
  const worker = target('worker', { source: 'invoke' });
  const watch = ALL.filter(({ metric }) => metric !== 'http5xx');
  expect(unseen({ targets: [worker], watch })).not.toContain('http5xx');
});

test('only the targets that answer requests are named where nobody reads their status', () => {
  const watch = ALL.filter(({ metric }) => metric !== 'http5xx');
  const targets = [target('api'), target('worker', { source: 'sqs' }), target('web')];
  expect(unseen({ targets, watch })).toContain(
    ': answers with a status of 500 or more (no rule `http5xx`) on api, web; why all requests stop',
  );
});

test('any percentile sees slow answers, and a rule of its own, or a probe, sees wrong results', () => {
  const p95: WatchRule[] = [...ALL.slice(0, 4), { metric: 'p95', ratio: 1.5 }];
  expect(unseen({ watch: p95 })).not.toContain('slow answers');
  const counts = { namespace: 'Shop', name: 'Orders' };
  const custom: WatchRule = { metric: 'custom.orders', ratio: 1.5, custom: { bad: counts, total: counts } };
  expect(unseen({ watch: [...ALL, custom], isProbed: false })).not.toContain('wrong results');
  expect(unseen({ watch: [custom] })).toMatch(
    /calls that throw.*; answers with.*; throttled requests.*; slow/,
  );
});

test.each<[string, Partial<Opened>, RegExp | undefined]>([
  ['as long as the longest bake', { timeouts: { api: 600 } }, undefined],
  [
    'longer than both, as the others do not',
    { timeouts: { api: 601, worker: 30, web: 900 } },
    /requests that run longer than 10 min \(api may run for 10 min, web may run for 15 min\)/,
  ],
  [
    'longer than verify, which is the longest',
    { plan: plan({ steps: [step(10, 60)], verifySeconds: 120 }), timeouts: { api: 121 } },
    /longer than 2 min \(api/,
  ],
])('of requests that may run %s is told', (_, more, text) => {
  if (text === undefined) expect(unseen(more)).not.toContain('requests that run longer');
  else expect(unseen(more)).toMatch(text);
});

test.each([
  [10, false],
  [11, true],
])('an outage in %i of 100 stretches is frequent: %s', (hit, isNamed) => {
  const outages = { web: { stretches: 100, hit: 0 }, api: { stretches: 100, hit } };
  const text = unseen({ plan: AT_ONCE, outages });
  expect(text.includes(`an outage of api (in ${hit} of 100`)).toBe(isNamed);
  expect(text).not.toContain('web');
});
