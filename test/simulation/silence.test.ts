import { describe, expect, test } from 'vitest';
import type { VerdictStatus } from '../../core/analysis/types.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { sampled } from '../deep.ts';
import { writing } from './planted.ts';
import { broken, faults, HOUR, MINUTE, type Plot, play, type Stage } from './stage.ts';

/** Minutes from the first move of traffic to the first event of a type; undefined if there is none. */
function minutesTo(events: RolloutEvent[], type: RolloutEvent['type']): number | undefined {
  const first = events.find((event) => event.type === 'Shifted' || event.type === 'Promoted');
  const found = events.find((event) => event.type === type);
  return first && found && (found.at - first.at) / MINUTE;
}

/** Traffic of which each version turns a share away before it runs. */
const throttled = (rate: (version: string) => number): Plot => ({
  requestsPerSecond: 0,
  hours: 3,
  before: (stage) =>
    void stage.addTraffic({
      functionName: FUNCTION,
      requestsPerSecond: 20,
      errorRate: () => 0.001,
      throttleRate: rate,
    }),
});

describe('throttled requests', () => {
  test.each([1, 0.6, 0.2])(
    'of the canary alone revert it within minutes, if %d of them are',
    async (share) => {
      const { rollout, events, run } = await play(throttled((version) => (version === '2' ? share : 0)));
      expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
      expect(rollout?.reason).toMatch(/throttled/);
      expect(minutesTo(events, 'Reverted')).toBeLessThan(10);
      expect(faults(run)).toEqual([]);
    },
  );

  test('of both versions alike are no reason to revert', async () => {
    const { rollout, run } = await play(throttled(() => 0.2));
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });
});

test('a canary whose every answer is a 500 is reverted, if only a warmer that answers to nobody called its alias before', async () => {
  let raisedAt = Number.POSITIVE_INFINITY;
  const { rollout, run } = await play({
    requestsPerSecond: (at) => (at < raisedAt ? 0.02 : 50),
    canaries: { 2: { errors: 0, faults: 1 } },
    before: ({ cloudwatch }) => {
      const counted = cloudwatch.invocations.bind(cloudwatch);
      cloudwatch.invocations = (runs) =>
        counted(runs.minute < raisedAt ? { ...runs, faults: undefined } : runs);
    },
    act: async (stage) => {
      await stage.saw('Shifted');
      raisedAt = stage.clock.now();
    },
  });
  expect(rollout?.opening.notices.join()).toContain('http5xx and http4xx are not watched so far');
  expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
  expect(faults(run)).toEqual([]);
});

/** Callers who make so many requests a second, depending on which version serves and with which weight. */
function callers(rate: (weight: number) => number): Plot {
  let stage: Stage | undefined;
  const weight = () => {
    if (stage === undefined) return 0;
    const { primary, weights } = stage.alias();
    return primary === '2' ? 100 : (weights['2'] ?? 0);
  };
  return {
    hours: 4,
    before: (made) => {
      stage = made;
    },
    requestsPerSecond: () => rate(weight()),
  };
}

const PROBES = { smoke: [{ get: '/health', expect: { status: 200 } }], probe: { every: '2s' } };

/** A person who aborts once the rollout waits for one. */
async function abortsOnceAsked(stage: Stage): Promise<void> {
  await stage.saw('Paused');
  await stage.order('abort');
}

/** What a rollout waited for a person for. */
const pausedFor = (events: RolloutEvent[]) =>
  events.flatMap((event) => (event.type === 'Paused' ? [event.reason] : [])).join();

/** Silence of a canary that serves alone returns it to 5 % within minutes, each time that it returns; the third time a person finds it there, and aborts. */
async function heldBySilence(plot: Plot) {
  let weights: Record<string, number> | undefined;
  const played = await play({
    ...plot,
    act: async (stage) => {
      await stage.event((event) => event.type === 'Paused' && event.why === 'doubt');
      await stage.clock.sleep(MINUTE);
      weights = stage.alias().weights;
      await stage.order('abort');
    },
  });
  const { rollout, events, run } = played;
  const recalls = events.flatMap((event) => (event.type === 'RecallOrdered' ? [event] : []));
  expect(recalls).toHaveLength(3);
  for (const { reason } of recalls) expect(reason).toMatch(/requests? came in .*, where about .* were due/);
  expect(minutesTo(events, 'RecallOrdered')).toBeLessThan(20);
  expect(weights).toEqual({ 2: 5 });
  expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'human' } });
  expect(faults(run)).toEqual([]);
}

