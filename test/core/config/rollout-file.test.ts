import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  gatesFrom,
  hooksFrom,
  limitsFrom,
  planFrom,
  type RolloutFile,
  rolloutFileFrom,
  rolloutFileJsonSchema,
  watchFrom,
} from '../../../core/config/rollout-file.ts';
import { RolloutError } from '../../../core/errors.ts';
import { SOURCES } from '../../../core/rollout/event.ts';
import { changed, fullFile, leastFile, thrownBy } from './files.ts';

function problemsOf(value: unknown): string[] {
  const error = thrownBy(() => rolloutFileFrom(value));
  expect(RolloutError.is(error, 'RolloutFileInvalid'), String(error)).toBe(true);
  return error.message.split('\n');
}

describe('a good rollout file', () => {
  test('with every field is accepted as it is', () => {
    expect(rolloutFileFrom(fullFile())).toEqual({ schema: 1, ...fullFile() });
  });

  test('gets its defaults: http, ten minutes of verify, pause, and 1.5 times the errors of stable', () => {
    const file = rolloutFileFrom(leastFile());
    expect(file).toMatchObject({ schema: 1, verify: '10m', targets: { api: { source: 'http' } } });
    expect(planFrom(file)).toEqual({
      plan: {
        steps: [{ weight: 10, bakeSeconds: 300, maxBakeSeconds: 900 }],
        verifySeconds: 600,
        onInconclusive: 'pause',
      },
      notices: [],
    });
    expect(watchFrom(file)).toEqual([
      { metric: 'errors', ratio: 1.5 },
      { metric: 'http5xx', ratio: 1.5 },
    ]);
    expect(hooksFrom(file)).toEqual([]);
    expect(gatesFrom(file)).toEqual([]);
    expect(limitsFrom(file)).toEqual([]);
  });

  test('whose targets are only invoked is not watched for answers of status 500', () => {
    const file = rolloutFileFrom(changed(leastFile(), ['targets', 'api', 'source'], 'invoke'));
    expect(watchFrom(file)).toEqual([{ metric: 'errors', ratio: 1.5 }]);
  });

  test('is watched by exactly what it lists: a ratio to stable or a share of requests', () => {
    const watched = (watch: unknown) => watchFrom(rolloutFileFrom(changed(leastFile(), ['watch'], watch)));
    expect(watched({ http5xx: '0.5%' })).toEqual([{ metric: 'http5xx', share: 0.005 }]);
    expect(watched({ errors: '1x', http5xx: '2.25x' })).toEqual([
      { metric: 'errors', ratio: 1 },
      { metric: 'http5xx', ratio: 2.25 },
    ]);
  });

  test('may turn verify off', () => {
    expect(planFrom(rolloutFileFrom(changed(leastFile(), ['verify'], '0s'))).plan.verifySeconds).toBe(0);
  });

  test('gives smoke checks as they are put to the new version', () => {
    const smoke = [
      { get: '/health', expect: { status: 200, under: '800ms' } },
      { post: '/a?b=1', json: { sku: 'T1' }, expect: { status: 201, text: 'ok', '$.total': 100 } },
      { put: '/a', text: 'plain', expect: { status: 204 } },
      { post: '/null', json: null, expect: { status: 200 } },
    ];
    const hooks = hooksFrom(rolloutFileFrom({ ...leastFile(), smoke }));
    expect(hooks[0]).toMatchObject({
      id: 'smoke.1',
      point: 'beforeTraffic',
      kind: 'smoke',
      timeoutSeconds: 30,
      onBroken: 'revert',
    });
    expect(hooks.map(({ spec }) => spec)).toEqual([
      { target: 'api', method: 'GET', path: '/health', expect: { status: 200, underMs: 800, json: {} } },
      {
        target: 'api',
        method: 'POST',
        path: '/a?b=1',
        body: '{"sku":"T1"}',
        expect: { status: 201, text: 'ok', json: { '$.total': 100 } },
      },
      { target: 'api', method: 'PUT', path: '/a', body: 'plain', expect: { status: 204, json: {} } },
      { target: 'api', method: 'POST', path: '/null', body: 'null', expect: { status: 200, json: {} } },
    ]);
  });

  test('asks smoke tests first and then the hooks, each with its target, its time and its policy', () => {
    expect(hooksFrom(rolloutFileFrom(fullFile())).map(({ id, target }) => [id, target])).toEqual([
      ['smoke.1', 'api'],
      ['smoke.2', 'api'],
      ['smoke.3', 'worker'],
      ['beforeTraffic.1', 'api'],
      ['onRevert.1', 'api'],
    ]);
    expect(hooksFrom(rolloutFileFrom(fullFile())).slice(3)).toEqual([
      {
        id: 'beforeTraffic.1',
        point: 'beforeTraffic',
        kind: 'lambda',
        spec: { functionName: 'checkout-check' },
        target: 'api',
        timeoutSeconds: 7_200,
        onBroken: 'pause',
      },
      {
        id: 'onRevert.1',
        point: 'onRevert',
        kind: 'http',
        spec: { url: 'https://hooks.example.com/reverted?of=checkout' },
        target: 'api',
        timeoutSeconds: 5,
        onBroken: 'ignore',
      },
    ]);
  });

  test('gives a hook that says nothing more half a minute, the only target, and a revert where it is broken', () => {
    const points = ['beforeTraffic', 'beforeStep', 'afterStep', 'beforePromotion', 'afterPromotion'];
    const hooks = Object.fromEntries(points.toReversed().map((point) => [point, [{ lambda: 'a' }]]));
    const found = hooksFrom(rolloutFileFrom({ ...leastFile(), hooks }));
    expect(found.map(({ id, point }) => [id, point])).toEqual(points.map((point) => [`${point}.1`, point]));
    expect(found[0]).toMatchObject({ target: 'api', timeoutSeconds: 30, onBroken: 'revert' });
  });

  test('counts the hooks of one point from 1', () => {
    const hooks = { beforeStep: [{ lambda: 'a' }, { http: 'https://a.example:443' }] };
    const ids = hooksFrom(rolloutFileFrom({ ...leastFile(), hooks })).map(({ id }) => id);
    expect(ids).toEqual(['beforeStep.1', 'beforeStep.2']);
  });

  test('has its gates in the order of their weights', () => {
    expect(gatesFrom(rolloutFileFrom(fullFile()))).toEqual([
      { before: 10, approvers: 1, by: [], timeoutSeconds: 3_600, onTimeout: 'promote' },
      { before: 50, approvers: 2, by: ['ada', 'grace'], timeoutSeconds: 43_200, onTimeout: 'revert' },
    ]);
  });

  test('gives a gate one approver, six hours and a revert where it says nothing more', () => {
    expect(gatesFrom(rolloutFileFrom({ ...leastFile(), gates: [{ before: 100 }] }))).toEqual([
      { before: 100, approvers: 1, by: [], timeoutSeconds: 21_600, onTimeout: 'revert' },
    ]);
  });

  test('has its limits in messages and in seconds', () => {
    expect(limitsFrom(rolloutFileFrom(fullFile()))).toEqual([
      { limit: 'dlqNew', max: 0 },
      { limit: 'oldestMessage', max: 900 },
      { limit: 'iteratorAge', max: 3_600 },
      { limit: 'batchFailures', max: 10 },
    ]);
  });

  test('may limit the age of events that nobody waits for, without naming a queue', () => {
    const file = { ...leastFile(), targets: { a: { lambda: 'f', alias: 'live', source: 'async' } } };
    expect(limitsFrom(rolloutFileFrom({ ...file, limits: { oldestMessage: '1m' } }))).toEqual([
      { limit: 'oldestMessage', max: 60 },
    ]);
  });

  test.each(SOURCES)('may have a target whose source is %s', (source) => {
    const file = rolloutFileFrom(changed(leastFile(), ['targets', 'api', 'source'], source));
    expect(file.targets.api).toEqual({ lambda: 'checkout-prod-Api', alias: 'live', source });
  });

  test('keeps the queues of a target, as the texts that its adapter looks up', () => {
    const { orders }: Record<string, Record<string, string>> = rolloutFileFrom(fullFile()).targets;
    expect(orders).toMatchObject({ queue: 'orders.fifo', dlq: 'orders-dlq.fifo' });
  });
});

