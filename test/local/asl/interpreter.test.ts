import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import jsonata from 'jsonata';
import { describe, expect, test } from 'vitest';
import { compileTemplate, isReservedName } from '../../../local/asl/expression.ts';
import {
  type AslHistoryEvent,
  type AslHost,
  compile,
  HISTORY_EVENTS_MAX,
  PAYLOAD_BYTES_MAX,
  run,
} from '../../../local/asl/interpreter.ts';
import { virtualClock } from '../../../local/clock.ts';
import { times } from '../../deep.ts';

type States = Record<string, object>;
const INVOKE = 'arn:aws:states:::lambda:invoke';
const WAIT_FOR_TOKEN = `${INVOKE}.waitForTaskToken`;

const machineOf = (States: States) => ({ QueryLanguage: 'JSONata', StartAt: Object.keys(States)[0], States });
const invoke = (FunctionName: string, more: object = { End: true }) => ({
  Type: 'Task',
  Resource: INVOKE,
  Arguments: { FunctionName },
  ...more,
});

function failWith(name: string, cause = ''): never {
  throw Object.assign(new Error(cause), { name });
}

interface Call {
  at: number;
  name: string;
  args: unknown;
  token: string | undefined;
}

/** A world around one execution: functions by name, tokens by number, and seconds since the start. */
function worldOf(functions: Record<string, (args: never, call: Call) => unknown> = {}, draw = 0.5) {
  const clock = virtualClock();
  const start = clock.now();
  const seconds = () => (clock.now() - start) / 1000;
  const calls: Call[] = [];
  const history: AslHistoryEvent[] = [];
  const tokens: { resolve(value: unknown): void; reject(error: unknown): void; isForgotten: boolean }[] = [];
  const host: AslHost = {
    clock,
    random: () => draw,
    async task(resource, given, { token }) {
      const args = given as { FunctionName?: string };
      const name = args.FunctionName ?? resource;
      const call = { at: seconds(), name, args, token };
      calls.push(call);
      const answer = await functions[name]?.(args as never, call);
      return { Payload: answer ?? null };
    },
    token() {
      const entry = { ...Promise.withResolvers<unknown>(), isForgotten: false };
      tokens.push(entry);
      const forget = () => {
        entry.isForgotten = true;
      };
      return { token: `t${tokens.length}`, done: entry.promise, forget };
    },
    record: (event) => history.push(event),
  };
  const abort = new AbortController();
  const begin = (States: States, input: unknown = {}) => {
    const identity = { Id: 'arn:run', Name: 'run', StartTime: '2026-01-05T09:00:00.000Z' };
    return run(compile(machineOf(States)), input, identity, host, abort.signal);
  };
  const play = (States: States, input?: unknown) => clock.run(begin(States, input));
  const path = () => history.filter(({ type }) => type === 'StateEntered').map(({ state }) => state);
  return { clock, seconds, calls, history, tokens, abort, begin, play, path };
}

const succeeded = (output: unknown) => ({ status: 'SUCCEEDED', output });
const failed = (error: string, cause: unknown = expect.any(String)) => ({ status: 'FAILED', error, cause });
const pass = (Output: unknown) => ({ P: { Type: 'Pass', Output, End: true } });

