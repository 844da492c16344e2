// `npm run bench -- NAME [--json] ...`: a benchmark by name; with --json its figures are the last line, other arguments are its own; exit code 1 if it misses one of its goals.
import { given, whole, wrong } from './arguments.ts';
import { bundles } from './benchmarks/bundle.ts';
import { cost } from './benchmarks/cost.ts';
import { edge } from './benchmarks/edge.ts';
import type { BenchOptions, Figures } from './benchmarks/figures.ts';
import { harm } from './benchmarks/harm.ts';
import { loop } from './benchmarks/loop.ts';
import { many } from './benchmarks/many.ts';
import { page } from './benchmarks/page.ts';
import { people } from './benchmarks/people.ts';
import { tick } from './benchmarks/tick.ts';
import { weather } from './benchmarks/weather.ts';

interface Benchmark {
  run(options: BenchOptions): Promise<Figures>;
  does: string;
  /** The least number of runs that say anything, if it takes options of its own. */
  leastRuns?: number;
}

const benchmarks: Record<string, Benchmark> = {
  bundle: { run: bundles, does: 'how large each function is, and how long it takes to load' },
  cost: { run: cost, does: 'what a rollout costs on AWS, counted from its calls' },
  edge: { run: edge, does: 'the code of the edge, the visitors that it picks, and the upload of a site' },
  harm: { run: harm, does: 'false reverts and harm of this judge and of models of its peers', leastRuns: 10 },
  loop: { run: loop, does: 'how fast the loop turns' },
  many: { run: many, does: 'a thousand releases in one minute, two hundred of them reverted at once' },
  page: { run: page, does: 'what the dashboard costs whoever opens it, in a real browser' },
  people: { run: people, does: 'what people wait for: aborts, news and refusals; and what reporting costs' },
  tick: { run: tick, does: 'what one tick takes after one and seven days of bake' },
  weather: { run: weather, does: 'whole rollouts in bad weather, beside models of the peers', leastRuns: 1 },
};

const OPTIONS = { json: { does: 'prints the figures once more, as JSON in the last line' } } as const;
const OWN_OPTIONS = {
  ...OPTIONS,
  runs: { value: 'N', does: 'how many runs each cell has' },
  seed: { value: 'N', does: 'another seed' },
  markdown: { does: 'prints the tables as the pages have them' },
} as const;

const [name = '', ...args] = process.argv.slice(2);
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (benchmark === undefined) {
  const list = Object.entries(benchmarks).map(([each, { does }]) => `${each} (${does})`);
  const call = {
    name: 'npm run bench --',
    takes: ['NAME'],
    does: `runs a benchmark: ${list.join(', ')}`,
    options: OWN_OPTIONS,
  };
  const [asked] = given(call).args;
  wrong(call, `there is no benchmark "${asked}"; there are ${Object.keys(benchmarks).join(', ')}`);
}
const { run, does, leastRuns } = benchmark;
const call = {
  ...{ name: `npm run bench -- ${name}`, takes: [], does },
  // What it does not take stays undefined.
  options: (leastRuns === undefined ? OPTIONS : OWN_OPTIONS) as typeof OWN_OPTIONS,
};
const { json, runs, seed, markdown } = given(call, args).options;
const figures = await run({
  runs: whole(call, '--runs', runs, leastRuns ?? 1),
  seed: whole(call, '--seed', seed, 1),
  markdown,
});
for (const [figure, value] of Object.entries(figures))
  if (typeof value !== 'object') console.log(`${figure.padEnd(64)} ${value}`);
if (json) console.log(JSON.stringify(figures));
if (Object.entries(figures).some(([figure, value]) => figure.startsWith('goal: ') && value === false))
  process.exitCode = 1;
