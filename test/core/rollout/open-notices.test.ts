import { describe, expect, test } from 'vitest';
import type { Alarm, Series, Spread } from '../../../core/analysis/types.ts';
import type { Found } from '../../../core/rollout/open.ts';
import { QUARANTINED_MAX } from '../../../core/rollout/quarantine.ts';
import { BOTH, both, manifest, openedBy, resolved } from './found.ts';
import { minute, target } from './given.ts';

const alarm = (more: Partial<Alarm> = {}): Alarm => ({
  ...{ name: 'slow', state: 'ok', since: minute(-5) },
  ...more,
});
const quarantined = (count: number) =>
  Array.from({ length: count }, (_, nth) => ({
    ...{ release: `old-${nth}`, rolloutId: `old-${nth}--1`, reason: 'bad', made: { api: { version: '1' } } },
  }));

/** Everything that a person is told at an opening, and nothing else. */
const told = (more: Partial<Found>) => openedBy(more).notices;
const watching = (watch: object, more: Partial<Found> = {}) => ({ manifest: manifest({ watch }), ...more });
const errors = (bad: number, total: number): Series => ({
  errors: [{ start: minute(-2), stable: { bad, total } }],
});

describe('an alarm that counts the version that serves alone', () => {
  const names = (...versions: string[]) => versions.map((version) => `checkout-prod-${version}`);
  const blind = (versions: string[], ...targets: ReturnType<typeof target>[]) => {
    const alarms = [alarm({ versions: names(...versions) })];
    const asked = { manifest: manifest({ targets: BOTH, alarms: ['slow'] }), alarms };
    const isTold = (notice: string) => notice.startsWith('alarm slow counts');
    return told({ ...asked, targets: targets.map((each) => resolved({ target: each })) }).filter(isTold);
  };
  const [published, worker] = [target(), target('worker', { stable: '3', canary: '4', source: 'invoke' })];
  const coming = target('api', { canary: '' });

  test('is told of, with its versions and the way out', () => {
    expect(blind(['api:7', 'api:6'], published)).toEqual([
      "alarm slow counts the requests of checkout-prod-api:7, checkout-prod-api:6 alone and never those of this release, so it is not held against it; take `ExecutedVersion` out of the alarm's dimensions, or take the alarm out of the rollout file",
    ]);
  });

  test.each<[string, string[], ReturnType<typeof target>[], number]>([
    ['counts the canary', ['api:8'], [published], 0],
    ['counts the canary beside stable', ['api:7', 'api:8'], [published], 0],
    ['counts every version', [], [published], 0],
    ['counts a version that is neither', ['api:9'], [published], 1],
    ['counts the number that is published next', ['api:8'], [coming], 0],
    ['counts a higher number of two digits, which may be published', ['api:10'], [coming], 0],
    ['counts what serves, where the canary is not published yet', ['api:7'], [coming], 1],
    ['counts what serves, and what may be published', ['api:7', 'api:9'], [coming], 0],
    ['counts what serves, and a lower one', ['api:7', 'api:6'], [coming], 1],
    ['counts another function than the one that is published', ['worker:9'], [coming, worker], 1],
    ['counts what is published of the second target', ['api:9'], [worker, coming], 0],
  ])('one that %s', (_what, versions, targets, count) => {
    expect(blind(versions, ...targets)).toHaveLength(count);
  });
});

describe('an alarm without data', () => {
  const empty = (...versions: string[]) => {
    const alarms = [alarm({ state: 'insufficient', ...(versions.length === 0 ? {} : { versions }) })];
    return told({ manifest: manifest({ alarms: ['slow'] }), alarms });
  };

  test('of the canary alone has none yet, and one of other versions alone is told of for that', () => {
    expect(empty()).toEqual([expect.stringMatching(/^alarm slow has too little data/)]);
    expect(empty('checkout-prod-api:8')).toEqual([]);
    expect(empty('checkout-prod-api:7')).toEqual([expect.stringMatching(/^alarm slow counts the requests/)]);
  });
});

describe('an alarm that looks at more minutes than the canary is watched for', () => {
  const plan = { steps: [{ weight: 10, bake: '30m' }], verify: '5m' };
  test.each<[string, object, (number | undefined)[], string | undefined]>([
    ['verify alone is shorter', plan, [600], 'verify (5 min); shorten the alarm, or write `verify: 10m`'],
    [
      'a part of a minute more is a minute',
      plan,
      [601],
      'verify (5 min); shorten the alarm, or write `verify: 11m`',
    ],
    ['verify is as long', plan, [300], undefined],
    ['nothing is known of its length', plan, [undefined], undefined],
    ['nothing is verified', { ...plan, verify: '0s' }, [1_800], undefined],
    [
      'the step is a second shorter',
      { ...plan, verify: '0s' },
      [1_801],
      'the step at 10 % (30 min); shorten the alarm, or write `bake: 31m`',
    ],
  ])('where %s', (_what, file, [spanSeconds], where) => {
    const notices = told({
      manifest: manifest({ ...file, alarms: ['slow'] }),
      alarms: [alarm({ spanSeconds })],
    });
    expect(notices).toEqual(
      where === undefined
        ? []
        : [
            `alarm slow looks at ${spanSeconds === 1_801 ? 30 : 10} min of data (its period times its evaluation periods), so it may go red too late for ${where} there`,
          ],
    );
  });
});

