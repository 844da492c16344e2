import { describe, expect, test } from 'vitest';
import { holdoutOf, requiredInVerify } from '../../../core/analysis/holdout.ts';
import { failurePastOf } from '../../../core/analysis/past.ts';
import { pastFrom } from '../../../core/analysis/silence.ts';
import type { Alarm, Metric, Series } from '../../../core/analysis/types.ts';
import type { Manifest } from '../../../core/config/manifest.ts';
import { RolloutError } from '../../../core/errors.ts';
import type { ResolvedTarget } from '../../../core/ports.ts';
import { checkAtDoor, checkOrder, type Found, open } from '../../../core/rollout/open.ts';
import { deadlineOf } from '../../../core/rollout/timing.ts';
import { rolloutFileFrom } from '../../formats.ts';
import { leastFile } from '../config/files.ts';
import { BOTH, both, found, identity, manifest, openedBy, refusal, resolved } from './found.ts';
import { minute, target } from './given.ts';

const NO_PAST = { mean: 0, strength: 0, worst: [0, 0, 0], ever: 0 };

test('a rollout opens with everything that it will need, frozen', () => {
  expect(openedBy({ manifest: manifest({}, { commit: 'abc', author: 'ada' }) })).toEqual({
    type: 'RolloutOpened',
    at: minute(0),
    ...identity,
    order: 8,
    commit: 'abc',
    author: 'ada',
    targets: [target()],
    digests: { api: 'code of 8' },
    made: { api: { version: '8', code: 'code of 8' } },
    plan: {
      steps: [
        { weight: 10, bakeSeconds: 300, maxBakeSeconds: 900 },
        { weight: 75, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true },
      ],
      verifySeconds: 120,
      warmUpSeconds: 60,
      onInconclusive: 'pause',
    },
    hooks: [],
    gates: [],
    limits: [],
    reversible: true,
    watch: [
      { metric: 'errors', ratio: 1.5 },
      { metric: 'http5xx', ratio: 1.5 },
      { metric: 'http4xx', ratio: 1.5 },
      { metric: 'throttles', ratio: 1.5 },
    ],
    alarms: [],
    settleSeconds: 63,
    usual: { api: { errors: NO_PAST, http5xx: NO_PAST, http4xx: NO_PAST, throttles: NO_PAST } },
    running: 0,
    deadline: deadlineOf(openedBy().plan, 63, minute(0)),
    notices: [],
    outlook: [expect.stringMatching(/^not seen by this plan: /)],
  });
});

describe('a target whose canary serves already', () => {
  const smoke = [
    { target: 'api', get: '/health', expect: { status: 200 } },
    { target: 'worker', get: '/health', expect: { status: 200 } },
  ];

  const besideChange = (service: Found['service']) =>
    openedBy({
      manifest: manifest({ targets: BOTH, smoke }),
      targets: both({ canary: '7' }, {}),
      service,
    });

  test('is left out, with its smoke tests, if this controller completed it', () => {
    const made = { api: { version: '7' }, worker: { version: '2' } };
    const event = besideChange({
      completed: { release: 'r7', order: 7, rolloutId: 'checkout-api--r7--1', made },
    });
    expect(event.targets.map(({ name }) => name)).toEqual(['worker']);
    expect(event.hooks.map((hook) => hook.target)).toEqual(['worker']);
    expect(event.adopted).toBeUndefined();
  });

  test('is asked, and keeps the release from being called proven, if this controller never completed it', () => {
    const event = besideChange({});
    expect(event.targets.map(({ name }) => name)).toEqual(['worker']);
    expect(event.hooks.map((hook) => hook.target)).toEqual(['api', 'worker']);
    expect(event.adopted?.reason).toContain('api served version 7 before this release came');
    expect(event.adopted?.beside?.map(({ name }) => name)).toEqual(['api']);
  });

  test('leaves nothing to do where it is so for all of them', () => {
    const targets = both({ canary: '7' }, { stable: '3', canary: '3' });
    const made = { api: { version: '7' }, worker: { version: '3' } };
    const service = { completed: { release: 'r7', order: 7, rolloutId: 'checkout-api--r7--1', made } };
    expect(open(found({ manifest: manifest({ targets: BOTH }), targets, service }), minute(0))).toEqual([
      {
        type: 'RolloutDeclined',
        at: minute(0),
        ...identity,
        outcome: 'completed',
        reason: 'already serving: api is at version 7, worker is at version 3',
      },
    ]);
  });
});