describe('a bad rollout file is refused with the place, what stands there and the mend', () => {
  const KNOWN =
    'schema, service, targets, steps, linear, exponential, canary, strategy, smoke, hooks, gates, watch, limits, alarms, verify, onInconclusive';
  const step = (first: unknown, second: unknown) => [first, second];

  test.each<[string, (string | number)[], unknown, string]>([
    ['unknown key', ['stpes'], 1, `stpes is not a known key: did you mean \`steps\`? Known here: ${KNOWN}.`],
    ['notify', ['notify'], {}, 'notify is not a known key: the nearest known key is `'],
    ['key of an inherited name', ['toString'], 1, 'toString is not a known key:'],
    [
      'misspelt weight',
      ['steps', 1, 'weigth'],
      3,
      'steps[1].weigth is not a known key: did you mean `weight`?',
    ],
    ['p95', ['watch', 'p95'], '1.25x', 'watch.p95 is not a known key: the nearest known key is `'],
    ['schema of another kind', ['schema'], 2, 'schema is 2: the schema is 1'],

    ['no service', ['service'], undefined, 'service is missing: write 1 to 40 small letters'],
    ['service in capitals', ['service'], 'Api', 'service is "Api": write 1 to 40 small letters'],
    ['service with two hyphens', ['service'], 'a--b', 'service is "a--b":'],
    ['long service', ['service'], 'a'.repeat(41), `service is "${'a'.repeat(41)}":`],

    ['no targets', ['targets'], {}, 'targets is {}: a rollout has 1 to 20 targets; this has 0.'],
    ['targets of a list', ['targets'], [], 'targets is []: write a map of targets'],
    ['21 targets', ['targets'], manyTargets(21), 'a rollout has 1 to 20 targets; this has 21.'],
    [
      'bad target name',
      ['targets', '9x'],
      { lambda: 'f', alias: 'a' },
      'targets.9x is {"lambda":"f","alias":"a"}: a target\'s name',
    ],
    [
      'twice the same alias',
      ['targets', 'twin'],
      { lambda: 'checkout-prod-Api', alias: 'live' },
      '`api` has the same function and alias',
    ],
    [
      'ARN',
      ['targets', 'api', 'lambda'],
      'arn:aws:lambda:eu-west-1:123456789012:function:shop:live',
      "write only the function's name: `shop`.",
    ],
    [
      'function with version',
      ['targets', 'api', 'lambda'],
      'shop:12',
      'targets.api.lambda is "shop:12": write the function\'s name',
    ],
    ['no function', ['targets', 'api', 'lambda'], undefined, 'targets.api.lambda is missing:'],
    [
      '$LATEST',
      ['targets', 'api', 'alias'],
      '$LATEST',
      'targets.api.alias is "$LATEST": traffic can not be divided on `$LATEST`; write the name of an alias',
    ],
    [
      'version for alias',
      ['targets', 'api', 'alias'],
      '12',
      'targets.api.alias is "12": a number names a version; write the name of an alias',
    ],
    [
      'number for alias',
      ['targets', 'api', 'alias'],
      12,
      'targets.api.alias is 12: a number names a version',
    ],
    ['no alias', ['targets', 'api', 'alias'], undefined, 'targets.api.alias is missing:'],
    ['unknown source', ['targets', 'api', 'source'], 'htpp', 'no source is called so; did you mean `http`?'],

    [
      'no strategy at all',
      ['steps'],
      undefined,
      'steps is missing: write exactly one of `steps: [{ weight: 10, bake: 5m }]`, `linear: ',
    ],
    [
      'two strategies',
      ['strategy'],
      'all-at-once',
      'strategy is "all-at-once": `steps` stands here too; keep one of the two.',
    ],
    [
      'steps and linear',
      ['linear'],
      { by: 10, every: '2m' },
      'linear is {"by":10,"every":"2m"}: `steps` stands here too',
    ],
    [
      'no step',
      ['steps'],
      [],
      'steps is []: write a list of 1 to 100 steps; for none, write `strategy: all-at-once`.',
    ],
    ['101 steps', ['steps'], Array(101).fill({ weight: 1, bake: '5m' }), 'write a list of 1 to 100 steps'],
    ['weight 0', ['steps', 0, 'weight'], 0, 'steps[0].weight is 0: a weight is a whole percent from 1 to 99'],
    ['weight below 0', ['steps', 0, 'weight'], -1, 'steps[0].weight is -1: a weight is a whole percent'],
    ['weight over 100', ['steps', 0, 'weight'], 150, 'steps[0].weight is 150: a weight is a whole percent'],
    ['weight 0.5', ['steps', 0, 'weight'], 0.5, 'steps[0].weight is 0.5: a weight is a whole percent'],
    ['weight as text', ['steps', 0, 'weight'], '1%', 'steps[0].weight is "1%": a weight is a whole percent'],
    [
      'no weight',
      ['steps', 0, 'weight'],
      undefined,
      'steps[0].weight is missing: a weight is a whole percent',
    ],
    [
      'weight 100',
      ['steps', 1, 'weight'],
      100,
      'steps[1].weight is 100: promotion to 100 % follows the last step by itself, and `verify` is the time after it; remove this step.',
    ],
    [
      'weights out of order',
      ['steps'],
      step({ weight: 50, bake: '5m' }, { weight: 10, bake: '5m' }),
      'steps[1].weight is 10: it is below the 50 before it; each step must raise the weight',
    ],
    [
      'repeated weight',
      ['steps', 1, 'weight'],
      1,
      'steps[1].weight is 1: it repeats the weight before it; each step must raise the weight; raise it or remove this step.',
    ],
    ['bake 0', ['steps', 0, 'bake'], 0, 'steps[0].bake is 0: write a time in whole units'],
    ['bake 0s', ['steps', 0, 'bake'], '0s', 'steps[0].bake is "0s": it must be from 1m to 7d.'],
    ['bake of 59 s', ['steps', 0, 'bake'], '59s', 'steps[0].bake is "59s": it must be from 1m to 7d.'],
    ['bake of 400 days', ['steps', 0, 'bake'], '400d', 'steps[0].bake is "400d": it must be from 1m to 7d.'],
    [
      'bake without unit',
      ['steps', 0, 'bake'],
      300,
      'steps[0].bake is 300: a time needs its unit; write `300s` or `300m`.',
    ],
    [
      'bake without unit, as text',
      ['steps', 0, 'bake'],
      '300',
      'steps[0].bake is "300": a time needs its unit',
    ],
    [
      'bake of half hours',
      ['steps', 0, 'bake'],
      '1.5h',
      'steps[0].bake is "1.5h": write a time in whole units',
    ],
    [
      'maxBake under bake',
      ['steps', 1, 'maxBake'],
      '9m',
      'steps[1].maxBake is "9m": it must be at least as long as `bake`.',
    ],
    [
      'maxBake of 8 days',
      ['steps', 1, 'maxBake'],
      '8d',
      'steps[1].maxBake is "8d": it must be from 1m to 7d.',
    ],

    ['smoke of a map', ['smoke'], {}, 'smoke is {}: write a list of at most 50 checks'],
    [
      '51 smoke checks',
      ['smoke'],
      Array(51).fill({ target: 'api', get: '/', expect: { status: 200 } }),
      'write a list of at most 50 checks',
    ],
    [
      'smoke without request',
      ['smoke', 0, 'get'],
      undefined,
      'write exactly one of `get`, `post`, `put`, `delete`',
    ],
    [
      'smoke with two requests',
      ['smoke', 0, 'post'],
      '/x',
      'write exactly one of `get`, `post`, `put`, `delete`',
    ],
    [
      'path without slash',
      ['smoke', 0, 'get'],
      'health',
      'smoke[0].get is "health": write the path of the request, beginning with \'/\'',
    ],
    ['path with a space', ['smoke', 0, 'get'], '/a b', 'smoke[0].get is "/a b": write the path'],
    [
      'body of a get',
      ['smoke', 0, 'json'],
      {},
      'smoke[0].json is {}: a get request has no body; use `post` or `put`, or remove this.',
    ],
    ['body of a delete', ['smoke', 2, 'text'], 'x', 'smoke[2].text is "x": a delete request has no body'],
    [
      'two bodies',
      ['smoke', 1, 'text'],
      'x',
      'smoke[1].text is "x": only one of `json` and `text` can be the body',
    ],
    [
      'smoke without target, of two',
      ['smoke', 0, 'target'],
      undefined,
      'smoke[0].target is missing: write the target that is asked: api, worker.',
    ],
    [
      'smoke of an unknown target',
      ['smoke', 0, 'target'],
      'workr',
      'smoke[0].target is "workr": write the target that is asked: worker, api.',
    ],
    ['no expectation', ['smoke', 0, 'expect'], undefined, 'smoke[0].expect is missing: write what must come'],
    [
      'no status',
      ['smoke', 0, 'expect', 'status'],
      undefined,
      'smoke[0].expect.status is missing: write an HTTP status from 100 to 599.',
    ],
    ['status 99', ['smoke', 0, 'expect', 'status'], 99, 'smoke[0].expect.status is 99:'],
    ['status 600', ['smoke', 0, 'expect', 'status'], 600, 'smoke[0].expect.status is 600:'],
    [
      'under without unit',
      ['smoke', 0, 'expect', 'under'],
      800,
      'smoke[0].expect.under is 800: a time needs its unit; write `800ms` or `800s`.',
    ],
    [
      'under 9s',
      ['smoke', 0, 'expect', 'under'],
      '9s',
      'smoke[0].expect.under is "9s": write a time from `1ms` to `8s`',
    ],
    ['under 0ms', ['smoke', 0, 'expect', 'under'], '0ms', 'smoke[0].expect.under is "0ms":'],
    ['empty text', ['smoke', 0, 'expect', 'text'], '', 'smoke[0].expect.text is "": write a text'],
    [
      'misspelt expectation',
      ['smoke', 0, 'expect', 'staus'],
      1,
      'smoke[0].expect.staus is not a known key: did you mean `status`?',
    ],
    [
      'bad JSON path',
      ['smoke', 0, 'expect', '$total'],
      1,
      'smoke[0].expect["$total"] is no JSON path: write it like `$.total`',
    ],

    ['watch of nothing', ['watch'], {}, 'watch is {}: write at least one of errors, http5xx'],
    [
      'tolerance without sign',
      ['watch', 'errors'],
      1.5,
      'watch.errors is 1.5: a tolerance needs its sign; write `1.5x` for a ratio',
    ],
    [
      'ratio below 1',
      ['watch', 'errors'],
      '0.9x',
      'watch.errors is "0.9x": write a ratio to the stable version of at least `1x`',
    ],
    ['share of 0 %', ['watch', 'errors'], '0%', 'watch.errors is "0%":'],
    ['share of 100 %', ['watch', 'errors'], '100%', 'watch.errors is "100%":'],

    ['empty alarm', ['alarms', 0], '', 'alarms[0] is "": write the name of a CloudWatch alarm'],
    [
      'repeated alarm',
      ['alarms'],
      ['a', 'b', 'a'],
      'alarms[2] is "a": this alarm is listed before; remove one of the two.',
    ],
    [
      '101 alarms',
      ['alarms'],
      Array.from({ length: 101 }, (_, n) => `a${n}`),
      'write a list of at most 100 alarm names.',
    ],
    ['alarms of a text', ['alarms'], 'a', 'alarms is "a": write a list'],
    ['verify without unit', ['verify'], 10, 'verify is 10: a time needs its unit; write `10s` or `10m`.'],
    ['verify of 8 days', ['verify'], '8d', 'verify is "8d": it must be from 0s to 7d.'],
    [
      'unknown onInconclusive',
      ['onInconclusive'],
      'promot',
      'onInconclusive is "promot": did you mean `promote`? Known are pause, promote, revert.',
    ],

    ['__proto__', ['__proto__'], { a: 1 }, '__proto__ is refused as a key'],
    [
      'constructor, deep',
      ['smoke', 1, 'json'],
      { a: [{ constructor: 1 }] },
      'smoke[1].json.a[0].constructor is refused as a key',
    ],
    ['prototype', ['targets', 'prototype'], {}, 'targets.prototype is refused as a key'],
    ['NaN', ['smoke', 1, 'json'], Number.NaN, 'smoke[1].json is NaN: only JSON values can stand here.'],
    ['date', ['verify'], new Date(0), 'verify is an object of a class: only JSON values'],
    ['endless nesting', ['smoke', 1, 'json'], nested(50), 'is nested deeper than 32 levels'],
  ])('%s', (_name, path, put, line) => {
    const lines = problemsOf(changed(fullFile(), path, put));
    expect(
      lines.some((found) => found.includes(line)),
      lines.join('\n'),
    ).toBe(true);
  });

  test.each([
    ['a function', { f: () => 1 }, 'f is of type function: only JSON values'],
    ['an infinity', { f: Number.POSITIVE_INFINITY }, 'f is Infinity: only JSON values'],
    ['a big integer', { f: 1n }, 'f is of type bigint: only JSON values'],
    ['undefined', { f: undefined }, 'f is of type undefined: only JSON values'],
    ['a hole', { f: Array(1) }, 'f[0] is of type undefined: only JSON values'],
  ])('%s', (_name, value, line) => {
    expect(problemsOf(value)[0]).toContain(line);
  });

  test.each([[null], [5], ['text'], [true], [[]]])('%j in place of a file', (value) => {
    expect(problemsOf(value)).toEqual([
      `the rollout file is ${JSON.stringify(value)}: write a map of ${KNOWN} here.`,
    ]);
  });

  test('every problem is told at once, and only once', () => {
    const bad = {
      service: 'Api',
      targets: { api: { lambda: 'f', alias: '$LATEST' } },
      steps: [{ weight: 20, bake: '5m' }, { weight: 20, bake: 300 }, { weight: 5 }],
      smoke: [{ get: 'x', json: 1, expect: { statsu: 1 } }],
      verify: '400d',
      hooks: {},
    };
    const places = problemsOf(bad).map((line) => line.split(' ')[0]);
    expect(places.sort()).toEqual(
      [
        'service',
        'targets.api.alias',
        'steps[1].weight',
        'steps[1].bake',
        'steps[2].weight',
        'steps[2].bake',
        'smoke[0].get',
        'smoke[0].json',
        'smoke[0].expect.status',
        'smoke[0].expect.statsu',
        'verify',
        'hooks',
      ].sort(),
    );
  });

  test('a value that is wrong in two ways, such as -0.5 for a weight, gets one line', () => {
    expect(problemsOf(changed(leastFile(), ['steps', 0, 'weight'], -0.5))).toHaveLength(1);
  });

  test('the file is named in front of each problem', () => {
    const error = thrownBy(() => rolloutFileFrom({ ...leastFile(), verify: 1, hooks: 1 }, 'a.yml: '));
    expect(error.message.split('\n').every((line) => line.startsWith('a.yml: '))).toBe(true);
  });

  test('http5xx is refused where no target answers HTTP, for it could never be measured', () => {
    const file = changed(changed(leastFile(), ['targets', 'api', 'source'], 'invoke'), ['watch'], {
      http5xx: '1%',
    });
    expect(problemsOf(file)).toEqual([
      'watch.http5xx is "1%": no target has `source: http`, so this could never be measured; remove it.',
    ]);
  });

  test('a list without end is refused before each of its items is', () => {
    const began = performance.now();
    expect(problemsOf({ ...leastFile(), steps: Array(300_000).fill(0) })).toEqual([
      'the rollout file holds more than 10000 values: shorten it.',
    ]);
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  test('nine thousand unknown keys are refused soon', () => {
    const strange = Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`strange${n}`, 0]));
    const began = performance.now();
    expect(problemsOf({ ...leastFile(), ...strange })).toHaveLength(101);
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  test('a file with a thousand problems gives a hundred lines and the number of the others', () => {
    const lines = problemsOf(Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, 1])));
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toBe('and 903 more problems.');
  });
});

