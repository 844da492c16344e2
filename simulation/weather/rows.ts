import { judge } from '../../core/analysis/judge.ts';
import { WINDOW_MS } from '../../core/units.ts';
import { seededRandom } from '../../local/random.ts';
import { type Asked, BEFORE_MS, HORIZON_MS, type PlanName, type Played, play } from './driver.ts';
import { FAULTS, type Fault, type FaultName, WEATHERS, type Weather, type WeatherName } from './models.ts';
import { type PeerName, type Watched, watch } from './peers.ts';
import { isDisclaimed, isSaid } from './said.ts';
import { createWorld, type World } from './world.ts';

/** One line of a table. */
export interface Row {
  name: string;
  weather: WeatherName;
  fault?: FaultName | undefined;
  rates: readonly number[];
  bases: readonly number[];
  plans: readonly PlanName[];
  /** As in README if absent: `pause`. */
  onInconclusive?: Asked['onInconclusive'];
  /** Why this row may revert or hold more good releases than the goals allow. */
  excused?: string | undefined;
}

const RATES = [20, 200, 2000];
const BASES = [0.001, 0.01];
const PLANS: readonly PlanName[] = ['steps', 'all-at-once'];

/** Weather in which no rule can do without people. */
const EXCUSED: Partial<Record<WeatherName, string>> = {
  'traffic to zero, first ever':
    'no count tells callers that leave for the first time from callers that the release keeps out: a person is paged, and without an answer in an hour the release is reverted, not quarantined; the opening says so',
};

/** Good releases: what is reverted or held here is so for nothing. */
export const GOOD: readonly Row[] = [
  ...(Object.keys(WEATHERS) as WeatherName[]).map((weather) => ({
    name: weather,
    weather,
    ...(/^custom counts/.test(weather)
      ? { rates: [20, 200], bases: [0.001], plans: ['steps' as const] }
      : { rates: RATES, bases: BASES, plans: PLANS, excused: EXCUSED[weather] }),
  })),
  ...(['pause', 'promote', 'revert'] as const).map((onInconclusive) => ({
    name: `2 requests/s, onInconclusive: ${onInconclusive}`,
    weather: 'calm' as const,
    ...{ rates: [2], bases: BASES, plans: ['steps' as const], onInconclusive },
    excused:
      onInconclusive === 'promote'
        ? undefined
        : 'too few requests come to judge the first step, so that what the file says for this case happens; the opening names that step and what follows',
  })),
];

/** Weather in which bad releases are tried besides calm, each with the base share that it takes. */
const AMID: { amid: string; weather: WeatherName; base: number }[] = [
  { amid: 'amid outages', weather: 'outages 1/h, 50 % fail', base: 0.001 },
  { amid: 'amid batch jobs', weather: 'batch job every 15 min', base: 0.001 },
  { amid: 'amid overdispersed minutes', weather: 'beta-binomial minutes, rho 0.01', base: 0.01 },
];

/** Odds ratio up to which README's file tolerates a release. */
const TOLERATED = 1.5;

/** Bad releases. At 2 requests a second README's `pause` would never promote them, so that the plan says `promote`. */
export const BAD: readonly Row[] = [
  ...(Object.keys(FAULTS) as FaultName[]).map((fault) => bad(fault, fault, 'calm', 0.001)),
  ...(Object.keys(FAULTS) as FaultName[])
    .filter((fault) => fault.endsWith('from 3 min after promotion'))
    .flatMap((fault) =>
      AMID.map(({ amid, weather, base }) => bad(`${fault}, ${amid}`, fault, weather, base)),
    ),
];

function bad(name: string, fault: FaultName, weather: WeatherName, base: number): Row {
  const [, share] = /^fails ([\d.]+) %/.exec(fault) ?? [];
  const isTolerated = share !== undefined && base + Number(share) / 100 < TOLERATED * base;
  const excused = isTolerated
    ? { excused: `stable fails ${100 * base} %, and README's file tolerates ${TOLERATED} times that` }
    : {};
  return { name, fault, weather, rates: [2, 20, 200], bases: [base], plans: ['steps'], ...excused };
}

/** One row on one service by one plan. */
export interface Cell extends Omit<Row, 'rates' | 'bases' | 'plans'> {
  requestsPerSecond: number;
  base: number;
  plan: PlanName;
}

/** The services and plans of a row. */
export function cellsOf({ rates, bases, plans, ...row }: Row): Cell[] {
  return plans.flatMap((plan) =>
    bases.flatMap((base) =>
      rates.map((requestsPerSecond) => ({
        ...row,
        ...{ requestsPerSecond, base, plan },
        ...(row.fault !== undefined && requestsPerSecond === 2 ? { onInconclusive: 'promote' as const } : {}),
      })),
    ),
  );
}