describe('a release in quarantine', () => {
  const bad = (release: string, versions: Record<string, string>) => ({
    release,
    rolloutId: `checkout-api--${release}--1`,
    reason: 'errors went up',
    made: Object.fromEntries(Object.entries(versions).map(([name, version]) => [name, { version }])),
  });

  test('is refused under its own name, also with other versions', () => {
    expect(refusal({ service: { quarantined: [bad('r8', { api: '5' })] } })).toBe(
      'release r8 was reverted as checkout-api--r8--1 (errors went up); upload a fixed release, or run retry checkout-api--r8--1 to release it anyway.',
    );
  });

  test('is refused under another name, by the versions of all targets', () => {
    expect(refusal({ service: { quarantined: [bad('r3', {}), bad('r4', { api: '8' })] } })).toContain(
      'which was reverted as checkout-api--r4--1',
    );
    const two = { manifest: manifest({ targets: BOTH }), targets: both({}, { stable: '3', canary: '4' }) };
    expect(refusal({ ...two, service: { quarantined: [bad('r4', { api: '8', worker: '4' })] } })).toContain(
      'r4',
    );
    const repaired = { quarantined: [bad('r4', { api: '8', worker: '3' })] };
    expect(openedBy({ ...two, service: repaired }).type).toBe('RolloutOpened');
  });

  test('holds nothing against other versions, nor against one that is not published yet', () => {
    expect(openedBy({ service: { quarantined: [bad('r4', { api: '5' })] } }).type).toBe('RolloutOpened');
    const unpublished = [resolved({ target: target('api', { canary: '' }) })];
    const service = { quarantined: [bad('r4', { api: '' })] };
    expect(openedBy({ targets: unpublished, service }).type).toBe('RolloutOpened');
  });
});

describe('at the door, before anything is looked up', () => {
  const bad = { release: 'r4', rolloutId: 'checkout-api--r4--1', reason: 'errors went up' };
  const zip = { zip: { bucket: 'b', key: 'k', versionId: 'v', sha256: 'code of 8' } };
  const made = (...versions: [name: string, version: string][]) =>
    Object.fromEntries(versions.map(([name, version]) => [name, { version }]));
  const said = (
    targets: Manifest['targets'],
    blamed: ReturnType<typeof made>,
    serving?: ReturnType<typeof made>,
    more: Partial<Manifest> = {},
  ): string | undefined => {
    const completed = { release: 'r7', order: 7, ...(serving ? { made: serving } : {}) };
    const service = { quarantined: [{ ...bad, made: blamed }], ...(serving ? { completed } : {}) };
    try {
      checkAtDoor(identity, manifest({}, { targets, ...more }), service);
      return undefined;
    } catch (error) {
      expect(RolloutError.is(error, 'OpeningRefused')).toBe(true);
      return (error as Error).message;
    }
  };
  const [api8, worker4] = [{ version: '8' }, { version: '4' }];

  test('an artifact in quarantine is refused, with what to do if it serves already', () => {
    expect(said({ api: api8 }, made(['api', '8']))).toBe(
      'release r8 has the same artifacts (api version 8) as release r4, which was reverted as checkout-api--r4--1 (errors went up); if it serves already, something else put it there: point its target back to a good version; upload a fixed release, or run retry checkout-api--r8--1 to release it anyway.',
    );
  });

  test.each<[string, boolean, Manifest['targets'], ReturnType<typeof made>, ReturnType<typeof made>?]>([
    ['another version', false, { api: api8 }, made(['api', '7'])],
    ['what this controller completed itself', false, { api: api8 }, made(['api', '8']), made(['api', '8'])],
    ['a version that replaces another', true, { api: api8 }, made(['api', '8']), made(['api', '7'])],
    ['a target that never completed', true, { api: api8 }, made(['api', '8']), made(['worker', '3'])],
    ['a zip, whose configuration is not known here', false, { api: zip }, made(['api', '8'])],
    ['a zip beside it', false, { api: api8, worker: zip }, made(['api', '8'], ['worker', '4'])],
    ['all that was blamed', true, { api: api8, worker: worker4 }, made(['api', '8'], ['worker', '4'])],
    ['half of what was blamed', false, { api: api8, worker: worker4 }, made(['api', '8'], ['worker', '5'])],
    [
      'half of what was blamed, where the other half stays as it is',
      true,
      { api: api8, worker: worker4 },
      made(['api', '8'], ['worker', '5']),
      made(['worker', '4']),
    ],
  ])('%s: %s', (_what, isRefused, targets, blamed, serving) => {
    expect(said(targets, blamed, serving) !== undefined).toBe(isRefused);
  });

  test('a release that is not newer is refused', () => {
    expect(said({ api: api8 }, {}, made(['api', '7']), { order: 7 })).toMatch(
      /^order: release r8 has order 7/,
    );
  });
});

test('a release that is older than the one under way does not wait behind it, unless that is on purpose', () => {
  const underWay = { release: 'r9', order: 9 };
  const mine = { release: 'r8', order: 8, allowOlder: false };
  const run = (change = {}) => checkOrder({ ...mine, ...change }, {}, underWay);
  expect(run).toThrow(/order: release r8 has order 8, but r9, which is under way, has 9/);
  expect(() => run({ order: 10 })).not.toThrow();
  expect(() => run({ allowOlder: true })).not.toThrow();
});

