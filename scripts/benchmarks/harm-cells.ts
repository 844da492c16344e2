import { seededRandom } from '../../local/random.ts';
import { compared, lookOf } from '../../simulation/weather/at-steps.ts';
import { decidedBy, JUDGES, JUDGES_OF_RETRIES, RULES } from './harm-rules.ts';
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

export const BASELINE = 0.001;
export const CANARIES = [0.001, 0.005, 0.01, 0.05, 0.5];
const TRAFFIC = [1, 10, 100, 1000];
const WEIGHTS = [0.01, 0.05, 0.1];

/** Rollouts of each cell in which every look is asked for a verdict and the formula is asked as well, to see that all agree. */
const COMPARED = 20;

/** How many rollouts a cell has, and the seed of their traffic. */
export interface Effort {
  runs: number;
  seed: number;
}

/** What one rule did in the runs of one cell. */
export interface Score {
  reverted: number;
  minutes: number;
  /** Failed canary requests until the revert, in each run. */
  harm: number[];
}

/** Rollouts in which this judge decided at each look, and how many ended at another look by another way. */
interface Agreement {
  rollouts: number;
  /** By decisions at the looks in reach alone. */
  otherwiseInReach: number;
  /** By the formula alone. */
  otherwiseByFormula: number;
}

/** A kind of traffic, and what the service and its canary do in it. */
interface Scene {
  name: string;
  weather: Weather;
  cell: Cell;
}

/** What all rules did in one scene. */
export type Scored = Cell & { weather: string; scores: Record<string, Score>; agreement: Agreement };

/** Good and bad canaries in calm traffic. */
const CALM: Scene[] = TRAFFIC.flatMap((requestsPerSecond) =>
  WEIGHTS.flatMap((weight) =>
    CANARIES.map((canary) => ({
      ...{ name: 'calm', weather: calm },
      cell: { requestsPerSecond, weight, stable: BASELINE, canary },
    })),
  ),
);

const ROUGH: Record<string, Weather> = {
  bursts,
  'stepped weights': stepped,
  'late metrics': late,
  'retry storms': storms,
  'three of a kind': triples,
};

const PLACES = [
  { requestsPerSecond: 10, weight: 0.1 },
  { requestsPerSecond: 100, weight: 0.05 },
  { requestsPerSecond: 1000, weight: 0.05 },
];

/** Good canaries in bad weather: what is reverted here is reverted for nothing. */
const ROUGH_SCENES: Scene[] = Object.entries(ROUGH).flatMap(([name, weather]) =>
  PLACES.map((place) => ({ name, weather, cell: { ...place, stable: BASELINE, canary: BASELINE } })),
);

/** All scenes, the calm ones first. */
export const SCENES: readonly Scene[] = [...CALM, ...ROUGH_SCENES];

/** Plays so many rollouts of one scene by all rules, on the same traffic. */
export function scored({ name, weather, cell }: Scene, { runs, seed }: Effort): Scored {
  const isRetried = weather === triples;
  const setting = { cell, weather };
  const rules = Object.entries({ ...RULES, ...(isRetried ? decidedBy(JUDGES_OF_RETRIES) : {}) }).map(
    ([rule, of]) => ({ rule, make: of(setting) }),
  );
  const openings = Object.values({ ...JUDGES, ...(isRetried ? JUDGES_OF_RETRIES : {}) }).map((of) =>
    of(setting),
  );
  const scores: Record<string, Score> = {};
  const agreement: Agreement = { rollouts: 0, otherwiseInReach: 0, otherwiseByFormula: 0 };
  const random = seededRandom(seed).fork(`${name} ${cell.requestsPerSecond} ${cell.weight} ${cell.canary}`);
  for (let run = 0; run < runs; run++) {
    const { readings, truth } = weather(cell, random);
    for (const { rule, make } of rules) {
      const look = lookOf(make(), readings);
      const until = look ?? MINUTES;
      const score = scores[rule] ?? { reverted: 0, minutes: 0, harm: [] };
      scores[rule] = score;
      score.reverted += look === undefined ? 0 : 1;
      score.minutes += until;
      score.harm.push(truth.slice(0, until).reduce((sum, { c }) => sum + c, 0));
    }
    if (run >= COMPARED) continue;
    for (const opened of openings) {
      const { asked, each, formula } = compared(opened, readings);
      agreement.rollouts += 1;
      agreement.otherwiseInReach += asked === each ? 0 : 1;
      agreement.otherwiseByFormula += formula === each ? 0 : 1;
    }
  }
  return { ...cell, weather: name, scores, agreement };
}