/** Outcome of one release by one watcher. */
export interface Tried {
  isReverted: boolean;
  /** True if it was reverted before it could do harm: not for its own fault, then. */
  isEarly: boolean;
  /** Requests that failed because of the release, within an hour from when it first could do harm. */
  failed: number;
  /** From when it first could do harm to its revert, or from the opening to its end. */
  minutes: number;
}

/** Outcome of one release under Spillway. */
interface TriedHere extends Tried {
  cause: string;
  isHeld: boolean;
  pauses: number;
  recalls: number;
  weight: number;
  isProven: boolean;
  /** True if it is called proven, and the outcome does not say that no step finds so little harm. */
  isClaimed: boolean;
  /** True if its opening named the harm of this release as one that is not found; of a good release never. */
  isSaid: boolean;
  isCompleted: boolean;
  reason: string;
}

/** One release, by everybody who watched it. */
export interface Run {
  spillway: TriedHere;
  peers: Record<PeerName, Tried>;
}

/** Long after any rollout of this project; a whole minute. */
const EPOCH = Date.UTC(2030, 0, 1);
const SETTLE_MS = 63_000;

/** Tries one release in one cell: first under Spillway, then beside its peers, in the same weather. */
export function run(
  cell: Cell,
  { nth, seed }: { nth: number; seed: number },
  by: Asked['judge'] = judge,
): Run {
  const fault: Fault | undefined = cell.fault === undefined ? undefined : FAULTS[cell.fault];
  const random = seededRandom(seed).fork(
    `${cell.name} ${cell.requestsPerSecond} ${cell.base} ${cell.plan} ${nth}`,
  );
  const opened = EPOCH + Math.floor(random.fork('second').next() * 60) * 1000;
  const setting = {
    ...{ requestsPerSecond: cell.requestsPerSecond, base: cell.base, opened },
    ...{ from: opened - BEFORE_MS - WINDOW_MS, to: opened + HORIZON_MS + 5 * WINDOW_MS },
  };
  const weather: Weather = WEATHERS[cell.weather];
  const world = (dice: string, begins: number) =>
    createWorld({ setting, weather, fault, begins, sky: random.fork('sky'), dice: random.fork(dice) });
  const own = world('spillway', setting.from);
  const timeoutSeconds = fault?.timeoutSeconds;
  const played = play(own, {
    ...{ plan: cell.plan, onInconclusive: cell.onInconclusive, timeoutSeconds, opened, judge: by },
    hasOrders: (fault?.orders ?? weather.orders) !== undefined,
  });
  const beside = world('peers', opened - WINDOW_MS);
  const settleMs = fault?.timeoutSeconds === undefined ? SETTLE_MS : 120_000;
  const watched = watch(beside, { plan: cell.plan, opened, settleMs, until: opened + HORIZON_MS });
  return {
    spillway: triedHere(played, own, { opened, fault }),
    peers: Object.fromEntries(
      Object.entries(watched).map(([name, each]) => [name, triedBy(each, beside, opened)]),
    ) as Run['peers'],
  };
}

function triedHere(
  played: Played,
  world: World,
  { opened, fault }: { opened: number; fault: Fault | undefined },
): TriedHere {
  const { outcome, cause, reason, weight, recalls, pauses, isHeld, outlook, ended } = played;
  const isReverted = outcome === 'reverted' || outcome === 'halted';
  const onset = world.onset();
  const isProven = outcome === 'completed' && reason.startsWith('proven');
  const since = isReverted ? (onset ?? opened) : opened;
  return {
    ...{
      isReverted,
      isEarly: isReverted && (onset === undefined || ended <= onset),
      isHeld,
      isSaid: fault !== undefined && isSaid(outlook, fault.hidden),
      pauses,
      recalls,
      weight,
      reason,
    },
    failed: world.failed(),
    minutes: Math.max(0, ended - since) / WINDOW_MS,
    cause: cause ?? '',
    isCompleted: outcome === 'completed',
    isProven,
    isClaimed: isProven && !(fault !== undefined && isDisclaimed(reason, fault.hidden)),
  };
}

function triedBy({ revertedAt, failed }: Watched, world: World, opened: number): Tried {
  const isReverted = revertedAt !== undefined;
  const onset = world.onset();
  const isEarly = isReverted && (onset === undefined || revertedAt <= onset);
  const minutes = isReverted ? Math.max(0, revertedAt - (onset ?? opened)) / WINDOW_MS : 0;
  return { isReverted, isEarly, failed, minutes };
}