describe('a definition is refused when it is loaded', () => {
  const refused = (States: States, problem: string | RegExp) =>
    expect(() => compile(machineOf(States))).toThrow(problem);

  test('without QueryLanguage JSONata, or with top-level fields that this interpreter does not have', () => {
    const States = { P: { Type: 'Pass', End: true } };
    expect(() => compile({ StartAt: 'P', States })).toThrow('QueryLanguage: must be "JSONata"');
    expect(() => compile({ ...machineOf(States), TimeoutSeconds: 60 })).toThrow('TimeoutSeconds');
    expect(() => compile('P')).toThrow('must be an object');
  });

  test.each([
    ['an unknown field', { P: { Type: 'Pass', End: true, Result: 1 } }, 'P (Pass): the field Result'],
    ['a JSONPath field', { P: { Type: 'Pass', End: true, InputPath: '$' } }, 'P (Pass): the field InputPath'],
    ['a heartbeat', { T: invoke('f', { End: true, HeartbeatSeconds: 1 }) }, 'the field HeartbeatSeconds'],
    ['an unknown state type', { P: { Type: 'Parallel', End: true } }, 'P.Type: "Parallel"'],
    ['a type that every object has', { P: { Type: 'toString', End: true } }, 'P.Type: "toString"'],
    ['a Next that leads nowhere', { P: { Type: 'Pass', Next: 'Q' } }, 'P.Next: there is no state "Q"'],
    ['a Default that leads nowhere', { C: { Type: 'Choice', Choices: [], Default: 'Q' } }, 'C.Default'],
    [
      'a state that nothing leads to',
      { P: { Type: 'Pass', End: true }, Q: { Type: 'Succeed' } },
      'Q: no state leads here',
    ],
    ['both Next and End', { P: { Type: 'Pass', Next: 'P', End: true } }, 'P: must have either'],
    ['neither Next nor End', { P: { Type: 'Pass' } }, 'P: must have either'],
    ['an unknown resource', { T: { ...invoke('f'), Resource: `${INVOKE}.sync` } }, 'T.Resource'],
    [
      'an unknown argument of lambda:invoke',
      { T: { ...invoke('f'), Arguments: { FunctionName: 'f', Qualifier: 'x' } } },
      'Qualifier',
    ],
    [
      'an unknown field of a retrier',
      { T: invoke('f', { End: true, Retry: [{ ErrorEquals: ['X'], Backoff: 2 }] }) },
      'T.Retry[0]: the field Backoff',
    ],
    [
      'a retrier with a wrong number',
      { T: invoke('f', { End: true, Retry: [{ ErrorEquals: ['X'], MaxAttempts: -1 }] }) },
      'T.Retry[0].MaxAttempts',
    ],
    [
      'States.ALL among other names',
      { T: invoke('f', { End: true, Retry: [{ ErrorEquals: ['X', 'States.ALL'] }] }) },
      'States.ALL must stand alone',
    ],
    ['Seconds that are a plain text', { W: { Type: 'Wait', Seconds: '5', End: true } }, 'W.Seconds'],
    ['a timeout of 0', { T: invoke('f', { End: true, TimeoutSeconds: 0 }) }, 'T.TimeoutSeconds'],
    [
      'JSONata that does not parse',
      pass('{% $states.input. %}'),
      'P.Output: {% $states.input. %} is not JSONata',
    ],
    ['JSONata newer than 2.0.6', pass('{% $states.input.a ?? 1 %}'), 'is not JSONata 2.0.6'],
    ['half an expression', pass('{% 1'), 'half an expression'],
    ['a variable that no state assigns', pass('{% $weight %}'), 'P.Output: {% $weight %} uses $weight'],
    ['a function that AWS added to JSONata', pass('{% $hash("a") %}'), 'uses $hash'],
    ['a bare name', pass("{% kind = 'shift' %}"), 'names "kind"'],
    ['the root of nothing', pass('{% $$.kind %}'), 'uses $$'],
    ['$states as a whole', pass('{% $states %}'), 'uses $states without'],
    [
      'an unknown part of the context',
      pass('{% $states.context.Execution.RoleArn %}'),
      'context.Execution.RoleArn',
    ],
    ['a result where there is none', pass('{% $states.result %}'), 'uses $states.result'],
    [
      'an errorOutput outside Catch',
      { T: invoke('f', { End: true, Output: '{% $states.errorOutput %}' }) },
      '$states.errorOutput',
    ],
    [
      'a variable with the name of a function',
      { P: { Type: 'Pass', Assign: { count: 1 }, End: true } },
      '"count" has the name',
    ],
  ])('for %s', (_, states, problem) => refused(states as States, problem));

  test.each(['eval("1")', 'now()', 'millis()', 'random()', 'uuid()', 'shuffle([1])', 'toMillis("2026")'])(
    'for $%s, because clock and chance stay in the world',
    (call) => refused(pass(`{% $map([1], function($v){ $${call} }) %}`), 'is refused'),
  );

  test('for a name used twice, or an outer variable assigned, inside a Map', () => {
    const inner = { StartAt: 'M', States: { M: { Type: 'Pass', Assign: { x: 1 }, End: true } } };
    const M = { Type: 'Map', Items: [1], ItemProcessor: inner, Assign: { x: 2 }, End: true };
    refused({ M }, 'M: another state has this name');
    refused({ M }, 'the variable "x" exists in an outer scope');
  });

  test('and every problem is named at once', () => {
    refused(
      { P: { Type: 'Pass', Result: 1, Output: '{% $x %}', Next: 'Q' } },
      /3 problem.*Result.*\$x.*"Q"/s,
    );
  });

  test("but not the project's own state machine", () => {
    const file = new URL('../../../statemachines/rollout.asl.json', import.meta.url);
    expect(() => compile(JSON.parse(readFileSync(file, 'utf8')))).not.toThrow();
  });
});

