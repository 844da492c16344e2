// Handlers as people write them, and what Lambda and `withSpillway` make of them. Each runs under Lambda's own runtime client
// (`npm run test:runtime`) and in the simulated Lambda (`npm test`), so that neither can say something else than the table.
// Plain JavaScript without imports, because Node 20 reads it too.

/**
 * What came of one invocation: Lambda's answer or the name of its error, and what was counted: `ok`, `fault`, `client` (a 4xx),
 * `none` (nothing was printed), or how many items of a batch of three came back.
 * @typedef {{ answer?: unknown, error?: string, counts: string | number }} Came
 */

/**
 * A handler is asked twice in one environment: with `fail: true` in the event, and then without. `from24` is what Node 24 makes
 * of it, if that is something else.
 * @typedef {{ name: string, event: string, handler: (event: any, ...rest: any[]) => unknown, before24: Came[], from24?: Came[], wrap?: string }} Case
 */

const json = (/** @type {unknown} */ value) => JSON.parse(JSON.stringify(value) ?? 'null');
/** @param {unknown} answer @param {Came['counts']} counts @returns {Came} */
const gave = (answer, counts) => ({ answer: json(answer), counts });
/** @param {string} error @param {Came['counts']} [counts] @returns {Came} */
const threw = (error, counts = 'fault') => ({ error, counts });
/** @param {Came} came */
const always = (came) => [came, came];
const status = (/** @type {{ fail?: boolean }} */ event) => ({
  statusCode: event.fail ? 500 : 200,
  body: '',
});
const BAD = { statusCode: 500, body: '' };
const GOOD = { statusCode: 200, body: '' };
const badThenGood = [gave(BAD, 'fault'), gave(GOOD, 'ok')];
const refused = always(threw('Runtime.CallbackHandlerDeprecated', 'none'));
/** What the two functions of the context that Node 24 no longer has come to. */
const gone = always(threw('TypeError'));
/** @param {string} event @param {unknown} answer @param {Came['counts']} counts @returns {Case} */
const answering = (event, answer, counts) => ({
  name: `answers ${JSON.stringify(answer)}`,
  ...{ event, handler: async () => answer, before24: always(gave(answer, counts)) },
});

