import type { Instant } from '../units.ts';
import { timeOfDay } from '../words.ts';

/** The next thing that happens to a rollout by itself, and when at the earliest, as far as that is known. */
export interface Ahead {
  what: string;
  at?: Instant | undefined;
}

/** What happens next, and when if that is known; what was due before `now` waits for a verdict. */
export function nextText({ what, at }: Ahead, now = Number.NEGATIVE_INFINITY): string {
  const isStep = /^[\d.]+ %$/.test(what);
  // What a person can keep from coming has a last moment, everything else a first one.
  const word = what.includes(' unless ') ? 'by' : 'at';
  if (!isStep) return at === undefined ? what : `${what} ${word} ${timeOfDay(at)}`;
  if (at !== undefined && at <= now) return `it goes to ${what} as soon as it passes`;
  return `it goes to ${what}${at === undefined ? '' : ` at ${timeOfDay(at)} at the earliest`}, if it passes`;
}

/** What happens next, to somebody who asks whether anything has to be done. */
export const unattendedText = (ahead: Ahead, now?: Instant): string =>
  `If nobody does anything: ${nextText(ahead, now)}`;
