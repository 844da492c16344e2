import type { PlanName } from './driver.ts';
import { FAULTS, WEATHERS } from './models.ts';
import type { PeerName } from './peers.ts';
import { BAD, type Cell, cellsOf, GOOD, type Row, type Run } from './rows.ts';

/** Goals: good releases that may be reverted in a row and paused in it by a plan with steps, and how much more may fail than under the oracle. */
const REVERTED_MOST = 0.01;
const PAUSED_MOST = 0.02;
const ORACLE_TIMES = 2;

/** A peer that reverts more releases of a cell than this before they do any harm reverts by the weather, and is no measure of how soon a fault is found. */
const ADMITTED = 0.05;

/** All runs of one cell. */
interface Tried {
  cell: Cell;
  runs: readonly Run[];
}

/** What one cell came to; shares are 0 to 1, minutes and failed requests medians. */
export interface CellFigures {
  requestsPerSecond: number;
  base: number;
  plan: PlanName;
  runs: number;
  reverted: number;
  /** Part of the reverted that was reverted for a fault of its own: after it could do harm. Of good releases none. */
  found: number;
  /** Part that still waits for a person at the end. */
  held: number;
  /** Part that was paused for a person, held or not at the end. */
  paused: number;
  recalled: number;
  proven: number;
  /** Part that is called proven by an outcome that does not name this harm as too small to find. */
  claimed: number;
  /** Part of the rollouts whose opening named this very harm as one that is not found. */
  said: number;
  minutes: number | null;
  failed: number;
  /** The weight from which it was reverted. */
  weight: number | null;
  peers: Record<PeerName, { reverted: number; found: number; minutes: number | null; failed: number }>;
}

/** One row of good releases, over all its cells. */
export interface GoodFigures {
  row: string;
  says: string;
  excused?: string | undefined;
  runs: number;
  reverted: number;
  /** By plans with steps alone. */
  paused: number;
  /** The same of the worst of its lines: one base share and one plan. */
  ofLine: { reverted: number; paused: number };
  isRevertedAtMost: boolean;
  isPausedAtMost: boolean;
  cells: CellFigures[];
}

/**
 * One row of bad releases; each goal must hold in each of its cells, that against the oracle in the median of those in which most are
 * found. A cell in which most are not found keeps it if the opening says so and no outcome is "proven" without saying so.
 */
export interface BadFigures {
  row: string;
  says: string;
  /** Why the release is no bad one by its file. */
  excused?: string | undefined;
  runs: number;
  found: number;
  isBelowArgo: boolean;
  isBelowFlagger: boolean;
  /** Failed requests as a multiple of the oracle's, in the median cell; null if the oracle has none. */
  timesOracle: number | null;
  isNearOracle: boolean;
  cells: CellFigures[];
}

/** Both tables. */
export interface Figures {
  good: GoodFigures[];
  bad: BadFigures[];
}

/** The cells of all rows, in the order of the tables. */
export function allCells(): Cell[] {
  return [...GOOD, ...BAD].flatMap(cellsOf);
}

/** Good releases that each row has at the least if each of its cells has 30: none reverted of 300 is at most 1 % with 95 % certainty. */
const ROW_LEAST = 300;
const CELL_USUAL = 30;

/** How many rollouts each of `allCells` has if the cells of a row with twelve have `runs`: few cells have more each. */
export function runsOfCells(runs: number): number[] {
  return [...GOOD, ...BAD].flatMap((row) => {
    const cells = cellsOf(row).length;
    const least = row.fault === undefined ? Math.ceil((runs * ROW_LEAST) / (CELL_USUAL * cells)) : 0;
    return Array<number>(cells).fill(Math.max(runs, least));
  });
}

/** Both tables, from the runs of all cells. */
export function figuresOf(tried: readonly Tried[]): Figures {
  const of = (row: Row) => tried.filter(({ cell }) => cell.name === row.name).map(cellFigures);
  return {
    good: GOOD.map((row) => goodFigures(row, of(row))),
    bad: BAD.map((row) => badFigures(row, of(row))),
  };
}

/** The goals of all rows together; rows that are excused are left out, and say why. */
export function goalsOf({ good, bad }: Figures): Record<string, boolean> {
  const counted = good.filter(({ excused }) => excused === undefined);
  const harmful = bad.filter(({ excused }) => excused === undefined);
  return {
    'goal: in every row at most 1 % of good releases reverted': counted.every((row) => row.isRevertedAtMost),
    'goal: in every row at most 2 % of good releases paused or held by a plan with steps': counted.every(
      (row) => row.isPausedAtMost,
    ),
    'goal: in every row fewer failed requests than under Argo': harmful.every((row) => row.isBelowArgo),
    'goal: in every row fewer failed requests than under Flagger': harmful.every((row) => row.isBelowFlagger),
    'goal: in every row at most twice the failed requests of the oracle': harmful.every(
      (row) => row.isNearOracle,
    ),
  };
}

