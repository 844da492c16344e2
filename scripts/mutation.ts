// `npm run test:mutation`: plants small faults in core/ one by one and counts those that its tests notice; fails below 85 %.
// `npm run test:mutation -- core/rollout/next.ts` does so for the files whose paths begin so, `--sample 6` in one line of six.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { given, whole, wrong } from './arguments.ts';

const FOLDERS = ['core/analysis', 'core/rollout'];
const LEAST = 85;
const CACHE = '.cache/mutation';

/** Lines that are sampled together, so that most mutants that span several of them lie within. */
const BLOCK = 20;

/** The part of a mutation testing report (schema 2) that is read. */
interface Report {
  files: Record<string, { source: string; mutants: Mutant[] }>;
}

interface Mutant {
  mutatorName: string;
  status: string;
  replacement?: string;
  location: { start: { line: number; column: number } };
}

const NOTICED = ['Killed', 'Timeout'];
const UNNOTICED = ['Survived', 'NoCoverage'];

/**
 * Mutates files of one folder, all in one run of Stryker: each run first runs every test that reaches one of them, which takes longer
 * than to try the mutants of a small file. What is known of a file from before counts if neither it nor its tests have changed.
 */
function mutantsOf(folder: string, files: string[], every: number): Report['files'] {
  const kept = `${CACHE}/${folder.replaceAll('/', '_')}${every === 1 ? '' : `-${every}`}.json`;
  const stryker = ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run'];
  const mutated = every === 1 ? files : files.flatMap((file) => sampleOf(file, every));
  const options = ['--mutate', mutated.join(','), '--incrementalFile', kept];
  const { status, stdout } = spawnSync(process.execPath, [...stryker, ...options], {
    ...{ encoding: 'utf8', maxBuffer: Number.POSITIVE_INFINITY, env: { ...process.env, MUTATED: folder } },
  });
  if (status !== 0)
    throw new Error(`${folder}: Stryker itself failed; its last words are below.\n${stdout.slice(-5_000)}`);
  return (JSON.parse(readFileSync(kept, 'utf8')) as Report).files;
}

/** The blocks of a file that are in a sample of one in `every`, the same each time. */
function sampleOf(file: string, every: number): string[] {
  const lines = readFileSync(file, 'utf8').split('\n').length;
  return Array.from({ length: Math.ceil(lines / BLOCK) }, (_, nth) => nth).flatMap((nth) =>
    createHash('sha256').update(`${file}:${nth}`).digest().readUInt32BE() % every === 0
      ? [`${file}:${nth * BLOCK + 1}-${Math.min(lines, (nth + 1) * BLOCK)}`]
      : [],
  );
}

const countOf = (mutants: Mutant[], statuses: string[]) =>
  mutants.filter(({ status }) => statuses.includes(status)).length;

function line(name: string, mutants: Mutant[]): { text: string; score: number; within: string } {
  const [noticed, unnoticed] = [countOf(mutants, NOTICED), countOf(mutants, UNNOTICED)];
  const tried = noticed + unnoticed;
  const score = tried === 0 ? 100 : (100 * noticed) / tried;
  const error = 1.96 * Math.sqrt((score * (100 - score)) / Math.max(1, tried));
  const counts = `${noticed} of ${tried} noticed, ${countOf(mutants, ['Ignored'])} not tried`;
  return {
    text: `${score.toFixed(1).padStart(5)} %  ${name}  (${counts})`,
    score,
    within: `${(score - error).toFixed(1)} to ${Math.min(100, score + error).toFixed(1)} %`,
  };
}

const call = {
  name: 'npm run test:mutation --',
  takes: ['[PATH...]'],
  does: `plants small faults in ${FOLDERS.join(' and ')}, or in the files there whose paths begin so, and counts those that the tests notice; fails below ${LEAST} %`,
  options: {
    sample: {
      value: 'N',
      does: 'only in one of N blocks of lines, always the same ones; without it, in all',
    },
  },
};
const { args: asked, options } = given(call);
const every = whole(call, '--sample', options.sample, 1) ?? 1;
const files = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.ts`).sort()).filter(
  (file) => asked.length === 0 || asked.some((start) => file.startsWith(start)),
);
if (files.length === 0) wrong(call, `no file of ${FOLDERS.join(' or ')} begins with ${asked.join(', ')}`);

setPriority(10);
mkdirSync(CACHE, { recursive: true });
const found = FOLDERS.flatMap((folder) => {
  const here = files.filter((file) => file.startsWith(`${folder}/`));
  const reported = here.length === 0 ? {} : mutantsOf(folder, here, every);
  return here.map((file) => ({ file, mutants: reported[file]?.mutants ?? [] }));
});
for (const { file, mutants } of found) {
  console.log(line(file, mutants).text);
  for (const { mutatorName, status, replacement = '', location } of mutants)
    if (UNNOTICED.includes(status))
      console.log(
        `         ${file}:${location.start.line}:${location.start.column} ${mutatorName} -> ${replacement.replace(/\s+/g, ' ').slice(0, 80)}`,
      );
}

console.log('');
const scores = FOLDERS.map((folder) => ({
  folder,
  mutants: found.filter(({ file }) => file.startsWith(`${folder}/`)).flatMap(({ mutants }) => mutants),
}))
  .filter(({ mutants }) => mutants.length > 0)
  .map(({ folder, mutants }) => line(folder, mutants));
for (const { text, within } of scores)
  console.log(every === 1 ? text : `${text}; all of them: ${within}, with a confidence of 95 %`);
const isEnough = scores.every(({ score }) => score >= LEAST);
console.log(isEnough ? 'enough' : `FAILED: less than ${LEAST} % noticed`);
process.exitCode = isEnough ? 0 : 1;