describe('expressions', () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  const key = fc.constantFrom('a', 'b', 'kind', 'toString', '__proto__', 'length');
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      json,
      fc.dictionary(key, tie('node')),
      fc.array(tie('node'), { maxLength: 3 }),
    ),
  })).node;
  const evaluateAt = (source: string, data: unknown) => {
    const problems: string[] = [];
    const place = { where: 'P.Output', variables: new Set(['data']), problems };
    const evaluate = compileTemplate(`{% ${source} %}`, place);
    expect(problems).toEqual([]);
    const variables = Object.assign(Object.create(null), { data });
    return (async () => evaluate({ states: { input: data, context: {} }, variables }))();
  };
  const plain = (value: unknown) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
  const asked = async (source: string, data: unknown) =>
    jsonata(source).evaluate(undefined, { data, states: { input: data } });
  const isJson = (value: unknown): boolean =>
    typeof value === 'object'
      ? Object.values(value ?? {}).every(isJson)
      : !['undefined', 'function'].includes(typeof value);

  test('a bare path gives what jsonata gives, whatever the data', async () => {
    const path = fc.tuple(fc.constantFrom('$data', '$states.input'), fc.array(key, { maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(path, tree, async ([head, keys], raw) => {
        const data = plain(raw);
        const source = [head, ...keys.map((name) => `\`${name}\``)].join('.');
        const expected = await asked(source, data);
        const given = evaluateAt(source, data);
        if (isJson(expected)) expect(await given).toEqual(plain(expected));
        else await expect(given).rejects.toThrow(/is undefined|gives a function/);
      }),
      { numRuns: times(250, 5_000) },
    );
  });

  test('equality gives what jsonata gives, whatever the data', async () => {
    const side = fc.constantFrom(
      '1',
      '"a"',
      'null',
      'true',
      '""',
      '-1',
      '$data.a',
      '$data.b',
      '$data.c',
      '$data',
    );
    const value = fc.oneof(tree, fc.constantFrom(1, 'a', null, true, '', -1));
    const data = fc.oneof(
      fc.record({ a: value, b: value }),
      value.map((same) => ({ a: same, b: same })),
      fc.constant({}),
    );
    await fc.assert(
      fc.asyncProperty(side, side, data, async (left, right, raw) => {
        const source = `${left} = ${right}`;
        expect(await evaluateAt(source, plain(raw))).toBe(await asked(source, plain(raw)));
      }),
      { numRuns: times(250, 5_000) },
    );
  });

  test('every function of jsonata 2.0.6 is either known or refused', () => {
    const source = readFileSync(new URL('../../../node_modules/jsonata/jsonata.js', import.meta.url), 'utf8');
    const names = [...source.matchAll(/staticFrame\.bind\('(\w+)'/g)].map(([, name]) => String(name));
    expect(names.length).toBeGreaterThan(60);
    expect(names.filter((name) => !isReservedName(name))).toEqual([]);
  });

  test('what jsonata gives is plain JSON, without its marks on arrays', async () => {
    const output = await worldOf().play(pass('{% $states.input.steps.weight %}'), {
      steps: [{ weight: 1 }, { weight: 10 }],
    });
    expect(output).toEqual(succeeded([1, 10]));
    expect(Object.getOwnPropertyNames((output as { output: object }).output)).toEqual(['0', '1', 'length']);
  });

  test.each([
    ['undefined', '{% $states.input.missing %}'],
    ['undefined deep within', { a: [{ b: '{% $states.input.missing.more %}' }] }],
    ['undefined from jsonata', '{% $states.input.list[5] %}'],
    ['Infinity', '{% 1/0 %}'],
    ['NaN', '{% [0/0] %}'],
    ['a function', '{% $sum %}'],
    ['a failed call', '{% $number("x") %}'],
  ])('%s is a States.QueryEvaluationError, never null', async (_, output) => {
    expect(await worldOf().play(pass(output), { list: [1] })).toEqual(failed('States.QueryEvaluationError'));
  });

  test('a variable that is not assigned yet is an error, even where jsonata would compare it', async () => {
    const states = {
      C: { Type: 'Choice', Choices: [{ Condition: "{% $kind = 'a' %}", Next: 'D' }], Default: 'P' },
      P: { Type: 'Pass', Assign: { kind: 'a' }, Next: 'C' },
      D: { Type: 'Succeed' },
    };
    expect(await worldOf().play(states)).toEqual(
      failed('States.QueryEvaluationError', expect.stringContaining('$kind')),
    );
  });

  test('a filter may use bare names and $, and own variables of the expression', async () => {
    const source =
      '{% ($least := 2; $sum($states.input.list[n >= $least].n) + $sum($states.input.more[$ > 1])) %}';
    const input = { list: [{ n: 1 }, { n: 2 }, { n: 3 }], more: [1, 5] };
    expect(await worldOf().play(pass(source), input)).toEqual(succeeded(10));
  });
});

describe('states', () => {
  test('Assign sees the variables as they were on entry, so two can be swapped', async () => {
    const states = {
      A: { Type: 'Pass', Assign: { a: 1, b: 2 }, Next: 'B' },
      B: { Type: 'Pass', Assign: { a: '{% $b %}', b: '{% $a %}' }, Output: '{% $a %}', Next: 'C' },
      C: { Type: 'Pass', Output: { a: '{% $a %}', b: '{% $b %}', before: '{% $states.input %}' }, End: true },
    };
    expect(await worldOf().play(states)).toEqual(succeeded({ a: 2, b: 1, before: 1 }));
  });

  test('without Output a Task passes on its result, and Pass, Wait and Choice their input', async () => {
    const states = {
      T: invoke('f', { Next: 'P' }),
      P: { Type: 'Pass', Next: 'W' },
      W: { Type: 'Wait', Seconds: 1, Next: 'C' },
      C: { Type: 'Choice', Choices: [{ Condition: '{% true %}', Next: 'S' }] },
      S: { Type: 'Succeed' },
    };
    expect(await worldOf({ f: () => 7 }).play(states)).toEqual(succeeded({ Payload: 7 }));
  });

  test('Succeed has an Output, and Fail takes Error and Cause from expressions', async () => {
    expect(
      await worldOf().play({ S: { Type: 'Succeed', Output: { n: '{% $states.input.n %}' } } }, { n: 3 }),
    ).toEqual(succeeded({ n: 3 }));
    const fail = {
      F: { Type: 'Fail', Error: '{% $states.input.why %}', Cause: "{% 'n is ' & $states.input.n %}" },
    };
    expect(await worldOf().play(fail, { why: 'reverted', n: 3 })).toEqual(failed('reverted', 'n is 3'));
    expect(await worldOf().play(fail, { why: 5, n: 3 })).toEqual(failed('States.QueryEvaluationError'));
  });

  test('Choice takes the first Condition that holds, with its own Assign, else Default with that of the state', async () => {
    const states = {
      C: {
        Type: 'Choice',
        Choices: [
          { Condition: "{% $states.input.kind = 'a' %}", Assign: { by: 'rule' }, Next: 'P' },
          {
            Condition: "{% $states.input.kind = 'a' or $states.input.kind = 'b' %}",
            Assign: { by: 'second' },
            Next: 'P',
          },
        ],
        Default: 'P',
        Assign: { by: 'default' },
      },
      P: { Type: 'Pass', Output: '{% $by %}', End: true },
    };
    for (const [kind, by] of [
      ['a', 'rule'],
      ['b', 'second'],
      ['c', 'default'],
    ]) {
      expect(await worldOf().play(states, { kind })).toEqual(succeeded(by));
    }
  });

  test('Choice fails where nothing holds and there is no Default, and where a Condition is no boolean', async () => {
    const states = {
      C: { Type: 'Choice', Choices: [{ Condition: '{% $states.input.yes %}', Next: 'S' }] },
      S: { Type: 'Succeed' },
    };
    expect(await worldOf().play(states, { yes: false })).toEqual(failed('States.NoChoiceMatched'));
    expect(await worldOf().play(states, { yes: 'true' })).toEqual(failed('States.QueryEvaluationError'));
  });

  test('Wait takes its Seconds from an expression, which must give a whole number', async () => {
    const states = { W: { Type: 'Wait', Seconds: '{% $states.input.s %}', End: true } };
    const world = worldOf();
    await world.play(states, { s: 90 });
    expect(world.seconds()).toBe(90);
    for (const s of [1.5, -1, '90']) {
      expect(await worldOf().play(states, { s })).toEqual(failed('States.QueryEvaluationError'));
    }
  });

  test('the context object tells execution, state and time', async () => {
    const Output = {
      execution: '{% $states.context.Execution %}',
      entered: '{% $states.context.State.EnteredTime %}',
      state: '{% $states.context.State.Name %}',
    };
    const states = { W: { Type: 'Wait', Seconds: 60, Next: 'P' }, ...pass(Output) };
    const execution = { Id: 'arn:run', Name: 'run', StartTime: '2026-01-05T09:00:00.000Z', Input: { n: 1 } };
    const expected = { execution, entered: '2026-01-05T09:01:00.000Z', state: 'P' };
    expect(await worldOf().play(states, { n: 1 })).toEqual(succeeded(expected));
  });
});

describe('Map', () => {
  const map = (more: object, inner: States = { I: { Type: 'Pass', End: true } }) => ({
    M: { Type: 'Map', ItemProcessor: { StartAt: Object.keys(inner)[0], States: inner }, End: true, ...more },
  });

  test('iterates over Items, not over its input, and keeps the order of the results', async () => {
    const world = worldOf({ slow: async (_, call) => world.clock.sleep(call.at === 0 ? 9000 : 1000) });
    const inner = { I: invoke('slow', { Output: '{% $states.context.Map.Item.Index %}', End: true }) };
    expect(
      await world.play(map({ Items: '{% $states.input.list %}' }, inner), { list: ['a', 'b', 'c'] }),
    ).toEqual(succeeded([0, 1, 2]));
    expect(await worldOf().play(map({ Items: [4, '{% $states.input.n %}'] }), { n: 5 })).toEqual(
      succeeded([4, 5]),
    );
  });

  test('refuses Items that are no array, such as the one object a filter gives', async () => {
    const states = map({ Items: '{% $states.input.list[n = 1] %}' });
    expect(await worldOf().play(states, { list: [{ n: 1 }, { n: 2 }] })).toEqual(
      failed('States.QueryEvaluationError'),
    );
  });

  test('shapes each item, and each iteration has its own variables beside the outer ones', async () => {
    const inner = {
      A: { Type: 'Pass', Assign: { own: '{% $states.input.value %}' }, Next: 'B' },
      B: {
        Type: 'Wait',
        Seconds: 1,
        Output: '{% $outer & $own & $states.context.Map.Item.Value %}',
        End: true,
      },
    };
    const ItemSelector = { value: "{% $states.context.Map.Item.Value & '!' %}" };
    const states = {
      P: { Type: 'Pass', Assign: { outer: 'o' }, Next: 'M' },
      ...map({ Items: ['x', 'y'], ItemSelector }, inner),
    };
    expect(await worldOf().play(states)).toEqual(succeeded(['ox!x', 'oy!y']));
  });

  test('runs as many iterations at once as MaxConcurrency says, which may be an expression', async () => {
    for (const [most, seconds] of [
      [0, 10],
      [1, 60],
      [4, 20],
    ]) {
      const world = worldOf();
      const inner = { W: { Type: 'Wait', Seconds: 10, End: true } };
      await world.play(
        map({ Items: [1, 2, 3, 4, 5, 6], MaxConcurrency: '{% $states.input.most %}' }, inner),
        { most },
      );
      expect(world.seconds()).toBe(seconds);
    }
  });

  test('fails with the error of the first iteration that fails, and stops the others', async () => {
    const inner = {
      C: { Type: 'Choice', Choices: [{ Condition: '{% $states.input = 1 %}', Next: 'F' }], Default: 'W' },
      F: { Type: 'Fail', Error: 'Bad', Cause: 'one' },
      W: { Type: 'Wait', Seconds: 100, Next: 'T' },
      T: invoke('late'),
    };
    const world = worldOf();
    const Catch = [{ ErrorEquals: ['Bad'], Next: 'S' }];
    const states = {
      ...map({ Items: [0, 1, 2], Catch }, inner),
      S: { Type: 'Wait', Seconds: 500, End: true },
    };
    expect(await world.play(states)).toEqual(succeeded({ Error: 'Bad', Cause: 'one' }));
    expect(world.calls).toEqual([]);
  });

  test('an error caught inside an iteration does not stop the others', async () => {
    const functions = { f: (_: never, call: Call) => (call.at === 0 ? failWith('Boom') : 'ok') };
    const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'N', Output: 'lost' }];
    const inner = {
      W: { Type: 'Wait', Seconds: '{% $states.input %}', Next: 'I' },
      I: invoke('f', { Catch, Output: '{% $states.result.Payload %}', End: true }),
      N: { Type: 'Succeed' },
    };
    expect(await worldOf(functions).play(map({ Items: [0, 1] }, inner))).toEqual(succeeded(['lost', 'ok']));
  });

  test('an empty list gives an empty list', async () => {
    expect(await worldOf().play(map({ Items: [] }))).toEqual(succeeded([]));
  });
});

