import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { FUNCTIONS, type FunctionName, startedBy } from '../../infra/facts.ts';
import {
  EVERYBODY,
  GRANTS,
  type Holder,
  LENT,
  lentStatementsOf,
  RIGHTS,
  statementsOf,
  trustOf,
} from '../../infra/grants.ts';
import { arnsOf, secretNameOf } from '../../infra/place.ts';
import { SECRETS, SECRETS_READ, type SecretName } from '../../infra/secrets.ts';
import { codeOf, commandsIn, secretsIn } from './bundle.ts';
import { type Asked, COMMANDS, PLACE, questionsOf } from './calls.ts';
import { type Document, isAllowed, type Question } from './iam.ts';
import { everythingAsked } from './plots.ts';

const ARNS = arnsOf(PLACE);

const document = (Statement: Document['Statement']): Document => ({ Version: '2012-10-17', Statement });
const policyOf = (name: FunctionName) => document(statementsOf(name, PLACE));
const policyOfRole = (holder: Holder) => document(lentStatementsOf(holder, PLACE));

/** The tags of a function that its service's rollouts may touch, and whose code they may replace. */
const TAGS = { 'aws:ResourceTag/spillway:service': 'checkout-api', 'aws:ResourceTag/spillway:mode': 'zip' };

const tagged = (question: Question): Question =>
  question.action.startsWith('lambda:') ? { ...question, context: TAGS } : question;

let asked: Asked[];
beforeAll(async () => {
  // The embedded world keeps the controller's own secrets itself.
  const ofCode = await Promise.all(
    FUNCTIONS.map(async (fn) =>
      secretsIn(await codeOf(fn)).map((name) => ({
        ...{ fn, command: 'GetSecretValueCommand' },
        questions: questionsOf('GetSecretValueCommand', { SecretId: secretNameOf(PLACE, name) } as never),
      })),
    ),
  );
  asked = [...(await everythingAsked()), ...ofCode.flat()];
}, 120_000);

/** What a function may do and was not seen to do in these rollouts, because it takes an accident. */
const SELDOM: Partial<Record<FunctionName, string[]>> = {
  // Read again where somebody else wrote first.
  AlarmEvent: ['dynamodb:GetItem'],
  // The pin of a rollout that raises nothing, whose opening died before it was made.
  Watchdog: ['lambda:CreateAlias', 's3:GetObject', 's3:ListBucket'],
  // The token of an earlier wait for the same version.
  PublishRelease: ['dynamodb:DeleteItem'],
};