describe('the order of releases', () => {
  const other = (order: number) => ({
    release: 'r9',
    order,
    rolloutId: 'checkout-api--r9--1',
    attempt: 1,
    manifest: identity.manifest,
  });

  test('lets a newer release in', () => {
    expect(openedBy({ service: { completed: other(7), waiting: other(7) } }).order).toBe(8);
  });

  test.each([8, 9])('refuses a release that is not newer than the one with order %d', (order) => {
    expect(refusal({ service: { completed: other(order) } })).toBe(
      `order: release r8 has order 8, but r9, which is serving, has ${order}; upload a newer release, or set "allowOlder": true to go back on purpose.`,
    );
    expect(refusal({ service: { waiting: other(order) } })).toContain('r9, which is waiting');
  });

  test('lets an older release in where that is on purpose', () => {
    const allowed = manifest({}, { allowOlder: true });
    expect(openedBy({ manifest: allowed, service: { completed: other(9) } }).order).toBe(8);
  });

  test('does not hold a release against itself', () => {
    const itself = { ...other(8), release: 'r8' };
    expect(openedBy({ service: { completed: itself, waiting: itself } }).order).toBe(8);
  });

  test('is looked at before anything is found to serve already', () => {
    const targets = [resolved({ target: target('api', { canary: '7' }) })];
    expect(refusal({ targets, service: { completed: other(9) } })).toContain('order:');
  });
});

describe('alarms', () => {
  const alarm = (name: string, state: Alarm['state']): Alarm => ({ name, state, since: minute(-5) });

  test('that look at more minutes than a step bakes are named, with the steps and the fix', () => {
    const notices = (spanSeconds: number) =>
      openedBy({
        manifest: manifest({ alarms: ['slow'], steps: [{ weight: 10, bake: '5m' }], verify: '20m' }),
        alarms: [{ ...alarm('slow', 'ok'), spanSeconds }],
      }).notices;
    expect(notices(600)).toEqual([
      'alarm slow looks at 10 min of data (its period times its evaluation periods), so it may go red too late for the step at 10 % (5 min); shorten the alarm, or write `bake: 10m` there',
    ]);
    expect(notices(300)).toEqual([]);
    expect(notices(1_800).join()).toContain('the step at 10 % (5 min), verify (20 min)');
  });

  test('are recorded as they stood at opening, and red ones are told of', () => {
    const event = openedBy({
      manifest: manifest({ alarms: ['a', 'b', 'c'] }),
      alarms: [alarm('c', 'insufficient'), alarm('b', 'alarm'), alarm('a', 'ok')],
    });
    expect(event.alarms).toEqual([
      { name: 'a', red: false },
      { name: 'b', red: true },
      { name: 'c', red: false, silent: true },
    ]);
    expect(event.notices).toEqual([
      'alarm b was red before the rollout; it is not held against this release unless it recovers and goes red again',
      'alarm c has too little data to be evaluated (INSUFFICIENT_DATA); while that lasts it shows nothing of this release; check its metric, its dimensions and how it treats missing data',
    ]);
  });

  test('that do not exist are refused by name', () => {
    expect(refusal({ manifest: manifest({ alarms: ['a', 'b'] }), alarms: [alarm('a', 'ok')] })).toBe(
      'alarms: there is no alarm "b" in this account and region; create it or take it out of the rollout file.',
    );
  });
});

describe('durations that stable does not count', () => {
  const lately = (counted: number): Series => ({
    errors: [{ start: minute(-2), stable: { bad: 0, total: 100 } }],
    latency: [{ start: minute(-2), stable: { total: counted, edges: [1], over: [0] } }],
  });
  const told = (history: Series) =>
    openedBy({
      manifest: manifest({ watch: { errors: '1.5x', latency: '1.25x', p95: '1.25x' } }),
      history: { api: history },
    }).notices.filter((notice) => notice.includes('latency'));

  test('are told at the opening, with what the release will come to', () => {
    expect(told(lately(0))).toEqual([
      'latency and p95 cannot be judged so far: version 7 of api has counted no durations lately, and no step passes without those of before the first raise; release withSpillway(handler, { latency: true }) first, without these rules',
    ]);
    expect(told({ ...lately(0), latency: [] })).toHaveLength(1);
  });

  test('are not told of where it counts them, or was not asked lately', () => {
    expect(told(lately(100))).toEqual([]);
    expect(told({})).toEqual([]);
  });
});

