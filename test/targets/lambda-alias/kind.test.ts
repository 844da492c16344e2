import { expect, test } from 'vitest';
import { traitsOf } from '../../../targets/lambda-alias/kind.ts';

const REF = { functionName: 'orders', alias: 'live' };

test.each([
  ['http', { burst: 1, counts: ['answers'], limits: {} }],
  ['invoke', { burst: 1, counts: [], limits: {} }],
  ['schedule', { burst: 1, counts: [], limits: {} }],
  ['async', { burst: 3, counts: [], limits: { dlqNew: 'dlq', oldestMessage: 'nothing' } }],
  [
    'sqs',
    {
      burst: 3,
      counts: ['batches'],
      limits: { dlqNew: 'dlq', oldestMessage: 'queue', batchFailures: 'nothing' },
    },
  ],
  ['stream', { burst: 1, counts: ['batches'], limits: { iteratorAge: 'nothing', batchFailures: 'nothing' } }],
] as const)('what calls an alias says how its failures show: %s', (source, traits) => {
  expect(traitsOf(source, REF)).toEqual({
    ...traits,
    isSticky: false,
    noun: 'alias live of orders',
    metricName: 'orders',
  });
});