function goodFigures({ name, weather, excused, bases, plans }: Row, cells: CellFigures[]): GoodFigures {
  const inSteps = cells.filter(({ plan }) => plan === 'steps');
  const reverted = pooled(cells, (cell) => cell.reverted);
  const paused = pooled(inSteps, (cell) => cell.paused);
  const worst = (all: CellFigures[], of: (cell: CellFigures) => number) =>
    Math.max(
      ...bases.flatMap((base) =>
        plans.map((plan) =>
          pooled(
            all.filter((cell) => cell.base === base && cell.plan === plan),
            of,
          ),
        ),
      ),
    );
  return {
    ...{ row: name, says: WEATHERS[weather].says, excused, runs: runsOf(cells), reverted, paused },
    ofLine: {
      reverted: worst(cells, (cell) => cell.reverted),
      paused: worst(inSteps, (cell) => cell.paused),
    },
    isRevertedAtMost: reverted <= REVERTED_MOST,
    isPausedAtMost: paused <= PAUSED_MOST,
    cells,
  };
}

function badFigures({ name, fault, weather, excused }: Row, cells: CellFigures[]): BadFigures {
  const says = [
    ...(fault === undefined ? [] : [FAULTS[fault].says]),
    ...(weather === 'calm' ? [] : [WEATHERS[weather].says]),
  ].join('; ');
  const ratios = cells.flatMap(({ failed, found, peers }) =>
    peers.oracle.failed === 0 || found < FOUND ? [] : [failed / peers.oracle.failed],
  );
  const timesOracle = median(ratios);
  return {
    ...{ row: name, says, excused, runs: runsOf(cells), found: pooled(cells, (cell) => cell.found) },
    isBelowArgo: cells.every((cell) => isBelow(cell, 'Argo')),
    isBelowFlagger: cells.every((cell) => isBelow(cell, 'Flagger')),
    timesOracle,
    isNearOracle: timesOracle === null || timesOracle <= ORACLE_TIMES,
    cells,
  };
}

/** Part of the bad releases of a cell from which on they are found there. */
const FOUND = 0.5;

/**
 * Found with fewer failed requests than under a peer that finds it; or held for a person with fewer than under it, or named by the
 * opening as not found, and never called proven by an outcome that claims to find it.
 */
function isBelow({ failed, found, held, claimed, said, peers }: CellFigures, peer: PeerName): boolean {
  const other = peers[peer];
  if (found >= FOUND) return !(isAdmitted(other) && other.found >= FOUND) || failed < other.failed;
  return claimed === 0 && (said === 1 || (found + held >= FOUND && failed < other.failed));
}

/** Goals that a row of bad releases misses, by the name of whom it is compared with; none of a row that is excused. */
export function missedBy({ excused, isBelowArgo, isBelowFlagger, isNearOracle }: BadFigures): string[] {
  if (excused !== undefined) return [];
  return [
    ...(isBelowArgo ? [] : ['Argo']),
    ...(isBelowFlagger ? [] : ['Flagger']),
    ...(isNearOracle ? [] : ['oracle']),
  ];
}

/** Whether a peer is any measure in a cell: it leaves releases alone until they do harm. */
export function isAdmitted({ reverted, found }: { reverted: number; found: number }): boolean {
  return reverted - found <= ADMITTED;
}

function cellFigures({ cell, runs }: Tried): CellFigures {
  const { requestsPerSecond, base, plan, fault } = cell;
  const here = runs.map(({ spillway }) => spillway);
  const share = (is: (run: (typeof here)[number]) => boolean) => here.filter(is).length / runs.length;
  const gone = here.filter(({ isReverted, isEarly }) => isReverted && !isEarly);
  // Of bad releases it counts how soon they are reverted, of good ones how soon they are through.
  const timed = fault === undefined ? here.filter(({ isCompleted }) => isCompleted) : gone;
  return {
    ...{ requestsPerSecond, base, plan, runs: runs.length },
    reverted: share(({ isReverted }) => isReverted),
    found: gone.length / runs.length,
    held: share(({ isHeld }) => isHeld),
    paused: share(({ pauses }) => pauses > 0),
    recalled: share(({ recalls }) => recalls > 0),
    proven: share(({ isProven }) => isProven),
    claimed: share(({ isClaimed }) => isClaimed),
    said: share(({ isSaid }) => isSaid),
    minutes: rounded(median(timed.map(({ minutes }) => minutes))),
    failed: median(here.map(({ failed }) => failed)) ?? 0,
    weight: median(gone.map(({ weight }) => weight)),
    peers: Object.fromEntries(
      (['alarm', 'Argo', 'Flagger', 'oracle'] as const).map((name) => {
        const each = runs.map(({ peers }) => peers[name]);
        const found = each.filter(({ isReverted, isEarly }) => isReverted && !isEarly);
        return [
          name,
          {
            reverted: each.filter(({ isReverted }) => isReverted).length / runs.length,
            found: found.length / runs.length,
            minutes: rounded(median(found.map(({ minutes }) => minutes))),
            failed: median(each.map(({ failed }) => failed)) ?? 0,
          },
        ];
      }),
    ) as CellFigures['peers'],
  };
}

const runsOf = (cells: readonly CellFigures[]) => cells.reduce((all, { runs }) => all + runs, 0);

/** A share over all runs of several cells. */
function pooled(cells: readonly CellFigures[], of: (cell: CellFigures) => number): number {
  return cells.reduce((all, cell) => all + of(cell) * cell.runs, 0) / Math.max(1, runsOf(cells));
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [below = 0, above] = [sorted[middle - 1], sorted[middle]];
  if (above === undefined) return null;
  return sorted.length % 2 === 1 ? above : (below + above) / 2;
}

const rounded = (value: number | null) => (value === null ? null : Math.round(value * 10) / 10);