describe('a function that may run for longer than it is watched for', () => {
  const timed = (timeoutSeconds: number, file: object = {}) => {
    const { notices, timeouts } = openedBy({
      manifest: manifest(file),
      targets: [resolved({ timeoutSeconds })],
    });
    return { notices, timeouts };
  };
  const hint = (time: string, where: string, write: string) =>
    `api has a time-out of ${time}, and AWS counts a request only when it ends: one that hangs is not counted within ${where}. Lower the function's Timeout, or write \`${write}\` there; while requests that were due are not counted, no step passes`;

  test('is told of, with the steps and a bake of a minute more than it runs', () => {
    expect(timed(900)).toEqual({
      notices: [hint('15 min', 'the step at 10 % (5 min), verify (10 min)', 'bake: 16m')],
      timeouts: { api: 900 },
    });
    expect(timed(301, { verify: '20m' }).notices).toEqual([
      hint('5 min', 'the step at 10 % (5 min)', 'bake: 7m'),
    ]);
    expect(timed(601, { steps: [{ weight: 10, bake: '15m' }] }).notices).toEqual([
      hint('10 min', 'verify (10 min)', 'verify: 12m'),
    ]);
  });

  test.each([
    [300, { timeouts: { api: 300 } }],
    [61, { timeouts: { api: 61 } }],
    [60, { timeouts: undefined }],
  ])('is not, where it is counted within each: %d s', (seconds, known) => {
    expect(timed(seconds)).toEqual({ notices: [], ...known });
  });
});

describe('a share that the version which serves breaks itself', () => {
  const shares = (day: Series | undefined, history: Series | undefined, tolerated = '0.5%') =>
    told(
      watching(
        { errors: tolerated },
        { day: day ? { api: day } : {}, history: history ? { api: history } : {} },
      ),
    );
  const broken = (bad: string, total: string, share: string) => [
    `errors: version 7 of api breaks this rule itself (${bad} of ${total} requests before the rollout were bad, and 0.5 % is tolerated), so a release that is no worse is reverted; compare it with stable, like \`1.5x\`, or tolerate more than ${share}`,
  ];

  test('is told of by the day before, and by the last quarter of an hour where that is not known', () => {
    expect(shares(errors(30, 2_000), undefined)).toEqual(broken('30', '2,000', '1.5 %'));
    expect(shares(undefined, errors(30, 2_000))).toEqual(broken('30', '2,000', '1.5 %'));
    expect(shares(errors(0, 0), errors(30, 2_000))).toEqual(broken('30', '2,000', '1.5 %'));
  });

  test('is not, where the day keeps it, nothing is known, or it may be chance', () => {
    expect(shares(errors(10, 2_000), errors(30, 100))).toEqual([]);
    expect(shares(undefined, undefined)).toEqual([]);
    expect(shares(errors(0, 0), errors(0, 0))).toEqual([]);
    expect(shares(errors(30, 2_000), undefined, '1.5x')).toEqual([]);
  });

  test('is told of from an evidence of 20 on', () => {
    expect(shares(errors(22, 2_000), undefined)).toEqual(broken('22', '2,000', '1.1 %'));
    expect(shares(errors(21, 2_000), undefined)).toEqual([]);
  });
});

