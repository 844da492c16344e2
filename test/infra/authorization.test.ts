import { describe, expect, test } from 'vitest';
import { FUNCTIONS } from '../../infra/facts.ts';
import { type Holder, LENT, lentStatementsOf, type Statement, statementsOf } from '../../infra/grants.ts';
import reference from './authorization.json' with { type: 'json' };
import { PLACE } from './calls.ts';

interface Action {
  /** Kinds of resources that it can be limited to; one that is `required` must be among them. */
  resources: { type: string; required?: boolean; keys?: string[] }[];
  /** Condition keys beside those of the resource. */
  keys?: string[];
}

interface Resource {
  arn: string;
  keys?: string[];
}

const ACTIONS: Record<string, Action> = reference.actions;
const RESOURCES: Record<string, Resource> = reference.resources;

/** Actions that stand on `*` although they know a resource, and why. */
const WIDER: Record<string, string> = {
  'cloudwatch:DescribeAlarms':
    'asked for composite alarms it must be allowed on everything (CloudWatch API reference, DescribeAlarms)',
  'cloudwatch:GetMetricData':
    'its only resource is a data set, and the metrics of Lambda and SQS are in none',
};

/** Actions that stand on fewer kinds of resources than the reference asks for, and why. */
const NARROWER: Record<string, string> = {
  'dynamodb:Query':
    'whoever asks an index needs the index and not its table (DynamoDB developer guide, "Using IAM with global secondary indexes")',
};

/** Every statement of every role, with whose it is. */
const statements: { of: string; statement: Statement }[] = [
  ...FUNCTIONS.flatMap((of) => statementsOf(of, PLACE).map((statement) => ({ of, statement }))),
  ...(Object.keys(LENT) as Holder[]).flatMap((of) =>
    lentStatementsOf(of, PLACE).map((statement) => ({ of, statement })),
  ),
];

/** Texts in which a name can hold a slash or a colon. */
const LONG =
  /ObjectName|LogGroupName|LogStreamName|RoleNameWithPath|SecretId|ParameterNameWithoutLeadingSlash/;

function isOfType(arn: string, { arn: template }: Resource): boolean {
  const pattern = template
    .split(/(\$\{\w+\})/)
    .map((part) => {
      if (!part.startsWith('${')) return part.replace(/[.*+?^()|[\]\\]/g, '\\$&');
      return LONG.test(part) ? '.+' : '[^:/]*';
    })
    .join('');
  return new RegExp(`^${pattern}$`).test(arn);
}

/** The kinds of resources of an action that a statement's resources are of. */
const typesOf = (action: string, arns: string[]) => {
  const [service] = action.split(':');
  return (ACTIONS[action]?.resources ?? []).filter(({ type }) => {
    const known = RESOURCES[`${service}:${type}`];
    return known !== undefined && arns.some((arn) => isOfType(arn, known));
  });
};

/** `aws:ResourceTag/spillway:service` is the key `aws:ResourceTag/${TagKey}`. */
const keyNamed = (key: string) => {
  const [name = '', tag] = key.split('/');
  return tag === undefined ? name : `${name}/$\{TagKey}`;
};

/** What AWS' reference has against a statement. */
function problemsOf({ Action, Resource, Condition = {} }: Statement): string[] {
  const isEverywhere = Resource.includes('*');
  const keys = Object.values(Condition).flatMap((test) => Object.keys(test));
  const ofActions = Action.flatMap((action) => {
    const known = ACTIONS[action];
    if (known === undefined)
      return [
        `${action}: is not in authorization.json; look it up in the reference, and add it if it is there`,
      ];
    const types = typesOf(action, Resource);
    const scope = isEverywhere ? wide(action, known) : narrow(action, known, types, Resource);
    const [service] = action.split(':');
    const conditions = keys
      .filter((key) => {
        const ofType = types.every(({ type, keys: own = [] }) =>
          [...own, ...(RESOURCES[`${service}:${type}`]?.keys ?? [])].includes(keyNamed(key)),
        );
        return !(known.keys ?? []).includes(keyNamed(key)) && !(types.length > 0 && ofType);
      })
      .map((key) => `${action}: the condition ${key} is not known to it`);
    return [...scope, ...conditions];
  });
  const unused = Resource.filter(
    (arn) => arn !== '*' && Action.every((action) => typesOf(action, [arn]).length === 0),
  );
  return [...ofActions, ...unused.map((arn) => `${arn}: no action of the statement is about it`)];
}

