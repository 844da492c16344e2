import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  gatesFrom,
  hooksFrom,
  limitsFrom,
  planFrom,
  probeFrom,
  type RolloutFile,
  watchFrom,
} from '../../../core/config/rollout-file.ts';
import { RolloutError } from '../../../core/errors.ts';
import { SOURCES } from '../../../core/target.ts';
import { times } from '../../deep.ts';
import { rolloutFileFrom, rolloutFileJsonSchema } from '../../formats.ts';
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
        warmUpSeconds: 60,
        onInconclusive: 'pause',
      },
      notices: [],
    });
    expect(watchFrom(file)).toEqual([
      { metric: 'errors', ratio: 1.5 },
      { metric: 'http5xx', ratio: 1.5 },
      { metric: 'http4xx', ratio: 1.5 },
      { metric: 'throttles', ratio: 1.5 },
    ]);
    expect(hooksFrom(file)).toEqual([]);
    expect(gatesFrom(file)).toEqual([]);
    expect(limitsFrom(file)).toEqual([]);
  });

  test('whose targets are only invoked is not watched for answers of status 500', () => {
    const file = rolloutFileFrom(changed(leastFile(), ['targets', 'api', 'source'], 'invoke'));
    expect(watchFrom(file)).toEqual([
      { metric: 'errors', ratio: 1.5 },
      { metric: 'throttles', ratio: 1.5 },
    ]);
  });

  test('is watched by exactly what it lists: a ratio to stable or a share of requests', () => {
    const watched = (watch: unknown) => watchFrom(rolloutFileFrom(changed(leastFile(), ['watch'], watch)));
    expect(watched({ http5xx: '0.5%' })).toEqual([{ metric: 'http5xx', share: 0.005 }]);
    expect(watched({ errors: '1x', http5xx: '2.25x' })).toEqual([
      { metric: 'errors', ratio: 1 },
      { metric: 'http5xx', ratio: 2.25 },
    ]);
  });

  test('may say how much stays on stable during verify, from nothing to a half', () => {
    const holdouts = [0, 1, 5, 50];
    for (const holdout of holdouts)
      expect(rolloutFileFrom({ ...leastFile(), holdout })).toMatchObject({ holdout });
    const { steps: _, ...stepless } = leastFile();
    const preset = { ...stepless, strategy: 'Canary10Percent5Minutes', holdout: 5 };
    expect(rolloutFileFrom(preset)).toMatchObject({ holdout: 5 });
    expect(rolloutFileFrom({ ...stepless, strategy: 'all-at-once', holdout: 0 })).toBeDefined();
    expect(rolloutFileFrom({ ...leastFile(), holdout: 0, verify: '0s' })).toBeDefined();
  });

  test('may have its last step at the weight that a holdout leaves', () => {
    const file = { ...leastFile(), steps: [{ weight: 95, bake: '5m' }], holdout: 5 };
    expect(planFrom(rolloutFileFrom(file)).notices).toEqual([]);
  });

  test('recalls on doubt unless it says otherwise', () => {
    const plan = (more: object) => planFrom(rolloutFileFrom({ ...leastFile(), ...more })).plan;
    expect(plan({})).not.toHaveProperty('recall');
    expect(plan({ recall: 'on' })).not.toHaveProperty('recall');
    expect(plan({ recall: 'off' })).toMatchObject({ recall: false });
  });

  test('repeats as probes what gets something, and of the rest what it marks', () => {
    const smoke = [
      { get: '/health', expect: { status: 200 } },
      { get: '/new', probe: false, expect: { status: 200 } },
      { post: '/order', expect: { status: 200 } },
      { post: '/order?dryRun=1', probe: true, expect: { status: 200 } },
    ];
    const probing = (probe?: unknown) =>
      probeFrom(rolloutFileFrom({ ...leastFile(), smoke: smoke.slice(0, 3), ...(probe ? { probe } : {}) }));
    expect(probing()).toBeUndefined();
    expect(probing({})).toEqual({ everySeconds: 1, smoke: ['smoke.1'] });
    const file = rolloutFileFrom({ ...leastFile(), smoke, probe: { every: '1m' } });
    expect(probeFrom(file)).toEqual({ everySeconds: 60, smoke: ['smoke.1', 'smoke.4'] });
    expect(JSON.stringify(hooksFrom(file))).not.toContain('probe');
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
      { before: 10, approvers: 1, by: [], from: ['leads'], timeoutSeconds: 3_600, onTimeout: 'promote' },
      {
        ...{ before: 50, approvers: 2, by: ['ada', 'grace'], notAuthor: true },
        ...{ reject: 'ends', timeoutSeconds: 43_200, onTimeout: 'revert' },
      },
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

test.each([
  [
    'of which there is none',
    { probe: {} },
    'probe is {}: there is no smoke test to repeat; add a GET request under `smoke`, or `probe: true` at one that changes nothing.',
  ],
  [
    'that may all not be repeated',
    { probe: {}, smoke: [{ post: '/order', expect: { status: 200 } }] },
    'probe is {}: there is no smoke test to repeat; add a GET request under `smoke`, or `probe: true` at one that changes nothing.',
  ],
  [
    'that nobody asks for',
    { smoke: [{ get: '/', probe: true, expect: { status: 200 } }] },
    'smoke[0].probe is true: nothing is repeated without `probe: { every: 2s }` in the file; add it or remove this.',
  ],
  [
    'more often than every second',
    { probe: { every: '0s' }, smoke: [{ get: '/', expect: { status: 200 } }] },
    'probe.every is "0s": it must be from 1s to 1m.',
  ],
  [
    'that the counts of users would hold',
    {
      probe: {},
      smoke: [{ get: '/', expect: { status: 200 } }],
      watch: { custom: { orders: { bad: 'A/Bad', total: 'A/All', versionDimension: 'v' } } },
    },
    'watch.custom.orders.versionDimension is "v": these counts would hold the probes too, which are no requests of users; count by FunctionName, Resource and ExecutedVersion and remove this, or remove `probe`.',
  ],
])('probes %s are refused', (_name, more, line) => {
  expect(problemsOf({ ...leastFile(), ...more })).toEqual([line]);
});

describe('how a file verifies', () => {
  const { steps: _, ...stepless } = leastFile();
  const atOnce = { ...stepless, strategy: 'all-at-once' };
  const at = (weight: number) => ({ ...leastFile(), steps: [{ weight, bake: '5m' }] });

  test.each([
    [
      'with a holdout beside all-at-once',
      { ...atOnce, holdout: 5 },
      'holdout is 5: this strategy goes to 100 % in one step, so nothing can stay on the stable version; write `steps` instead of it, or remove `holdout`.',
    ],
    [
      'with a holdout beside blue-green',
      { ...stepless, strategy: 'blue-green', smoke: [{ get: '/', expect: { status: 200 } }], holdout: 50 },
      'holdout is 50: this strategy goes to 100 % in one step',
    ],
    [
      'with a holdout and no time for it',
      { ...leastFile(), verify: '0m', holdout: 5 },
      'holdout is 5: the holdout is part of `verify`, which is 0s; write `verify: 10m`, or remove `holdout`.',
    ],
    [
      'with a last step that leaves less than the holdout',
      { ...at(96), holdout: 5 },
      'holdout is 5: the last step is at 96 %, which leaves 4 % on the stable version; write `holdout: 4`, or lower the weight of that step to 95 or less.',
    ],
    [
      'with a linear strategy whose last step leaves less than the holdout',
      { ...stepless, linear: { by: 10, every: '2m' }, holdout: 20 },
      'holdout is 20: the last step is at 90 %, which leaves 10 %',
    ],
  ])('%s is refused, since that can never be', (_name, file, line) => {
    expect(problemsOf(file)).toEqual([expect.stringContaining(line)]);
  });

  test.each([
    [
      'recall: off beside steps',
      { ...leastFile(), recall: 'off' },
      /^`recall: off`: if doubt arises during verify/,
    ],
    [
      'recall: off with all-at-once',
      { ...atOnce, recall: 'off' },
      /^`recall: off` without a holdout: nothing is compared with stable during verify/,
    ],
    [
      'neither holdout nor recall',
      { ...leastFile(), holdout: 0, recall: 'off' },
      /^`recall: off` without a holdout/,
    ],
    [
      'no holdout',
      { ...leastFile(), holdout: 0 },
      /^`holdout: 0`: nothing is compared with stable during verify unless/,
    ],
  ])('%s is possible and weak, so it is a notice', (_name, file, notice) => {
    expect(planFrom(rolloutFileFrom(file)).notices).toEqual([expect.stringMatching(notice)]);
  });

  test.each([
    ['what the defaults do', leastFile()],
    ['what they do in one step', atOnce],
    ['a holdout of its own', { ...leastFile(), holdout: 10, recall: 'on' }],
    ['a verify of no time', { ...leastFile(), verify: '0s', holdout: 0, recall: 'off' }],
  ])('%s gets no notice', (_name, file) => {
    expect(planFrom(rolloutFileFrom(file)).notices).toEqual([]);
  });
});

describe('a bad rollout file is refused with the place, what stands there and the fix', () => {
  const KNOWN =
    'schema, service, targets, steps, linear, exponential, canary, strategy, segments, smoke, probe, hooks, gates, watch, limits, alarms, verify, settle, holdout, recall, onInconclusive, onSuspect';
  const step = (first: unknown, second: unknown) => [first, second];

  type Row = [string, (string | number)[], unknown, string];
  const HOOK_URLS: [string, string][] = [
    ['http://a.example/', '"http://a.example/": only https is possible; write it like `https://host/path`.'],
    ['ftp://a.example/', '"ftp://a.example/": only https is possible'],
    ['a.example/hook', '"a.example/hook": only https is possible'],
    [
      'https://ada:secret@a.example/',
      '"https://…@a.example/": a URL is written down in many places; take name',
    ],
    ['https://a.example@b.example/', '"https://…@b.example/": a URL is written down in many places'],
    ['https://169.254.169.254/latest', '"https://169.254.169.254/latest": a numeric address names no host'],
    ['https://[::1]/', '"https://[::1]/": a numeric address names no host'],
    ['https://[::1]:443/', '"https://[::1]:443/": a numeric address names no host'],
    ['https://2130706433/', '"https://2130706433/": a numeric address names no host'],
    ['https://0x7f.1/', '"https://0x7f.1/": a numeric address names no host'],
    ['https://a.0x7f/', '"https://a.0x7f/": a numeric address names no host'],
    ['https://a.example:8443/', '"https://a.example:8443/": only port 443 is possible; leave the port out.'],
    ['https://a.example:0443/', '"https://a.example:0443/": only port 443 is possible'],
    [
      'https://localhost/',
      '"https://localhost/": write it like `https://host/path`: the full name of a host',
    ],
    ['https://a.example./', '"https://a.example./": write it like `https://host/path`'],
    ['https://a..example/', '"https://a..example/": write it like `https://host/path`'],
    ['https://a.example\\@b.example/', '"https://…@b.example/": write it like `https://host/path`'],
    ['https://a.example/#top', '"https://a.example/#top": write it like `https://host/path`'],
    ['https://a.example/a b', '"https://a.example/a b": write it like `https://host/path`'],
    ['https://ä.example/', '"https://ä.example/": write it like `https://host/path`'],
  ];

  test.each<Row>([
    ['unknown key', ['stpes'], 1, `stpes is not a known key: did you mean \`steps\`? Known here: ${KNOWN}.`],
    ['notify', ['notify'], {}, 'notify is not a known key: known here are schema, '],
    ['key of an inherited name', ['toString'], 1, 'toString is not a known key:'],
    [
      'misspelt weight',
      ['steps', 1, 'weigth'],
      3,
      'steps[1].weigth is not a known key: did you mean `weight`?',
    ],
    ['p96', ['watch', 'p96'], '1.25x', 'watch.p96 is not a known key: did you mean `p9'],
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
      "write only the function's name: `shop`. It is looked for in the controller's own account and region; if those are not 123456789012 and eu-west-1, release it by a controller that is deployed there.",
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
    ...(
      [
        ['AfterAllowTraffic', 'afterPromotion'],
        ['BeforeAllowTraffic', 'beforeTraffic'],
        ['PreTraffic', 'beforeTraffic'],
        ['postTrafficHook', 'afterPromotion'],
        ['pre-promotion-analysis', 'beforePromotion'],
        ['onRollback', 'onRevert'],
      ] as const
    ).map(
      ([name, point]): Row => [
        `hook point ${name}`,
        ['hooks', name],
        [],
        `hooks.${name} is what other tools call it: write \`${point}\`.`,
      ],
    ),
    [
      'hook point of nobody',
      ['hooks', 'whenever'],
      [],
      'hooks.whenever is not a known key: known here are beforeTraffic, ',
    ],
    [
      'alarm by its ARN',
      ['alarms', 0],
      'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:orders: too low',
      "write only the alarm's name: `orders: too low`. It is looked for",
    ],
    [
      'ARN that is no alarm',
      ['alarms', 0],
      'arn:aws:cloudwatch::111122223333:dashboard/x',
      'write the name of a CloudWatch alarm, no ARN',
    ],
    ['source far off', ['targets', 'api', 'source'], 'webhook', 'unknown source; known are http, '],
    ['unknown source', ['targets', 'api', 'source'], 'htpp', 'unknown source; did you mean `http`?'],
    [
      'ARN of a queue',
      ['targets', 'orders', 'queue'],
      'arn:aws:sqs:eu-west-1:123456789012:orders.fifo',
      "write only the queue's name: `orders.fifo`.",
    ],
    [
      'URL of a queue',
      ['targets', 'orders', 'dlq'],
      'https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq',
      "write only the queue's name: `orders-dlq`.",
    ],
    [
      'queue of 81 characters',
      ['targets', 'orders', 'queue'],
      'q'.repeat(81),
      "write the queue's name: 1 to 80",
    ],
    [
      'queue of 81 characters with its ending',
      ['targets', 'orders', 'queue'],
      `${'q'.repeat(76)}.fifo`,
      "write the queue's name: 1 to 80",
    ],
    [
      'queue of an HTTP target',
      ['targets', 'api', 'queue'],
      'orders',
      'targets.api.queue is "orders": only a target with `source: sqs` consumes a queue; remove it.',
    ],
    [
      'queue of a stream',
      ['targets', 'events', 'dlq'],
      'orders',
      'targets.events.dlq is "orders": only a target with `source: sqs` or `async`',
    ],
    [
      'site before a target that no site calls',
      ['targets', 'events', 'behind'],
      'web',
      'targets.events.behind is "web": a site calls only a target with `source: http`; remove it.',
    ],
    [
      'candidate of a target that is behind no site',
      ['targets', 'api', 'candidate'],
      'candidate',
      'targets.api.candidate is "candidate": only a target `behind` a site has one; remove it.',
    ],
    [
      'queue that is its own dead-letter queue',
      ['targets', 'orders', 'dlq'],
      'orders.fifo',
      'targets.orders.dlq is "orders.fifo": a queue can not be its own dead-letter queue',
    ],

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
      'strategy is "all-at-once": `steps` is set here too; keep one of the two.',
    ],
    [
      'steps and linear',
      ['linear'],
      { by: 10, every: '2m' },
      'linear is {"by":10,"every":"2m"}: `steps` is set here too',
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
      'neither bake nor until',
      ['steps', 0, 'bake'],
      undefined,
      'steps[0].bake is missing: write the least time at this weight, like `5m`, or `until: { canary: 20 invocations }`.',
    ],
    ['until of a text', ['steps', 2, 'until'], '20', 'steps[2].until is "20": write a map of canary here.'],
    [
      'misspelt until',
      ['steps', 2, 'until', 'canry'],
      1,
      'steps[2].until.canry is not a known key: did you mean `canary`?',
    ],
    [
      'count without unit',
      ['steps', 2, 'until', 'canary'],
      20,
      'steps[2].until.canary is 20: a count needs its unit; write `20 invocations`',
    ],
    [
      'count of 0',
      ['steps', 2, 'until', 'canary'],
      '0 invocations',
      'steps[2].until.canary is "0 invocations": write a number of invocations from 1 to 1000000',
    ],
    [
      'count over a million',
      ['steps', 2, 'until', 'canary'],
      '1000001 invocations',
      'steps[2].until.canary is "1000001 invocations": write a number of invocations from 1 to 1000000',
    ],
    [
      'count of something else',
      ['steps', 2, 'until', 'canary'],
      '20 errors',
      'steps[2].until.canary is "20 errors": write a number of invocations',
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
      'write exactly one of `get`, `post`, `put`, `patch`, `delete`',
    ],
    [
      'smoke with two requests',
      ['smoke', 0, 'post'],
      '/x',
      'write exactly one of `get`, `post`, `put`, `patch`, `delete`',
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
      'smoke[0].target is missing: write the target that is asked: api, ',
    ],
    [
      'smoke of an unknown target',
      ['smoke', 0, 'target'],
      'workr',
      'smoke[0].target is "workr": write the target that is asked: worker, ',
    ],
    ['no expectation', ['smoke', 0, 'expect'], undefined, 'smoke[0].expect is missing: write what must come'],
    [
      'no status',
      ['smoke', 0, 'expect', 'status'],
      undefined,
      'smoke[0].expect.status is missing: write an HTTP status from 100 to 599, a class',
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

    ['hooks of a list', ['hooks'], [], 'hooks is []: write a map of beforeTraffic, beforeStep, afterStep,'],
    [
      'misspelt point',
      ['hooks', 'beforeTrafic'],
      [],
      'hooks.beforeTrafic is not a known key: did you mean `beforeTraffic`?',
    ],
    [
      'hook that is no list',
      ['hooks', 'onRevert'],
      { lambda: 'a' },
      'hooks.onRevert is {"lambda":"a"}: write a list of at most 10 hooks',
    ],
    [
      '11 hooks',
      ['hooks', 'onRevert'],
      Array(11).fill({ lambda: 'a', target: 'api' }),
      'write a list of at most 10 hooks',
    ],
    [
      'hook without anybody to ask',
      ['hooks', 'beforeTraffic', 0, 'lambda'],
      undefined,
      'write exactly one of `lambda` and `http`',
    ],
    [
      'hook that asks two',
      ['hooks', 'beforeTraffic', 0, 'http'],
      'https://a.example/',
      'hooks.beforeTraffic[0].http is "https://a.example/": `lambda` is set here too; keep one of the two.',
    ],
    [
      'ARN of a hook',
      ['hooks', 'beforeTraffic', 0, 'lambda'],
      'arn:aws:lambda:eu-west-1:123456789012:function:shop-check',
      "write only the function's name: `shop-check`. It is looked for",
    ],
    ...HOOK_URLS.map(
      ([url, line]): Row => [
        `hook at ${url}`,
        ['hooks', 'onRevert', 0, 'http'],
        url,
        `hooks.onRevert[0].http is ${line}`,
      ],
    ),
    [
      'hook of an unknown target',
      ['hooks', 'onRevert', 0, 'target'],
      'workr',
      'hooks.onRevert[0].target is "workr": write the target that is asked: worker, ',
    ],
    [
      'hook without target, of several',
      ['hooks', 'onRevert', 0, 'target'],
      undefined,
      'hooks.onRevert[0].target is missing: write the target that is asked: ',
    ],
    [
      'hook without any time',
      ['hooks', 'onRevert', 0, 'timeout'],
      '0s',
      'hooks.onRevert[0].timeout is "0s": it must be from 1s to 1d.',
    ],
    [
      'hook that may take two days',
      ['hooks', 'onRevert', 0, 'timeout'],
      '2d',
      'hooks.onRevert[0].timeout is "2d": it must be from 1s to 1d.',
    ],
    [
      'unknown policy of a hook',
      ['hooks', 'onRevert', 0, 'onBroken'],
      'ignor',
      'hooks.onRevert[0].onBroken is "ignor": did you mean `ignore`? Known are revert, pause, ignore.',
    ],

    ['gates of a map', ['gates'], {}, 'gates is {}: write a list of at most 100 gates'],
    [
      'gate with no approver',
      ['gates', 0, 'approvers'],
      0,
      'gates[0].approvers is 0: a gate without approvers blocks nothing; write how many people must approve, from 1 to 10',
    ],
    ['11 approvers', ['gates', 0, 'approvers'], 11, 'gates[0].approvers is 11: write how many people'],
    ['half an approver', ['gates', 0, 'approvers'], 1.5, 'gates[0].approvers is 1.5: write how many people'],
    [
      'gate that nobody may approve',
      ['gates', 0, 'by'],
      [],
      'gates[0].by is []: fewer people may approve than the 2 that must; add names or lower `approvers`.',
    ],
    [
      'gate with too few names',
      ['gates', 0, 'by'],
      ['ada'],
      'gates[0].by is ["ada"]: fewer people may approve than the 2 that must',
    ],
    [
      'gate with one name twice',
      ['gates', 0, 'by'],
      ['ada', 'ada'],
      'gates[0].by[1] is "ada": this name is listed before; remove one of the two.',
    ],
    [
      'gate whose one name twice is not enough',
      ['gates', 0, 'by'],
      ['ada', 'ada'],
      'gates[0].by is ["ada","ada"]: fewer people may approve than the 2',
    ],
    ['empty name', ['gates', 0, 'by', 0], '', 'gates[0].by[0] is "": write a name of 1 to 200 characters'],
    ['no group', ['gates', 1, 'from'], [], 'gates[1].from is []: write a list of 1 to 100 groups'],
    [
      'a group twice',
      ['gates', 1, 'from'],
      ['a', 'a'],
      'gates[1].from[1] is "a": this name is listed before',
    ],
    [
      'group of a text',
      ['gates', 1, 'from'],
      'leads',
      'gates[1].from is "leads": write a list of 1 to 100 groups',
    ],
    [
      'an author of a text',
      ['gates', 0, 'notAuthor'],
      'ada',
      'gates[0].notAuthor is "ada": write true or false.',
    ],
    [
      'another rejection',
      ['gates', 0, 'reject'],
      'end',
      'gates[0].reject is "end": did you mean `ends`? Known are ends, pauses',
    ],
    ['names of a text', ['gates', 0, 'by'], 'ada', 'gates[0].by is "ada": write a list of at most 100 names'],
    [
      'gate before 0 %',
      ['gates', 0, 'before'],
      0,
      'gates[0].before is 0: write the weight that needs approval',
    ],
    ['gate before 101 %', ['gates', 0, 'before'], 101, 'gates[0].before is 101: write the weight'],
    [
      'gate before nothing',
      ['gates', 0, 'before'],
      undefined,
      'gates[0].before is missing: write the weight',
    ],
    [
      'two gates before one weight',
      ['gates', 1, 'before'],
      50,
      'gates[1].before is 50: there is a gate before this weight already; join the two.',
    ],
    [
      'gate of seconds',
      ['gates', 0, 'timeout'],
      '59s',
      'gates[0].timeout is "59s": it must be from 1m to 30d.',
    ],
    [
      'gate of 31 days',
      ['gates', 0, 'timeout'],
      '31d',
      'gates[0].timeout is "31d": it must be from 1m to 30d.',
    ],
    [
      'gate that pauses',
      ['gates', 0, 'onTimeout'],
      'pause',
      'gates[0].onTimeout is "pause": known are revert, promote.',
    ],

    [
      'limits of a list',
      ['limits'],
      [],
      'limits is []: write a map of dlqNew, oldestMessage, iteratorAge, batch',
    ],
    ['misspelt limit', ['limits', 'dqlNew'], 0, 'limits.dqlNew is not a known key: did you mean `dlqNew`?'],
    [
      'limit below 0',
      ['limits', 'dlqNew'],
      -1,
      'limits.dlqNew is -1: write a whole number from 0 to 1000000.',
    ],
    [
      'limit of a half',
      ['limits', 'batchFailures'],
      0.5,
      'limits.batchFailures is 0.5: write a whole number',
    ],
    [
      'limit over a million',
      ['limits', 'dlqNew'],
      1_000_001,
      'limits.dlqNew is 1000001: write a whole number',
    ],
    [
      'age without unit',
      ['limits', 'oldestMessage'],
      15,
      'limits.oldestMessage is 15: a time needs its unit; write `15s` or `15m`.',
    ],
    [
      'age that no message has',
      ['limits', 'oldestMessage'],
      '15d',
      'limits.oldestMessage is "15d": it must be from 1s to 14d.',
    ],
    [
      'limit of a stream where there is none',
      ['targets', 'events', 'source'],
      'http',
      'limits.iteratorAge is "1h": no target has `source: stream`, so this could never be measured; remove it.',
    ],
    [
      'new messages of a dead-letter queue without its name',
      ['targets', 'orders', 'dlq'],
      undefined,
      'targets.orders.dlq is missing: `limits.dlqNew` needs the name of its dead-letter queue.',
    ],
    [
      'age of messages of a queue without its name',
      ['targets', 'orders', 'queue'],
      undefined,
      'targets.orders.queue is missing: `limits.oldestMessage` needs the name of the queue that it consumes.',
    ],
    [
      'dead-letter queue of a second target without its name',
      ['targets', 'late'],
      { lambda: 'late', alias: 'live', source: 'async' },
      'targets.late.dlq is missing: `limits.dlqNew` needs the name of its dead-letter queue.',
    ],

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
    [
      'holdout of a percent sign',
      ['holdout'],
      '5%',
      'holdout is "5%": write the percent of the traffic that stays on the stable version during most of `verify`, as a whole number from 1 to 50 without a sign, like `holdout: 5`, or 0 for none.',
    ],
    [
      'holdout of a more than half',
      ['holdout'],
      51,
      'holdout is 51: write the percent of the traffic that stays on the stable version during most of `verify`, as a whole number from 1 to 50 without a sign, like `holdout: 5`, or 0 for none.',
    ],
    [
      'holdout of a 99',
      ['holdout'],
      99,
      'holdout is 99: write the percent of the traffic that stays on the stable version during most of `verify`, as a whole number from 1 to 50 without a sign, like `holdout: 5`, or 0 for none.',
    ],
    [
      'holdout of a less than nothing',
      ['holdout'],
      -1,
      'holdout is -1: write the percent of the traffic that stays on the stable version during most of `verify`, as a whole number from 1 to 50 without a sign, like `holdout: 5`, or 0 for none.',
    ],
    [
      'holdout of a part of a percent',
      ['holdout'],
      2.5,
      'holdout is 2.5: write the percent of the traffic that stays on the stable version during most of `verify`, as a whole number from 1 to 50 without a sign, like `holdout: 5`, or 0 for none.',
    ],
    [
      'holdout of a map',
      ['holdout'],
      { percent: 5 },
      'holdout is {"percent":5}: write the percent of the traffic that stays on the stable version during most of `verify`, as a whole number from 1 to 50 without a sign, like `holdout: 5`, or 0 for none.',
    ],
    [
      'holdout of a nothing at all',
      ['holdout'],
      null,
      'holdout is null: write the percent of the traffic that stays on the stable version during most of `verify`, as a whole number from 1 to 50 without a sign, like `holdout: 5`, or 0 for none.',
    ],
    [
      'holdout of a truth',
      ['holdout'],
      true,
      'holdout is true: write the percent of the traffic that stays on the stable version during most of `verify`, as a whole number from 1 to 50 without a sign, like `holdout: 5`, or 0 for none.',
    ],
    [
      'recall that the YAML of others read',
      ['recall'],
      false,
      'recall is false: write the word `off`, as a text.',
    ],
    ['recall of true', ['recall'], true, 'recall is true: write the word `on`, as a text.'],
    ['recall misspelt', ['recall'], 'offf', 'recall is "offf": did you mean `off`? Known are on, off.'],
    ['recall of never', ['recall'], 'never', 'recall is "never": known are on, off.'],
    [
      'key that holdout replaced',
      ['holdBack'],
      { percent: 5, bake: '10m' },
      'holdBack was replaced by `holdout`: write the percent alone, like `holdout: 5`; it stays on stable for four fifths of `verify`, which replaces `bake`.',
    ],
    ['verify without unit', ['verify'], 10, 'verify is 10: a time needs its unit; write `10s` or `10m`.'],
    ['verify of 8 days', ['verify'], '8d', 'verify is "8d": it must be from 0s to 7d.'],
    [
      'unknown onInconclusive',
      ['onInconclusive'],
      'promot',
      'onInconclusive is "promot": did you mean `promote`? Known are pause, promote, revert.',
    ],
    [
      'onSuspect of promote',
      ['onSuspect'],
      'promote',
      'onSuspect is "promote": a canary that looks worse is never promoted by itself, only by a person; write `pause` or `revert`.',
    ],
    [
      'unknown onSuspect',
      ['onSuspect'],
      'rvert',
      'onSuspect is "rvert": did you mean `revert`? Known are pause, revert.',
    ],

    ['__proto__', ['__proto__'], { a: 1 }, '__proto__ is refused as a key'],
    [
      'constructor, deep',
      ['smoke', 1, 'json'],
      { a: [{ constructor: 1 }] },
      'smoke[1].json.a[0].constructor is refused as a key',
    ],
    ['prototype', ['targets', 'prototype'], {}, 'targets.prototype is refused as a key'],
    ['NaN', ['smoke', 1, 'json'], Number.NaN, 'smoke[1].json is NaN: only JSON values are allowed here.'],
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
      hooks: { beforeTraffik: [], onRevert: [{ lambda: 'a', http: 'https://a.example', timeout: 5 }] },
      gates: [
        { before: 0, approvers: 0 },
        { before: 50, by: [] },
      ],
      limits: { dlqNew: -1, iteratorAge: '1m' },
      notify: {},
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
        'hooks.beforeTraffik',
        'hooks.onRevert[0].http',
        'hooks.onRevert[0].timeout',
        'gates[0].before',
        'gates[0].approvers',
        'gates[1].by',
        'limits.dlqNew',
        'limits.dlqNew',
        'limits.iteratorAge',
        'notify',
      ].sort(),
    );
  });

  test('a value that is wrong in two ways, such as -0.5 for a weight, gets one line', () => {
    expect(problemsOf(changed(leastFile(), ['steps', 0, 'weight'], -0.5))).toHaveLength(1);
  });

  test('the file is named in front of each problem', () => {
    const error = thrownBy(() => rolloutFileFrom({ ...leastFile(), verify: 1, notify: 1 }, 'a.yml: '));
    expect(error.message.split('\n').every((line) => line.startsWith('a.yml: '))).toBe(true);
  });

  test('http5xx is refused where no target answers HTTP, for it could never be measured', () => {
    const file = changed(changed(leastFile(), ['targets', 'api', 'source'], 'invoke'), ['watch'], {
      http5xx: '1%',
    });
    expect(problemsOf(file)).toEqual([
      'watch.http5xx is "1%": no target is a function with `source: http`, so this could never be measured; remove it.',
    ]);
  });

  test('http5xx is not spoken of where the targets are missing', () => {
    const { targets: _, ...rest } = leastFile();
    expect(problemsOf({ ...rest, watch: { http5xx: '1%' } })).toEqual([
      expect.stringMatching(/^targets is /),
    ]);
  });

  test.each(['beforeStep', 'afterStep'])(
    'a hook at %s is refused where the strategy has no steps',
    (point) => {
      const { steps: _, ...file } = leastFile();
      expect(problemsOf({ ...file, strategy: 'all-at-once', hooks: { [point]: [{ lambda: 'a' }] } })).toEqual(
        [
          `hooks.${point} is [{"lambda":"a"}]: this strategy has no steps, so it would never be asked; use \`beforePromotion\` instead.`,
        ],
      );
    },
  );

  test.each([
    ['dlqNew', 0, 'sqs', '`source: sqs` or `source: async`'],
    ['oldestMessage', '1m', 'async', '`source: sqs` or `source: async`'],
    ['iteratorAge', '1m', 'stream', '`source: stream`'],
    ['batchFailures', 0, 'stream', '`source: sqs` or `source: stream`'],
  ])('%s is refused where no target has it', (limit, max, fitting, sources) => {
    const of = (source: string) => ({
      ...leastFile(),
      targets: {
        api: { lambda: 'f', alias: 'a' },
        more: { lambda: 'g', alias: 'a', source, ...(source === 'sqs' ? { dlq: 'd' } : {}) },
      },
      limits: { [limit]: max },
    });
    expect(problemsOf(of('schedule'))).toEqual([
      `limits.${limit} is ${JSON.stringify(max)}: no target has ${sources}, so this could never be measured; remove it.`,
    ]);
    expect(limitsFrom(rolloutFileFrom(of(fitting)))).toHaveLength(1);
  });

  test('thousands of targets, with checks that ask none of them, are refused soon', () => {
    const targets = Object.fromEntries(
      Array.from({ length: 9_000 }, (_, n) => [`${'x'.repeat(35)}${n}`, {}]),
    );
    const ask = { target: 'y'.repeat(60), get: '/', expect: { status: 200 } };
    expect(problemsOf({ ...leastFile(), targets, smoke: Array(50).fill(ask) })).toHaveLength(101);
  });

  test('a list without end is refused before each of its items is', () => {
    expect(problemsOf({ ...leastFile(), steps: Array(300_000).fill(0) })).toEqual([
      'the rollout file holds more than 10000 values: shorten it.',
    ]);
  });

  test('nine thousand unknown keys are refused soon', () => {
    const strange = Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`strange${n}`, 0]));
    expect(problemsOf({ ...leastFile(), ...strange })).toHaveLength(101);
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
      { numRuns: times(500, 10_000) },
    );
  });

  test('is accepted or refused by a RolloutError, also where one part of a good file is anything', () => {
    const place = fc.constantFrom(...pathsOf(fullFile()));
    fc.assert(
      fc.property(place, hostile, (path, put) => isAnswered(changed(fullFile(), path, put))),
      { numRuns: times(800, 20_000) },
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
        exponential: fc.record({
          from: fc.integer({ min: 0, max: 100 }),
          factor: fc.oneof(fc.double({ min: 0.5, max: 100, noNaN: true }), fc.integer({ min: 0, max: 5 })),
          every: fc.constantFrom('1m', '7d'),
        }),
      }),
      fc.record({
        steps: fc.tuple(
          fc.record(
            {
              weight: fc.integer({ min: 1, max: 99 }),
              bake: fc.constantFrom('1m', '3d'),
              maxBake: fc.constantFrom('5m', '7d'),
              until: fc.record({
                canary: fc.constantFrom('1 invocation', '50 invocations', '0 invocations'),
              }),
            },
            { requiredKeys: ['weight'] },
          ),
        ),
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
      { numRuns: times(500, 10_000) },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test.each([
    ['full', fullFile()],
    ['least', leastFile()],
    ['preset', { ...leastFile(), steps: undefined, strategy: 'AllAtOnce' }],
    ['defaults', { ...leastFile(), hooks: { onRevert: [{ lambda: 'a' }] }, gates: [{ before: 50 }] }],
  ])('comes back the same from JSON and is accepted again: %s', (_name, value) => {
    const file = rolloutFileFrom(JSON.parse(JSON.stringify(value)));
    const again = rolloutFileFrom(JSON.parse(JSON.stringify(file)));
    expect(again).toEqual(file);
    expect(planFrom(again)).toEqual(planFrom(file));
    expect(hooksFrom(again)).toEqual(hooksFrom(file));
    expect(gatesFrom(again)).toEqual(gatesFrom(file));
  });

  test('asks no hook at a URL that another reader of URLs takes for another place', () => {
    const part = fc.oneof(
      fc.constantFrom(...'/\\@:.#?[]%0x17fa-443 '),
      fc.constantFrom('a.example', '127.0.0.1'),
    );
    const url = fc.array(part, { maxLength: 8 }).map((parts) => `https://${parts.join('')}`);
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(url, fc.webUrl({ validSchemes: ['https'] })), (http) => {
        if (accept({ ...leastFile(), hooks: { onRevert: [{ http }] } }) === undefined) return;
        accepted += 1;
        const read = new URL(http);
        const host = /^https:\/\/([^/:]+)/.exec(http)?.[1]?.toLowerCase();
        expect(read).toMatchObject({ protocol: 'https:', hostname: host, port: '', username: '', hash: '' });
        expect(host).toMatch(/\.[a-z][a-z0-9-]*$/);
      }),
      { numRuns: times(800, 20_000) },
    );
    expect(accepted).toBeGreaterThan(100);
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
      ['steps', 'linear', 'exponential', 'canary', 'strategy'].map((name) => ({ required: [name] })),
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
  hooksFrom(file);
  gatesFrom(file);
  watchFrom(file);
  limitsFrom(file);
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