describe('Retry', () => {
  const retried = async (Retry: object[], errors: (string | undefined)[], draw?: number) => {
    const left = [...errors];
    const world = worldOf(
      {
        f: () => {
          const error = left.shift();
          if (error !== undefined) failWith(error);
        },
      },
      draw,
    );
    const outcome = await world.play({ T: invoke('f', { Retry, End: true }) });
    return { status: outcome.status, at: world.calls.map(({ at }) => at), world };
  };

  test('waits by interval and backoff, at most MaxDelaySeconds', async () => {
    const retry = {
      ErrorEquals: ['Busy'],
      IntervalSeconds: 2,
      BackoffRate: 3,
      MaxAttempts: 4,
      MaxDelaySeconds: 10,
    };
    expect(await retried([retry], ['Busy', 'Busy', 'Busy', 'Busy'])).toMatchObject({
      status: 'SUCCEEDED',
      at: [0, 2, 8, 18, 28],
    });
  });

  test('takes 1 second, three attempts and a rate of 2 where nothing is said, then fails', async () => {
    expect(await retried([{ ErrorEquals: ['States.ALL'] }], Array(9).fill('Busy'))).toMatchObject({
      status: 'FAILED',
      at: [0, 1, 3, 7],
    });
  });

  test('with full jitter waits a random share of the delay', async () => {
    const retry = { ErrorEquals: ['Busy'], IntervalSeconds: 4, JitterStrategy: 'FULL' };
    expect((await retried([retry], ['Busy', 'Busy'], 0.25)).at).toEqual([0, 1, 3]);
  });

  test('counts the attempts of each retrier for itself', async () => {
    const retry = [
      { ErrorEquals: ['A'], MaxAttempts: 1, IntervalSeconds: 5 },
      { ErrorEquals: ['B'], MaxAttempts: 1, IntervalSeconds: 7 },
    ];
    expect(await retried(retry, ['A', 'B'])).toMatchObject({ status: 'SUCCEEDED', at: [0, 5, 12] });
    expect(await retried(retry, ['A', 'B', 'A'])).toMatchObject({ status: 'FAILED', at: [0, 5, 12] });
  });

  test('with MaxAttempts 0 or another error name there is none', async () => {
    expect((await retried([{ ErrorEquals: ['A'], MaxAttempts: 0 }], ['A'])).at).toEqual([0]);
    expect((await retried([{ ErrorEquals: ['A'] }], ['B'])).at).toEqual([0]);
  });

  test('evaluates Arguments anew, with the number of retries in the context', async () => {
    const world = worldOf({ f: (_, call) => call.at < 3 && failWith('Busy') });
    const Arguments = { FunctionName: 'f', Payload: '{% $states.context.State.RetryCount %}' };
    await world.play({ T: { ...invoke('f', { Retry: [{ ErrorEquals: ['Busy'] }], End: true }), Arguments } });
    expect(world.calls.map(({ args }) => args)).toMatchObject([
      { Payload: 0 },
      { Payload: 1 },
      { Payload: 2 },
    ]);
  });

  test('also runs a whole Map again', async () => {
    const world = worldOf({ f: (_, call) => call.at === 0 && failWith('Busy') });
    const ItemProcessor = { StartAt: 'T', States: { T: invoke('f') } };
    const M = { Type: 'Map', Items: [1, 2], ItemProcessor, Retry: [{ ErrorEquals: ['Busy'] }], End: true };
    expect((await world.play({ M })).status).toBe('SUCCEEDED');
    expect(world.calls.map(({ at }) => at)).toEqual([0, 0, 1, 1]);
  });
});

