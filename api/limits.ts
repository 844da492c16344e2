import { type Rate, spend } from '../core/people/rate.ts';
import type { Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** What is counted by itself: nothing that somebody read or asked for is in the way of an abort. */
export type Kind = 'read' | 'command' | 'abort';

/** How much is let through to the journal in front of which it stands. */
export interface Limits {
  /** For each principal. */
  each: Record<Kind, Rate>;
  /** For all of them together. */
  all: Record<Exclude<Kind, 'abort'>, Rate>;
}

/** Several open pages, and programs that follow a rollout, stay under it; the rates are assumed. */
export const LIMITS: Limits = {
  each: {
    read: { burst: 100, everyMs: 50 },
    command: { burst: 20, everyMs: 1_000 },
    abort: { burst: 20, everyMs: 1_000 },
  },
  all: {
    read: { burst: 500, everyMs: 2 },
    command: { burst: 100, everyMs: 50 },
  },
};

/** Most principals that are remembered. */
const KNOWN_MAX = 10_000;

/** Counts calls. @throws RolloutError RateLimited naming when the next one may come */
export function limiter(limits: Limits, clock: Clock): (kind: Kind, id: string) => void {
  const freeAt = new Map<string, Instant>();
  const count = (key: string, rate: Rate) => {
    const after = spend(freeAt.get(key), rate, clock.now());
    freeAt.delete(key);
    freeAt.set(key, after);
  };
  return (kind, id) => {
    count(`${kind} ${id}`, limits.each[kind]);
    if (kind !== 'abort') count(kind, limits.all[kind]);
    for (const oldest of freeAt.keys()) {
      if (freeAt.size <= KNOWN_MAX) break;
      freeAt.delete(oldest);
    }
  };
}
