import { expect, test } from 'vitest';
import { seededRandom } from '../../local/random.ts';
import type { Model } from '../../local/services/lambda.ts';
import { crashes, type Hooks } from '../../simulation/faults.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { sampled } from '../deep.ts';
import { writing } from './planted.ts';
import { broken, faults, MINUTE, type Plot, play } from './stage.ts';

/** Answers well, but for so many of its calls: every third, from the second on, where `badOf` is 3. */
const failing = (badOf: number): Model => {
  let calls = 0;
  return () => ({ statusCode: ++calls % badOf === 2 ? 500 : 200, body: 'answered' });
};
/** A model of its own each time: the same code would be no new version. */
const good = (): Model => () => ({ statusCode: 200, body: 'fine' });

/** A service with one request a minute, and a release of it that runs code. */
const quiet = (canary: Model, probe?: object, more: Partial<Plot> = {}): Plot => ({
  requestsPerSecond: 1 / 60,
  code: good(),
  hours: 30,
  before: (stage) => void stage.lambda.helpers.publish(FUNCTION, canary),
  release: { manifest: { targets: { api: { version: '2' } } } },
  rollout: {
    steps: [{ weight: 10, bake: '5m', maxBake: '30m' }],
    verify: '12m',
    smoke: [{ get: '/health', expect: { status: 200 } }],
    ...(probe === undefined ? {} : { probe }),
  },
  ...more,
});

test('a bad release of a service with one request a minute is reverted by its probes', async () => {
  const { story, rollout, run } = await play(quiet(failing(3), { every: '2s' }));
  expect(rollout).toMatchObject({
    outcome: 'reverted',
    reason: expect.stringMatching(
      /^probes: canary \d+ of \d+ failed, stable 0 of \d+; last: GET \/health answered 500 instead of 200: answered$/,
    ),
  });
  expect(story).not.toContain('Promoted api');
  expect(rollout?.exposure?.requests).toBeLessThan(5);
  expect(faults(run)).toEqual([]);
});

test('no probe is counted among the requests of users', async () => {
  const { events, stage } = await play(quiet(good(), { every: '2s' }));
  const invocations = stage.traffic.tally[2]?.requests ?? 0;
  const totals = events.flatMap((event) =>
    event.type === 'Measured'
      ? event.verdict.findings.filter(({ metric }) => metric !== 'probes').map(({ canary }) => canary.total)
      : [],
  );
  expect(Math.max(...totals)).toBeGreaterThan(0);
  expect(Math.max(...totals)).toBeLessThanOrEqual(invocations);
});

test('a good one completes, and says that it is proven by probes', async () => {
  const { story, rollout, run } = await play(quiet(good(), { every: '2s' }));
  expect(story).toContain('Promoted api');
  expect(rollout).toMatchObject({
    outcome: 'completed',
    reason: expect.stringMatching(
      /^proven by probes: probes: canary 0 of \d+ failed, stable 0 of \d+; errors: canary/,
    ),
  });
  expect(faults(run)).toEqual([]);
});

test('without probes nobody can say: it is paused until a person decides', async () => {
  for (const model of [good(), failing(3)]) {
    const act: Plot['act'] = async (stage) => {
      await stage.saw('Paused');
      await stage.order('abort');
    };
    const { story, rollout, run } = await play(quiet(model, undefined, { act }));
    expect(story).toContain('Paused by spillway, inconclusive');
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'human' } });
    expect(faults(run)).toEqual([]);
  }
});

test('an outage that meets both versions takes no release back by its probes', async () => {
  let isOut = false;
  const failingNow = (): Model => () => ({ statusCode: isOut ? 503 : 200, body: 'answered' });
  const { rollout, run } = await play({
    ...quiet(failingNow(), { every: '2s' }),
    code: failingNow(),
    act: async (stage) => {
      await stage.saw('Measured', 2);
      isOut = true;
      await stage.saw('Measured', 4);
      isOut = false;
    },
  });
  expect(rollout?.leaving?.cause).not.toBe('canary');
  expect(faults(run)).toEqual([]);
});

test('a canary that hangs fails its probes', async () => {
  let isHanging = false;
  const hanging: Model = () => (isHanging ? new Promise(() => {}) : { statusCode: 200, body: 'answered' });
  const { rollout, run } = await play({
    ...quiet(hanging, { every: '2s' }),
    act: async (stage) => {
      await stage.saw('Shifted');
      isHanging = true;
    },
  });
  expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
  expect(rollout?.reason).toMatch(/^probes: canary \d+ of \d+ failed, stable 0 of \d+; last: /);
  expect(faults(run)).toEqual([]);
});

test('a tick that comes twice, dies or loses its answer counts no probe twice', async () => {
  for (const seed of sampled([1, 2, 3, 4, 5, 6], 6)) {
    const random = seededRandom(seed);
    const hooks = crashes(({ fn }) => fn === 'Measure' && random.next() < 0.02);
    const around: Hooks['around'] = async (fn, event, call) => {
      if (fn === 'Measure' && random.next() < 0.4) void hooks.around(fn, event, call).catch(() => {});
      return hooks.around(fn, event, call);
    };
    const { rollout, events, run } = await play(quiet(good(), { every: '2s' }, { ...hooks, around, seed }));
    expect(faults(run, { tickMs: 20 * MINUTE, outMs: 20 * MINUTE })).toEqual([]);
    const counted = events.reduce(
      (sum, event) => sum + (event.type === 'Measured' ? (event.probes?.api?.pairs ?? 0) : 0),
      0,
    );
    expect(rollout?.probes?.api?.all.pairs).toBe(counted);
    expect(counted).toBeGreaterThan(0);
  }
});

test('a checker sees probes that are counted twice', async () => {
  const twice = writing((event) => {
    const api = event.type === 'Measured' ? event.probes?.api : undefined;
    if (event.type !== 'Measured' || api === undefined) return event;
    return { ...event, probes: { api: { ...api, pairs: 2 * api.pairs } } };
  });
  const { run } = await play(quiet(good(), { every: '2s' }, { changePorts: twice }));
  expect(broken(run)).toContain('probesCountOnce');
});

test('a checker sees a completion that keeps silent about its probes', async () => {
  const silent = writing((event) =>
    event.type === 'RolloutClosed' ? { ...event, reason: event.reason.replace(' by probes', '') } : event,
  );
  const { run } = await play(quiet(good(), { every: '2s' }, { changePorts: silent }));
  expect(broken(run)).toEqual(['provenMeansMeasured']);
});

test('a checker sees a pass without any probe that says it rests on them', async () => {
  const empty = writing((event) =>
    event.type === 'Measured' && event.verdict.status === 'pass'
      ? {
          ...event,
          verdict: {
            ...event.verdict,
            findings: event.verdict.findings.map((finding) => ({
              ...finding,
              canary: { bad: 0, total: 0 },
            })),
          },
        }
      : event,
  );
  const { run } = await play(quiet(good(), { every: '2s' }, { changePorts: empty }));
  expect(broken(run)).toEqual(['zeroEvidenceNeverPasses']);
});
