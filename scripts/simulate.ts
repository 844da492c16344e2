// `npm run simulate -- --seeds N [--seed S] [--faults a,b] [--json] [--docs]`: whole rollouts under faults, each world from one
// seed, on all cores. `--docs` writes the figures into docs/safety.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { FAULT_NAMES, type FaultName } from '../simulation/faults.ts';
import { type Report, reportOf, type SeedResult, tableOf, textOf } from '../simulation/report.ts';
import { given, whole, wrong } from './arguments.ts';

/** Most seeds that a worker is given at once, and how many times a worker asks for what is left: towards the end the batches are small, so that none waits for the last. */
const BATCH = { most: 10, times: 4 };
/** Room for the objects of a few worlds, in MB: with less of it many of them are copied before they die. */
const YOUNG_MB = 128;
/** Seeds after which a long run says how far it is. */
const TOLD_EVERY = 5_000;
/** Failing seeds that are printed as stories. */
const STORIES_MAX = 5;

interface Asked {
  seeds: number;
  from: number;
  faults: FaultName[];
  isJson: boolean;
  isDocs: boolean;
}

const CALL = {
  name: 'npm run simulate --',
  takes: [],
  does: 'plays whole rollouts under faults, and holds each against every promise; exit code 1 if one is broken',
  options: {
    seeds: { value: 'N', does: 'how many worlds; without it, 100' },
    seed: { value: 'S', does: 'the seed of the first one; without it, 0' },
    faults: {
      value: 'NAMES',
      does: `only these faults, with commas between: all, none, or some of ${FAULT_NAMES.join(', ')}`,
    },
    json: { does: 'prints all figures as JSON in the last line' },
    docs: { does: 'writes the figures into docs/safety.md' },
  },
} as const;

function asked(): Asked {
  const { seeds, seed, faults, json = false, docs = false } = given(CALL).options;
  return {
    seeds: whole(CALL, '--seeds', seeds, 1) ?? 100,
    from: whole(CALL, '--seed', seed, 0) ?? 0,
    faults: faults === undefined ? FAULT_NAMES : faultsFrom(faults),
    isJson: json,
    isDocs: docs,
  };
}

function faultsFrom(value: string): FaultName[] {
  if (value === 'all') return FAULT_NAMES;
  if (value === 'none') return [];
  const names = value.split(',');
  const unknown = names.find((name) => !(FAULT_NAMES as string[]).includes(name));
  if (unknown !== undefined)
    wrong(CALL, `there is no fault "${unknown}"; there are all, none, and ${FAULT_NAMES.join(', ')}`);
  return FAULT_NAMES.filter((name) => names.includes(name));
}

/** Plays all seeds, each on the next worker that is free. */
async function playAll({ seeds, from, faults }: Asked): Promise<SeedResult[]> {
  const results: SeedResult[] = [];
  let next = from;
  const workers = Math.min(availableParallelism(), seeds);
  const batch = () => {
    const length = Math.min(BATCH.most, Math.ceil((from + seeds - next) / workers / BATCH.times));
    return Array.from({ length }, () => next++);
  };
  // Whoever ends a long run learns what it has shown.
  process.once('SIGINT', () => {
    const failing = results.filter(({ violations }) => violations.length > 0).length;
    console.error(
      `\nStopped: ${results.length} of ${seeds} seeds from ${from} on were played, ${failing} of them with violations.`,
    );
    process.exit(130);
  });
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./simulate-worker.ts', import.meta.url), {
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      });
      const give = () => {
        const seeds = batch();
        if (seeds.length > 0) worker.postMessage({ seeds, faults });
        else void worker.terminate().then(() => resolve());
      };
      worker.on('message', (done: SeedResult[]) => {
        results.push(...done);
        for (const result of done) if (result.violations.length > 0) console.log(lineOf(result));
        if (results.length % TOLD_EVERY < done.length && results.length < seeds)
          console.error(`${results.length} of ${seeds} seeds`);
        give();
      });
      worker.on('error', reject);
      give();
    });
  await Promise.all(Array.from({ length: workers }, work));
  return results;
}

/** A seed that breaks promises, in one line: it is said at once, since a long run takes half an hour. */
function lineOf({ seed, violations }: SeedResult): string {
  const names = [...new Set(violations.map(({ promise }) => promise))];
  return `seed ${seed}: ${names.join(', ')}: ${violations[0]?.what}`;
}

const PAGE = new URL('../docs/safety.md', import.meta.url);

/** Puts the figures between the marks of their kind of world. */
function writeDown(report: Report, { seeds, from, faults }: Asked): void {
  const kind = faults.length === 0 ? 'simulate --faults none' : 'simulate';
  const [begin, end] = [`<!-- ${kind} -->\n`, '<!-- end -->'];
  const text = readFileSync(PAGE, 'utf8');
  const at = text.indexOf(begin) + begin.length;
  if (at < begin.length) throw new Error(`docs/safety.md has no line ${begin.trim()}; put it back.`);
  const some =
    faults.length === 0 || faults.length === FAULT_NAMES.length ? '' : ` --faults ${faults.join(',')}`;
  const command = `npm run simulate -- --seeds ${seeds} --seed ${from}${faults.length === 0 ? ' --faults none' : some}`;
  const rest = text.slice(text.indexOf(end, at));
  writeFileSync(PAGE, `${text.slice(0, at)}${tableOf(report, command).join('\n')}\n${rest}`);
}

async function simulate(given: Asked): Promise<number> {
  const began = performance.now();
  const results = await playAll(given);
  const report = reportOf(results, (performance.now() - began) / 1000);
  for (const line of textOf(report)) console.log(line);
  const failing = results.filter(({ violations }) => violations.length > 0).sort((a, b) => a.seed - b.seed);
  for (const { seed } of failing.slice(0, STORIES_MAX)) {
    // Only here does this thread need a world of its own.
    const { storyOf } = await import('../simulation/seed.ts');
    console.log('');
    for (const line of await storyOf(seed, given.faults)) console.log(line);
  }
  if (given.isDocs) writeDown(report, given);
  if (given.isJson) console.log(JSON.stringify(report));
  return failing.length > 0 ? 1 : 0;
}

const wanted = asked();
// Whatever ends this before its end, such as a reader that goes away, is no success.
process.exitCode = 1;
process.exitCode = await simulate(wanted);
