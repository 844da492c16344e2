import { availableParallelism } from 'node:os';
import { allCells, figuresOf, goalsOf, runsOfCells } from '../../simulation/weather/figures.ts';
import type { Run } from '../../simulation/weather/rows.ts';
import { answersOf } from '../../simulation/workers.ts';
import type { BenchOptions, Figures } from './figures.ts';
import { tablesOf } from './weather-tables.ts';

/** Rollouts in each cell of a row with twelve cells; none reverted of these 360 means at most 0.8 % with 95 % certainty. */
const RUNS = 30;
const SEED = 1;

/** Most rollouts that a worker is given at once, so that none waits long for the last. */
const BATCH = 5;

/** Some rollouts of one cell. */
export interface Job {
  index: number;
  from: number;
  to: number;
  seed: number;
}

/** What becomes of good releases in bad weather and of bad releases in any, by whole decisions of the controller, beside its peers. */
export async function weather({ runs = RUNS, seed = SEED, markdown }: BenchOptions): Promise<Figures> {
  const cells = allCells();
  const jobs = runsOfCells(runs).flatMap((runs, index) =>
    Array.from({ length: Math.ceil(runs / BATCH) }, (_, nth): Job => {
      return { index, from: nth * BATCH, to: Math.min(runs, (nth + 1) * BATCH), seed };
    }),
  );
  const began = performance.now();
  const found = await played(jobs);
  const minutes = (performance.now() - began) / 60_000;
  const tables = figuresOf(cells.map((cell, index) => ({ cell, runs: found.get(index) ?? [] })));
  const text = tablesOf(tables, { runs, seed, minutes, processors: availableParallelism() });
  console.log(markdown ? marked(text) : text);
  const good = tables.good.reduce((all, row) => all + row.runs, 0);
  return {
    'good releases': good,
    'good releases reverted': Math.round(tables.good.reduce((all, row) => all + row.reverted * row.runs, 0)),
    'rows with good releases reverted': tables.good.filter(({ reverted }) => reverted > 0).length,
    'bad releases': tables.bad.reduce((all, row) => all + row.runs, 0),
    ...goalsOf(tables),
    'runs per cell': runs,
    ...{ seed, minutes: Math.round(minutes * 10) / 10 },
    ...{ good: tables.good, bad: tables.bad },
  };
}

/** What scripts/section.ts puts into docs/evidence.md. */
const marked = (text: string) => `<!-- weather: from here -->\n\n${text}\n\n<!-- weather: to here -->\n`;

/** The runs of all jobs by the index of their cell. */
async function played(jobs: readonly Job[]): Promise<Map<number, Run[]>> {
  const answers = await answersOf<Job, Run[]>(new URL('./weather-worker.ts', import.meta.url), jobs);
  const found = new Map<number, Run[]>();
  for (const [nth, { index }] of jobs.entries())
    found.set(index, [...(found.get(index) ?? []), ...(answers[nth] ?? [])]);
  return found;
}