const wide = (action: string, { resources }: Action) =>
  resources.length > 0 && WIDER[action] === undefined
    ? [`${action}: stands on *, and could be limited to ${resources.map(({ type }) => type).join(', ')}`]
    : [];

function narrow(action: string, { resources }: Action, types: Action['resources'], arns: string[]): string[] {
  if (resources.length === 0) return [`${action}: knows no resource, so it is never allowed on ${arns[0]}`];
  if (types.length === 0) return [`${action}: none of ${arns.join(', ')} is a resource of it`];
  const missing = resources.filter(
    ({ type, required }) => required && !types.some((each) => each.type === type),
  );
  return missing.length > 0 && NARROWER[action] === undefined
    ? [`${action}: needs ${missing.map(({ type }) => type).join(', ')} as well`]
    : [];
}

describe('each right of the controller', () => {
  test.each([...new Set(statements.map(({ of }) => of))])('of %s stands in AWS’ reference as it is', (of) => {
    const own = statements.filter((each) => each.of === of);
    expect(own.length).toBeGreaterThan(0);
    expect(own.flatMap(({ statement }) => problemsOf(statement))).toEqual([]);
  });

  test('that the reference does not know as it is has a reason, and no reason is left over', () => {
    const everywhere = statements.filter(({ statement }) => statement.Resource.includes('*'));
    const wider = everywhere
      .flatMap(({ statement }) => statement.Action)
      .filter((action) => ACTIONS[action]?.resources.length);
    expect([...new Set(wider)].sort()).toEqual(Object.keys(WIDER).sort());
    const onIndex = statements.find(({ statement }) => statement.Sid === 'ListRunningRollouts');
    expect(onIndex?.statement.Action).toEqual(Object.keys(NARROWER));
  });

  test('is compared with no more of the reference than it needs', () => {
    const used = new Set(statements.flatMap(({ statement }) => statement.Action));
    expect(Object.keys(ACTIONS).filter((action) => !used.has(action))).toEqual([]);
  });
});

describe('the comparison', () => {
  const alias = 'arn:aws:lambda:eu-west-1:111122223333:function:*';
  const machine = 'arn:aws:states:eu-west-1:111122223333:stateMachine:spillway-production';
  const statement = (Action: string, Resource: string, key?: string): Statement => ({
    ...{ Sid: 'Planted', Effect: 'Allow', Action: [Action], Resource: [Resource] },
    ...(key === undefined ? {} : { Condition: { StringEquals: { [key]: 'x' } } }),
  });

  test.each<[string, Statement, RegExp | undefined]>([
    ['what is right', statement('lambda:UpdateAlias', alias, 'aws:ResourceTag/spillway:service'), undefined],
    [
      'an action that does not exist',
      statement('lambda:UpdateAliases', alias),
      /is not in authorization.json/,
    ],
    ['a resource of another action', statement('states:StopExecution', machine), /is a resource of it/],
    [
      'a resource for an action that knows none',
      statement('dynamodb:ListStreams', alias),
      /never allowed on/,
    ],
    [
      'a star where a resource could stand',
      statement('lambda:UpdateAlias', '*'),
      /could be limited to function/,
    ],
    [
      'a condition that the action does not know',
      statement('lambda:UpdateAlias', alias, 'iam:PassedToService'),
      /not known/,
    ],
    [
      'a condition on a tag where there is no resource',
      statement('lambda:ListEventSourceMappings', '*', 'aws:ResourceTag/a'),
      /not known/,
    ],
  ])('sees %s', (_, planted, says) => {
    if (says === undefined) expect(problemsOf(planted)).toEqual([]);
    else expect(problemsOf(planted).join('\n')).toMatch(says);
  });
});