/** What Lambda itself does in a function's name, so that no command of its code stands for it. */
const BY_LAMBDA = [
  ...['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
  ...['logs:CreateLogStream', 'logs:PutLogEvents', 'sqs:SendMessage'],
  ...['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
];

/** Functions of the controller that others of it hand work to. */
const HANDED = ['OpenRollout', 'Abort', 'Command', 'Notify', 'SlackAction'].map(ARNS.function);

describe.each(FUNCTIONS)('%s', (name) => {
  const ownAsked = () => asked.filter(({ fn }) => fn === name);

  test('is allowed every call that it made, on what it made it', () => {
    const refused = ownAsked().flatMap(({ command, questions }) =>
      questions
        .filter((question) => !isAllowed(policyOf(name), tagged(question)))
        .map(({ action, resource }) => `${command}: ${action} on ${resource}`),
    );
    expect([...new Set(refused)]).toEqual([]);
    expect(ownAsked().length).toBeGreaterThan(0);
  });

  test('is allowed nothing else', () => {
    const used = new Set(ownAsked().flatMap(({ questions }) => questions.map(({ action }) => action)));
    const allowed = policyOf(name).Statement.flatMap(({ Action }) => Action);
    const idle = allowed.filter((action) => !used.has(action) && !BY_LAMBDA.includes(action));
    expect([...new Set(idle)].sort()).toEqual([...(SELDOM[name] ?? [])].sort());
  });

  test('may not touch a function that no service owns', () => {
    const wrong = ownAsked().flatMap(({ questions }) =>
      questions.filter(
        (question) =>
          question.resource.includes(':function:') &&
          !HANDED.includes(question.resource) &&
          isAllowed(policyOf(name), question),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test('makes only commands whose rights are written down, and none of its seldom ones is out of its reach', async () => {
    const commands = commandsIn(await codeOf(name));
    expect(commands.filter((command) => !COMMANDS.includes(command))).toEqual([]);
    const reachable = commands.map((command) => command.replace('Command', ''));
    for (const action of SELDOM[name] ?? [])
      if (!action.startsWith('s3:')) expect(reachable).toContain(action.split(':')[1]);
  });
});

describe('the table', () => {
  test('has a line for each function of the controller', () => {
    expect([...FUNCTIONS].sort()).toEqual([...FUNCTIONS].sort());
  });

  test('allows no action by a pattern, and everything only where the right says why', () => {
    for (const [name, right] of Object.entries(RIGHTS)) {
      expect(
        right.actions.filter((action) => action.includes('*')),
        name,
      ).toEqual([]);
      const isEverywhere = 'everywhere' in right;
      const resources = 'on' in right ? right.on(ARNS) : ['*'];
      expect(resources.includes('*'), name).toBe(isEverywhere);
      if ('everywhere' in right) expect(right.everywhere, name).toMatch(/\w+ \w+/);
    }
  });

  test('has no right that nobody has', () => {
    const lent = Object.values(LENT).map(({ may }) => may);
    const given = [...Object.values(GRANTS), ...lent, EVERYBODY].flat();
    expect(Object.keys(RIGHTS).filter((right) => !given.some((each) => each === right))).toEqual([]);
  });

  test('lets each function read the secrets that it needs, and no smoke test any of them', () => {
    const reads = (name: FunctionName, secret: string) =>
      questionsOf('GetSecretValueCommand', { SecretId: secret } as never).every((question) =>
        isAllowed(policyOf(name), question),
      );
    for (const name of FUNCTIONS)
      for (const secret of Object.keys(SECRETS) as SecretName[])
        expect([name, secret, reads(name, secretNameOf(PLACE, secret))]).toEqual([
          ...[name, secret, SECRETS_READ[name]?.includes(secret) ?? false],
        ]);
    for (const other of ['spillway-staging/PeopleKeys', 'spillway-production/PeopleKeys2', 'PeopleKeys'])
      expect(FUNCTIONS.filter((name) => reads(name, other))).toEqual([]);
  });

  test('lets a function of another service be reached by no name, only by its tag', () => {
    for (const { actions, ...right } of Object.values(RIGHTS)) {
      const resources = 'on' in right ? right.on(ARNS) : [];
      if (resources.includes(ARNS.anyFunction)) expect(right, actions.join()).toHaveProperty('when.Null');
    }
  });

  test('lets nobody start an execution but those who open, take over and continue rollouts', () => {
    const holders = FUNCTIONS.filter((name) =>
      isAllowed(policyOf(name), { action: 'states:StartExecution', resource: ARNS.machine }),
    );
    expect(holders.sort()).toEqual(['ContinueAsNew', 'OpenRollout', 'Watchdog']);
  });

  test('lets openings be handed over by Command and JournalStream, and by no service', () => {
    const question = { action: 'lambda:InvokeFunction', resource: ARNS.function('OpenRollout') };
    const holders = FUNCTIONS.filter((name) => isAllowed(policyOf(name), { ...question, context: TAGS }));
    expect(holders.sort()).toEqual(['Command', 'JournalStream', 'Measure', 'RevertTraffic', 'RunHook']);
    // The last three invoke what a service owns, which the controller's own functions are not tagged as.
    const untagged = FUNCTIONS.filter((name) => isAllowed(policyOf(name), question));
    expect(untagged.sort()).toEqual(['Command', 'JournalStream']);
    for (const holder of Object.keys(LENT) as Holder[])
      expect(isAllowed(policyOfRole(holder), question), holder).toBe(false);
  });

  test('lets the API read the journal and its own secrets, hand over commands, and nothing else', () => {
    const invoked = { ApiIam: ['Abort', 'Command'], ApiPublic: ['Abort', 'Command', 'SlackAction'] };
    for (const name of ['ApiIam', 'ApiPublic'] as const) {
      const own = statementsOf(name, PLACE).map(({ Action, Resource }) => [Action.join(), Resource]);
      expect(own).toEqual([
        ['dynamodb:GetItem', [ARNS.table]],
        ['dynamodb:Query', [ARNS.table]],
        ['dynamodb:Query', [ARNS.indexes]],
        ['dynamodb:BatchGetItem', [ARNS.table]],
        ['xray:PutTraceSegments,xray:PutTelemetryRecords', ['*']],
        ['logs:CreateLogStream,logs:PutLogEvents', [ARNS.logs(name)]],
        ['secretsmanager:GetSecretValue', (SECRETS_READ[name] ?? []).map(ARNS.ownSecret)],
        ['lambda:InvokeFunction', invoked[name].map(ARNS.function)],
      ]);
    }
  });

  test('lets commands be handed over by the API and clicks by its public door, and nobody call it but by its addresses', () => {
    const callers = (of: FunctionName) =>
      FUNCTIONS.filter((name) =>
        isAllowed(policyOf(name), { action: 'lambda:InvokeFunction', resource: ARNS.function(of) }),
      );
    for (const name of ['Abort', 'Command'] as const)
      expect(callers(name)).toEqual(['ApiIam', 'ApiPublic', 'SlackAction']);
    expect(callers('SlackAction')).toEqual(['ApiPublic']);
    expect(callers('Notify')).toEqual(['Command']);
    expect([...callers('ApiIam'), ...callers('ApiPublic')]).toEqual([]);
  });

  test('lets code be published and replaced by one function, where its owner said so, and never by those who revert', () => {
    const target = 'arn:aws:lambda:eu-west-1:111122223333:function:checkout-prod-Api';
    const who = (action: string, context: Record<string, string>) =>
      FUNCTIONS.filter((name) => isAllowed(policyOf(name), { action, resource: target, context })).sort();
    const { 'aws:ResourceTag/spillway:mode': _, ...owned } = TAGS;
    expect(who('lambda:PublishVersion', TAGS)).toEqual(['PublishRelease']);
    expect(who('lambda:UpdateFunctionCode', TAGS)).toEqual(['PublishRelease']);
    expect(who('lambda:UpdateFunctionCode', owned)).toEqual([]);
    expect(who('lambda:UpdateFunctionConfiguration', TAGS)).toEqual([]);
  });

  test('lets those who measure and decide move nothing', () => {
    const target = 'arn:aws:lambda:eu-west-1:111122223333:function:checkout-prod-Api';
    for (const name of [
      'Decide',
      'Measure',
      'Hold',
      'RunHook',
      'ReadRollout',
      'AlarmEvent',
      'PublishRelease',
    ] as const)
      expect(
        isAllowed(policyOf(name), { action: 'lambda:UpdateAlias', resource: target, context: TAGS }),
        name,
      ).toBe(false);
  });

  test('lets a revert ask the function that publishes, and call no other one of the controller', () => {
    const called = FUNCTIONS.filter((name) =>
      isAllowed(policyOf('RevertTraffic'), {
        action: 'lambda:InvokeFunction',
        resource: ARNS.function(name),
      }),
    );
    expect(called).toEqual(['PublishRelease']);
  });

  test('lets reports be put on the agenda by Notify alone, which can neither make, change, read nor delete a watchdog', () => {
    const who = (action: string, resource: string) => {
      const context = { 'iam:PassedToService': 'scheduler.amazonaws.com' };
      return FUNCTIONS.filter((name) => isAllowed(policyOf(name), { action, resource, context })).sort();
    };
    const on = (group: string) => group.replace('*', 'checkout--r1--1');
    const arms = ['ContinueAsNew', 'OpenRollout', 'Watchdog'];
    for (const action of ['scheduler:CreateSchedule', 'scheduler:UpdateSchedule']) {
      expect(who(action, on(ARNS.schedules))).toEqual(arms);
      expect(who(action, on(ARNS.agenda))).toEqual(['Notify']);
    }
    expect(who('iam:PassRole', ARNS.schedulerRole)).toEqual(arms);
    expect(who('iam:PassRole', ARNS.agendaRole)).toEqual(['Notify']);
    const disarms = ['CloseRollout', 'RevertTraffic', 'Watchdog'];
    expect(who('scheduler:DeleteSchedule', on(ARNS.schedules))).toEqual(disarms);
    expect(who('scheduler:DeleteSchedule', on(ARNS.agenda))).toEqual([]);
    expect(who('scheduler:GetSchedule', on(ARNS.schedules))).toEqual(['Abort', 'Command']);
    // A group's name is no beginning of the other one's schedules.
    expect(
      isAllowed(policyOf('OpenRollout'), { action: 'scheduler:CreateSchedule', resource: on(ARNS.agenda) }),
    ).toBe(false);
  });

  test('lends the scheduler its role to the scheduler alone', () => {
    const question = { action: 'iam:PassRole', resource: ARNS.schedulerRole };
    const lent = (service: string) =>
      isAllowed(policyOf('OpenRollout'), { ...question, context: { 'iam:PassedToService': service } });
    expect(lent('scheduler.amazonaws.com')).toBe(true);
    expect(lent('lambda.amazonaws.com')).toBe(false);
  });

  test('lets those who announce write notes, and nothing of a rollout', () => {
    const writes = (key: string) =>
      isAllowed(policyOf('Transitions'), {
        ...{ action: 'dynamodb:UpdateItem', resource: ARNS.table },
        context: { 'dynamodb:LeadingKeys': key },
      });
    expect([writes('NOTE#x--r1--1'), writes('ROLLOUT#x--r1--1')]).toEqual([true, false]);
    const announces = (source: string) =>
      isAllowed(policyOf('Transitions'), {
        ...{ action: 'events:PutEvents', resource: ARNS.bus },
        context: { 'events:source': source },
      });
    expect([announces('spillway'), announces('shop')]).toEqual([true, false]);
  });

  test('fits into what a role may carry', () => {
    // Characters of all inline policies of a role, blanks not counted (IAM quotas).
    for (const name of FUNCTIONS) expect(JSON.stringify(policyOf(name)).length, name).toBeLessThan(10_240);
  });
});

describe('the roles of services', () => {
  const machine = policyOfRole('machine');

  test('let the state machine call what its file names, and nothing else', () => {
    const text = readFileSync(new URL('../../statemachines/rollout.asl.json', import.meta.url), 'utf8');
    const named = [...new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name))].sort();
    expect([...startedBy('machine')].sort()).toEqual(named);
    for (const name of FUNCTIONS) {
      const question = { action: 'lambda:InvokeFunction', resource: ARNS.function(name) };
      expect(isAllowed(machine, question), name).toBe(named.includes(name));
    }
  });

  test('let the last-resort revert do what its file calls Lambda for, on owned functions only', () => {
    const text = readFileSync(new URL('../../statemachines/rollout.asl.json', import.meta.url), 'utf8');
    const called = [...new Set([...text.matchAll(/aws-sdk:lambda:(\w+)/g)].map(([, action = '']) => action))];
    expect(called.sort()).toEqual(['getAlias', 'updateAlias']);
    for (const action of called) {
      const command = `${action.charAt(0).toUpperCase()}${action.slice(1)}Command`;
      for (const question of questionsOf(command, { FunctionName: 'checkout-prod-Api' } as never)) {
        expect(isAllowed(machine, { ...question, context: TAGS })).toBe(true);
        expect(isAllowed(machine, question)).toBe(false);
      }
    }
  });

  test('let the scheduler call the watchdog and the machine, and the agenda call what notifies people, and nothing else', () => {
    const of = (holder: Holder) =>
      policyOfRole(holder).Statement.map(({ Action, Resource }) => [Action, Resource]);
    expect(of('scheduler')).toEqual([
      [['lambda:InvokeFunction'], [ARNS.function('Watchdog')]],
      [['states:StartExecution'], [ARNS.machine]],
    ]);
    expect(of('agenda')).toEqual([[['lambda:InvokeFunction'], [ARNS.function('Notify')]]]);
  });

  test('are taken by their service alone', () => {
    for (const service of ['lambda.amazonaws.com', 'states.amazonaws.com', 'scheduler.amazonaws.com'])
      expect(JSON.stringify(trustOf(service, PLACE))).not.toMatch(/"AWS"|:root|"\*"/);
  });
});

describe('the evaluation', () => {
  const allow = (more: object) =>
    document([
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::b/releases/*'], ...more },
    ]);
  const question = { action: 's3:GetObject', resource: 'arn:aws:s3:::b/releases/a/1/manifest.json' };

  test.each<[string, Document, Question, boolean]>([
    ['what is written down', allow({}), question, true],
    ['another action', allow({}), { ...question, action: 's3:PutObject' }, false],
    ['another resource', allow({}), { ...question, resource: 'arn:aws:s3:::b/other' }, false],
    ['a tag that is missing', allow({ Condition: { Null: { tag: 'false' } } }), question, false],
    [
      'a tag that is there',
      allow({ Condition: { Null: { tag: 'false' } } }),
      { ...question, context: { tag: 'x' } },
      true,
    ],
    [
      'another value',
      allow({ Condition: { StringEquals: { tag: ['y'] } } }),
      { ...question, context: { tag: 'x' } },
      false,
    ],
    [
      'what is denied besides',
      document([...allow({}).Statement, { Effect: 'Deny', Action: 's3:*', Resource: '*' }]),
      question,
      false,
    ],
  ])('%s', (_, policy, asks, expected) => {
    expect(isAllowed(policy, asks)).toBe(expected);
  });

  test('an operator that it does not know is an error', () => {
    expect(() => isAllowed(allow({ Condition: { ArnLike: { tag: 'x' } } }), question)).toThrow('not known');
  });
});
