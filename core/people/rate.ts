import { RolloutError } from '../errors.ts';
import type { Instant } from '../units.ts';

/** How often somebody may call: so many times at once, and once more each `everyMs`. */
export interface Rate {
  burst: number;
  everyMs: number;
}

/** The moment from which on somebody would have all calls free again, after one more call now. @throws RolloutError RateLimited if none is free */
export function spend(freeAt: Instant | undefined, { burst, everyMs }: Rate, now: Instant): Instant {
  const after = Math.max(freeAt ?? now, now) + everyMs;
  const waitMs = after - now - burst * everyMs;
  if (waitMs <= 0) return after;
  const seconds = Math.ceil(waitMs / 1000);
  throw new RolloutError('RateLimited', `Too many calls; make the next one in ${seconds} s.`, {
    retryAfter: seconds,
  });
}
