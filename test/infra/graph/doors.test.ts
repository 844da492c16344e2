import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { READS } from '../../../infra/environment.ts';
import { FUNCTIONS, startedBy } from '../../../infra/facts.ts';
import { arnsOf, type Place } from '../../../infra/place.ts';
import { type Document, isAllowed } from '../iam.ts';
import { all, type Graph, graphOf, graphWith, type Resource } from './graph.ts';

const closed = graphOf('ada');
const open = graphWith('ada', { accountConcurrency: 1000, publicApi: true });

const PLACE: Place = {
  ...{ partition: 'aws', region: 'eu-west-1', account: '111122223333' },
  ...{ environment: 'ada', completionsBucket: '', topics: [], siteBuckets: [] },
};
const ARNS = arnsOf(PLACE);
const [SIGNED = '', PUBLIC = ''] = [...startedBy('url-iam'), ...startedBy('url-public')];

/** What tells Lambda that a call came by a function's address. */
const BY_URL = 'lambda:InvokedViaFunctionUrl';

/** Policies and permissions by which somebody could call a function with any event, and not only by its address. */
function forgeries({ resources }: Pick<Graph, 'resources'>, name: string): string[] {
  const arn = ARNS.function(name);
  const tags = Object.fromEntries(
    Object.entries(
      resources.find(({ inputs }) => inputs.name === `spillway-ada-${name}`)?.inputs.tags ?? {},
    ).map(([key, value]) => [`aws:ResourceTag/${key}`, String(value)]),
  );
  const isForged = (document: Document) =>
    [arn, `${arn}:$LATEST`].some((resource) =>
      isAllowed(document, {
        action: 'lambda:InvokeFunction',
        resource,
        context: { ...tags, [BY_URL]: 'false' },
      }),
    );
  return resources
    .filter(({ type, inputs }) => {
      if (type === 'aws:lambda/permission:Permission')
        return (
          [`spillway-ada-${name}`, arn].includes(inputs.function) &&
          isAction(inputs.action) &&
          inputs.invokedViaFunctionUrl !== true
        );
      return [
        inputs.policy,
        ...(inputs.inlinePolicies ?? []).map(({ policy }: { policy: string }) => policy),
      ].some(
        (policy) => type.startsWith('aws:iam/') && typeof policy === 'string' && isForged(JSON.parse(policy)),
      );
    })
    .map(({ type, name: of }) => `${type} ${of}`);
}

const isAction = (action: string) => ['lambda:InvokeFunction', 'lambda:*', '*'].includes(action);

describe('the addresses of the API', () => {
  const addresses = (graph: Graph) =>
    all(graph, 'lambda/functionUrl:FunctionUrl').map(({ inputs, options }) => {
      expect(options.dependsOn).toContain(`aws:lambda/function:Function ${nameIn(inputs)}Function`);
      return [nameIn(inputs), inputs.authorizationType, Object.keys(inputs).sort()];
    });
  const nameIn = ({ functionName }: Resource['inputs']) => functionName.replace('spillway-ada-', '');
  const keys = ['authorizationType', 'functionName'];

  test('are one, for those who sign with credentials of AWS, and one for everybody only where that is wanted', () => {
    expect(addresses(closed)).toEqual([[SIGNED, 'AWS_IAM', keys]]);
    // No page of another origin is answered: there is no word of CORS.
    expect(addresses(open)).toEqual([
      [SIGNED, 'AWS_IAM', keys],
      [PUBLIC, 'NONE', keys],
    ]);
  });

  test('are printed, and known to who makes links', () => {
    const at = (name: string) =>
      `https://spillway-ada-${name.toLowerCase()}-latest.lambda-url.eu-west-1.on.aws`;
    expect(closed.outputs).toMatchObject({ api: at(SIGNED) });
    expect(closed.outputs.publicApi).toBeUndefined();
    expect(open.outputs).toMatchObject({ api: at(SIGNED), publicApi: at(PUBLIC) });
    const told = all(open, 'lambda/function:Function').flatMap(({ name, inputs }) => {
      const { PUBLIC_URL } = inputs.environment.variables;
      return PUBLIC_URL === undefined ? [] : [[name, PUBLIC_URL]];
    });
    const makers = FUNCTIONS.filter((name) => READS[name].includes('PUBLIC_URL') && name !== PUBLIC);
    expect(told).toEqual(makers.map((name) => [`${name}Function`, at(PUBLIC)]));
  });

  test('take calls of anybody at one of them, and only by that address', () => {
    const anybody = (graph: Graph) =>
      all(graph, 'lambda/permission:Permission')
        .map(({ inputs }) => inputs)
        .filter(({ principal }) => principal !== 'events.amazonaws.com');
    expect(anybody(closed)).toEqual([]);
    const permission = { function: `spillway-ada-${PUBLIC}`, principal: '*' };
    expect(anybody(open)).toEqual([
      { ...permission, action: 'lambda:InvokeFunction', invokedViaFunctionUrl: true },
      { ...permission, action: 'lambda:InvokeFunctionUrl', functionUrlAuthType: 'NONE' },
    ]);
  });
});

