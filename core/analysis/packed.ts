import type { Instant } from '../units.ts';
import { type Count, type Level, LIMITS, type ReadWindow, type Series, type Spread } from './types.ts';

const GAUGES = LIMITS.filter((limit) => limit !== 'batchFailures');
/** The name of a series of levels. */
export type Gauge = (typeof GAUGES)[number];

/** A series of counts, by its name. */
export type Counted = Exclude<keyof Series, 'latency' | Gauge>;

/** True for a series of levels. */
export const isGauge = (name: keyof Series): name is Gauge => GAUGES.some((gauge) => gauge === name);

/** Start, minutes, and bad and total of canary and of stable, null for a side without data; of an unknown minute why. */
type Row = [Instant, number, ...(number | null)[]] | [Instant, string];

/** Total, and how many took longer than each edge; null for a side without data. */
type Side = (number | null)[] | null;

/** The series of a target in few bytes, for the journal. */
export interface Packed {
  counts: Partial<Record<Counted, Row[]>>;
  levels: Partial<Record<Gauge, [Instant, number][]>>;
  /** Start, minutes, canary and stable, counted over the same edges. */
  durations?: { edges: readonly number[]; rows: [Instant, number, Side, Side][] } | undefined;
}

/** @param series all durations in it are counted over the same edges */
export function packed(series: Series): Packed {
  const names = Object.keys(series) as (keyof Series)[];
  const { latency } = series;
  // A minute may have no spread on either side.
  const [first] = (latency ?? []).flatMap(({ canary, stable }) => canary ?? stable ?? []);
  return {
    counts: Object.fromEntries(
      names
        .filter((name): name is Counted => name !== 'latency' && !isGauge(name))
        .map((name) => [name, (series[name] ?? []).map(rowOf)]),
    ),
    levels: Object.fromEntries(
      names
        .filter(isGauge)
        .map((name) => [name, (series[name] ?? []).map(({ start, value }) => [start, value])]),
    ),
    ...(latency === undefined
      ? {}
      : {
          durations: {
            edges: first?.edges ?? [],
            rows: latency.map(({ start, minutes = 1, canary, stable }) => [
              ...([start, minutes] as const),
              ...([sideOf(canary), sideOf(stable)] as const),
            ]),
          },
        }),
  };
}

/** The series as they were packed. */
export function unpacked({ counts, levels, durations }: Packed): Series {
  const read = (rows: readonly Row[] = []) => rows.map(windowOf);
  const levelsOf = (rows: readonly [Instant, number][] = []) =>
    rows.map(([start, value]): Level => ({ start, value }));
  return {
    ...mapped(counts, read),
    ...mapped(levels, levelsOf),
    ...(durations === undefined
      ? {}
      : {
          latency: durations.rows.map(([start, minutes, canary, stable]) => ({
            ...{ start, minutes },
            ...{ canary: spreadOf(canary, durations.edges), stable: spreadOf(stable, durations.edges) },
          })),
        }),
  };
}

function mapped<Name extends string, From, To>(
  from: Partial<Record<Name, From>>,
  change: (value: From | undefined) => To,
): Partial<Record<Name, To>> {
  const entries = Object.entries(from) as [Name, From | undefined][];
  return Object.fromEntries(entries.map(([name, value]) => [name, change(value)])) as Partial<
    Record<Name, To>
  >;
}

function rowOf(window: ReadWindow): Row {
  if (window.unknown !== undefined) return [window.start, window.unknown];
  const { start, minutes = 1, canary, stable } = window;
  const side = (count: Count | undefined) => (count === undefined ? [null, null] : [count.bad, count.total]);
  return [start, minutes, ...side(canary), ...side(stable)];
}

function windowOf(row: Row): ReadWindow {
  const [start, minutes, ...counts] = row;
  if (typeof minutes === 'string') return { start, unknown: minutes };
  const [canaryBad, canary, stableBad, stable] = counts as (number | null)[];
  const side = (bad: number | null | undefined, total: number | null | undefined) =>
    total == null || bad == null ? undefined : { bad, total };
  return { start, minutes, canary: side(canaryBad, canary), stable: side(stableBad, stable) };
}

const sideOf = (spread: Spread | undefined): Side =>
  spread === undefined ? null : [spread.total, ...spread.over];

function spreadOf(side: Side, edges: readonly number[]): Spread | undefined {
  if (side === null) return undefined;
  const [total, ...over] = side;
  // What JSON has no number for was none before either.
  return { total: total ?? Number.NaN, edges, over: over.map((count) => count ?? Number.NaN) };
}