describe('handled 5xx', () => {
  const lately = (errors: number, http5xx: number): Series => ({
    errors: [{ start: minute(-2), stable: { bad: 0, total: errors } }],
    http5xx: http5xx === 0 ? [] : [{ start: minute(-2), stable: { bad: 0, total: http5xx } }],
    http4xx: http5xx === 0 ? [] : [{ start: minute(-2), stable: { bad: 0, total: http5xx } }],
  });
  const of5xx = (notices: string[]) => notices.filter((notice) => notice.includes('5xx'));
  const metrics = (more: Partial<Found>) => openedBy(more).watch.map(({ metric }) => metric);

  test('stay watched if stable is invoked and counts no responses so far, as a warmer looks the same; it is reported', () => {
    const event = openedBy({ history: { api: lately(100, 0) } });
    expect(event.watch).toEqual([
      { metric: 'errors', ratio: 1.5 },
      { metric: 'http5xx', ratio: 1.5, blind: ['api'] },
      { metric: 'http4xx', ratio: 1.5, blind: ['api'] },
      { metric: 'throttles', ratio: 1.5 },
    ]);
    expect(of5xx(event.notices)).toEqual([
      'http5xx and http4xx are not watched so far: version 7 of api has counted no responses lately; they are watched once they are counted; wrap the handler with withSpillway',
    ]);
  });

  test('are watched where stable counts them, or was not asked lately', () => {
    expect(metrics({ history: { api: lately(100, 100) } })).toEqual([
      'errors',
      'http5xx',
      'http4xx',
      'throttles',
    ]);
    expect(metrics({ history: { api: lately(0, 0) } })).toEqual([
      'errors',
      'http5xx',
      'http4xx',
      'throttles',
    ]);
    const canarys = [{ start: minute(-3), canary: { bad: 0, total: 9 } }];
    const stables = [...canarys, ...(lately(1, 0).errors ?? [])];
    expect(
      openedBy({ history: { api: { errors: canarys, http5xx: canarys, http4xx: canarys } } }).notices,
    ).toEqual([]);
    expect(
      openedBy({ history: { api: { errors: stables, http5xx: canarys, http4xx: canarys } } }).notices,
    ).toHaveLength(1);
  });

  test('are reported for the target that counts no responses so far, and for no other', () => {
    const more = {
      manifest: manifest({ targets: { ...BOTH, worker: { ...BOTH.worker, source: 'http' } } }),
      targets: both({}, { source: 'http' }),
      history: { api: lately(100, 0), worker: lately(100, 100) },
    };
    const event = openedBy(more);
    expect(event.watch).toEqual([
      { metric: 'errors', ratio: 1.5 },
      { metric: 'http5xx', ratio: 1.5, blind: ['api'] },
      { metric: 'http4xx', ratio: 1.5, blind: ['api'] },
      { metric: 'throttles', ratio: 1.5 },
    ]);
    expect(of5xx(event.notices)).toEqual([
      'http5xx and http4xx are not watched on api so far: version 7 of api has counted no responses lately; they are watched once they are counted; wrap the handler with withSpillway',
    ]);
    const blind = openedBy({ ...more, history: { api: lately(100, 0), worker: lately(100, 0) } });
    expect(blind.watch).toEqual([
      { metric: 'errors', ratio: 1.5 },
      { metric: 'http5xx', ratio: 1.5, blind: ['api', 'worker'] },
      { metric: 'http4xx', ratio: 1.5, blind: ['api', 'worker'] },
      { metric: 'throttles', ratio: 1.5 },
    ]);
  });

  test('that the log drops are reported, where a rule rests on them', () => {
    const uncounted = 'version 8 logs only WARN and above';
    const said = (file: object, more: Partial<ResolvedTarget> = {}) =>
      openedBy({ manifest: manifest(file), targets: [resolved({ uncounted, ...more })] }).notices;
    expect(said({})).toEqual([
      'http5xx and http4xx of api cannot be measured: what withSpillway counts is logged with level INFO and dropped, since version 8 logs only WARN and above (LoggingConfig.ApplicationLogLevel); set it to INFO and publish again',
    ]);
    expect(said({}, { uncounted: undefined })).toEqual([]);
    expect(said({ watch: { errors: '1.5x' } })).toEqual([]);
    const fed = { targets: { api: { ...BOTH.api, source: 'stream' } } };
    const stream = { target: target('api', { source: 'stream' }) };
    expect(said({ ...fed, limits: { iteratorAge: '1m' } }, stream)).toEqual([]);
    expect(said({ ...fed, limits: { batchFailures: 0 }, watch: { p95: '1.25x' } }, stream)).toEqual([
      expect.stringMatching(/^p95 and limits\.batchFailures of api cannot be measured/),
    ]);
  });

  test('are no matter of a target that answers no requests', () => {
    const more = {
      manifest: manifest({ targets: BOTH }),
      targets: both({}, {}),
      running: 0,
      history: { api: lately(100, 100), worker: lately(100, 0) },
    };
    expect(metrics(more)).toEqual(['errors', 'http5xx', 'http4xx', 'throttles']);
    expect(of5xx(openedBy(more).notices)).toEqual([]);
  });

  test('are not spoken of where nobody asked for them', () => {
    const event = openedBy({
      manifest: manifest({ watch: { errors: '2x' } }),
      history: { api: lately(100, 0) },
    });
    expect(event.watch).toEqual([{ metric: 'errors', ratio: 2 }]);
    expect(of5xx(event.notices)).toEqual([]);
  });
});

test('a metric of which nothing usable is known is named at the opening, with the reason', () => {
  const unknown = 'metric errors/bad was sent in several units; send it in one unit';
  const history = { api: { errors: [{ start: minute(-2), unknown }] } };
  expect(openedBy({ history }).notices).toContain(
    `errors of api cannot be judged, so no step passes: ${unknown}`,
  );
});

describe('the settle time', () => {
  test.each([
    [3, 63],
    [60, 120],
    [900, 120],
  ])('with a timeout of %d s is %d s', (timeoutSeconds, settleSeconds) => {
    expect(openedBy({ targets: [resolved({ timeoutSeconds })] }).settleSeconds).toBe(settleSeconds);
  });

  test('follows the slowest target that changes', () => {
    const targets = (canary: string) => [
      resolved({ target: target('api', { canary }), timeoutSeconds: 20 }),
      resolved({ target: target('worker'), timeoutSeconds: 5 }),
    ];
    const two = manifest({ targets: BOTH });
    expect(openedBy({ manifest: two, targets: targets('8') }).settleSeconds).toBe(80);
    expect(openedBy({ manifest: two, targets: targets('7') }).settleSeconds).toBe(65);
  });
});

