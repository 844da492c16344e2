import { describe, expect, test } from 'vitest';
import { FUNCTIONS, factsOf } from '../../../infra/facts.ts';
import { all, type Graph, graphOf, graphWith, one, type Resource } from './graph.ts';

const ada = graphOf('ada');
const production = graphOf('production');

const flagged = ({ resources }: Graph, flag: 'protect' | 'retainOnDelete') =>
  resources.filter(({ options }) => options[flag]).map(({ type, name }) => `${type} ${name}`);

describe('production', () => {
  test('is protected, and its data outlives it', () => {
    expect(production.app).toEqual({
      name: 'spillway',
      stage: 'production',
      removal: 'retain',
      protect: true,
    });
    const kept = ['aws:dynamodb/table:Table JournalTable', 'aws:s3/bucket:Bucket ReleasesBucket'];
    expect(flagged(production, 'retainOnDelete')).toEqual(expect.arrayContaining(kept));
    expect(flagged(production, 'protect')).toEqual(kept);
    expect(one(production, 'dynamodb/table:Table', 'JournalTable').inputs.deletionProtectionEnabled).toBe(
      true,
    );
    expect(one(production, 's3/bucket:Bucket', 'ReleasesBucket').inputs.forceDestroy).toBe(false);
  });
});

describe('a personal stage', () => {
  test('goes without a trace', () => {
    expect(ada.app).toEqual({ name: 'spillway', stage: 'ada', removal: 'remove', protect: false });
    expect(flagged(ada, 'retainOnDelete')).toEqual([]);
    expect(flagged(ada, 'protect')).toEqual([]);
    expect(one(ada, 'dynamodb/table:Table', 'JournalTable').inputs.deletionProtectionEnabled).toBe(false);
    expect(one(ada, 's3/bucket:Bucket', 'ReleasesBucket').inputs.forceDestroy).toBe(true);
  });

  test('has the same parts as production', () => {
    const parts = ({ resources }: Graph) => resources.map(({ type, name }) => `${type} ${name}`);
    expect(parts(ada)).toEqual(parts(production));
  });
});

/** Most characters of the names that AWS takes, by the service's own page of quotas or its API reference. */
const NAMES = {
  'cloudwatch/dashboard:Dashboard': ['dashboardName', 255],
  'cloudwatch/eventRule:EventRule': ['name', 64],
  'cloudwatch/logGroup:LogGroup': ['name', 512],
  'cloudwatch/metricAlarm:MetricAlarm': ['name', 255],
  'dynamodb/table:Table': ['name', 255],
  'iam/role:Role': ['name', 64],
  'lambda/function:Function': ['name', 64],
  's3/bucket:Bucket': ['bucket', 63],
  'secretsmanager/secret:Secret': ['name', 512],
  'scheduler/scheduleGroup:ScheduleGroup': ['name', 64],
  'sfn/stateMachine:StateMachine': ['name', 80],
  'sns/topic:Topic': ['name', 256],
  'sqs/queue:Queue': ['name', 80],
} as const;

describe('the longest stage that is taken', () => {
  // No region has a shorter name than the one of the stand-in, so in none is a longer stage taken.
  const longest = graphOf('a'.repeat(22));

  test.each(Object.entries(NAMES))('makes names of every %s that AWS takes', (type, [field, most]) => {
    const names = all(longest, type).map(({ inputs }) => inputs[field] ?? '');
    expect(names).not.toEqual([]);
    expect(names.filter((name) => name.length > most)).toEqual([]);
  });

  test('and of nothing else', () => {
    const named = longest.resources.filter(
      ({ type, inputs }) => !(type.slice(4) in NAMES) && JSON.stringify(inputs.name ?? '').includes('aaaa'),
    );
    expect(named.map(({ type }) => type)).toEqual([]);
  });
});

