import type { Count } from './analysis/types.ts';

/** A whole number as people read it: 8,120. */
export function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** "9 of 412 failed". */
export function failed({ bad, total }: Count): string {
  return `${number(bad)} of ${number(total)} failed`;
}

/** Seconds as people say them: "38 s", "4 min", "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}