describe('requests that stop', () => {
  test('from the first raise on are never called health: it is broken, pauses, and ends', async () => {
    const { rollout, events, run } = await play(callers((weight) => (weight > 0 ? 0 : 20)));
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'timeout' } });
    expect(rollout?.reason).toMatch(/requests? came in .*, where about .* were due/);
    expect(events.find((event) => event.type === 'Paused')).toMatchObject({ why: 'broken' });
    expect(minutesTo(events, 'Paused')).toBeLessThan(20);
    expect(faults(run)).toEqual([]);
  });

  test.each([
    ['once the canary serves alone', callers((weight) => (weight === 100 ? 0 : 20))],
    ['almost, once the canary serves alone', callers((weight) => (weight === 100 ? 0.6 : 20))],
    [
      'once a canary serves alone that went to 100 % at once',
      {
        ...callers((weight) => (weight === 100 ? 0 : 20)),
        rollout: { steps: undefined, strategy: 'all-at-once', verify: '10m' },
      },
    ],
  ] satisfies [string, Plot][])(
    '%s are never called health: a recall ends them, and the third one waits for a person',
    (_, plot) => heldBySilence(plot),
  );

  test('in a recall, too, are not the doing of the canary: it is broken, pauses, and goes on once they come again', async () => {
    let silentFrom = Number.POSITIVE_INFINITY;
    const { rollout, events, story, run } = await play({
      requestsPerSecond: (at) => (at >= silentFrom && at < silentFrom + 45 * MINUTE ? 0 : 20),
      act: async (stage) => {
        await stage.saw('Promoted');
        silentFrom = stage.clock.now();
      },
    });
    expect(events.filter(({ type }) => type === 'RecallOrdered')).toHaveLength(1);
    expect(story).toContain('Paused by spillway, broken');
    expect(story).toContain('Resumed by spillway');
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });

  test('once it serves alone are not made up for by probes', async () => {
    const plot = callers((weight) => (weight === 100 ? 0 : 20));
    await heldBySilence({
      ...plot,
      code: () => ({ statusCode: 200, body: 'fine' }),
      before: async (stage) => {
        await plot.before?.(stage);
        stage.lambda.helpers.publish(FUNCTION, () => ({ statusCode: 200, body: 'better' }));
      },
      release: { manifest: { targets: { api: { version: '2' } } } },
      rollout: PROBES,
    });
  });

  test('from the first raise on are not made up for by probes', async () => {
    const plot = callers((weight) => (weight > 0 ? 0 : 20));
    const { rollout, events, run } = await play({
      ...plot,
      code: () => ({ statusCode: 200, body: 'fine' }),
      before: async (stage) => {
        await plot.before?.(stage);
        stage.lambda.helpers.publish(FUNCTION, () => ({ statusCode: 200, body: 'better' }));
      },
      release: { manifest: { targets: { api: { version: '2' } } } },
      rollout: PROBES,
    });
    expect(events.map(({ type }) => type)).toContain('Shifted');
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'timeout' } });
    expect(faults(run)).toEqual([]);
  });

  test('go on by themselves once they come again', async () => {
    let until = Number.POSITIVE_INFINITY;
    const plot = callers((weight) => (weight === 100 ? 0 : 20));
    let stage: Stage | undefined;
    const { rollout, events } = await play({
      ...plot,
      before: (made) => {
        stage = made;
        return plot.before?.(made);
      },
      requestsPerSecond: (at) => {
        const isAlone = stage?.alias().primary === '2';
        if (isAlone) until = Math.min(until, at + 20 * MINUTE);
        return isAlone && at < until ? 0 : 20;
      },
    });
    const count = (type: RolloutEvent['type']) => events.filter((event) => event.type === type).length;
    expect(
      ['RecallOrdered', 'RecallEnded', 'Paused'].map((type) => count(type as RolloutEvent['type'])),
    ).toEqual([2, 2, 0]);
    expect(rollout?.outcome).toBe('completed');
  });

  test.each<[string, (at: number) => number]>([
    [
      'fall to a tenth within a quarter of an hour',
      (at) => Math.max(2, 20 - (18 * Math.max(0, at - 25 * MINUTE)) / (15 * MINUTE)),
    ],
    ['come five minutes in an hour only', (at) => (at % HOUR < 5 * MINUTE ? 20 : 0)],
    ['are a few in an hour', () => 0.003],
  ])('for a good reason stop no release: they %s', async (_, rate) => {
    const start = { at: 0 };
    const { rollout, run } = await play({
      before: (stage) => {
        start.at = stage.clock.now();
      },
      warmMinutes: 130,
      requestsPerSecond: (at) => rate(at - start.at - 110 * MINUTE),
      hours: 20,
      rollout: { onInconclusive: 'promote' },
    });
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });
});

