import { answersOf } from '../../simulation/workers.ts';
import type { BenchOptions, Figures } from './figures.ts';
import { BASELINE, CANARIES, type Effort, SCENES, type Score, type Scored } from './harm-cells.ts';
import { type Found, SLOWNESS, slownessFigures } from './harm-latency.ts';
import { RULES } from './harm-rules.ts';
import { tablesOf } from './harm-tables.ts';
import { TAILS, tailFigures } from './harm-tails.ts';

const RUNS = 500;
const SEED = 1;

/** A rule that reverts more good releases than this in its worst cell is no competitor: it only has to be fast. */
const ADMITTED = 0.05;

/** Harm until a bad release is reverted, and good releases reverted for nothing: whole decisions of this judge beside its peers, on the same traffic. */
export async function harm({ runs = RUNS, seed = SEED, markdown }: BenchOptions): Promise<Figures> {
  const { cells, rough, slow, tails } = await played({ runs, seed });
  const told = [...cells, ...rough].map(({ scores, agreement: _, ...cell }) => ({
    ...cell,
    rules: Object.fromEntries(Object.entries(scores).map(([name, score]) => [name, shortened(score, runs)])),
  }));
  if (markdown) console.log(`${tablesOf(told)}\n`);
  else {
    print(cells);
    printRough(rough);
  }
  return {
    ...figures(cells, rough),
    ...agreements([...cells, ...rough]),
    ...slownessFigures(slow),
    ...tailFigures(tails),
    'runs per cell': runs,
    seed,
    cells: told,
  };
}

/** A scene, a case of slowness or of a slow tail, by its place in its list. */
export type Job = Effort & { of: 'scenes' | 'slowness' | 'tails'; nth: number };

/** Plays all scenes and cases of slowness on all processors. */
async function played({ runs, seed }: Effort): Promise<{
  cells: Scored[];
  rough: Scored[];
  slow: Found[];
  tails: Found[];
}> {
  const worker = new URL('./harm-worker.ts', import.meta.url);
  // Those of slowness take longest, so they come first.
  const jobs: Job[] = [
    ...SLOWNESS.map((_, nth): Job => ({ of: 'slowness', nth, runs: Math.ceil(runs * 0.4), seed })),
    ...TAILS.map((_, nth): Job => ({ of: 'tails', nth, runs: Math.ceil(runs * 0.1), seed })),
    ...SCENES.map((_, nth): Job => ({ of: 'scenes', nth, runs, seed })),
  ];
  const answers = await answersOf<Job, Found | Scored>(worker, jobs);
  const [first, rest] = [SLOWNESS.length, SLOWNESS.length + TAILS.length];
  const all = answers.slice(rest) as Scored[];
  return {
    cells: all.filter(({ weather }) => weather === 'calm'),
    rough: all.filter(({ weather }) => weather !== 'calm'),
    slow: answers.slice(0, first) as Found[],
    tails: answers.slice(first, rest) as Found[],
  };
}

/** Whether the decisions that make the columns are those of each look, and what the formula alone would have done. */
function agreements(all: readonly Scored[]): Figures {
  const sum = (of: (agreement: Scored['agreement']) => number) =>
    all.reduce((total, { agreement }) => total + of(agreement), 0);
  const otherwise = sum(({ otherwiseInReach }) => otherwiseInReach);
  return {
    'rollouts with a decision at each look': sum(({ rollouts }) => rollouts),
    'of them, at another minute by decisions in reach': otherwise,
    'of them, at another minute by the formula': sum(({ otherwiseByFormula }) => otherwiseByFormula),
    'goal: decisions in reach are those at each look': otherwise === 0,
  };
}

const isGood = ({ canary }: Scored) => canary === BASELINE;
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function shortened({ reverted, minutes, harm }: Score, runs: number) {
  return {
    reverted: reverted / runs,
    minutes: round(minutes / runs),
    failedRequests: round(mean(harm)),
  };
}

