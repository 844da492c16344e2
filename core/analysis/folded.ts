import type { Instant } from '../units.ts';
import type { Logs } from './evalue.ts';
import type { RatioCapital, SlownessCapital } from './mixture.ts';
import { type Packed, unpacked } from './packed.ts';
import type { PartName, Past, ReadWindow, Series, Spread } from './types.ts';

/** What the evidence of one question holds after the folded windows; later windows need no more of them. */
export interface Carried {
  /** Of a worse canary, by counts, for each part of the evidence. */
  ratio?: Partial<Record<PartName, RatioCapital>> | undefined;
  /** The same with each of the groups of answers left out; absent if none are counted. */
  without?: Partial<Record<PartName, RatioCapital>>[] | undefined;
  /** Of a slower canary, by all durations, likewise. */
  slowness?: Partial<Record<PartName, SlownessCapital>> | undefined;
  /** Of a safe canary: logarithms of what each bet holds since the first move, and in the step of the fold. */
  safe?: { first: Logs; step: Logs } | undefined;
}

/** What is kept of the folded windows of one target. */
export interface FoldedTarget {
  /**
   * The counts: windows that every judgement treats alike are one window, their sum. Durations are counted over the edges that
   * rules ask for alone.
   */
  series: Packed;
  /** All durations of stable before the first raise, as one spread; empty if there were none that can be believed. */
  history: Spread[];
  /** Answers of the canary in each of the groups; absent if none are counted. */
  met?: readonly number[] | undefined;
  /** What the minutes before the first raise make due, if the opening does not say. */
  past?: Past | undefined;
  tests: Record<string, Carried>;
}

/** All that a rollout needs of the minutes before `end`, so that they are read no more. */
export interface Folded {
  end: Instant;
  /** When the step began that `end` was in. */
  from: Instant;
  targets: Record<string, FoldedTarget>;
}

/** What a tick read of one target, after what is kept of the minutes before. */
export function withFolded(folded: Folded | undefined, target: string, read: Series): Series {
  const kept = folded?.targets[target]?.series;
  if (folded === undefined || kept === undefined) return read;
  const before = unpacked(kept);
  const names = Object.keys(read) as (keyof Series)[];
  const of = (name: keyof Series) =>
    read[name] && [
      ...((before[name] ?? []) as ReadWindow[]),
      ...(read[name] as ReadWindow[]).filter(({ start }) => !(start < folded.end)),
    ];
  return Object.fromEntries(names.map((name) => [name, of(name)]));
}