describe('what its steps can see', () => {
  const noticesAt = (bad: number, total: number) =>
    openedBy({
      manifest: manifest({ watch: { errors: '1.5x' } }),
      history: {
        api: {
          errors: [
            { start: minute(-15), stable: { bad, total } },
            { start: minute(-1), stable: { bad: 0, total: Math.min(1, total) } },
          ],
        },
      },
    }).outlook ?? [];

  test('is told by what stable did lately, first what is found, then what is not seen, then the details', () => {
    const [found, unseen, lately, first] = noticesAt(90, 90_000);
    expect(found).toMatch(
      /^api: a release that fails [\d.]+ % of its requests is found within \d min at 10 %; below [\d.]+ % is not visible in any step$/,
    );
    expect(unseen).toMatch(
      /^not seen by this plan: answers with a status of 500 or more \(no rule `http5xx`\); /,
    );
    expect(lately).toBe(
      'errors: version 7 of api had 90,001 requests in 15 min, of which 90 failed; at this rate its steps see as follows',
    );
    expect(first).toMatch(
      /canary requests; a release that fails .* is found within \d+ min; below .* is not visible in this step$/,
    );
  });

  test('is nothing at too little traffic, and none at all without any', () => {
    expect(noticesAt(0, 15)[0]).toContain(
      'this plan cannot see anything, and its verdicts will be inconclusive',
    );
    expect(noticesAt(0, 0)[0]).toBe(
      'version 7 of api had 0 requests in 15 min; at this rate this plan cannot see anything, and its verdicts will be inconclusive',
    );
  });
});