describe('requests that AWS counts nowhere', () => {
  test.each<[string, Plot]>([
    ['all of the canary, from its first one on', { canaries: { 2: { uncounted: 1 } } }],
    ['nine in ten of the canary', { canaries: { 2: { uncounted: 0.9 } } }],
    [
      'all of the canary, from 50 % on',
      { canaries: { 2: { uncounted: (_, __, weight) => (weight < 50 ? 0 : 1) } } },
    ],
  ])('are evidence against it within minutes, since those of stable are counted: %s', async (_, plot) => {
    const { rollout, events, run } = await play({ ...plot, requestsPerSecond: 20, hours: 3 });
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(rollout?.reason).toMatch(/traffic: canary [\d,]+ of [\d,]+ requests, about [\d,]+ were due/);
    // One that loses nothing at the weight of a wait waits there once.
    expect(minutesTo(events, 'Reverted')).toBeLessThan(
      events.some(({ type }) => type === 'RecallOrdered') ? 45 : 25,
    );
    expect(faults(run)).toEqual([]);
  });

  test('8 % of the canary at each weight are never called proven: it is suspect, and pauses', async () => {
    const { rollout, events } = await play({
      hours: 1,
      canaries: { 2: { uncounted: (_, __, weight) => (weight > 0 ? 0.08 : 0) } },
      rollout: {
        steps: [
          { weight: 5, bake: '5m' },
          { weight: 25, bake: '5m' },
        ],
        verify: '5m',
      },
    });
    expect(rollout?.outcome).toBeUndefined();
    expect(events.find((event) => event.type === 'Paused')).toMatchObject({ why: 'suspect' });
    expect(rollout?.suspicion).toContain('were counted nowhere');
  });

  test('8 % of the canary that no single step shows are seen by all steps together', async () => {
    for (const seed of sampled([1, 2, 3, 4], 4)) {
      const { rollout } = await play({
        seed,
        requestsPerSecond: 20,
        hours: 2,
        canaries: { 2: { uncounted: (_, __, weight) => (weight > 0 ? 0.08 : 0) } },
        rollout: {
          steps: [5, 25, 50].map((weight) => ({ weight, bake: '10m' })),
          verify: '5m',
        },
      });
      expect(rollout?.reason ?? '', `seed ${seed}`).not.toMatch(/^proven/);
      expect(rollout?.suspicion, `seed ${seed}`).toContain('were counted nowhere');
    }
  });

  test('what is too few to be seen is named by the outcome that calls the release proven', async () => {
    const { rollout, events } = await play({ requestsPerSecond: 20, hours: 2, canaries: {} });
    const text = /uncounted losses below \d+ % of the canary's requests are not visible/;
    expect(rollout?.reason).toMatch(/^proven: /);
    expect(rollout?.reason).toMatch(text);
    expect(events[0]).toMatchObject({ outlook: expect.arrayContaining([expect.stringMatching(text)]) });
  });

  test('60 % of them while the canary serves alone are not taken for the night: two recalls, and then a person', async () => {
    const { rollout, events } = await play({
      hours: 4,
      canaries: { 2: { uncounted: (_, __, weight) => (weight === 100 ? 0.6 : 0) } },
      act: abortsOnceAsked,
    });
    expect(pausedFor(events)).toContain('after promotion, where about');
    expect(rollout?.outcome).toBe('reverted');
  });

  test.each([
    ['all', 1],
    ['97 %', 0.97],
  ])(
    '%s of them once the canary serves alone, never complete: a recall ends them, and the third one waits for a person',
    (_, share) =>
      heldBySilence({
        requestsPerSecond: 20,
        hours: 4,
        canaries: { 2: { uncounted: (_version, _at, weight) => (weight === 100 ? share : 0) } },
      }),
  );

  test.each([
    ['all', 1],
    ['97 %', 0.97],
  ])('%s of them from the holdout on, are evidence against the canary', async (_, share) => {
    const { rollout, run } = await play({
      requestsPerSecond: 20,
      hours: 4,
      canaries: { 2: { uncounted: (_version, _at, weight) => (weight > 50 ? share : 0) } },
      rollout: { verify: '30m' },
    });
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(faults(run)).toEqual([]);
  });

  test('are also missed where only counts of the function itself are watched', async () => {
    const { rollout } = await play({
      requestsPerSecond: 20,
      hours: 4,
      canaries: { 2: { uncounted: 1 } },
      rollout: { watch: { http5xx: '1.5x' } },
    });
    expect(rollout?.outcome).toBe('reverted');
  });
});

