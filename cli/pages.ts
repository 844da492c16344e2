import type { Readings } from '../functions/read-rollout.ts';
import type { Backend } from './backend.ts';

/** A rollout with all of its events, page by page: no single answer grows with the length of a rollout. */
export async function wholeRollout(backend: Backend, rolloutId: string): Promise<Readings['rollout']> {
  const first = await backend.read('rollout', { rolloutId });
  const events = [...first.events];
  for (let { isMore } = first; isMore; ) {
    const page = await backend.read('rollout', { rolloutId, after: events.length });
    events.push(...page.events);
    isMore = page.isMore;
  }
  return { ...first, events, isMore: false };
}