/** @type {Case[]} */
const WAYS = [
  { name: 'a promise', event: 'rest', handler: async (event) => status(event), before24: badThenGood },
  {
    name: 'returned at once, which is no answer until Node 22',
    ...{ event: 'rest', handler: (event) => status(event) },
    before24: always(gave(null, 'fault')),
    from24: badThenGood,
  },
  {
    name: 'nothing returned at once, while the answer of an HTTP API may be null',
    ...{ event: 'http 2.0', handler: () => {}, before24: always(gave(null, 'ok')) },
  },
  {
    name: 'a thenable that begins anew with each then',
    event: 'rest',
    handler: (event) => {
      let begun = 0;
      return {
        /** @param {(value: unknown) => void} resolve */
        // biome-ignore lint/suspicious/noThenProperty: query builders have one
        then(resolve) {
          begun += 1;
          setTimeout(() => resolve({ ...status(event), body: String(begun) }), 1);
        },
      };
    },
    before24: [gave({ ...BAD, body: '1' }, 'fault'), gave({ ...GOOD, body: '1' }, 'ok')],
  },
  {
    name: 'a callback, three declared parameters',
    event: 'http 2.0',
    handler: (event, _context, callback) => {
      setTimeout(() => callback(null, status(event)), 1);
    },
    ...{ before24: badThenGood, from24: refused },
  },
  {
    name: 'a callback that waits for nothing',
    event: 'rest',
    handler: (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = false;
      callback(null, status(event));
    },
    ...{ before24: badThenGood, from24: refused },
  },
  {
    name: "a callback behind an agent's wrapper of length 0",
    event: 'http 2.0',
    handler: (...args) => {
      const [event, , callback] = args;
      setTimeout(() => callback?.(null, status(event)), 1);
    },
    before24: badThenGood,
    // Nobody is there to be called back, so the handler has answered nothing: to an HTTP API that is a 200.
    from24: always(gave(null, 'ok')),
  },
  {
    name: 'a callback of an error',
    event: 'rest',
    handler: (event, _context, callback) => {
      if (event.fail) callback(new RangeError('no stock'));
      else callback(null, GOOD);
    },
    before24: [threw('RangeError'), gave(GOOD, 'ok')],
    from24: refused,
  },
  {
    name: 'context.succeed',
    event: 'rest',
    handler: (event, context) => {
      setTimeout(() => context.succeed?.(status(event)), 1);
    },
    before24: badThenGood,
    from24: always(gave(null, 'fault')),
  },
  {
    name: 'context.done',
    event: 'rest',
    handler: (event, context) => context.done(null, status(event)),
    ...{ before24: badThenGood, from24: gone },
  },
  {
    name: 'context.done with an error',
    event: 'alb',
    handler: (event, context) => context.done(event.fail ? 'no stock' : undefined, GOOD),
    before24: [threw('string'), gave(GOOD, 'ok')],
    from24: gone,
  },
  {
    name: 'context.fail with nothing',
    event: 'url',
    handler: (event, context) => (event.fail ? context.fail() : context.succeed(GOOD)),
    before24: [threw('string'), gave(GOOD, 'ok')],
    from24: gone,
  },
  {
    name: 'twice by callback: the first counts',
    event: 'rest',
    handler: (event, _context, callback) => {
      callback(null, status(event));
      callback(null, status({ fail: !event.fail }));
      callback(new Error('late'));
    },
    ...{ before24: badThenGood, from24: refused },
  },
  {
    name: 'by callback and then by promise: the first counts',
    event: 'rest',
    handler: async (event, _context, callback) => {
      callback(null, status(event));
      return status({ fail: !event.fail });
    },
    ...{ before24: badThenGood, from24: refused },
  },
  {
    name: 'by promise, and by the context once it is settled: the promise counts',
    event: 'rest',
    handler: (event, context) => {
      const answer = Promise.resolve(status(event));
      answer.then(() => context.done?.(null, status({ fail: !event.fail })));
      return answer;
    },
    // The handler waits for its own promise before Lambda does.
    before24: [gave(GOOD, 'ok'), gave(BAD, 'fault')],
    from24: badThenGood,
  },
  {
    name: 'an error thrown at once',
    event: 'rest',
    handler: (event) => {
      if (event.fail) throw new RangeError('no stock');
      return Promise.resolve(GOOD);
    },
    before24: [threw('RangeError'), gave(GOOD, 'ok')],
  },
  {
    name: 'an error thrown at once after the answer',
    event: 'rest',
    handler: (event, context) => {
      context.succeed?.(status(event));
      throw new RangeError('late');
    },
    before24: badThenGood,
    from24: always(threw('RangeError')),
  },
  {
    name: 'a promise rejected with text',
    ...{ event: 'rest', handler: () => Promise.reject('no stock'), before24: always(threw('string')) },
  },
  {
    name: 'a promise rejected with nothing',
    ...{ event: 'rest', handler: () => Promise.reject(), before24: always(threw('string')) },
    from24: always(threw('undefined')),
  },
  {
    name: 'a promise that never settles',
    ...{ event: 'rest', handler: () => new Promise(() => {}), before24: always(gave(null, 'fault')) },
    from24: always(threw('Runtime.ExitError')),
  },
  {
    name: 'a callback that never comes',
    ...{ event: 'alb', handler: (_event, _context, _callback) => {}, before24: always(gave(null, 'fault')) },
    from24: refused,
  },
  {
    name: 'an answer that JSON cannot hold',
    ...{ event: 'rest', handler: async () => ({ statusCode: 200, headers: { n: 1n } }) },
    before24: always(threw('Error')),
    from24: always(threw('Runtime.JSONStringifyError')),
  },
  {
    name: 'an answer whose status cannot be read',
    event: 'http 2.0',
    handler: async () => ({
      get statusCode() {
        throw new Error('hands off');
      },
    }),
    before24: always(threw('Error')),
    from24: always(threw('Runtime.JSONStringifyError')),
  },
  {
    name: 'a changed event',
    event: 'rest',
    handler: async (event) => {
      const { fail } = event;
      for (const name of Object.keys(event)) delete event[name];
      return status({ fail });
    },
    before24: badThenGood,
  },
  {
    name: 'a streamed answer, wrapper outside',
    ...{ event: 'url', handler: async (_event, stream) => stream.end('') },
    wrap: 'withSpillway(awslambda.streamifyResponse(handler))',
    before24: always(threw('TypeError', 'none')),
  },
  {
    name: 'a streamed answer, wrapper inside',
    ...{ event: 'url', handler: async (_event, stream) => stream.end('') },
    wrap: 'awslambda.streamifyResponse(withSpillway(handler))',
    before24: always(threw('TypeError', 'none')),
  },
  {
    name: 'a handler that is none',
    ...{ event: 'url', handler: () => {}, wrap: 'withSpillway({ handler })' },
    before24: always(threw('TypeError', 'none')),
  },
  {
    name: "an agent's wrapper outside that answers for it by promise",
    ...{
      event: 'rest',
      handler: (/** @type {any} */ event, _context, callback) => callback(null, status(event)),
    },
    wrap: `(event, context) => new Promise((resolve, reject) =>
      withSpillway(handler)(event, context, (error, answer) => (error ? reject(error) : resolve(answer))))`,
    before24: badThenGood,
  },
  {
    name: "an agent's wrapper outside that keeps the context to itself",
    ...{ event: 'rest', handler: async (event) => status(event) },
    wrap: '(event, context) => withSpillway(handler)(event, Object.freeze({ ...context }))',
    before24: badThenGood,
  },
  {
    name: "an agent's wrapper inside, of the context's functions",
    ...{ event: 'rest', handler: (event, context) => context.succeed(status(event)) },
    wrap: `withSpillway((event, context) => {
      const { succeed } = context;
      context.succeed = (answer) => {
        setTimeout(() => succeed?.(answer), 1);
      };
      return handler(event, context);
    })`,
    before24: badThenGood,
    from24: always(gave(null, 'fault')),
  },
];

