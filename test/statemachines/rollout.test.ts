import { describe, expect, test } from 'vitest';
import { type Machine, RULES, readDefinition, type State } from './rules.ts';

type RuleName = keyof typeof RULES;
const names = Object.keys(RULES) as RuleName[];

describe('the state machine file carries no logic', () => {
  test.each(names)('%s', (name) => {
    expect(RULES[name](readDefinition())).toEqual([]);
  });
});

/** A state of the definition, or of the Map in it. */
function stateOf({ States }: Machine, name: string): State {
  const state = States[name] ?? States.RevertDirectly?.ItemProcessor?.States[name];
  if (state === undefined) throw new Error(`There is no state ${name}.`);
  return state;
}

type Change = (definition: Machine) => void;

const change =
  (name: string, fields: Partial<State>): Change =>
  (definition) => {
    Object.assign(stateOf(definition, name), fields);
  };
const drop =
  (name: string, field: keyof State): Change =>
  (definition) => {
    delete stateOf(definition, name)[field];
  };
const add =
  (name: string, state: State): Change =>
  (definition) => {
    definition.States[name] = state;
  };
/** Changes the entries of a list in a state. */
const edit =
  (name: string, field: 'Retry' | 'Catch' | 'Choices', edited: (entries: object[]) => unknown[]): Change =>
  (definition) => {
    const state = stateOf(definition, name);
    Object.assign(state, { [field]: edited(state[field] ?? []) });
  };
const replace =
  (from: string, to: string): Change =>
  (definition) => {
    const text = JSON.stringify(definition);
    if (!text.includes(from)) throw new Error(`${from} does not stand in the definition.`);
    Object.assign(definition, JSON.parse(text.replace(from, to)));
  };

