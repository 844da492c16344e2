import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { readRolloutFile } from '../../adapters/rollout-file.ts';
import type { RolloutFile } from '../../core/config/rollout-file.ts';
import { number, percent } from '../../core/words.ts';
import {
  leftOutOf,
  rehearse as play,
  type Rehearsal,
  type Rehearsed,
  TRIALS,
  watchesTime,
} from '../../simulation/rehearsal.ts';
import { answersOf } from '../../simulation/workers.ts';
import { KINDS } from '../../targets/kinds.ts';
import { pathFrom } from '../arguments.ts';
import { UsageError } from '../call.ts';
import type { GivenTo, REHEARSE } from '../calls.ts';
import { complain, endLive, say, sayJson, showLive, showsLive, width } from '../print.ts';
import { goodText, mostOf, type Row, tablePage, tableText } from '../rehearsal-table.ts';
import { trafficFrom } from '../traffic.ts';

const RUNS = 200;
/** Runs that a worker is given at once. */
const BATCH = 5;
/** So long it plays at most; what is left then is not played, and the table says how many were. */
const LIMIT_MS = 55_000;
/** What says to this very file, loaded by a worker, that it is one. */
const WORKER = 'spillway rehearse';

interface Job {
  rehearsed: Rehearsed;
  trial: number;
  from: number;
  to: number;
}

if (!isMainThread && workerData === WORKER)
  parentPort?.on('message', ({ rehearsed, trial, from, to }: Job) => {
    const runs = Array.from({ length: to - from }, (_, nth) => play(rehearsed, trial, from + nth));
    parentPort?.postMessage(runs);
  });

/** Plays whole rollouts by a file and prints what came of them; always in the same order, so that one seed has one table. */
export async function rehearse({ args: [path = ''], options }: GivenTo<typeof REHEARSE>): Promise<number> {
  const traffic = trafficFrom(options);
  const runs = whole(options.runs, '--runs', RUNS);
  const seed = whole(options.seed, '--seed', 1);
  const file = await readRolloutFile(KINDS, pathFrom(path));
  const text = await readFile(pathFrom(path), 'utf8');
  const rehearsed = { file, seed, ...traffic };
  // Rejects before any worker starts what cannot be played.
  play(rehearsed, 0, 0);
  const { played, signal } = await playedAll(rehearsed, runs);
  const rows = TRIALS.map(({ name }, trial) =>
    rowOf(
      name,
      played.filter((each) => each.trial === trial),
    ),
  );
  const [good, ...bad] = rows as [Row, ...Row[]];
  // What is not caught comes first.
  const sorted = [...bad.map((row) => ({ ...row, ...changeOf(row, { path, text, file }) }))].sort(
    (a, b) => a.stopped / a.runs - b.stopped / b.runs,
  );
  const head = `${file.service} at ${number(traffic.requestsPerSecond)} requests per second, of which ${percent(traffic.errorRate)} fail now`;
  const left = leftOutOf(file);
  const digest = createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 12);
  const lines = [
    'late: from 3 min after promotion; throttled: half of its requests never run; silent: none is counted; failed: requests, in the middle run.',
    goodText(good),
    ...(left.length === 0 ? [] : [`Not played: ${left.join(', ')}; what they catch comes on top.`]),
    ...(good.runs < runs
      ? [
          `Only ${good.runs} of ${runs} were played of each: ${signal === undefined ? 'the time was up' : 'it was interrupted'}.`,
        ]
      : []),
    `Seed ${seed}, digest ${digest}.`,
  ];
  if (options.json)
    sayJson({
      file: path,
      ...traffic,
      seed,
      digest,
      good: { ...good, atMost: mostOf(good.stopped, good.runs) },
      bad: sorted,
      notPlayed: left,
    });
  else for (const line of [`${head}:`, '', ...tableText(sorted, width()), '', ...lines]) say(line);
  if (options.html !== undefined) await writeFile(pathFrom(options.html), tablePage(head, sorted, lines));
  if (signal !== undefined) process.kill(process.pid, signal);
  return 0;
}