/** @param {unknown[]} ids */
const back = (...ids) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

WAYS.push({
  name: 'what comes back of a batch, by callback',
  ...{ event: 'sqs', handler: (_event, _context, callback) => callback(null, back('m3')) },
  ...{ before24: always(gave(back('m3'), 1)), from24: refused },
});

class Answer {
  constructor() {
    this.statusCode = 503;
  }
}
class Hidden {
  get statusCode() {
    return 200;
  }
}
const failed = () => Object.assign(new Error('db'), { statusCode: 503, body: 'no' });

/** @type {Case[]} */
const ANSWERS = [
  // Text is taken for a status by all; anything else that is none is malformed.
  ...['rest', 'http 1.0', 'http 2.0', 'url', 'alb', 'alb with multi-value headers'].flatMap((event) => [
    answering(event, { statusCode: '500', body: '{}' }, 'fault'),
    answering(event, { statusCode: '200', body: '{}' }, 'ok'),
    answering(event, { statusCode: 404 }, 'client'),
    answering(event, { statusCode: 499 }, 'client'),
    answering(event, { statusCode: 400 }, 'client'),
    answering(event, { statusCode: 399 }, 'ok'),
    answering(event, { statusCode: 599 }, 'fault'),
    ...['abc', 99, 1000, null, 200.5, '5e2', '', true, [], Number.NaN].map((statusCode) =>
      answering(event, { statusCode, body: '' }, 'fault'),
    ),
    answering(event, { statusCode: 200, body: { ok: true } }, 'fault'),
    answering(event, { statusCode: 200, body: 5 }, 'fault'),
    answering(event, { statusCode: 200, body: null }, 'ok'),
    answering(event, { statusCode: 200, body: new Date(0) }, 'ok'),
    answering(event, { statusCode: 200, headers: { a: ['b'] } }, 'fault'),
    answering(event, { statusCode: 200, headers: 'a: b' }, 'fault'),
    answering(event, { statusCode: 200, headers: { a: 'b' } }, 'ok'),
    answering(event, { statusCode: 200, headers: null }, 'ok'),
    answering(event, new Answer(), 'fault'),
    {
      name: 'an error with a status, returned',
      event,
      handler: async () => failed(),
      before24: always(gave({ statusCode: 503, body: 'no' }, 'fault')),
    },
  ]),
  // Without a status payload 2.0 makes anything a 200, and a REST API what has no other members than it knows.
  ...[{}, { statusCode: undefined }, new Hidden(), { body: 'x' }].flatMap((answer) => [
    answering('rest', answer, 'ok'),
    answering('http 1.0', answer, 'fault'),
    answering('alb', answer, 'fault'),
  ]),
  ...['rest', 'http 1.0', 'alb'].flatMap((event) =>
    [{ hello: 'world' }, null, undefined, 'hello', 200, [{ statusCode: 200 }], new Error('db')].map(
      (answer) => ({
        ...answering(event, answer, 'fault'),
        before24: always(gave(answer ?? null, 'fault')),
      }),
    ),
  ),
  ...['http 2.0', 'url'].flatMap((event) =>
    [
      { hello: 'world' },
      {},
      null,
      undefined,
      'hello',
      200,
      [{ statusCode: 500 }],
      { statusCode: undefined },
      new Hidden(),
      new Error('db'),
    ].map((answer) => ({ ...answering(event, answer, 'ok'), before24: always(gave(answer ?? null, 'ok')) })),
  ),
  answering('rest', { statusCode: 200, headers: { n: 1, yes: true } }, 'ok'),
  answering('alb', { statusCode: 200, headers: { n: 1 } }, 'fault'),
  answering('alb', { statusCode: 200, headers: { yes: true } }, 'fault'),
  answering('alb', { statusCode: 200, statusDescription: '200 OK' }, 'ok'),
  answering('rest', { statusCode: 200, cookies: ['a=b'] }, 'fault'),
  answering('http 2.0', { statusCode: 200, cookies: ['a=b'] }, 'ok'),
  answering('rest', { statusCode: 200, multiValueHeaders: { a: ['b', 'c'] } }, 'ok'),
  answering('rest', { statusCode: 200, multiValueHeaders: { a: 'b' } }, 'fault'),
  answering('alb with multi-value headers', { statusCode: 200, multiValueHeaders: { a: ['b'] } }, 'ok'),
  answering('alb with multi-value headers', { statusCode: 200, multiValueHeaders: { a: 'b' } }, 'fault'),
  {
    name: 'more than a load balancer takes',
    ...{ event: 'alb', handler: async () => ({ statusCode: 200, body: 'é'.repeat(600_000) }) },
    before24: always(gave({ statusCode: 200, body: 'é'.repeat(600_000) }, 'fault')),
  },
];

