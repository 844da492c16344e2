import type { Instant } from '../units.ts';
import { timeOfDay } from '../words.ts';

/** The next thing that happens to a rollout by itself, and when at the earliest, as far as that is known. */
export interface Ahead {
  what: string;
  at?: Instant | undefined;
}

/** What happens next, and when if that is known. */
export function nextText({ what, at }: Ahead): string {
  const isStep = /^[\d.]+ %$/.test(what);
  const when = at === undefined ? '' : ` at ${timeOfDay(at)}${isStep ? ' at the earliest' : ''}`;
  return isStep ? `it goes to ${what}${when}, if it passes` : `${what}${when}`;
}
