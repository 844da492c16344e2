import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { type AwsEvent, type EventPattern, SimulatedEventBridge } from '../../local/services/eventbridge.ts';

const EVENT: AwsEvent = {
  version: '0',
  id: '1',
  'detail-type': 'Object Created',
  source: 'aws.s3',
  account: '123456789012',
  time: '2026-01-05T09:00:00Z',
  region: 'eu-west-1',
  resources: ['arn:aws:s3:::releases', 'arn:aws:s3:::other'],
  detail: {
    bucket: { name: 'releases' },
    object: { key: 'releases/shop/r1/manifest.json', size: 5 },
    deleted: false,
  },
};

function world(options: { duplicates?: number; deliveryMs?: () => number; copies?: () => number[] } = {}) {
  const clock = virtualClock();
  const start = clock.now();
  const bridge = new SimulatedEventBridge({ clock, random: seededRandom(7), ...options });
  return { clock, bridge, seconds: () => (clock.now() - start) / 1000 };
}

async function matches(pattern: EventPattern): Promise<boolean> {
  const { clock, bridge } = world();
  const taken: AwsEvent[] = [];
  bridge.rule({ name: 'r', pattern, target: async (event) => void taken.push(event) });
  bridge.put(EVENT);
  await clock.advance(60_000);
  return taken.length === 1;
}

describe('patterns', () => {
  const key = (operator: object | string) => ({ detail: { object: { key: [operator] } } });
  test.each<[string, EventPattern, boolean]>([
    ['a listed value', { source: ['aws.s3', 'aws.ecr'] }, true],
    ['a value that is not listed', { source: ['aws.ecr'] }, false],
    ['a number and a boolean', { detail: { object: { size: [5] }, deleted: [false] } }, true],
    ['a number as text', { detail: { object: { size: ['5'] } } }, false],
    ['any element of a list', { resources: ['arn:aws:s3:::other'] }, true],
    ['all fields or none', { source: ['aws.s3'], detail: { bucket: { name: ['other'] } } }, false],
    ['a field that the event lacks', { detail: { version: { id: ['x'] } } }, false],
    ['prefix', key({ prefix: 'releases/shop/' }), true],
    ['another prefix', key({ prefix: 'shop/' }), false],
    ['suffix', key({ suffix: '/manifest.json' }), true],
    ['another suffix', key({ suffix: '/manifest.yaml' }), false],
    ['wildcard, which also matches a slash', key({ wildcard: 'releases/*/manifest.json' }), true],
    ['a wildcard that takes a dot for a dot', key({ wildcard: 'releases/*manifest?json' }), false],
    ['anything-but one value', { source: [{ 'anything-but': 'aws.s3' }] }, false],
    ['anything-but other values', { source: [{ 'anything-but': ['aws.ecr', 'aws.ec2'] }] }, true],
    ['anything-but on a field that is absent', { detail: { none: [{ 'anything-but': 'x' }] } }, false],
    ['a field that exists', { detail: { deleted: [{ exists: true }] } }, true],
    ['a field that must not exist', { detail: { deleted: [{ exists: false }] } }, false],
    ['a field that is absent as it must be', { detail: { none: [{ exists: false }] } }, true],
    ['one of several', { $or: [{ source: ['aws.ecr'] }, { detail: { deleted: [false] } }] }, true],
    ['none of several', { $or: [{ source: ['aws.ecr'] }, { detail: { deleted: [true] } }] }, false],
    ['one of several and all else', { source: ['aws.ecr'], $or: [{ source: ['aws.s3'] }] }, false],
  ])('%s', async (_name, pattern, expected) => {
    expect(await matches(pattern)).toBe(expected);
  });

  test.each<[string, EventPattern]>([
    ['an unknown operator', { source: [{ 'equals-ignore-case': 'AWS.S3' }] }],
    ['numeric', { detail: { object: { size: [{ numeric: ['>', 1] }] } } }],
    ['another $', { $and: [{ source: ['aws.s3'] }] }],
    ['anything-but with an operator', { source: [{ 'anything-but': { prefix: 'aws' } }] }],
  ])('%s is refused when the rule is made', (_name, pattern) => {
    const { bridge } = world();
    expect(() => bridge.rule({ name: 'r', pattern, target: async () => {} })).toThrow('not simulated');
  });
});