describe('what nothing sees', () => {
  const outlook = (more: Partial<Found> = {}) => openedBy(more).outlook?.join('\n');
  const { steps: _, ...stepless } = leastFile();
  const atOnce = { ...manifest(), rollout: rolloutFileFrom({ ...stepless, strategy: 'all-at-once' }) };
  const outageEach = (minutes: number) => ({
    api: {
      errors: Array.from({ length: 1_440 }, (_, at) => ({
        start: minute(at - 1_442),
        stable: { bad: at % minutes === 0 ? 50 : 0, total: 100 },
      })),
    },
  });

  test('in one step names the outages of the day before, if they are frequent', () => {
    expect(outlook({ manifest: atOnce, day: outageEach(60) })).toMatch(
      /failures that look like an outage of api \(in 2[34] of 14[34] stretches of 10 min of the last day/,
    );
    expect(outlook({ manifest: atOnce, day: outageEach(720) })).not.toContain('an outage of api');
    expect(outlook({ day: outageEach(60) })).not.toContain('an outage of api');
  });

  test('in one step counts the rule by which most outages are seen, in minutes that have settled', () => {
    const hit = (metric: 'errors' | 'throttles', minutes: number) => {
      const errors = outageEach(minutes).api.errors;
      const quiet = errors.map((window) => ({ ...window, stable: { bad: 0, total: 100 } }));
      return { api: { errors: quiet, throttles: quiet, [metric]: errors } };
    };
    const named = /an outage of api \(in 24 of 144 stretches of 10 min/;
    expect(outlook({ manifest: atOnce, day: hit('errors', 60) })).toMatch(named);
    expect(outlook({ manifest: atOnce, day: hit('throttles', 60) })).toMatch(named);
    const [last] = outageEach(1).api.errors.slice(-1);
    const unsettled = { api: { errors: [{ ...last, start: minute(-2) }] } } as Found['day'];
    expect(outlook({ manifest: atOnce, day: unsettled })).not.toContain('an outage of api');
  });

  test.each<[string, object, boolean, string]>([
    ['recall', {}, true, 'in doubt the canary is held at 25 % for a person'],
    ['no recall of what is not reversible', {}, false, 'and there is no recall'],
    ['no recall by the file', { recall: 'off' }, true, 'and there is no recall'],
  ])('names what follows from doubt: %s', (_what, file, reversible, said) => {
    expect(outlook({ manifest: manifest(file, { reversible }) })).toContain(said);
  });

  test('names a time-out that is longer than verify', () => {
    expect(outlook({ targets: [resolved({ timeoutSeconds: 900 })] })).toContain(
      'requests that run longer than 10 min (api may run for 15 min)',
    );
  });

  test('names wrong results, unless probes see them', () => {
    const smoke = [{ target: 'api', get: '/health', expect: { status: 200 } }];
    const wrong = 'wrong results that raise no error (no rule `custom`)';
    expect(outlook({ manifest: manifest({ smoke }) })).toContain(wrong);
    expect(outlook({ manifest: manifest({ smoke, probe: { every: '10s' } }) })).not.toContain(wrong);
  });

  test('of two targets is led by the one of which less is seen', () => {
    const series = (total: number) => ({
      errors: [minute(-15), minute(-1)].map((start) => ({ start, stable: { bad: 1, total } })),
    });
    const event = openedBy({
      manifest: manifest({ targets: BOTH, watch: { errors: '1.5x' } }),
      targets: both({}, {}),
      history: { api: series(90_000), worker: series(9_000) },
    });
    expect(event.outlook?.[0]).toMatch(/^worker: a release that fails /);
    expect(event.outlook?.filter((line) => /^(api|worker): a release that fails /.test(line))).toHaveLength(
      3,
    );
  });
});

test('what the targets and the plan have to say is told', () => {
  const { steps: _, ...rest } = leastFile();
  const preset = {
    ...manifest(),
    rollout: rolloutFileFrom({ ...rest, strategy: 'Canary10Percent5Minutes' }),
  };
  const { notices, plan } = openedBy({ manifest: preset, targets: [resolved({ notices: ['api is slow'] })] });
  expect(notices).toHaveLength(2);
  expect(notices[0]).toContain('comes from CodeDeploy');
  expect(notices[1]).toBe('api is slow');
  expect(plan.onInconclusive).toBe('promote');
});

describe('limits', () => {
  const targets = {
    api: { lambda: 'checkout-prod-api', alias: 'live' },
    worker: { lambda: 'checkout-prod-worker', alias: 'live', source: 'stream' },
  };
  const asked = (worker: Partial<ReturnType<typeof target>> = {}) => ({
    manifest: manifest(
      { targets, limits: { iteratorAge: '1m' } },
      { targets: { api: { version: '8' }, worker: { version: '8' } } },
    ),
    targets: both({}, { source: 'stream', ...worker }),
  });

  test('are frozen, with what is to be known of them', () => {
    const history: Found['history'] = { worker: { iteratorAge: [{ start: minute(-2), value: 61 }] } };
    expect(openedBy({ ...asked(), history })).toMatchObject({
      limits: [{ limit: 'iteratorAge', max: 60 }],
      notices: [expect.stringContaining('limits.iteratorAge of worker is over 60 s already')],
    });
  });

  test('are left out with the only target that has them', () => {
    expect(openedBy(asked({ canary: '7' })).limits).toEqual([]);
  });
});

describe('a release that must have completed elsewhere', () => {
  const asked = manifest({}, { requires: { completedIn: 'staging' } });
  const told = (completed: boolean) => ({
    completion: {
      ...{
        environment: 'staging',
        service: identity.service,
        digests: { api: 'code of 8' },
        completed,
        at: minute(-60),
      },
      rolloutId: 'checkout-api--r7--1',
    },
  });

  test('is opened where that was told', () => {
    expect(openedBy({ manifest: asked, ...told(true) }).type).toBe('RolloutOpened');
  });

  test('is refused where nothing was told, also where it serves already', () => {
    const wanted =
      'requires.completedIn: exactly these artifacts are not reported as completed in environment staging; release the same ones there first (both controllers must share one bucket of completions).';
    expect(refusal({ manifest: asked })).toBe(wanted);
    const targets = [resolved({ target: target('api', { canary: '7' }) })];
    expect(refusal({ manifest: asked, targets })).toBe(wanted);
  });

  test('is refused where nobody can say what a target is made of', () => {
    const unknown = [resolved({ digest: undefined })];
    expect(openedBy({ targets: unknown }).digests).toBeUndefined();
    expect(refusal({ manifest: asked, targets: unknown })).toContain('are not reported as completed');
  });

  test('is refused where it was rolled back there', () => {
    expect(refusal({ manifest: asked, ...told(false) })).toBe(
      'requires.completedIn: these artifacts were rolled back in environment staging by checkout-api--r7--1; release repaired ones there first.',
    );
  });
});

describe('probes', () => {
  const probed = (...smoke: object[]) =>
    openedBy({
      manifest: manifest({ targets: BOTH, smoke, probe: { every: '10s' } }),
      targets: both({}, { stable: '3', canary: '4' }),
    });
  const get = (on: string) => ({ target: on, get: '/health', expect: { status: 200 } });
  const post = { target: 'worker', post: '/orders', json: {}, expect: { status: 200 } };
  const unprobed = (name: string) =>
    `no probe asks ${name}, so it is judged by its requests alone; add a smoke test with GET`;

  test('are frozen at the opening, with the smoke tests that they repeat', () => {
    expect(probed(get('api'), post).probe).toEqual({ everySeconds: 10, smoke: ['smoke.1'] });
    expect(openedBy()).not.toHaveProperty('probe');
  });

  test.each([
    ['both are asked', [get('api'), get('worker')], []],
    ['one is asked twice', [get('api'), get('api')], [unprobed('worker')]],
    ['one has a smoke test that is not repeated', [get('api'), post], [unprobed('worker')]],
    ['one has both', [get('api'), post, get('worker')], []],
    ['the second one alone is asked', [get('worker')], [unprobed('api')]],
  ])('name each target that none of them asks: %s', (_what, smoke, notices) => {
    expect(probed(...smoke).notices).toEqual(notices);
  });
});

describe('what is frozen beside the plan', () => {
  test('are the targets that stay as they are, what all are made of, gates, hooks, and how many rollouts run', () => {
    const gates = [{ before: 50, approvers: 1, timeout: '2h', onTimeout: 'revert' }];
    const hooks = {
      beforeTraffic: [{ lambda: 'checkout-check', target: 'api', timeout: '2h', onBroken: 'pause' }],
    };
    const [api, worker] = both({}, { stable: '3', canary: '3' });
    const event = openedBy({
      manifest: manifest({ targets: BOTH, gates, hooks }, { reversible: false }),
      targets: [
        { ...api, config: 'config of 8' },
        { ...worker, digest: 'code of 3' },
      ] as ResolvedTarget[],
      service: { completed: { release: 'r7', order: 7, made: { worker: { version: '3' } } } },
      running: 3,
    });
    expect(event).toMatchObject({ running: 3, reversible: false, targets: [target()] });
    expect(event.unchanged).toEqual([worker?.target]);
    expect(event.digests).toEqual({ api: 'code of 8', worker: 'code of 3' });
    expect(event.made).toEqual({
      api: { version: '8', code: 'code of 8', config: 'config of 8' },
      worker: { version: '3', code: 'code of 3' },
    });
    expect(event.gates.map(({ before }) => before)).toEqual([50]);
    expect(event.hooks.map(({ id }) => id)).toEqual(['beforeTraffic.1']);
    // Two hours for the gate, and for three tries of the hook at each of three weights.
    expect(event.deadline - deadlineOf(event.plan, event.settleSeconds, minute(0))).toBe(
      (1 + 9) * 2 * 3_600_000,
    );
  });

  test('no digest is, unless it is known of every target', () => {
    const [api, worker] = both({}, { stable: '3', canary: '4' });
    const targets = [api, { ...worker, digest: undefined }] as ResolvedTarget[];
    const event = openedBy({ manifest: manifest({ targets: BOTH }), targets });
    expect(event.digests).toBeUndefined();
    expect(event.made).toStrictEqual({ api: { version: '8', code: 'code of 8' }, worker: { version: '4' } });
    expect(event).not.toHaveProperty('unchanged');
  });
});

describe('what is known of the day before', () => {
  const counts = (from: number, to: number, bad: (nth: number) => number, total = 100) =>
    Array.from({ length: to - from }, (_, nth) => ({
      start: minute(from + nth),
      stable: { bad: bad(nth), total },
    }));
  // Metrics of minutes that ended 63 s ago are settled: the newest of them began three minutes ago.
  const settled = counts(-600, -2, (nth) => (nth % 7 === 0 ? 5 : 0));
  const unsettled = counts(-2, 0, () => 100);

  test('is how the target fails for each rule that compares counts, in minutes that have settled', () => {
    const all = { ...manifest({ watch: { errors: '1.5x', http5xx: '1%', throttles: '2x', p95: '2x' } }) };
    const { usual } = openedBy({ manifest: all, day: { api: { errors: [...settled, ...unsettled] } } });
    expect(usual).toEqual({
      api: {
        errors: failurePastOf(settled, { to: minute(-2), verifyMinutes: 10 }),
        throttles: NO_PAST,
      },
    });
    expect(usual?.api?.errors?.mean).toBeCloseTo(0.05 / 7, 3);
  });

  test('is nothing that an attempt failed which did not stay', () => {
    const tried = [{ from: minute(-60), to: minute(-30) }];
    const failing = counts(-600, -2, (nth) => (nth >= 540 && nth < 570 ? 50 : 0));
    const of = (service: object) =>
      openedBy({ day: { api: { errors: failing } }, service }).usual?.api?.errors?.ever;
    expect(of({})).toBeGreaterThan(0.2);
    expect(of({ tried })).toBeLessThan(0.01);
  });

  test('is of the rules that each target has, but for those that are blind so far', () => {
    const history = { api: { errors: [{ start: minute(-2), stable: { bad: 0, total: 9 } }] } };
    const { usual } = openedBy({
      manifest: manifest({ targets: BOTH }),
      targets: both({}, { stable: '3', canary: '4' }),
      history,
    });
    expect(usual).toEqual({
      api: { errors: NO_PAST, throttles: NO_PAST },
      worker: { errors: NO_PAST, throttles: NO_PAST },
    });
    const http = { ...BOTH.worker, source: 'http' };
    const seen = openedBy({
      manifest: manifest({ targets: { ...BOTH, worker: http } }),
      targets: both({}, { source: 'http', stable: '3', canary: '4' }),
      history,
    }).usual;
    expect(Object.keys(seen?.api ?? {})).toEqual(['errors', 'throttles']);
    expect(Object.keys(seen?.worker ?? {})).toEqual(['errors', 'http5xx', 'http4xx', 'throttles']);
  });

  test('is how often each target that changes was called, in minutes that have settled', () => {
    const traffic = [...settled, ...unsettled];
    const asked = (day: Found['day']) =>
      openedBy({
        manifest: manifest({ targets: BOTH, verify: '30m' }),
        targets: both({}, { stable: '3', canary: '4' }),
        day,
      }).past;
    expect(asked({ api: { traffic }, worker: { traffic: settled.slice(-2) } })).toEqual({
      api: pastFrom(settled, minute(-2), 30),
    });
    expect(asked({})).toBeUndefined();
  });
});

describe('what stays on stable in verify', () => {
  /** The least numbers of requests in the last quarter of an hour at which 10 % and 5 % stay there instead of 25 %. */
  const borders = (heldAt: (total: number) => number) =>
    [10, 5].map((percent) => {
      let [low, high] = [0, 1_000_000];
      while (high - low > 1) {
        const middle = Math.round((low + high) / 2);
        if (heldAt(middle) <= percent) high = middle;
        else low = middle;
      }
      return high;
    });
  /** Of so many requests, about one in a hundred failed. */
  const lately = (total: number) => ({ bad: Math.round(total / 100), total });
  const series = (total: number, metrics: Metric[] = ['errors', 'http5xx', 'throttles']) =>
    Object.fromEntries(
      metrics.map((metric) => [metric, [{ start: minute(-3), stable: lately(total) }]]),
    ) as Series;
  const heldBy = (more: (total: number) => Partial<Found>) => (total: number) =>
    100 - (openedBy(more(total)).plan.steps.find(({ isHoldout }) => isHoldout)?.weight ?? 100);
  /** The same by the rules that are to count, each as it needs it. */
  const wanted =
    (...rules: { part: number; verifyMinutes?: number; alpha?: number; ratio?: number; burst?: number }[]) =>
    (total: number) =>
      holdoutOf(
        rules.map(({ part, verifyMinutes = 10, alpha, ratio = 1.5, burst = 1 }) => ({
          ...{ perMinute: total / 15, share: lately(total).bad / Math.max(1, total), ratio, burst },
          required: requiredInVerify({ alpha, part, verifyMinutes }),
        })),
        10,
      );
  const one =
    (watch: object, file: object = {}, metrics?: Metric[]) =>
    (total: number) => ({
      manifest: manifest({ watch, ...file }),
      history: { api: series(total, metrics) },
    });
  const two =
    (source: 'invoke' | 'async', worker: (total: number) => Series | undefined) => (total: number) => ({
      manifest: manifest({
        targets: { ...BOTH, worker: { ...BOTH.worker, source } },
        watch: { errors: '1.5x' },
      }),
      targets: both({}, { stable: '3', canary: '4', source }),
      history: { api: series(total), ...(worker(total) ? { worker: worker(total) as Series } : {}) },
    });

  test.each<[string, (total: number) => Partial<Found>, ReturnType<typeof wanted>]>([
    ['errors alone, beside the split', one({ errors: '1.5x' }), wanted({ part: 5 / 6 })],
    ['a higher tolerance', one({ errors: '3x' }), wanted({ part: 5 / 6, ratio: 3 })],
    ['a lower alpha', one({ errors: '1.5x', alpha: 0.001 }), wanted({ part: 5 / 6, alpha: 0.001 })],
    [
      'a longer verify',
      one({ errors: '1.5x' }, { verify: '2h' }),
      wanted({ part: 5 / 6, verifyMinutes: 120 }),
    ],
    ['two rules that count', one({ errors: '1.5x', http5xx: '1.5x' }), wanted({ part: 5 / 12 })],
    ['a rank beside it', one({ errors: '1.5x', p95: '2x' }), wanted({ part: 5 / 8 })],
    ['throttles beside it', one({ errors: '1.5x', throttles: '2x' }), wanted({ part: 5 / 7 })],
    ['a share beside it', one({ errors: '1%', http5xx: '1.5x' }), wanted({ part: 5 / 12 })],
    ['the lesser of two targets', two('invoke', (total) => series(total)), wanted({ part: 5 / 12 })],
    [
      'a target that fails three times for one event',
      two('async', (total) => series(total)),
      wanted({ part: 5 / 12 }, { part: 5 / 12, burst: 3 }),
    ],
  ])('is the least at which each rule sees enough: %s', (_what, more, rules) => {
    const found = borders(rules);
    expect(found[0]).toBeLessThan(found[1] ?? 0);
    expect(found[1]).toBeLessThan(1_000_000);
    expect(borders(heldBy(more))).toEqual(found);
  });

  test.each<[string, (total: number) => Partial<Found>]>([
    ['throttles alone', one({ throttles: '1.5x' })],
    ['a share alone', one({ errors: '1%' })],
    ['a rank alone', one({ p95: '2x' })],
    ['another target of which nothing is known', two('invoke', () => undefined)],
    [
      'errors of which nothing is known beside answers that are',
      one({ errors: '1.5x', http5xx: '1.5x' }, {}, ['http5xx']),
    ],
  ])('is the most where nothing says that less is enough: %s', (_what, more) => {
    expect([0, 10_000, 1_000_000].map(heldBy(more))).toEqual([25, 25, 25]);
  });

  test('does not rest on answers that are not counted so far', () => {
    const blind = (total: number) => one({ errors: '1.5x', http5xx: '1.5x' }, {}, ['errors'])(total);
    expect(borders(heldBy(blind))).toEqual(borders(wanted({ part: 5 / 12 })));
  });
});
