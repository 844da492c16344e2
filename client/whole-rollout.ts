import type { Readings } from '../core/readings.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Client } from './client.ts';

/** A rollout with all of its events, page by page: no single answer grows with the length of a rollout. */
export async function wholeRollout(
  client: Client,
  rolloutId: string,
): Promise<Readings['rollout'] & { events: RolloutEvent[] }> {
  const reading = await client.rollout(rolloutId);
  const { version = 0 } = reading.view ?? {};
  const events: RolloutEvent[] = [];
  while (events.length < version) {
    const page = await client.events(rolloutId, events.length);
    if (page.events.length === 0) break;
    events.push(...page.events);
  }
  // What has come since the view was taken is not in it either.
  return { ...reading, events: events.slice(0, version) };
}