function whole(text: string | undefined, option: string, usual: number): number {
  if (text === undefined) return usual;
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new UsageError(`${option} takes a whole number of at least 1, not "${text}"`);
  return Number(text);
}

/** Plays all runs on all processors, a few of each release in turn; Ctrl-C ends it with what was played so far. */
async function playedAll(
  rehearsed: Rehearsed,
  runs: number,
): Promise<{ played: Rehearsal[]; signal?: 'SIGINT' }> {
  const batches = Array.from({ length: Math.ceil(runs / BATCH) }, (_, nth) => nth * BATCH);
  const jobs = batches.flatMap((from): Job[] =>
    TRIALS.map((_, trial) => ({ rehearsed, trial, from, to: Math.min(runs, from + BATCH) })),
  );
  const began = performance.now();
  let isLeft = false;
  let done = 0;
  const leave = () => {
    isLeft = true;
  };
  process.once('SIGINT', leave);
  const all = runs * TRIALS.length;
  const answers = await answersOf<Job, Rehearsal[]>(new URL(import.meta.url), jobs, {
    workerData: WORKER,
    isOver: () => isLeft || performance.now() - began > LIMIT_MS,
    heard: (answer) => {
      const quarter = Math.floor((4 * done) / all);
      done += answer.length;
      const seconds = Math.ceil((((performance.now() - began) / done) * (all - done)) / 1000);
      showLive(`${bar(done / all)} ${number(done)} of ${number(all)} rollouts, ${seconds} s left`);
      // What is no terminal hears of it four times.
      if (Math.floor((4 * done) / all) > quarter && !showsLive())
        complain(`${number(done)} of ${number(all)} rollouts are played`);
    },
  });
  process.off('SIGINT', leave);
  endLive();
  return { played: answers.flat(), ...(isLeft ? { signal: 'SIGINT' } : {}) };
}

const EIGHTHS = ' ▏▎▍▌▋▊▉█';
const BAR = 20;

function bar(share: number): string {
  const eighths = Math.round(share * BAR * 8);
  return `${'█'.repeat(Math.floor(eighths / 8))}${eighths % 8 === 0 ? '' : EIGHTHS[eighths % 8]}`.padEnd(BAR);
}

function rowOf(release: string, played: readonly Rehearsal[]): Row {
  const stopped = played.filter(({ result }) => result === 'stopped');
  const held = played.filter(({ result }) => result === 'held').length;
  const at = (values: number[], share: number) =>
    [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;
  const minutes = stopped.map((each) => each.minutes);
  return {
    release,
    ...{ runs: played.length, stopped: stopped.length, held },
    failed: Math.round(
      at(
        played.map((each) => each.failed),
        0.5,
      ),
    ),
    ...(stopped.length === 0
      ? {}
      : {
          median: at(minutes, 0.5),
          slowest: at(minutes, 0.9),
          weight: at(
            stopped.map((each) => each.weight),
            0.5,
          ),
          by: mostly(stopped.map((each) => each.by)),
        }),
  };
}

function mostly(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}

/** Below this share a release is not one that the file catches. */
const CAUGHT = 0.9;

/** Which line of the file would change what a row shows. */
function changeOf(
  { release, runs, stopped, held }: Row,
  { path, text, file }: { path: string; text: string; file: RolloutFile },
): { change?: string } {
  if (stopped >= CAUGHT * runs) return {};
  const at = (key: string) => `${path}:${lineOf(text, key)}`;
  if (release === '2x slower' && !watchesTime(file))
    return { change: `${at('watch')} how long requests take is not watched; add p95: 1.25x to watch` };
  if (held > stopped)
    return {
      change: `${at('onInconclusive')} too few requests to decide; a longer maxBake or a higher weight gives more, and onInconclusive says what happens without them`,
    };
  return {
    change: `${at('verify')} too few requests show so little harm in time; a longer verify or bake shows more`,
  };
}

/** The line at which a key stands, or the one after the last at which it could. */
function lineOf(text: string, key: string): number {
  const lines = text.trimEnd().split('\n');
  const found = lines.findIndex((line) => new RegExp(`^\\s*"?${key}"?\\s*:`).test(line));
  return found < 0 ? lines.length + 1 : found + 1;
}