describe.each([
  ['ada', ada],
  ['production', production],
] as const)('every resource of %s', (_, graph) => {
  test('has inputs that are all known', () => {
    const holes = graph.resources.filter(({ inputs }) =>
      /undefined|\[object |Output</.test(JSON.stringify(inputs)),
    );
    expect(holes.map(({ type, name }) => `${type} ${name}`)).toEqual([]);
  });

  test('keeps no secret without need, so that a difference shows what changes', () => {
    // SST's own notes of what a function links to; nothing here links to one.
    const secret = graph.resources.filter(
      ({ type, secretInputs }) => secretInputs.length > 0 && type !== 'sst:sst:LinkRef',
    );
    expect(secret.map(({ type, name }) => `${type} ${name}`)).toEqual([
      'aws:secretsmanager/secretVersion:SecretVersion PeopleKeysValue',
    ]);
    for (const { secretInputs } of secret) expect(secretInputs).toEqual(['secretString']);
  });

  test('ignores no change but that of a name', () => {
    const ignored = graph.resources.flatMap(({ options }) => options.ignoreChanges);
    expect([...new Set(ignored)]).toEqual(['name']);
  });
});

describe('settings', () => {
  const SECRET = 'x'.repeat(64);
  const settings = { hookHosts: ['hooks.example'], accountConcurrency: 1000, alarmEmail: 'a@example.com' };
  const graph = graphWith('ada', settings, { HookSecret: SECRET });
  const functionsOf = (some: Graph): Resource[] => all(some, 'lambda/function:Function');

  test('a secret that is missing or worthless is refused', () => {
    expect(() => graphWith('ada', { hookHosts: ['hooks.example'] })).toThrow(
      'Set a value for HookSecret with `sst secret set HookSecret',
    );
    expect(() => graphWith('ada', { hookHosts: ['hooks.example'] }, { HookSecret: 'short' })).toThrow(
      'The secret HookSecret has 5 characters, and needs 32',
    );
  });

  test('each secret stands in Secrets Manager under its name, and nowhere else', () => {
    const secrets = {
      PeopleKeys: `{"current":"k1","keys":{"k1":"${'ab'.repeat(32)}"}}`,
      OidcClientSecret: 'from-the-provider',
      SlackSigningSecret: 'ab'.repeat(16),
      HookSecret: SECRET,
    };
    const oidc = { issuer: 'https://id.example', clientId: 'c' };
    const slack = { teams: ['T024BE7LD'], appId: 'A024BE7LD' };
    const told = graphWith(
      'ada',
      {
        ...{ hookHosts: ['hooks.example'], accountConcurrency: 1000, publicApi: 'https://a.example' },
        access: { oidc, slack, roles: {} },
      },
      secrets,
    );
    const kept = all(told, 'secretsmanager/secretVersion:SecretVersion').map(
      ({ name, inputs, secretInputs }) => {
        const secret = one(told, 'secretsmanager/secret:Secret', name.replace(/Value$/, ''));
        expect(secretInputs).toEqual(['secretString']);
        return [secret.inputs.name, inputs.secretString];
      },
    );
    expect(Object.fromEntries(kept)).toEqual(
      Object.fromEntries(Object.entries(secrets).map(([name, value]) => [`spillway-ada/${name}`, value])),
    );
    expect(told.outputs.publicApi).toBe('https://a.example');
    // SST's own note of a secret, in its state, where secrets are encrypted.
    const holders = told.resources.filter(
      ({ type, inputs }) =>
        type !== 'sst:sst:LinkRef' && /ababab|from-the|x{64}/.test(JSON.stringify(inputs)),
    );
    expect(holders.map(({ type }) => type)).toEqual(
      kept.map(() => 'aws:secretsmanager/secretVersion:SecretVersion'),
    );
  });

  test('a larger account keeps concurrency for those who need it', () => {
    const reserved = (some: Graph) =>
      functionsOf(some).filter(({ inputs }) => inputs.reservedConcurrentExecutions !== undefined);
    expect(reserved(ada)).toEqual([]);
    expect(reserved(graph).map(({ inputs }) => [inputs.name, inputs.reservedConcurrentExecutions])).toEqual(
      FUNCTIONS.flatMap((name) => {
        const { reserved } = factsOf(name);
        return reserved === undefined ? [] : [[`spillway-ada-${name}`, reserved]];
      }),
    );
  });

  test('an address is mailed to', () => {
    expect(all(ada, 'sns/topicSubscription:TopicSubscription')).toEqual([]);
    const [mail] = all(graph, 'sns/topicSubscription:TopicSubscription');
    expect(mail?.inputs).toMatchObject({ protocol: 'email', endpoint: 'a@example.com' });
  });

  test('that are wrong stop the deployment with the reason and the fix', () => {
    expect(() => graphWith('ada', { logDays: 31 })).toThrow('infra/stages.json: ada.logDays must be one of');
    expect(() => graphOf('prod')).toThrow('deploy with --stage production');
    expect(() => graphOf('a'.repeat(23))).toThrow('has 23 characters, and in eu-west-1 there is room for 22');
  });
});