describe('whatever is read as a rollout file', () => {
  const hostile = fc.oneof(
    fc.anything({
      withNullPrototype: true,
      withSparseArray: true,
      withDate: true,
      withMap: true,
      withBigInt: true,
    }),
    fc.jsonValue(),
    fc.constantFrom({ toString: null, valueOf: 1 }, [{ toString: 'x' }], { toJSON: 1, length: 3 }),
  );

  test('is accepted or refused by a RolloutError, never by another failure', () => {
    fc.assert(
      fc.property(hostile, (value) => isAnswered(value)),
      { numRuns: 1_000 },
    );
  });

  test('is accepted or refused by a RolloutError, also where one part of a good file is anything', () => {
    const place = fc.constantFrom(...pathsOf(fullFile()));
    fc.assert(
      fc.property(place, hostile, (path, put) => isAnswered(changed(fullFile(), path, put))),
      { numRuns: 2_000 },
    );
  });

  test('gives a strictly rising plan within 1 to 99, once it is accepted', () => {
    const any = fc.oneof(
      fc.record({
        steps: fc.array(
          fc.record({ weight: fc.integer({ min: -5, max: 120 }), bake: fc.constantFrom('1m', '0s', '2d') }),
          { maxLength: 4 },
        ),
      }),
      fc.record({
        linear: fc.record({ by: fc.integer({ min: -1, max: 101 }), every: fc.constantFrom('1m', '7d') }),
      }),
      fc.record({
        canary: fc.record({
          weight: fc.integer({ min: -1, max: 101 }),
          bake: fc.constantFrom('1m', '7d', '8d'),
        }),
      }),
    );
    let accepted = 0;
    fc.assert(
      fc.property(any, (way) => {
        const file = accept({ ...(changed(leastFile(), ['steps'], undefined) as object), ...way });
        if (file === undefined) return;
        accepted += 1;
        let before = 0;
        for (const { weight, bakeSeconds, maxBakeSeconds } of planFrom(file).plan.steps) {
          expect(weight).toBeGreaterThan(before);
          expect(weight).toBeLessThan(100);
          expect(bakeSeconds).toBeGreaterThanOrEqual(60);
          expect(maxBakeSeconds).toBeGreaterThanOrEqual(bakeSeconds);
          expect(maxBakeSeconds).toBeLessThanOrEqual(7 * 86_400);
          before = weight;
        }
      }),
      { numRuns: 1_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test.each([
    ['full', fullFile()],
    ['least', leastFile()],
    ['preset', { ...leastFile(), steps: undefined, strategy: 'AllAtOnce' }],
  ])('comes back the same from JSON and is accepted again: %s', (_name, value) => {
    const file = rolloutFileFrom(JSON.parse(JSON.stringify(value)));
    const again = rolloutFileFrom(JSON.parse(JSON.stringify(file)));
    expect(again).toEqual(file);
    expect(planFrom(again)).toEqual(planFrom(file));
  });
});

describe('the JSON Schema for editors', () => {
  const schema = rolloutFileJsonSchema();

  test('is plain JSON that knows each key and tells its meaning', () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    const properties = schema.properties as Record<string, { description?: string }>;
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(fullFile())));
    expect(Object.entries(properties).filter(([, { description }]) => !description?.endsWith('.'))).toEqual(
      [],
    );
  });

  test('refuses unknown keys at every level and asks for exactly one strategy', () => {
    const open: string[] = [];
    const walk = (at: unknown, path: string): void => {
      if (typeof at !== 'object' || at === null) return;
      if ('properties' in at && (at as { additionalProperties?: unknown }).additionalProperties !== false)
        open.push(path);
      for (const [key, item] of Object.entries(at)) walk(item, `${path}/${key}`);
    };
    walk(schema, '');
    expect(open).toEqual([]);
    expect(schema.required).toEqual(['service', 'targets']);
    expect(schema.oneOf).toEqual(
      ['steps', 'linear', 'canary', 'strategy'].map((name) => ({ required: [name] })),
    );
  });
});

function accept(value: unknown): RolloutFile | undefined {
  try {
    return rolloutFileFrom(value);
  } catch (error) {
    if (RolloutError.is(error, 'RolloutFileInvalid')) return undefined;
    throw error;
  }
}

function isAnswered(value: unknown): void {
  const file = accept(value);
  if (file === undefined) return;
  planFrom(file);
  smokeFrom(file);
  watchFrom(file);
}

function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value);
  return keys.flatMap((key) => [
    [...path, key],
    ...pathsOf((value as Record<string | number, unknown>)[key], [...path, key]),
  ]);
}

function manyTargets(count: number): Record<string, unknown> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`t${n}`, { lambda: `f${n}`, alias: 'live' }]),
  );
}

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)];
}