describe('Catch', () => {
  const caughtBy = async (names: string[], error: string) => {
    const world = worldOf({ f: () => failWith(error) });
    const Catch = names.map((name) => ({ ErrorEquals: [name], Output: name, Next: 'S' }));
    const outcome = await world.play({ T: invoke('f', { Catch, End: true }), S: { Type: 'Succeed' } });
    return outcome.status === 'SUCCEEDED' ? outcome.output : outcome.status;
  };

  test('takes an error by the name that a function gave it', async () => {
    expect(await caughtBy(['Other', 'RevertFailed', 'States.ALL'], 'RevertFailed')).toBe('RevertFailed');
    expect(await caughtBy(['Other'], 'RevertFailed')).toBe('FAILED');
  });

  test('States.ALL takes all but States.Runtime, States.TaskFailed all of these but a timeout', async () => {
    expect(await caughtBy(['States.TaskFailed'], 'Anything')).toBe('States.TaskFailed');
    expect(await caughtBy(['States.TaskFailed', 'States.ALL'], 'States.Timeout')).toBe('States.ALL');
    expect(await caughtBy(['States.TaskFailed', 'States.ALL'], 'States.DataLimitExceeded')).toBe(
      'States.TaskFailed',
    );
    expect(await caughtBy(['States.ALL'], 'States.DataLimitExceeded')).toBe('States.ALL');
    expect(await caughtBy(['States.DataLimitExceeded'], 'States.DataLimitExceeded')).toBe(
      'States.DataLimitExceeded',
    );
    expect(await caughtBy(['States.Runtime', 'States.ALL'], 'States.Runtime')).toBe('FAILED');
  });

  test('passes the error on, and can assign and shape it', async () => {
    const functions = { f: () => failWith('Boom', '{"errorType":"Boom"}') };
    const plain = {
      T: invoke('f', { Catch: [{ ErrorEquals: ['Boom'], Next: 'S' }], End: true }),
      S: { Type: 'Succeed' },
    };
    expect(await worldOf(functions).play(plain)).toEqual(
      succeeded({ Error: 'Boom', Cause: '{"errorType":"Boom"}' }),
    );
    const Catch = [
      {
        ErrorEquals: ['Boom'],
        Assign: { why: '{% $states.errorOutput.Error %}' },
        Output: '{% $states.input.n %}',
        Next: 'S',
      },
    ];
    const S = { Type: 'Succeed', Output: ['{% $why %}', '{% $states.input %}'] };
    expect(await worldOf(functions).play({ T: invoke('f', { Catch, End: true }), S }, { n: 4 })).toEqual(
      succeeded(['Boom', 4]),
    );
  });

  test('comes after the retries, and also takes an expression that failed', async () => {
    const world = worldOf({ f: () => ({ kind: 'hold' }) });
    const Retry = [{ ErrorEquals: ['States.QueryEvaluationError'], MaxAttempts: 1 }];
    const Catch = [{ ErrorEquals: ['States.ALL'], Output: '{% $states.errorOutput.Error %}', Next: 'S' }];
    const Assign = {
      kind: '{% $states.result.Payload.kind %}',
      seconds: '{% $states.result.Payload.seconds %}',
    };
    const S = { Type: 'Succeed' };
    const states = { T: invoke('f', { Retry, Catch, Assign, End: true }), S };
    expect(await world.play(states)).toEqual(succeeded('States.QueryEvaluationError'));
    expect(world.calls).toHaveLength(2);
  });

  test('an Assign that failed half-way has assigned nothing', async () => {
    const Assign = { kind: 'new', seconds: '{% $states.result.Payload.missing %}' };
    const states = {
      P: { Type: 'Pass', Assign: { kind: 'old', seconds: 1 }, Next: 'T' },
      T: invoke('f', { Assign, Catch: [{ ErrorEquals: ['States.ALL'], Next: 'S' }], End: true }),
      S: { Type: 'Succeed', Output: '{% $kind %}' },
    };
    expect(await worldOf().play(states)).toEqual(succeeded('old'));
  });
});