function figures(cells: Scored[], rough: Scored[]): Figures {
  const worstFalse = (rule: string, among: Scored[]) =>
    Math.max(...among.map(({ scores }) => (scores[rule]?.reverted ?? 0) / (scores[rule]?.harm.length ?? 1)));
  const good = cells.filter(isGood);
  const peers = Object.keys(RULES).filter((rule) => !/^(judge|oracle)/.test(rule));
  const admitted = peers.filter((rule) => worstFalse(rule, good) <= ADMITTED);
  const all: Figures = {};
  for (const rule of Object.keys(RULES))
    all[`${rule}: worst false reverts`] = round(worstFalse(rule, good), 4);
  for (const rule of ['judge 1x', 'judge 1.25x', 'judge 1.5x', 'oracle 1.5x'])
    for (const peer of admitted) Object.assign(all, against(rule, peer, cells, admitted));
  for (const rule of ['judge 1x', 'judge 1.5x']) {
    all[`${rule}: worst false reverts in rough weather`] = round(
      worstFalse(
        rule,
        rough.filter(({ weather }) => weather !== 'three of a kind'),
      ),
      4,
    );
    all[`${rule}, burst 3: worst false reverts, three of a kind`] = round(
      worstFalse(
        `${rule}, burst 3`,
        rough.filter(({ weather }) => weather === 'three of a kind'),
      ),
      4,
    );
  }
  return all;
}

/** How the harm of a rule compares with that of a peer, over the cells in which anybody who is admitted finds the regression in half of the runs. */
function against(rule: string, peer: string, cells: Scored[], admitted: string[]): Figures {
  const found = cells.filter(
    (cell) =>
      !isGood(cell) &&
      [rule, ...admitted].some((name) => {
        const { reverted = 0, harm = [] } = cell.scores[name] ?? {};
        return reverted >= harm.length / 2;
      }),
  );
  const ratios = found.map(({ scores }) => mean(scores[rule]?.harm ?? []) / mean(scores[peer]?.harm ?? []));
  const worse = found.filter(({ scores }) => isWorse(scores[rule]?.harm ?? [], scores[peer]?.harm ?? []));
  const middle = [...ratios].sort((a, b) => a - b)[Math.floor(ratios.length / 2)] ?? Number.NaN;
  return {
    [`${rule}: harm against ${peer}, median cell`]: round(middle, 3),
    [`${rule}: harm against ${peer}, worst cell`]: round(Math.max(...ratios), 3),
    [`${rule}: cells worse than ${peer}, of ${found.length}`]: worse.length,
  };
}

/** Worse by more than 5 % and by more than two standard errors of the paired difference. */
function isWorse(mine: number[], theirs: number[]): boolean {
  const differences = mine.map((value, index) => value - (theirs[index] ?? 0));
  const more = mean(differences);
  const variance = mean(differences.map((value) => (value - more) ** 2));
  return more > 0.05 * mean(theirs) && more > 2 * Math.sqrt(variance / mine.length);
}

const percent = (share: number) => `${Math.round(share * 1000) / 10} %`;

function print(cells: Scored[]): void {
  const names = Object.keys(RULES);
  console.log('share reverted / minutes until then (30 if not) / failed canary requests until then');
  for (const canary of CANARIES) {
    const what = canary === BASELINE ? 'a good canary' : `canary ${percent(canary)}`;
    console.log(`\n${what}, stable ${percent(BASELINE)}`);
    console.log(['rps / weight'.padEnd(13), ...names.map((name) => name.padStart(18))].join(''));
    for (const cell of cells.filter((each) => each.canary === canary)) {
      const row = names.map((name) => cellText(cell.scores[name]).padStart(18));
      console.log([`${cell.requestsPerSecond} / ${percent(cell.weight)}`.padEnd(13), ...row].join(''));
    }
  }
}

function printRough(cells: Scored[]): void {
  console.log('\nA good canary reverted');
  for (const { weather, requestsPerSecond, weight, scores } of cells) {
    const said = Object.entries(scores).map(
      ([name, { reverted, harm }]) => `${name} ${percent(reverted / harm.length)}`,
    );
    console.log(`${weather}, ${requestsPerSecond} / ${percent(weight)}: ${said.join(', ')}`);
  }
  console.log();
}

function cellText(score: Score | undefined): string {
  if (score === undefined) return '';
  const runs = score.harm.length;
  const failed = mean(score.harm);
  return `${round(score.reverted / runs, 3)}/${round(score.minutes / runs, 1)}/${round(failed, failed < 100 ? 1 : 0)}`;
}

function round(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
