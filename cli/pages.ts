import type { Client } from '../client/client.ts';
import type { Readings } from '../core/readings.ts';

/** A rollout with all of its events, page by page: no single answer grows with the length of a rollout. */
export async function wholeRollout(client: Client, rolloutId: string): Promise<Readings['rollout']> {
  const first = await client.read('rollout', { rolloutId });
  const events = [...first.events];
  for (let { isMore } = first; isMore; ) {
    const page = await client.read('rollout', { rolloutId, after: events.length });
    events.push(...page.events);
    isMore = page.isMore;
  }
  return { ...first, events, isMore: false };
}
