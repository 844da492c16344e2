// `npm run bench -- NAME [--json]`: a benchmark by name; with --json its figures are the last line.
import { cost } from './benchmarks/cost.ts';
import { loop } from './benchmarks/loop.ts';

/** Figures of a benchmark; each says its unit in its name. */
export type Figures = Record<string, number>;

const benchmarks: Record<string, () => Promise<Figures>> = { cost, loop };

const [name = '', ...flags] = process.argv.slice(2);
const benchmark = benchmarks[name];
const unknown = flags.find((flag) => flag !== '--json');
if (benchmark === undefined || unknown !== undefined) {
  console.error(
    unknown === undefined
      ? `There is no benchmark "${name}"; there are: ${Object.keys(benchmarks).join(', ')}.`
      : `bench does not know ${unknown}; it knows --json.`,
  );
  process.exitCode = 2;
} else {
  const figures = await benchmark();
  for (const [figure, value] of Object.entries(figures)) console.log(`${figure.padEnd(44)} ${value}`);
  if (flags.includes('--json')) console.log(JSON.stringify(figures));
}