describe('delivery', () => {
  const ALL = { source: ['aws.s3'] };

  test('an event arrives later, on the clock', async () => {
    const { clock, bridge, seconds } = world({ deliveryMs: () => 800 });
    const arrived: number[] = [];
    bridge.rule({ name: 'r', pattern: ALL, target: async () => void arrived.push(seconds()) });
    bridge.put(EVENT);
    expect(arrived).toEqual([]);
    await clock.advance(60_000);
    expect(arrived).toEqual([0.8]);
  });

  test('a share of the events arrives twice with the same id', async () => {
    const { clock, bridge } = world({ duplicates: 0.25 });
    const ids = new Map<string, number>();
    bridge.rule({
      name: 'r',
      pattern: ALL,
      target: async ({ id }) => void ids.set(id, (ids.get(id) ?? 0) + 1),
    });
    for (let count = 0; count < 1000; count++) bridge.put({ ...EVENT, id: `${count}` });
    await clock.advance(60_000);
    expect(ids.size).toBe(1000);
    const twice = [...ids.values()].filter((times) => times === 2).length;
    expect(twice).toBeGreaterThan(200);
    expect(twice).toBeLessThan(300);
  });

  test('a failing target is tried again with growing waits, and what stays failing becomes a dead letter', async () => {
    const { clock, bridge, seconds } = world({ deliveryMs: () => 0 });
    const tried: number[] = [];
    const target = async () => {
      tried.push(seconds() / 60);
      throw new Error('busy');
    };
    bridge.rule({ name: 'r', pattern: ALL, target });
    bridge.put(EVENT);
    await clock.advance(3 * 3600_000);
    expect(tried).toEqual([0, 1, 3, 7, 15, 31]);
    expect(bridge.deadLetters).toMatchObject([{ rule: 'r', event: { id: '1' }, attempts: 6 }]);
  });

  test('a target that recovers gets its event once', async () => {
    const { clock, bridge } = world();
    let calls = 0;
    const target = async () => {
      calls += 1;
      if (calls === 1) throw new Error('busy');
    };
    bridge.rule({ name: 'r', pattern: ALL, target });
    bridge.put(EVENT);
    await clock.advance(3600_000);
    expect([calls, bridge.deadLetters]).toEqual([2, []]);
  });

  test('a rule may give up sooner', async () => {
    const { clock, bridge } = world();
    let calls = 0;
    const target = async () => {
      calls += 1;
      throw new Error('busy');
    };
    bridge.rule({ name: 'r', pattern: ALL, target, retry: { maximumRetryAttempts: 1 } });
    bridge.put(EVENT);
    await clock.advance(3600_000);
    expect([calls, bridge.deadLetters.length]).toEqual([2, 1]);
  });

  test('a target that changes its event changes no other target’s', async () => {
    const { clock, bridge } = world();
    const seen: unknown[] = [];
    const target = async (event: AwsEvent) => {
      seen.push(event.detail.deleted);
      event.detail.deleted = true;
    };
    bridge.rule({ name: 'a', pattern: ALL, target });
    bridge.rule({ name: 'b', pattern: ALL, target });
    bridge.put(EVENT);
    await clock.advance(60_000);
    expect(seen).toEqual([false, false]);
  });

  test('two rules cannot have one name', () => {
    const { bridge } = world();
    bridge.rule({ name: 'r', pattern: ALL, target: async () => {} });
    expect(() => bridge.rule({ name: 'r', pattern: ALL, target: async () => {} })).toThrow('exists already');
  });
});

describe('PutEvents', () => {
  const entry = { Source: 'spillway', DetailType: 'Rollout Opened', Detail: '{"n":1}' };
  const put = (Entries: object[], options = {}) => {
    const { clock, bridge } = world(options);
    const taken: AwsEvent[] = [];
    bridge.rule({
      name: 'r',
      pattern: { source: ['spillway'] },
      target: async (event) => void taken.push(event),
    });
    return { clock, taken, answer: () => bridge.operations.PutEventsCommand({ Entries: Entries as never }) };
  };

  test('an entry becomes an event of this account, with an id of its own each time', async () => {
    const { clock, taken, answer } = put([{ ...entry, Time: new Date(1_767_614_400_900) }, entry]);
    const { FailedEntryCount, Entries = [] } = answer();
    await clock.advance(60_000);
    expect(FailedEntryCount).toBe(0);
    expect(taken).toMatchObject([
      {
        ...{ source: 'spillway', 'detail-type': 'Rollout Opened', account: '111122223333' },
        ...{ detail: { n: 1 }, time: '2026-01-05T12:00:00Z' },
      },
      { 'detail-type': 'Rollout Opened' },
    ]);
    expect(taken.map(({ id }) => id)).toEqual(Entries.map(({ EventId }) => EventId));
    expect(new Set(taken.map(({ id }) => id)).size).toBe(2);
  });

  test.each([
    ['of AWS itself', { Source: 'aws.s3' }, 'NotAuthorizedForSourceException'],
    ['without a source', { Source: undefined }, 'InvalidArgument'],
    ['with a long type', { DetailType: 'x'.repeat(129) }, 'InvalidArgument'],
    ['whose detail is no JSON', { Detail: '{' }, 'MalformedDetail'],
    ['whose detail is no object', { Detail: '[1]' }, 'MalformedDetail'],
  ])('an entry %s is refused, and the others of its request are taken', async (_, more, code) => {
    const { clock, taken, answer } = put([{ ...entry, ...more }, entry]);
    const { FailedEntryCount, Entries = [] } = answer();
    await clock.advance(60_000);
    expect([FailedEntryCount, Entries.map(({ ErrorCode }) => ErrorCode)]).toEqual([1, [code, undefined]]);
    expect(taken.length).toBe(1);
  });

  test('a request takes 1 to 10 entries of less than 1 MB in all', () => {
    const heavy = { ...entry, Detail: JSON.stringify({ text: 'x'.repeat(200_000) }) };
    expect(put([]).answer).toThrow('1 to 10');
    expect(put(new Array(11).fill(entry)).answer).toThrow('1 to 10');
    expect(put(new Array(5).fill(heavy)).answer).not.toThrow();
    expect(put(new Array(6).fill(heavy)).answer).toThrow('over the limit');
  });

  test('entries may come twice and late, each copy as it is said', async () => {
    const { clock, taken, answer } = put([entry], { copies: () => [0, 5_000] });
    answer();
    await clock.advance(60_000);
    expect(taken.length).toBe(2);
  });
});