describe('what nobody can measure', () => {
  const latency = (total: number): Series => ({
    latency: [{ start: minute(-2), stable: { total, edges: [1], over: [0] } as Spread }],
  });

  test('durations are told of in the singular and the plural', () => {
    const one = (watch: object) =>
      told(watching(watch, { history: { api: { ...errors(0, 9), ...latency(0) } } }));
    const said = (rules: string, these: string) => [
      `${rules} cannot be judged so far: version 7 of api has counted no durations lately, and no step passes without those of before the first raise; release withSpillway(handler, { latency: true }) first, without ${these}`,
    ];
    expect(one({ p99: '1.5x' })).toEqual(said('p99', 'this rule'));
    expect(one({ latency: '1.5x', p50: '2x' })).toEqual(said('latency and p50', 'these rules'));
    expect(one({ errors: '1.5x' })).toEqual([]);
  });

  test('a metric of which the newest minute is unknown, and no minute is known, is named', () => {
    const unknown = { start: minute(-2), unknown: 'it was sent in several units' };
    const known = { start: minute(-3), stable: { bad: 0, total: 1 } };
    const said = (...windows: NonNullable<Series['errors']>) =>
      told(
        watching({ errors: '1.5x', p95: '1.5x' }, { history: { api: { ...latency(1), errors: windows } } }),
      );
    expect(said(unknown)).toEqual([
      'errors of api cannot be judged, so no step passes: it was sent in several units',
    ]);
    expect(said(known, unknown)).toEqual([]);
    expect(said(unknown, { ...known, start: minute(-1) })).toEqual([]);
    expect(said({ start: minute(-2), stable: { bad: 2, total: 1 } })).toEqual([]);
  });

  test('how often a target was called is told of for those that change and of which nothing is known', () => {
    const past = (windows: NonNullable<Series['traffic']>): Series => ({ traffic: windows });
    const unknown = (nth: number) => ({ start: minute(nth), unknown: 'CloudWatch did not answer' });
    const counted = Array.from({ length: 60 }, (_, nth) => ({
      start: minute(nth - 62),
      stable: { bad: 0, total: 9 },
    }));
    const asked = (api: Series, worker: Series, more: Parameters<typeof both>[1] = {}) =>
      told({
        manifest: manifest({ targets: BOTH }),
        targets: both({}, more),
        day: { api, worker },
        service: { completed: { release: 'r7', order: 7, made: { worker: { version: '3' } } } },
      }).filter((notice) => notice.startsWith('it is not known'));
    const said = (name: string) =>
      `it is not known how often ${name} was called before this rollout, so requests that stop are not noticed once the new version serves alone: CloudWatch did not answer`;
    const serving = { stable: '3', canary: '4' };
    expect(asked(past([unknown(-2)]), past([unknown(-2)]), serving)).toEqual([said('api'), said('worker')]);
    expect(asked(past(counted), past([unknown(-2)]), serving)).toEqual([said('worker')]);
    expect(asked(past([unknown(-2)]), past([unknown(-2)]), { stable: '3', canary: '3' })).toEqual([
      said('api'),
    ]);
    // Too few minutes are no fault of the source, and a minute that is missing does not hide the others.
    expect(asked(past(counted.slice(-2)), past([...counted, unknown(-1)]), serving)).toEqual([]);
    expect(asked(past([...counted.slice(-2), unknown(0)]), {}, serving)).toEqual([said('api')]);
  });
});

test('a target whose alias was moved since the last completion is told of, and a notice of its own in plain text', () => {
  const service = {
    completed: { release: 'r7', order: 7, rolloutId: 'checkout-api--r7--1', made: { api: { version: '6' } } },
  };
  expect(told({ service, targets: [resolved({ notices: ['api is\u001b[31m slow', 'old'] })] })).toEqual([
    'alias live of checkout-prod-api serves version 7, but checkout-api--r7--1, which completed last, left version 6: something else moved it since, and this controller never checked version 7, to which a revert of this rollout leads back; see who else writes it (docs/guides/coming-from.md)',
    'api is slow',
    'old',
  ]);
});

test('a full quarantine is told of, with the release that the next one displaces', () => {
  expect(told({ service: { quarantined: quarantined(QUARANTINED_MAX - 1) } })).toEqual([]);
  expect(told({ service: { quarantined: quarantined(QUARANTINED_MAX) } })).toEqual([
    'the quarantine of this service is full (50 releases): the next one displaces old-0, whose artifacts are then no longer recognized under another release id',
  ]);
});

test('all that is told comes in this order', () => {
  const smoke = [{ target: 'worker', get: '/health', expect: { status: 200 } }];
  const file = { smoke, probe: { every: '10s' }, holdout: 0, alarms: ['red', 'none', 'blind', 'long'] };
  const notices = told({
    manifest: manifest({
      ...file,
      targets: BOTH,
      watch: { errors: '0.5%', http5xx: '1.5x', p95: '2x' },
      limits: {},
    }),
    service: {
      quarantined: quarantined(QUARANTINED_MAX),
      completed: {
        release: 'r7',
        order: 7,
        rolloutId: 'checkout-api--r7--1',
        made: { api: { version: '6' } },
      },
    },
    targets: [
      resolved({ notices: ['its own'], timeoutSeconds: 900, uncounted: 'it logs WARN' }),
      resolved({ target: target('worker', { stable: '3', canary: '4', source: 'invoke' }) }),
    ],
    alarms: [
      alarm({ name: 'long', spanSeconds: 3_600 }),
      alarm({ name: 'blind', versions: ['checkout-prod-api:7'] }),
      alarm({ name: 'none', state: 'insufficient' }),
      alarm({ name: 'red', state: 'alarm' }),
    ],
    history: { api: errors(30, 2_000), worker: { errors: [{ start: minute(-2), unknown: 'no answer' }] } },
    day: { api: { traffic: [{ start: minute(-2), unknown: 'no answer' }] } },
  });
  expect(notices.map((notice) => notice.split(' ').slice(0, 4).join(' '))).toEqual([
    '`holdout: 0`: nothing is',
    'alias live of checkout-prod-api',
    'its own',
    'http5xx and p95 of',
    'http5xx is not watched',
    'p95 cannot be judged',
    'errors of worker cannot',
    'errors: version 7 of',
    'it is not known',
    'api has a time-out',
    'no probe asks api,',
    'alarm red was red',
    'alarm none has too',
    'alarm blind counts the',
    'alarm long looks at',
    'the quarantine of this',
  ]);
});
