import * as z from 'zod/mini';
import type { Seconds } from '../units.ts';
import { textLike } from './check.ts';
import { word } from './plain.ts';

const DURATION = /^(?=\d)(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;
const SHORT = /^(?:(\d{1,9})ms|(\d{1,9})s)$/;
const UNITS: readonly [string, Seconds][] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
];

/** A minute, in seconds. */
export const MINUTE: Seconds = 60;
/** A day of 24 hours, in seconds. */
export const DAY: Seconds = 86_400;

/** Reads `90s`, `5m`, `2h`, `1d` or `1h30m`; undefined if the text is no such time. */
export function secondsFrom(text: string): Seconds | undefined {
  const parts = DURATION.exec(text)?.slice(1);
  return parts?.reduce((sum, part, index) => sum + Number(part ?? 0) * (UNITS[index]?.[1] ?? 0), 0);
}

/** Reads a time that a schema has accepted already. @throws Error if it was not */
export function acceptedSeconds(text: string): Seconds {
  const seconds = secondsFrom(text);
  if (seconds === undefined) throw new Error(`"${text}" is no time, although it was accepted as one.`);
  return seconds;
}

/** Reads `800ms` or `2s` in milliseconds; undefined if the text is no such time. */
export function millisecondsFrom(text: string): number | undefined {
  const [, ms, s] = SHORT.exec(text) ?? [];
  if (ms !== undefined) return Number(ms);
  return s === undefined ? undefined : Number(s) * 1000;
}

/** Writes seconds as a person would: 5400 is `1h30m`. */
export function durationText(seconds: Seconds): string {
  let rest = seconds;
  let text = '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text || '0s';
}

/** A field that holds a time from `least` to `most` seconds, written like `5m` or `1h30m`. */
export function duration(least: Seconds, most: Seconds): z.ZodMiniString {
  const range = `it must be from ${durationText(least)} to ${durationText(most)}.`;
  const error = ({ input }: { input?: unknown }) =>
    withoutUnit(input, 's', 'm') ??
    (secondsFrom(word(input)) === undefined
      ? `write a time in whole units, like \`90s\`, \`5m\`, \`2h\`, \`1d\` or \`1h30m\`; ${range}`
      : range);
  const isInRange = (text: string) => isWithin(secondsFrom(text), least, most);
  return textLike(DURATION, error).check(z.refine(isInRange, { error }));
}

/** A field that holds a time from 1 to `most` milliseconds (whole seconds), written like `800ms` or `2s`. */
export function shortDuration(most: number): z.ZodMiniString {
  const error = ({ input }: { input?: unknown }) =>
    withoutUnit(input, 'ms', 's') ??
    `write a time from \`1ms\` to \`${most / 1000}s\`, like \`800ms\` or \`2s\`.`;
  const isInRange = (text: string) => isWithin(millisecondsFrom(text), 1, most);
  return textLike(SHORT, error).check(z.refine(isInRange, { error }));
}

/** A time that is no time at all passes here: the pattern has refused it already. */
const isWithin = (value: number | undefined, least: number, most: number) =>
  value === undefined || (value >= least && value <= most);

function withoutUnit(input: unknown, ...units: [string, string]): string | undefined {
  const isBare =
    (typeof input === 'number' && input > 0) || (typeof input === 'string' && /^\d+$/.test(input));
  if (!isBare) return undefined;
  return `a time needs its unit; write ${units.map((unit) => `\`${input}${unit}\``).join(' or ')}.`;
}
