import { readFileSync } from 'node:fs';

/** A long text that no file should hold: `unit` as often as it says, where `§` is its number, and as many of `close`. */
interface Grown {
  before: string;
  unit: string;
  times: number;
  after?: string;
  close?: string;
}

/** One input and what must become of it: either `accepted`, or `refused` by messages that hold these words. */
export interface Case {
  name: string;
  accepted?: Record<string, unknown>;
  refused?: string | string[];
}

/** An input that is a text. */
export type Written = string | Grown;

/** The cases of one file beside this one. */
export function casesOf<More>(file: string): (Case & More)[] {
  return JSON.parse(readFileSync(new URL(`nasty/${file}.json`, import.meta.url), 'utf8'));
}

/** The whole of a text. */
export function grown(text: Written): string {
  if (typeof text === 'string') return text;
  const { before, unit, times, after = '', close = '' } = text;
  const units = Array.from({ length: times }, (_, index) => unit.replaceAll('§', String(index))).join('');
  return before + units + after + close.repeat(times);
}