describe('counts that are late', () => {
  const late = (version: string | undefined, ms: number, share = 1): Plot => ({
    requestsPerSecond: 20,
    hours: 6,
    rollout: {
      steps: [
        { weight: 10, bake: '3m', maxBake: '30m' },
        { weight: 50, bake: '3m', maxBake: '30m' },
      ],
    },
    lateness: (of) => (version === undefined || of === version ? { share, ms } : undefined),
  });

  test.each(
    sampled(
      [
        ['both versions, 12 minutes', late(undefined, 12 * MINUTE)],
        ['the canary alone, 3 minutes', late('2', 3 * MINUTE)],
        ['the canary alone, 8 minutes', late('2', 8 * MINUTE)],
        ['the canary alone, half of them by 4 minutes', late('2', 4 * MINUTE, 0.5)],
        ['stable alone, 4 minutes', late('1', 4 * MINUTE)],
        ['stable alone, 8 minutes', late('1', 8 * MINUTE)],
      ],
      3,
    ),
  )('are waited for, and the release completes by itself: %s', async (_, plot) => {
    const { rollout, run } = await play(plot);
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });
});

describe('counts of one version that come late each time', () => {
  test.each(
    sampled(
      [
        ['1', 1],
        ['2', 1],
        ['1', 3],
        ['1', 4],
      ],
      2,
    ),
  )('page nobody, and the release completes by itself: version %s, %i min', async (version, minutes) => {
    const { rollout, events, run } = await play({
      requestsPerSecond: 50,
      hours: 3,
      rollout: { verify: '10m' },
      lateness: (of) => (of === version ? { share: 1, ms: minutes * MINUTE } : undefined),
    });
    expect(rollout).toMatchObject({ outcome: 'completed', reason: expect.stringMatching(/^proven/) });
    expect(events.map(({ type }) => type)).not.toContain('Paused');
    expect(faults(run)).toEqual([]);
  });
});

describe('a canary of which nothing is counted while stable is', () => {
  const steps = [
    { weight: 5, bake: '5m', maxBake: '30m' },
    { weight: 50, bake: '10m', maxBake: '30m' },
  ];
  const waitOf = (events: RolloutEvent[]) =>
    events.flatMap((event) => (event.type === 'RecallOrdered' ? [event] : []));

  test.each(
    sampled(
      [
        ['a later step', 50],
        ['the holdout', 75],
        ['100 %, where silence recalls it', 100],
      ],
      3,
    ),
  )('waits at a low weight if that begins at %s, and is reverted once it cannot be late', async (_, from) => {
    let isLost = false;
    const uncounted = (_version: string, _at: number, weight: number) => {
      isLost ||= weight >= from;
      return isLost ? 1 : 0;
    };
    const { rollout, events, run } = await play({
      requestsPerSecond: 20,
      hours: 3,
      canaries: { 2: { uncounted } },
      rollout: { steps },
    });
    expect(waitOf(events)[0]).toMatchObject({
      ...(from < 100 ? { weight: 1, nth: 0, waitsFor: 'api' } : { weight: 5, nth: 1 }),
    });
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(faults(run)).toEqual([]);
  });

  test('returns by itself once its counts come, and completes', async () => {
    let since = Number.POSITIVE_INFINITY;
    const { rollout, events, run } = await play({
      requestsPerSecond: 20,
      hours: 5,
      rollout: { steps },
      before: (stage) => {
        since = stage.clock.now() + 30 * MINUTE;
      },
      lateness: (version, at) =>
        version === '2' && at > since && at < since + 20 * MINUTE ? { share: 1, ms: 6 * MINUTE } : undefined,
    });
    expect(waitOf(events)).toMatchObject([{ nth: 0, weight: 1, waitsFor: 'api' }]);
    expect(events.find(({ type }) => type === 'RecallEnded')).toMatchObject({
      reason: "the canary's requests are counted again",
    });
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });
});

