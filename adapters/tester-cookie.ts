import { createHmac } from 'node:crypto';
import type { Instant, Seconds } from '../core/units.ts';

/** The cookie that leads a tester to a release, whatever the weight (`edge/try.ts`). */
export const TRY_COOKIE = '__Host-spillway-try';

/** `<release>~<seconds since 1970 when it ends>~<signature>`, as `edge/try.ts` reads it. */
export function testerCookie(release: string, key: string, now: Instant, seconds: Seconds): string {
  const text = `${release}~${Math.floor(now / 1000) + seconds}`;
  return `${text}~${createHmac('sha256', key).update(text).digest('base64url')}`;
}
