import { RolloutError } from '../core/errors.ts';
import type { Clock, Notes } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** A sequence of calls of which at most one is made in so long, by whatever function makes it. */
export interface Lane {
  name: string;
  everyMs: number;
}

/** Keeps calls apart that somebody else counts. */
export interface Pace {
  /** Waits for a moment of its own in this lane. @throws RolloutError RateLimited if that is too far off to wait for */
  wait(lane: Lane): Promise<void>;
  /** Nobody calls in this lane for so long. */
  close(lane: Lane, ms: number): Promise<void>;
}

/** Longest wait of a call for its moment: what is further off is better done together with what comes until then. */
const PATIENCE_MS = 5_000;

/** What all notes of lanes are about. */
const LANES = 'LANES';

/** Keeps calls apart by notes of the next free moment of each lane. */
export function paceBy(notes: Notes, clock: Clock): Pace {
  return {
    async wait({ name, everyMs }) {
      let at: Instant = 0;
      let now: Instant = 0;
      await notes.change<{ free: Instant }>(LANES, name, (before) => {
        now = clock.now();
        at = Math.max(now, before?.free ?? 0);
        return at - now > PATIENCE_MS ? before : { free: at + everyMs };
      });
      if (at - now > PATIENCE_MS) throw tooEarly(name, at - now);
      if (at > now) await clock.sleep(at - now);
    },
    async close({ name }, ms) {
      await notes.change<{ free: Instant }>(LANES, name, (before) => ({
        free: Math.max(before?.free ?? 0, clock.now() + ms),
      }));
    },
  };
}

const tooEarly = (name: string, ms: number) =>
  new RolloutError('RateLimited', `${name} takes no call for ${Math.ceil(ms / 1000)} s.`, {
    retryAfter: Math.ceil(ms / 1000),
  });