describe('Task', () => {
  test('times out after TimeoutSeconds, which may be an expression, and ignores the late answer', async () => {
    const world = worldOf({ f: () => world.clock.sleep(30_000) });
    const Catch = [{ ErrorEquals: ['States.Timeout'], Next: 'W' }];
    const states = {
      T: invoke('f', { TimeoutSeconds: '{% $states.input.s %}', Catch, Next: 'F' }),
      W: { Type: 'Wait', Seconds: 60, End: true },
      F: { Type: 'Fail', Error: 'NotInTime' },
    };
    expect(await world.play(states, { s: 20 })).toEqual(succeeded({ Error: 'States.Timeout', Cause: '' }));
    expect(world.seconds()).toBe(80);
    expect(await worldOf().play(states, { s: 0 })).toEqual(failed('States.QueryEvaluationError'));
  });

  test('a late failure after a timeout is ignored, too', async () => {
    const world = worldOf({
      f: async (_, call) => {
        await world.clock.sleep(call.at === 0 ? 12_000 : 5_000);
        if (call.at === 0) failWith('Late');
        return call.at;
      },
    });
    const Retry = [{ ErrorEquals: ['States.Timeout'], IntervalSeconds: 1 }];
    const outcome = await world.play({ T: invoke('f', { TimeoutSeconds: 10, Retry, End: true }) });
    expect(outcome).toEqual(succeeded({ Payload: 11 }));
  });

  test('leaves no wait behind when it is in time', async () => {
    const world = worldOf();
    await world.play({ T: invoke('f', { TimeoutSeconds: 1000, End: true }) });
    await world.clock.advance(0);
    expect(world.history.at(-1)).toMatchObject({ type: 'ExecutionSucceeded', at: world.clock.now() });
    await expect(world.clock.run(new Promise(() => {}))).rejects.toThrow('nothing waits');
    expect(world.seconds()).toBe(0);
  });

  test('arguments and answers are copies, so functions share no object', async () => {
    const kept = { list: [1] };
    const seen: { Payload: { list: number[] } }[] = [];
    const see = (args: { Payload: { list: number[] } }) => {
      seen.push(args);
      args.Payload.list.push(99);
    };
    const Payload = '{% $kept %}';
    const states = {
      A: invoke('give', { Assign: { kept: '{% $states.result.Payload %}' }, Next: 'B' }),
      B: { ...invoke('see', { Next: 'C' }), Arguments: { FunctionName: 'see', Payload } },
      C: { ...invoke('see'), Arguments: { FunctionName: 'see', Payload } },
    };
    await worldOf({ give: () => kept, see } as never).play(states);
    expect(kept).toEqual({ list: [1] });
    expect(seen.map((args) => args.Payload.list)).toEqual([
      [1, 99],
      [1, 99],
    ]);
  });

  test('a payload over 256 KiB, counted in bytes, fails with States.DataLimitExceeded', async () => {
    const text = (bytes: number) => 'x'.repeat(bytes - JSON.stringify({ Payload: '' }).length);
    const result = (payload: string) => worldOf({ f: () => payload }).play({ T: invoke('f') });
    expect((await result(text(PAYLOAD_BYTES_MAX))).status).toBe('SUCCEEDED');
    expect(await result(text(PAYLOAD_BYTES_MAX + 1))).toEqual(failed('States.DataLimitExceeded'));
    expect(await result('€'.repeat(PAYLOAD_BYTES_MAX / 3))).toEqual(failed('States.DataLimitExceeded'));
    const twice = pass(['{% $states.input %}', '{% $states.input %}']);
    expect(await worldOf().play(twice, 'x'.repeat(200_000))).toEqual(failed('States.DataLimitExceeded'));
    const Arguments = { FunctionName: 'f', Payload: ['{% $states.input %}', '{% $states.input %}'] };
    const world = worldOf();
    expect(await world.play({ T: { ...invoke('f'), Arguments } }, 'x'.repeat(200_000))).toEqual(
      failed('States.DataLimitExceeded'),
    );
    expect(world.calls).toEqual([]);
  });

  test('may call an AWS API by its own arguments', async () => {
    const Resource = 'arn:aws:states:::aws-sdk:lambda:getAlias';
    const world = worldOf();
    await world.play({ T: { Type: 'Task', Resource, Arguments: { Name: 'live' }, End: true } });
    expect(world.calls).toMatchObject([{ name: Resource, args: { Name: 'live' }, token: undefined }]);
  });
});

