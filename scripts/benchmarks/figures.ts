/** Figures of a benchmark, each with its unit in its name, and whether it keeps its goals; a table behind them goes into the JSON only. */
export type Figures = Record<string, number | boolean | object[]>;

/** What a benchmark was asked for. */
export interface BenchOptions {
  runs?: number | undefined;
  seed?: number | undefined;
  markdown?: true | undefined;
}
