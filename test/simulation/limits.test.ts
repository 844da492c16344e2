import { expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { broken, type Plot, play, type Stage } from './stage.ts';

type Queue = Parameters<Stage['addQueue']>[0];

/** A release of a worker that is fed by the queue `orders`, whose messages nobody but it takes. */
const worker = (queue: Partial<Queue>, limits: object, more: Plot = {}): Plot => ({
  requestsPerSecond: 0,
  rollout: {
    targets: {
      api: { lambda: FUNCTION, alias: ALIAS, source: 'sqs', queue: 'orders', dlq: 'orders-dlq' },
    },
    watch: { errors: '1.5x' },
    limits,
  },
  before: (stage) => {
    stage.addQueue({
      functionName: FUNCTION,
      queue: 'orders',
      dlq: 'orders-dlq',
      messagesPerSecond: 100,
      failRate: () => 0,
      ...queue,
    });
  },
  ...more,
});

const failing =
  (rate: number): Queue['failRate'] =>
  (version) =>
    version === '2' ? rate : 0;

test('a release that hands messages back is reverted, by its own count', async () => {
  const { rollout, run } = await play(worker({ failRate: failing(0.2) }, { batchFailures: 50 }));
  expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
  expect(rollout?.reason).toMatch(
    /canary handed back [\d,]+ of [\d,]+ as failed, and 50 at most are allowed$/,
  );
  expect(broken(run)).toEqual([]);
});

test('a release whose messages end in the dead-letter queue is reverted', async () => {
  const { rollout } = await play(
    worker({ failRate: failing(0.9), counters: false, deadLettered: 40 }, { dlqNew: 5 }),
  );
  expect(rollout?.outcome).toBe('reverted');
  expect(rollout?.reason).toMatch(
    /^[\d,]+ new in the dead-letter queue, where 40 were before; at most 5 may be new$/,
  );
});

test('an old backlog and old dead letters are not held against a good release, which is told', async () => {
  const limits = { dlqNew: 0, oldestMessage: '2m', batchFailures: 0 };
  const { rollout } = await play(worker({ backlog: () => 3_600, deadLettered: 7 }, limits));
  expect(rollout?.outcome).toBe('completed');
  expect(rollout?.opening.notices).toContain(
    'limits.oldestMessage of api is over 2 min already; it is not held against this release until it has recovered',
  );
  expect(rollout?.verdict?.limits).toMatchObject([
    { limit: 'dlqNew', status: 'pass', value: 0 },
    { limit: 'oldestMessage', status: 'pass', value: 3_600 },
    { limit: 'batchFailures', status: 'pass', value: 0 },
  ]);
});

test('a backlog that begins with the release reverts it once messages of this release wait too long', async () => {
  const from = { raisedAt: 0 };
  const plot = worker(
    { backlog: (at) => (from.raisedAt === 0 ? 1 : (at - from.raisedAt) / 1000) },
    { oldestMessage: '2m' },
    {
      act: async (stage) => {
        await stage.saw('Shifted');
        from.raisedAt = stage.clock.now();
      },
    },
  );
  const { rollout } = await play(plot);
  expect(rollout?.outcome).toBe('reverted');
  expect(rollout?.reason).toMatch(/^the oldest message has waited .*, and 2 min at most are allowed$/);
});

test('a version that counts no batches is not believed to hand none back', async () => {
  const { rollout, story } = await play(
    worker({ failRate: failing(0.2), counters: false }, { batchFailures: 50 }),
  );
  expect(rollout?.opening.notices[0]).toMatch(/version 1 counts no batches; if version 2 does not either/);
  expect(story).toContain('Paused by spillway, broken');
  expect(rollout?.outcome).toBe('reverted');
  expect(rollout?.reason).toContain('the canary ran');
});

test('a dead-letter queue that was idle shows its first message late, and the release goes back all the same', async () => {
  const release = { rollout: { steps: [{ weight: 10, bake: '30m' }] } };
  const { rollout } = await play(
    worker({ failRate: failing(0.9), counters: false }, { dlqNew: 0 }, { release }),
  );
  expect(rollout?.opening.notices[0]).toContain('shows nothing of queue orders-dlq lately');
  expect(rollout?.outcome).toBe('reverted');
});