describe('a Task that waits for its token', () => {
  const hold = (more: object = {}) => ({
    H: {
      Type: 'Task',
      Resource: WAIT_FOR_TOKEN,
      Arguments: { FunctionName: 'hold', Payload: '{% $states.context.Task.Token %}' },
      End: true,
      ...more,
    },
  });

  test('ends when the token is completed, and the answer of the function is ignored', async () => {
    const world = worldOf({ hold: () => 'ignored' });
    const end = world.begin(hold());
    await world.clock.advance(50_000);
    expect(world.calls).toMatchObject([{ args: { Payload: 't1' }, token: 't1' }]);
    world.tokens[0]?.resolve({ woken: true });
    expect(await world.clock.run(end)).toEqual(succeeded({ woken: true }));
    expect(world.tokens[0]?.isForgotten).toBe(true);
  });

  test('fails when the token is failed, or when its function fails', async () => {
    const world = worldOf();
    const end = world.begin(hold());
    await world.clock.advance(1000);
    world.tokens[0]?.reject(Object.assign(new Error('no'), { name: 'HookFailed' }));
    expect(await world.clock.run(end)).toEqual(failed('HookFailed', 'no'));
    expect(await worldOf({ hold: () => failWith('Boom') }).play(hold())).toEqual(failed('Boom'));
  });

  test('may be completed by the function itself, whose own end then no longer counts', async () => {
    for (const end of [() => undefined, () => failWith('TooLate')]) {
      const world = worldOf({
        hold: async () => {
          world.tokens[0]?.resolve('self');
          await world.clock.sleep(5000);
          end();
        },
      });
      const W = { Type: 'Wait', Seconds: 10, End: true };
      expect(await world.play({ ...hold({ End: undefined, Next: 'W' }), W })).toEqual(succeeded('self'));
      expect(world.history.map(({ type }) => type)).not.toContain('TaskSubmitted');
    }
  });

  test('makes a new token for each attempt after a timeout, and forgets the old one', async () => {
    const world = worldOf();
    const Retry = [{ ErrorEquals: ['States.Timeout'], IntervalSeconds: 1 }];
    const end = world.begin(hold({ TimeoutSeconds: 10, Retry }));
    await world.clock.advance(10_500);
    expect(world.tokens.map(({ isForgotten }) => isForgotten)).toEqual([true]);
    await world.clock.advance(1000);
    expect(world.calls.map(({ token }) => token)).toEqual(['t1', 't2']);
    world.tokens[0]?.resolve('old');
    await world.clock.advance(1000);
    world.tokens[1]?.resolve('new');
    expect(await world.clock.run(end)).toEqual(succeeded('new'));
  });
});

