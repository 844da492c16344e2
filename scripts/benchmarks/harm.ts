import { seededRandom } from '../../local/random.ts';
import type { Figures, Options } from '../bench.ts';
import { slowness } from './harm-latency.ts';
import { judge, RULES, type Rule } from './harm-rules.ts';
import { tablesOf } from './harm-tables.ts';
import {
  bursts,
  type Cell,
  calm,
  late,
  MINUTES,
  stepped,
  storms,
  triples,
  type Weather,
} from './harm-traffic.ts';

const RUNS = 500;
const SEED = 1;
const BASELINE = 0.001;
const CANARIES = [0.001, 0.005, 0.01, 0.05, 0.5];
const TRAFFIC = [1, 10, 100, 1000];
const WEIGHTS = [0.01, 0.05, 0.1];

/** A rule that takes back more good releases than this in its worst cell is no competitor: it only has to be fast. */
const ADMITTED = 0.05;

/** What one rule did in the runs of one cell. */
interface Score {
  reverted: number;
  minutes: number;
  /** Failed canary requests until the revert, in each run. */
  harm: number[];
}

/** How many rollouts a cell has, and the seed of their traffic. */
export interface Effort {
  runs: number;
  seed: number;
}

type Scored = Cell & { weather: string; scores: Record<string, Score> };

/** Harm until a bad release is taken back, and good releases taken back for nothing: this judge beside its peers, on the same traffic. */
export async function harm({
  '--runs': runs = RUNS,
  '--seed': seed = SEED,
  ...asked
}: Options): Promise<Figures> {
  const cells = TRAFFIC.flatMap((requestsPerSecond) =>
    WEIGHTS.flatMap((weight) =>
      CANARIES.map((canary) => ({ requestsPerSecond, weight, stable: BASELINE, canary })),
    ),
  ).map((cell) => scored('calm', calm, cell, { runs, seed }, RULES));
  const rough = roughCells({ runs, seed });
  const told = [...cells, ...rough].map(({ scores, ...cell }) => ({
    ...cell,
    rules: Object.fromEntries(Object.entries(scores).map(([name, score]) => [name, shortened(score, runs)])),
  }));
  if (asked['--markdown'] === true) console.log(`${tablesOf(told)}\n`);
  else {
    print(cells);
    printRough(rough);
  }
  return {
    ...figures(cells, rough),
    ...slowness({ runs: Math.ceil(runs * 0.4), seed }),
    'runs per cell': runs,
    seed,
    cells: told,
  };
}

function scored(
  name: string,
  weather: Weather,
  cell: Cell,
  { runs, seed }: Effort,
  rules: Record<string, Rule>,
): Scored {
  const scores = Object.fromEntries(
    Object.keys(rules).map((rule): [string, Score] => [rule, { reverted: 0, minutes: 0, harm: [] }]),
  );
  const random = seededRandom(seed).fork(`${name} ${cell.requestsPerSecond} ${cell.weight} ${cell.canary}`);
  for (let run = 0; run < runs; run++) {
    const { readings, truth } = weather(cell, random);
    for (const [rule, make] of Object.entries(rules)) {
      const watcher = make(MINUTES, cell);
      const found = readings.findIndex((reading) => watcher.see(reading));
      const until = found === -1 ? MINUTES : found + 1;
      const score = scores[rule] as Score;
      score.reverted += found === -1 ? 0 : 1;
      score.minutes += until;
      score.harm.push(truth.slice(0, until).reduce((sum, { c }) => sum + c, 0));
    }
  }
  return { ...cell, weather: name, scores };
}

/** Good canaries in bad weather: what is found here is found for nothing. */
function roughCells(effort: Effort): Scored[] {
  const weathers: Record<string, Weather> = {
    bursts,
    'stepped weights': stepped,
    'late metrics': late,
    'retry storms': storms,
  };
  const places = [
    { requestsPerSecond: 10, weight: 0.1 },
    { requestsPerSecond: 100, weight: 0.05 },
    { requestsPerSecond: 1000, weight: 0.05 },
  ];
  const each = (name: string, weather: Weather, rules: Record<string, Rule>) =>
    places.map((place) =>
      scored(name, weather, { ...place, stable: BASELINE, canary: BASELINE }, effort, rules),
    );
  return [
    ...Object.entries(weathers).flatMap(([name, weather]) => each(name, weather, RULES)),
    ...each('three of a kind', triples, {
      ...RULES,
      'judge 1x, burst 3': judge(1, 3),
      'judge 1.5x, burst 3': judge(1.5, 3),
    }),
  ];
}

const isGood = ({ canary }: Cell) => canary === BASELINE;
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
  console.log('share taken back / minutes until then (30 where not) / failed canary requests until then');
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
  console.log('\nA good canary taken back');
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
