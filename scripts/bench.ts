// `npm run bench -- NAME [--json] ...`: a benchmark by name; with --json its figures are the last line, other arguments are its own.
import { bundles } from './benchmarks/bundle.ts';
import { cost } from './benchmarks/cost.ts';
import { harm } from './benchmarks/harm.ts';
import { loop } from './benchmarks/loop.ts';
import { many } from './benchmarks/many.ts';

/** Figures of a benchmark, each with its unit in its name; a table behind them goes into the JSON only. */
export type Figures = Record<string, number | object[]>;

interface Benchmark {
  run(args: string[]): Promise<Figures>;
  /** Arguments of its own, each with one value. */
  takes?: string[];
}

const benchmarks: Record<string, Benchmark> = {
  bundle: { run: bundles },
  cost: { run: cost },
  harm: { run: harm, takes: ['--runs', '--seed'] },
  loop: { run: loop },
  many: { run: many },
};

const [name = '', ...flags] = process.argv.slice(2);
const benchmark = benchmarks[name];
const known = ['--json', ...(benchmark?.takes ?? [])];
const unknown = flags.find(
  (flag, at) => !known.includes(flag) && !benchmark?.takes?.includes(flags[at - 1] ?? ''),
);
if (benchmark === undefined || unknown !== undefined) {
  console.error(
    unknown === undefined
      ? `There is no benchmark "${name}"; there are: ${Object.keys(benchmarks).join(', ')}.`
      : `bench does not know ${unknown}; it knows ${known.join(', ')}.`,
  );
  process.exitCode = 2;
} else {
  const figures = await benchmark.run(flags);
  for (const [figure, value] of Object.entries(figures))
    if (typeof value === 'number') console.log(`${figure.padEnd(64)} ${value}`);
  if (flags.includes('--json')) console.log(JSON.stringify(figures));
}
