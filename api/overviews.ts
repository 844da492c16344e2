import { type Overview, type Overviewer, overviewer } from '../core/people/overview.ts';
import type { Reads } from './cache.ts';

/** Most rollouts whose events are kept added up. */
const KEPT_MAX = 20;

/** A rollout as far as its events were read. */
interface Kept {
  told: Overviewer;
  reading: Promise<unknown>;
  ended?: string | undefined;
}

/** What a page about one rollout shows; or what it waits for, if it is not opened yet. */
interface Shown {
  overview?: Overview | undefined;
  version: number;
  ended?: string | undefined;
  waitsFor?: string[] | undefined;
}

/** Overviews of rollouts: the events of each are read once, however long it lasts and however many watch. */
export function overviews(reads: Pick<Reads, 'events'>): (rolloutId: string) => Promise<Shown> {
  const kept = new Map<string, Kept>();

  const readOn = async (rolloutId: string, { told }: Kept): Promise<Omit<Shown, 'overview' | 'version'>> => {
    for (;;) {
      const page = await reads.events(rolloutId, told.version);
      for (const event of page.events) told.add(event);
      if (!page.isMore || page.events.length === 0) return { ended: page.ended, waitsFor: page.waitsFor };
    }
  };

  return async (rolloutId) => {
    const known = kept.get(rolloutId) ?? { told: overviewer(), reading: Promise.resolve() };
    kept.delete(rolloutId);
    kept.set(rolloutId, known);
    const [oldest] = kept.keys();
    if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
    // Two who ask at once must not both add the same events.
    const reading = known.reading.catch(() => {}).then(() => readOn(rolloutId, known));
    known.reading = reading;
    const { ended, waitsFor } = await reading;
    return { overview: known.told.show(ended), version: known.told.version, ended, waitsFor };
  };
}