describe('the function that believes IAM', () => {
  const statement = (more: object) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: ARNS.function(SIGNED), ...more },
      ],
    });
  const planted = (type: string, inputs: object) => ({
    resources: [...open.resources, { type, name: 'Planted', inputs } as Resource],
  });
  const permission = { function: `spillway-ada-${SIGNED}`, principal: 'events.amazonaws.com' };

  test('can be called by nothing in the deployment but by its address', () => {
    expect(all(open, 'iam/rolePolicy:RolePolicy').length).toBeGreaterThan(15);
    for (const name of [SIGNED, PUBLIC]) expect(forgeries(open, name)).toEqual([]);
    // What Slack has signed is checked by the public door, which alone hands it over.
    expect(forgeries(open, 'SlackAction')).toEqual([`aws:iam/rolePolicy:RolePolicy ${PUBLIC}Rights`]);
  });

  test.each<[string, string, object, boolean]>([
    ['a right to invoke it', 'aws:iam/rolePolicy:RolePolicy', { policy: statement({}) }, true],
    [
      'a right to invoke all functions',
      'aws:iam/policy:Policy',
      { policy: statement({ Resource: '*' }) },
      true,
    ],
    [
      'every right of Lambda',
      'aws:iam/rolePolicy:RolePolicy',
      { policy: statement({ Action: 'lambda:*' }) },
      true,
    ],
    [
      'a right to one version',
      'aws:iam/rolePolicy:RolePolicy',
      { policy: statement({ Resource: `${ARNS.function(SIGNED)}:*` }) },
      true,
    ],
    ['a policy within a role', 'aws:iam/role:Role', { inlinePolicies: [{ policy: statement({}) }] }, true],
    [
      'a permission of another service',
      'aws:lambda/permission:Permission',
      { ...permission, action: 'lambda:InvokeFunction' },
      true,
    ],
    [
      'the right by its address',
      'aws:iam/rolePolicy:RolePolicy',
      { policy: statement({ Condition: { Bool: { [BY_URL]: 'true' } } }) },
      false,
    ],
    [
      'a right for what a service owns',
      'aws:iam/rolePolicy:RolePolicy',
      {
        policy: statement({
          Resource: '*',
          Condition: { Null: { 'aws:ResourceTag/spillway:service': 'false' } },
        }),
      },
      false,
    ],
    [
      'a permission for its address',
      'aws:lambda/permission:Permission',
      { ...permission, action: 'lambda:InvokeFunction', invokedViaFunctionUrl: true },
      false,
    ],
  ])('is guarded by a rule that sees %s as it is', (_, type, inputs, isForgery) => {
    expect(forgeries(planted(type, inputs), SIGNED)).toEqual(isForgery ? [`${type} Planted`] : []);
  });

  test('can be called with the policy that docs/deploy.md hands out, by its address alone', () => {
    const page = readFileSync(new URL('../../../docs/deploy.md', import.meta.url), 'utf8');
    const [, text = ''] = /```json\n(\{\n {2}"Version"[^`]*)```/.exec(page) ?? [];
    const policy = JSON.parse(
      text.replaceAll('REGION', 'eu-west-1').replaceAll('ACCOUNT', '111122223333').replaceAll('STAGE', 'ada'),
    ) as Document;
    const may = (action: string, context: Record<string, string>, name = SIGNED) =>
      isAllowed(policy, { action, resource: ARNS.function(name), context });
    expect(may('lambda:GetFunctionUrlConfig', {})).toBe(true);
    expect(may('lambda:InvokeFunctionUrl', { 'lambda:FunctionUrlAuthType': 'AWS_IAM' })).toBe(true);
    expect(may('lambda:InvokeFunction', { [BY_URL]: 'true' })).toBe(true);
    expect(may('lambda:InvokeFunction', { [BY_URL]: 'false' })).toBe(false);
    expect(may('lambda:InvokeFunction', {})).toBe(false);
    expect(may('lambda:InvokeFunction', { [BY_URL]: 'true' }, 'Command')).toBe(false);
  });
});