describe('an abort', () => {
  const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'R' }];
  const R = invoke('revert');
  const hold = {
    Type: 'Task',
    Resource: WAIT_FOR_TOKEN,
    Arguments: { FunctionName: 'hold' },
    Catch,
    End: true,
  };

  test.each([
    ['a Task', { T: invoke('slow', { TimeoutSeconds: 60, Catch, End: true }), R }],
    ['a token wait', { H: hold, R }],
    ['a Wait', { W: { Type: 'Wait', Seconds: 600, Next: 'R' }, R }],
    [
      'a wait for a retry',
      { T: invoke('bad', { Retry: [{ ErrorEquals: ['Bad'], IntervalSeconds: 99 }], Catch, End: true }), R },
    ],
    [
      'a Map',
      {
        M: {
          Type: 'Map',
          Items: [1, 2],
          ItemProcessor: { StartAt: 'W', States: { W: { Type: 'Wait', Seconds: 600, End: true } } },
          Catch,
          End: true,
        },
        R,
      },
    ],
  ])('ends %s at once, runs no Catch and leaves nothing waiting', async (_, states) => {
    const world = worldOf({ slow: () => new Promise(() => {}), bad: () => failWith('Bad') });
    const end = world.begin(states as States);
    await world.clock.advance(5000);
    world.abort.abort();
    expect(await end).toEqual({ status: 'ABORTED' });
    expect(world.history.at(-1)).toMatchObject({ type: 'ExecutionAborted' });
    expect(world.calls.map(({ name }) => name)).not.toContain('revert');
    expect(world.tokens.every(({ isForgotten }) => isForgotten)).toBe(true);
    await expect(world.clock.run(new Promise(() => {}))).rejects.toThrow('nothing waits');
    expect(world.seconds()).toBe(5);
  });

  test.each([
    ['Seconds', { W: { Type: 'Wait', Seconds: '{% $sum([100, 200]) %}', Next: 'T' }, T: invoke('f') }],
    ['Arguments', { T: { ...invoke('f'), Arguments: { FunctionName: "{% $lowercase('F') %}" } } }],
    ['Output', { P: { Type: 'Pass', Output: '{% $sum([1, 2]) %}', End: true } }],
  ])('while jsonata is asked for %s starts nothing afterwards', async (_, states) => {
    const world = worldOf();
    const end = world.begin(states as States);
    world.abort.abort();
    expect(await end).toEqual({ status: 'ABORTED' });
    expect(world.calls).toEqual([]);
  });

  test('before the start starts nothing', async () => {
    const world = worldOf();
    world.abort.abort();
    expect(await world.play({ T: invoke('f') })).toEqual({ status: 'ABORTED' });
    expect(world.calls).toEqual([]);
  });
});

describe('the history', () => {
  const events = async (states: States, functions = {}) => {
    const world = worldOf(functions);
    await world.play(states);
    expect(world.history.map(({ id }) => id)).toEqual(world.history.map((_, index) => index + 1));
    // The execution's own start and end are two of them.
    return world.history.length - 2;
  };

  test('counts the events of each kind of state as AWS does', async () => {
    expect(await events({ T: invoke('f') })).toBe(5);
    expect(await events({ W: { Type: 'Wait', Seconds: 1, End: true } })).toBe(2);
    expect(await events({ S: { Type: 'Succeed' } })).toBe(2);
    expect(await events({ F: { Type: 'Fail', Error: 'E' } })).toBe(1);
    const C = { Type: 'Choice', Choices: [{ Condition: '{% true %}', Next: 'S' }] };
    expect(await events({ C, S: { Type: 'Succeed' } })).toBe(4);
    const ItemProcessor = { StartAt: 'P', States: { P: { Type: 'Pass', End: true } } };
    expect(await events({ M: { Type: 'Map', Items: [1, 2, 3], ItemProcessor, End: true } })).toBe(
      4 + 3 * (2 + 2),
    );
  });

  test('counts three more for each retry', async () => {
    const f = (_: never, call: Call) => call.at < 3 && failWith('Busy');
    expect(await events({ T: invoke('f', { Retry: [{ ErrorEquals: ['Busy'] }], End: true }) }, { f })).toBe(
      5 + 2 * 3,
    );
  });

  test('fails the execution when it is full, and no Catch helps', async () => {
    const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'T' }];
    const world = worldOf();
    expect(await world.play({ T: invoke('f', { Catch, Next: 'T' }) })).toEqual(failed('States.Runtime'));
    expect(world.history).toHaveLength(HISTORY_EVENTS_MAX);
    expect(world.history.at(-1)).toMatchObject({ id: HISTORY_EVENTS_MAX, type: 'ExecutionFailed' });
  });
});