const SILENT = [
  'nothing',
  'sns',
  's3',
  'eventbridge',
  'websocket',
  'rest authorizer',
  'http authorizer',
  'lattice',
];

/** @type {Case[]} */
const OTHERS = [
  ...SILENT.map((event) => answering(event, { statusCode: 500 }, 'none')),
  ...SILENT.map((event) => answering(event, { policyDocument: {} }, 'none')),
  {
    name: 'an error of an event of unknown sender',
    ...{
      event: 'nothing',
      handler: () => Promise.reject(new Error('no')),
      before24: always(threw('Error', 'none')),
    },
  },
];

const NAMED = /** @type {const} */ ({ sqs: 'm', kinesis: 's', dynamodb: 's' });

/** @type {Case[]} */
const BATCHES = /** @type {(keyof typeof NAMED)[]} */ (['sqs', 'kinesis', 'dynamodb']).flatMap((event) => {
  const [one, two, three] = [1, 2, 3].map((n) => `${NAMED[event]}${n}`);
  const isQueue = event === 'sqs';
  return [
    answering(event, back(), 0),
    answering(event, {}, 0),
    answering(event, null, 0),
    answering(event, 'done', 0),
    answering(event, { batchItemFailures: null }, 0),
    answering(event, back(''), 3),
    answering(event, back(null), 3),
    answering(event, back('unknown'), 3),
    answering(event, back(one, 'unknown'), 3),
    answering(event, { batchItemFailures: [{ itemIdentifer: three }] }, 3),
    answering(event, { batchItemFailures: [three] }, 3),
    answering(event, { batchItemFailures: [null] }, 3),
    answering(event, { batchItemFailures: 'all' }, 3),
    answering(event, { batchItemFailures: {} }, 3),
    answering(event, back(two), isQueue ? 1 : 2),
    answering(event, back(three), 1),
    answering(event, back(three, one), isQueue ? 2 : 3),
    answering(event, back(three, three), 1),
    answering(event, back(one, two, three), 3),
    {
      name: 'an error',
      event,
      handler: () => Promise.reject(new Error('no')),
      before24: always(threw('Error')),
    },
    {
      name: 'nothing, at once',
      ...{ event, handler: () => {}, before24: always(gave(null, 0)) },
    },
    {
      name: 'a changed batch',
      event,
      handler: async (/** @type {any} */ { Records }) => {
        Records.length = 0;
        return back(three);
      },
      before24: always(gave(back(three), 1)),
    },
  ];
});

/** Handlers of which each is one environment, and handlers that share one. */
export const ALONE = WAYS;
export const TOGETHER = [...ANSWERS, ...OTHERS, ...BATCHES];