const PLANTED: [string, RuleName, Change][] = [
  ['a misspelt field', 'asl-validator accepts it', change('Hold', { TimeOutSeconds: 15 })],
  ['a path of the old language', 'asl-validator accepts it', change('Measure', { InputPath: '$' })],
  [
    'a variable that nobody assigns',
    'the interpreter of the embedded world compiles it',
    replace('{% $version %}', '{% $revision %}'),
  ],
  [
    'a second Choice',
    'one Choice compares the directive, and its Default is the revert path',
    add('Weigh', {
      Type: 'Choice',
      Choices: [{ Condition: "{% $kind = 'x' %}", Next: 'Hold' }],
      Default: 'Hold',
    }),
  ],
  [
    'a directive that the Choice does not know',
    'one Choice compares the directive, and its Default is the revert path',
    edit('Dispatch', 'Choices', (choices) => choices.slice(1)),
  ],
  [
    'a kind that is no directive',
    'one Choice compares the directive, and its Default is the revert path',
    edit('Dispatch', 'Choices', (choices) => [
      ...choices,
      { Condition: "{% $kind = 'wait' %}", Next: 'Hold' },
    ]),
  ],
  [
    'a Choice that weighs what else it knows',
    'one Choice compares the directive, and its Default is the revert path',
    replace("$kind = 'shift'", "$kind = 'shift' and $seconds < 60"),
  ],
  [
    'two directives that changed places',
    'one Choice compares the directive, and its Default is the revert path',
    (definition) => {
      replace("$kind = 'promote'", "$kind = 'close '")(definition);
      replace("$kind = 'close'", "$kind = 'promote'")(definition);
      replace("$kind = 'close '", "$kind = 'close'")(definition);
    },
  ],
  [
    'a Default that goes on',
    'one Choice compares the directive, and its Default is the revert path',
    change('Dispatch', { Default: 'Decide' }),
  ],
  [
    'a Choice that assigns',
    'one Choice compares the directive, and its Default is the revert path',
    edit('Dispatch', 'Choices', ([first, ...rest]) => [{ ...first, Assign: { seconds: 1 } }, ...rest]),
  ],
  [
    'arithmetic in a Task',
    'every other expression is a bare path',
    replace('Payload.seconds %}', 'Payload.seconds * 2 %}'),
  ],
  [
    'a call in an Output',
    'every other expression is a bare path',
    change('Measure', { Output: '{% $string($kind) %}' }),
  ],
  ['half an expression', 'every other expression is a bare path', change('Measure', { Comment: '{% $kind' })],
  [
    'a calculation in the last-resort revert',
    'every other expression is a bare path',
    replace('{% $target.stable %}', "{% $target.stable & '' %}"),
  ],
  [
    'a Pass',
    'there are no states but Task, Choice, Succeed and Fail, and one Map',
    add('Shape', { Type: 'Pass', Next: 'Decide' }),
  ],
  [
    'a Wait',
    'there are no states but Task, Choice, Succeed and Fail, and one Map',
    change('Hold', { Type: 'Wait' }),
  ],
  [
    'a Pass in the last-resort revert',
    'there are no states but Task, Choice, Succeed and Fail, and one Map',
    change('LeftAlone', { Type: 'Pass' }),
  ],
  [
    'a timeout of the execution',
    'the execution as a whole has no timeout, which nothing could catch',
    (definition) => Object.assign(definition, { TimeoutSeconds: 86_400 }),
  ],
  [
    'a Task without a limit',
    'every Task is limited in time, a little longer than its function',
    drop('Decide', 'TimeoutSeconds'),
  ],
  [
    'a Task that gives up before its function does',
    'every Task is limited in time, a little longer than its function',
    change('RevertTraffic', { TimeoutSeconds: 10 }),
  ],
  [
    'a hold whose length core does not say',
    'every Task is limited in time, a little longer than its function',
    change('Hold', { TimeoutSeconds: 300 }),
  ],
  [
    'a call to Lambda without a limit',
    'every Task is limited in time, a little longer than its function',
    drop('RestoreStable', 'TimeoutSeconds'),
  ],
  [
    'a Task without Retry',
    'every Task retries, and gives up within a minute whatever comes again and again',
    drop('CloseRollout', 'Retry'),
  ],
  [
    'one attempt more than a minute allows',
    'every Task retries, and gives up within a minute whatever comes again and again',
    edit('RevertTraffic', 'Retry', ([first]) => [{ ...first, MaxAttempts: 40 }]),
  ],
  [
    'a second Retry beside the first',
    'every Task retries, and gives up within a minute whatever comes again and again',
    edit('Measure', 'Retry', ([first]) => [
      first,
      { ErrorEquals: ['Slow'], IntervalSeconds: 50, MaxAttempts: 1 },
    ]),
  ],
  [
    'a hold that begins again when its time is over',
    'a hold begins again only after what kept it from waiting, never when its time is over',
    edit('Hold', 'Retry', ([first]) => [first, { ErrorEquals: ['States.Timeout'], MaxAttempts: 1 }]),
  ],
  [
    'a hold that retries everything',
    'a hold begins again only after what kept it from waiting, never when its time is over',
    edit('Hold', 'Retry', () => [{ ErrorEquals: ['States.ALL'], MaxAttempts: 1 }]),
  ],
  [
    'a hold that gives the canary up when its function dies once',
    'a function that died is called once more',
    edit('Hold', 'Retry', (all) => all.map((each) => ({ ...each, MaxAttempts: 0 }))),
  ],
  [
    'a Task that gives up on an error of AWS',
    'every Task retries each error that the next attempt need not meet, and all with jitter',
    replace('"Runtime.OutOfMemory",', ''),
  ],
  [
    'a last revert path that gives up on an error that the API does not model',
    'every Task retries each error that the next attempt need not meet, and all with jitter',
    replace('"Lambda.LambdaException",', ''),
  ],
  [
    'a thousand rollouts that come again at once',
    'every Task retries each error that the next attempt need not meet, and all with jitter',
    replace('"JitterStrategy":"FULL"', '"JitterStrategy":"NONE"'),
  ],
  [
    'a Task without Catch',
    'an error that nobody handled takes the canary out',
    drop('ShiftTraffic', 'Catch'),
  ],
  [
    'an error that ends the execution and leaves the canary in',
    'an error that nobody handled takes the canary out',
    edit('PromoteCanary', 'Catch', () => [{ ErrorEquals: ['States.ALL'], Next: 'Halted' }]),
  ],
  [
    'a Catch that lets a timeout through',
    'an error that nobody handled takes the canary out',
    edit('Measure', 'Catch', () => [{ ErrorEquals: ['States.TaskFailed'], Next: 'RevertTraffic' }]),
  ],
  [
    'a revert that leads to itself',
    'an error that nobody handled takes the canary out',
    edit('RevertTraffic', 'Catch', () => [{ ErrorEquals: ['States.ALL'], Next: 'RevertTraffic' }]),
  ],
  [
    'one target that stops the others',
    'an error that nobody handled takes the canary out',
    drop('ReadAlias', 'Catch'),
  ],
  [
    'an error that is judged by its name',
    'a Catch names nothing but the end of a hold, a tick that could not end, and a write in between',
    edit('Measure', 'Catch', (all) => [{ ErrorEquals: ['Unavailable'], Next: 'Decide' }, ...all]),
  ],
  ['a state that nothing leads to', 'every state is reached', add('Spare', { Type: 'Succeed' })],
  [
    'a kind of target that the last-resort revert does not know',
    'the last-resort revert has an arm for each kind of target, and leaves what it does not know alone',
    edit('WhichKind', 'Choices', () => []),
  ],
  [
    'targets of any kind that are moved as aliases',
    'the last-resort revert has an arm for each kind of target, and leaves what it does not know alone',
    change('WhichKind', { Default: 'ReadAlias' }),
  ],
  [
    'a state of the last-resort revert that nothing leads to',
    'every state is reached',
    edit('WhoServes', 'Choices', (choices) => choices.slice(0, 2)),
  ],
  [
    'a function that is no file',
    'every function is called by the state of its name, and may be',
    (definition) => {
      const { Measure, ...States } = definition.States;
      definition.States = JSON.parse(
        JSON.stringify({ ...States, Weigh: Measure }).replaceAll(`\${Measure}`, `\${Weigh}`),
      );
    },
  ],
  [
    'a state that calls the function of another',
    'every function is called by the state of its name, and may be',
    replace(`\${PromoteCanary}`, `\${ShiftTraffic}`),
  ],
  [
    'an error that is not handed on',
    'every function is given the input of the execution, and what it needs beside it',
    replace('"unmeasured":"{% $states.input %}"', '"unmeasured":"{% $states.context.Execution.Input %}"'),
  ],
  [
    'a Task that moves traffic behind the back of the controller',
    'only the last-resort revert speaks to the services of targets itself',
    change('ShiftTraffic', { Resource: 'arn:aws:states:::aws-sdk:lambda:updateAlias' }),
  ],
  [
    'a last revert path that needs a function of ours',
    'only the last-resort revert speaks to the services of targets itself',
    change('ReadAlias', {
      Resource: 'arn:aws:states:::lambda:invoke',
      Arguments: { FunctionName: `\${Decide}` },
    }),
  ],
];

describe('the rules', () => {
  test.each(PLANTED)('catch %s', (_what, name, plant) => {
    const definition = readDefinition();
    plant(definition);
    expect(RULES[name](definition)).not.toEqual([]);
  });

  test('are each caught out at least once', () => {
    expect([...new Set(PLANTED.map(([, name]) => name))].sort()).toEqual([...names].sort());
  });
});
