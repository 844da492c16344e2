import { expect, test } from 'vitest';
import { eventItem } from '../../adapters/dynamodb-items.ts';
import { eventRecords } from '../../adapters/dynamodb-stream.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { intended, onFirstStep, ROLLOUT_ID, shifted, stateAfter } from '../core/rollout/given.ts';

/** What Lambda hands over of an item that was written. */
const written = (item: Record<string, unknown>, SequenceNumber = '1') => ({
  eventName: 'INSERT',
  dynamodb: {
    SequenceNumber,
    NewImage: Object.fromEntries(
      Object.entries(item).map(([key, value]) => [
        key,
        typeof value === 'number' ? { N: `${value}` } : { S: `${value}` },
      ]),
    ),
  },
});
const event = (n: number, type: RolloutEvent, sequence: string) =>
  written({ ...eventItem(stateAfter(onFirstStep()), n, type) }, sequence);

test('events that may be transitions are found, with their number and place; nothing else is', () => {
  const Records = [
    event(3, shifted(10, 1, 0.5), '700'),
    event(2, intended(10, 1, 0.5), '600'),
    written({ pk: `ROLLOUT#${ROLLOUT_ID}`, sk: 'HEAD', rolloutId: ROLLOUT_ID, service: 'checkout-api' }),
    written({ pk: `ROLLOUT#${ROLLOUT_ID}`, sk: 'TOKEN#0000000003#a', version: 3 }),
    written({ pk: `NOTE#${ROLLOUT_ID}`, sk: 'ANNOUNCED', seq: 1 }),
    // Deleted once it had expired.
    { eventName: 'REMOVE', dynamodb: { SequenceNumber: '900' } },
    { eventName: 'REMOVE' },
  ];
  expect(eventRecords.parse({ Records })).toEqual({
    events: [{ rolloutId: ROLLOUT_ID, n: 3, sequence: '700' }],
  });
});

test('what is no batch of a stream is refused', () => {
  expect(eventRecords.safeParse({ Records: 'all' }).success).toBe(false);
});
