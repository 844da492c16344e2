import type { Count } from './analysis/types.ts';
import type { Instant } from './units.ts';

const inEnglish = new Intl.NumberFormat('en-US');

/** A whole number as people read it: 8,120. */
export function number(value: number): string {
  // Most numbers need no comma, and a formatter takes long to find that out.
  return Number.isInteger(value) && value >= 0 && value < 1000 ? String(value) : inEnglish.format(value);
}

/** "canary 9 of 412 failed, stable 3 of 8,120"; `verb` says what the bad ones did. */
export function compared(canary: Count, stable: Count, verb = 'failed'): string {
  return `canary ${number(canary.bad)} of ${number(canary.total)} ${verb}, stable ${number(stable.bad)} of ${number(stable.total)}`;
}

/** A share between 0 and 1 as people read it, to two digits: 0.5 %. */
export function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/** A number of things as people read it: 1 violation, 2 violations. */
export const counted = (count: number, what: string): string =>
  `${number(count)} ${what}${count === 1 ? '' : 's'}`;

/** Seconds as people say them: "38 s", "4 min", "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** The time of day of an instant as a person reads it, to the minute before it: 12:07 UTC. */
export function timeOfDay(at: Instant): string {
  const minutes = Math.floor(at / 60_000) % (24 * 60);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)} UTC`;
}

/** The beginning of a text. A cut may fall into the middle of a character of two halves, which no journal could store. */
export function cut(text: string, max: number): string {
  return text.slice(0, max).toWellFormed();
}
