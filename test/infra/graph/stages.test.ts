import { describe, expect, test } from 'vitest';
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
    expect(secret.map(({ type, name }) => `${type} ${name}`)).toEqual([]);
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

  test('hosts of hooks bring the secret to those who ask hooks, as a secret', () => {
    const holders = functionsOf(graph).filter(
      ({ inputs }) => inputs.environment.variables.HOOK_SECRET === SECRET,
    );
    expect(holders.map(({ inputs }) => inputs.name.split('-').at(-1)).sort()).toEqual([
      ...['OpenRollout', 'RevertTraffic', 'RunHook'],
    ]);
    for (const { secretInputs } of holders) expect(secretInputs).toEqual(['environment']);
    const open = graph.resources.filter(
      ({ inputs, secretInputs }) => secretInputs.length === 0 && JSON.stringify(inputs).includes(SECRET),
    );
    expect(open).toEqual([]);
  });

  test('a secret that is missing or worthless is refused', () => {
    expect(() => graphWith('ada', { hookHosts: ['hooks.example'] })).toThrow(
      'Set a value for HookSecret with `sst secret set HookSecret',
    );
    expect(() => graphWith('ada', { hookHosts: ['hooks.example'] }, { HookSecret: 'short' })).toThrow(
      'The secret HookSecret has 5 characters, and needs 32',
    );
  });

  test('a larger account keeps concurrency for the revert path, and lets three openings run at once', () => {
    const reserved = (some: Graph) =>
      functionsOf(some).filter(({ inputs }) => inputs.reservedConcurrentExecutions !== undefined);
    expect(reserved(ada)).toEqual([]);
    expect(reserved(graph).map(({ inputs }) => [inputs.name, inputs.reservedConcurrentExecutions])).toEqual(
      ['AlarmEvent', 'Command', 'Decide', 'Hold', 'OpenRollout', 'RevertTraffic', 'Watchdog'].map((name) => [
        `spillway-ada-${name}`,
        name === 'OpenRollout' ? 3 : 5,
      ]),
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
  });
});