describe('a function whose time-out is longer than its bakes', () => {
  const slow: Plot = {
    timeoutSeconds: 900,
    requestsPerSecond: 50,
    hours: 30,
    rollout: {
      steps: [
        { weight: 10, bake: '5m' },
        { weight: 50, bake: '5m' },
      ],
      verify: '5m',
    },
  };
  const NOTICE =
    /api has a time-out of 15 min.*the step at 10 % \(5 min\).*verify \(5 min\).*Lower the function's Timeout, or write `bake: 16m`/;

  test('is named at the opening, with the steps and the fix, and what is called proven names it', async () => {
    const { rollout, run } = await play(slow);
    expect(rollout?.opening.notices.join('\n')).toMatch(NOTICE);
    expect(rollout).toMatchObject({ outcome: 'completed' });
    expect(rollout?.reason).toMatch(
      /^proven: .*what runs for longer than 6 min is not counted in it: api may run for 15 min; api: uncounted losses/,
    );
    expect(faults(run)).toEqual([]);
  });

  test('is not passed while a tenth of the requests that were due hang, and reverted once they are counted', async () => {
    const { rollout, events, run } = await play({ ...slow, canaries: { 2: { hanging: 0.1 } } });
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    const waited = events.flatMap((event) => (event.type === 'Measured' ? [event.verdict.reason] : []));
    expect(waited.join('\n')).toMatch(
      /about [\d,]+ of its requests have not been counted yet: they may run for 15 min/,
    );
    expect(events.map(({ type }) => type)).not.toContain('Promoted');
    expect(faults(run)).toEqual([]);
  });

  test.each([1, 3])('is not what a time-out of %d s is', async (timeoutSeconds) => {
    const { rollout } = await play({ ...slow, timeoutSeconds });
    expect(rollout?.opening.notices.join('\n')).not.toMatch(/time-out/);
    expect(rollout?.reason).not.toMatch(/not counted/);
  });
});

describe('a canary that leaks memory and answers more and more slowly, until its callers make a tenth of the requests', () => {
  /** From the first request at this weight on. */
  const leak = (minutes: number, from: number): Plot => {
    let first: number | undefined;
    return {
      requestsPerSecond: 20,
      hours: 30,
      canaries: {
        2: {
          unasked: (_, at, weight) => {
            if (weight < from) return 0;
            first ??= at;
            return Math.min(0.9, (at - first) / (minutes * MINUTE));
          },
        },
      },
    };
  };

  test('is reverted by the requests that it does not get, while stable gets its own', async () => {
    const { rollout, run } = await play(leak(15, 0));
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(faults(run)).toEqual([]);
  });

  test('is not called proven if it does so only once it serves alone', async () => {
    const { rollout, events, run } = await play({
      ...leak(8, 100),
      rollout: { verify: '50m' },
      act: abortsOnceAsked,
    });
    expect(rollout?.outcome).toBe('reverted');
    expect(pausedFor(events)).toMatch(
      /only [\d,]+ requests came in the 60 s after promotion, where about [\d,]+ were due/,
    );
    expect(faults(run)).toEqual([]);
  });
});

/** A controller that writes other verdicts down than it gave. */
const deluded = (status: (given: VerdictStatus) => VerdictStatus) =>
  writing((event) => {
    if (event.type === 'Paused' || event.type === 'RecallOrdered') return [];
    if (event.type !== 'Measured') return event;
    const findings = event.verdict.findings.map((finding) =>
      finding.metric === 'traffic' ? { ...finding, status: status(finding.status) } : finding,
    );
    const { doubt: _, ...said } = event.verdict;
    return { ...event, verdict: { ...said, findings, status: status(said.status) } };
  });

test('a checker sees a judge that calls requests that stopped health', async () => {
  const bug = await play({
    ...callers((weight) => (weight === 100 ? 0 : 20)),
    rollout: { verify: '5m' },
    changePorts: deluded((given) => (given === 'broken' ? 'inconclusive' : given)),
  });
  expect(bug.rollout?.outcome).toBe('completed');
  expect(broken(bug.run)).toContain('silenceNeverCompletes');
});

test('no checker takes a rollout for silent that waited beyond its verify until its requests came again', async () => {
  let silentFrom = Number.POSITIVE_INFINITY;
  const { rollout, run } = await play({
    requestsPerSecond: (at) => (at >= silentFrom && at < silentFrom + 13 * MINUTE ? 0 : 20),
    rollout: { steps: [{ weight: 36, bake: '2m' }], verify: '3m', recall: 'off', onInconclusive: 'promote' },
    act: async (stage) => {
      await stage.saw('Shifted', 2);
      await stage.saw('Measured', 2);
      silentFrom = stage.clock.now() + MINUTE;
    },
  });
  expect(rollout?.outcome).toBe('completed');
  expect(faults(run)).toEqual([]);
});

test('a checker sees a judge that blames a canary because the counts of stable are late, and nothing without that judge', async () => {
  const late: Plot = {
    requestsPerSecond: 20,
    hours: 2,
    lateness: (version) => (version === '1' ? { share: 1, ms: 6 * MINUTE } : undefined),
  };
  const blaming = deluded((given) => (given === 'broken' ? 'fail' : given));
  expect(broken((await play(late)).run)).toEqual([]);
  expect(broken((await play({ ...late, changePorts: blaming })).run)).toContain('lateNeverBlames');
});
