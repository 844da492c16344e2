// `npm run bench -- NAME [--json] ...`: a benchmark by name; with --json its figures are the last line, other arguments are its own.
import { bundles } from './benchmarks/bundle.ts';
import { cost } from './benchmarks/cost.ts';
import { harm } from './benchmarks/harm.ts';
import { loop } from './benchmarks/loop.ts';
import { many } from './benchmarks/many.ts';
import { tick } from './benchmarks/tick.ts';
import { weather } from './benchmarks/weather.ts';

/** Figures of a benchmark, each with its unit in its name, and whether it keeps its goals; a table behind them goes into the JSON only. */
export type Figures = Record<string, number | boolean | object[]>;

/** What a benchmark was asked for, by the option's name. */
export interface Options {
  '--runs'?: number;
  '--seed'?: number;
  '--markdown'?: boolean;
}

interface Benchmark {
  run(options: Options): Promise<Figures>;
  /** Its own options: the least whole number that each takes, or `true` for one without a value. */
  takes?: { [Name in keyof Options]: number | true };
}

const benchmarks: Record<string, Benchmark> = {
  bundle: { run: bundles },
  cost: { run: cost },
  harm: { run: harm, takes: { '--runs': 10, '--seed': 1, '--markdown': true } },
  loop: { run: loop },
  many: { run: many },
  tick: { run: tick },
  weather: { run: weather, takes: { '--runs': 1, '--seed': 1, '--markdown': true } },
};

const [name = '', ...args] = process.argv.slice(2);
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
const { options, problem } = benchmark === undefined ? noBenchmark(name) : read(args, benchmark.takes ?? {});
if (benchmark === undefined || problem !== undefined) {
  console.error(problem);
  process.exitCode = 2;
} else {
  const figures = await benchmark.run(options);
  for (const [figure, value] of Object.entries(figures))
    if (typeof value !== 'object') console.log(`${figure.padEnd(64)} ${value}`);
  if (args.includes('--json')) console.log(JSON.stringify(figures));
}

function noBenchmark(name: string): { options: Options; problem: string } {
  const known = Object.keys(benchmarks).join(', ');
  return {
    options: {},
    problem: `${name === '' ? 'Say which benchmark' : `There is no benchmark "${name}"`}; there are: ${known}.`,
  };
}

/** The options of a benchmark, or what is wrong with them. */
function read(
  args: readonly string[],
  takes: Record<string, number | true>,
): { options: Options; problem?: string } {
  const options: Record<string, number | boolean> = {};
  for (let at = 0; at < args.length; at++) {
    const option = args[at] ?? '';
    const least = option === '--json' || (Object.hasOwn(takes, option) && takes[option]);
    if (least === false || least === undefined)
      return {
        options,
        problem: `bench does not know ${option}; it knows ${['--json', ...Object.keys(takes)].join(', ')}.`,
      };
    if (least === true) {
      options[option] = true;
      continue;
    }
    const value = Number(args[++at]);
    if (!Number.isSafeInteger(value) || value < least)
      return { options, problem: `${option} wants a whole number of at least ${least}.` };
    options[option] = value;
  }
  return { options };
}
