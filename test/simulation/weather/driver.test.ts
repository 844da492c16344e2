import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import type { Count, ReadWindow } from '../../../core/analysis/types.ts';
import { WINDOW_MS } from '../../../core/units.ts';
import { seededRandom } from '../../../local/random.ts';
import { BEFORE_MS, HORIZON_MS, play } from '../../../simulation/weather/driver.ts';
import {
  allCells,
  figuresOf,
  goalsOf,
  isAdmitted,
  missedBy,
  runsOfCells,
} from '../../../simulation/weather/figures.ts';
import { FAULTS, type Fault, WEATHERS, type Weather } from '../../../simulation/weather/models.ts';
import { BAD, type Cell, cellsOf, GOOD, run } from '../../../simulation/weather/rows.ts';
import { weakPoints } from '../../../simulation/weather/weak.ts';
import { createWorld } from '../../../simulation/weather/world.ts';

const MINUTE = WINDOW_MS;
const OPENED = Date.UTC(2030, 0, 1) + 30_000;

function worldOf(requestsPerSecond = 200, weather: Weather = WEATHERS.calm, fault?: Fault) {
  const random = seededRandom(7);
  return createWorld({
    setting: {
      ...{ requestsPerSecond, base: 0.01, opened: OPENED },
      ...{ from: OPENED - BEFORE_MS, to: OPENED + HORIZON_MS + 5 * MINUTE },
    },
    ...{ weather, fault, sky: random.fork('sky'), dice: random.fork('dice') },
  });
}

const START = Date.UTC(2030, 0, 1);
const FINAL = OPENED + HORIZON_MS;

describe('a world of counts', () => {
  test('deals requests by whatever weight stands, up or down, to the second of the move', () => {
    const world = worldOf(2000);
    const weights = [0.05, 0.95, 0.25, 0.75, 1, 0];
    for (const [nth, weight] of weights.entries()) world.move(START + nth * 2 * MINUTE + MINUTE, weight);
    world.advance(START + 20 * MINUTE);
    for (const [nth, weight] of weights.entries()) {
      const { nc, ns } = world.minute(START + nth * 2 * MINUTE + MINUTE, FINAL);
      expect(nc / (nc + ns)).toBeGreaterThan(weight - 0.005);
      expect(nc / (nc + ns)).toBeLessThan(weight + 0.005);
    }
    const half = worldOf(2000);
    half.move(START + 30_000, 1);
    half.advance(START + 2 * MINUTE);
    const moved = half.minute(START, FINAL);
    expect(moved.nc / (moved.nc + moved.ns)).toBeCloseTo(0.5, 1);
  });

  test('fails the base share of both versions, and shows the day before of the alias', () => {
    const world = worldOf(200);
    world.move(START, 0.5);
    world.advance(START + 30 * MINUTE);
    let [c, nc, s, ns] = [0, 0, 0, 0];
    for (let start = START; start < START + 30 * MINUTE; start += MINUTE) {
      const seen = world.minute(start, FINAL);
      [c, nc, s, ns] = [c + seen.c, nc + seen.nc, s + seen.s, ns + seen.ns];
    }
    expect(c / nc).toBeCloseTo(0.01, 3);
    expect(s / ns).toBeCloseTo(0.01, 3);
    const { traffic = [] } = world.past(START - 24 * 60 * MINUTE, START);
    expect(traffic).toHaveLength(1440);
    const totals = traffic.map((window) => stableOf(window)?.total ?? 0);
    expect(totals.reduce((sum, total) => sum + total, 0) / 1440 / 12_000).toBeCloseTo(1, 2);
  });

  test('loses, and hides what hangs until its time-out', () => {
    const lost = worldOf(200, WEATHERS.calm, FAULTS['loses 97 % at the steps']);
    lost.move(START, 0.5);
    lost.advance(START + 5 * MINUTE);
    expect(lost.minute(START + MINUTE, FINAL).nc / 6_000).toBeCloseTo(0.03, 1);
    expect(lost.failed() / (5 * 6_000)).toBeCloseTo(0.97, 1);
    const hung = worldOf(200, WEATHERS.calm, FAULTS['90 % hang for 15 min']);
    hung.move(START, 0.5);
    hung.advance(START + 20 * MINUTE);
    const early = hung.minute(START + MINUTE, START + 4 * MINUTE);
    const late = hung.minute(START + MINUTE, START + 17 * MINUTE);
    expect(early.nc / 6_000).toBeCloseTo(0.1, 1);
    expect(late.nc / 6_000).toBeCloseTo(1, 1);
    expect((late.c - early.c) / 6_000).toBeCloseTo(0.9, 1);
    expect(hung.timedOut(START + 15 * MINUTE)).toBe(0);
    expect(hung.timedOut(START + 16 * MINUTE) / 6_000).toBeCloseTo(0.9, 1);
  });

  test('shows late minutes when they are due, and not before', () => {
    const world = worldOf(200, WEATHERS["canary's metrics 3 min late"]);
    world.move(START, 0.5);
    world.advance(START + 10 * MINUTE);
    const shown = (now: number) => (world.series(START, START + MINUTE, now).errors ?? []).map(canaryOf);
    expect(shown(START + MINUTE + 63_000)).toEqual([undefined]);
    expect(shown(START + 4 * MINUTE + 62_999)).toEqual([undefined]);
    expect(shown(START + 4 * MINUTE + 63_000)[0]?.total).toBeGreaterThan(0);
    const [settled, to] = [START + 9 * MINUTE + 63_000, START + 9 * MINUTE];
    expect(world.heartbeat(to, settled)).toBe(START + 8 * MINUTE);
    const all = worldOf(200, WEATHERS['all metrics 3 min late']);
    expect(all.heartbeat(to, settled)).toBe(START + 5 * MINUTE);
  });
});

describe('the driver', () => {
  test("plays README's plan to its end by the controller's own decisions", () => {
    const world = worldOf();
    const played = play(world, { plan: 'steps', opened: OPENED, judge });
    expect(played).toMatchObject({ outcome: 'completed', pauses: 0, isHeld: false });
    expect(played.weights.map(({ weight }) => weight).slice(0, 2)).toEqual([5, 25]);
    expect(played.weights.at(-1)?.weight).toBe(100);
    expect((played.ended - OPENED) / MINUTE).toBeGreaterThan(25);
    expect((played.ended - OPENED) / MINUTE).toBeLessThan(35);
  });

  test.each(['pause', 'promote', 'revert'] as const)(
    'opens with the step that cannot pass, and says that `%s` follows',
    (onInconclusive) => {
      const played = play(worldOf(2), { plan: 'steps', onInconclusive, opened: OPENED, judge });
      expect(played.outlook[0]).toMatch(
        new RegExp(
          `the step at 5 % gets about \\d+ requests .* \`onInconclusive: ${onInconclusive}\` applies$`,
        ),
      );
      expect(played.outlook[1]).toContain('why all requests stop (it pages, and reverts after 60 min)');
      if (onInconclusive === 'revert')
        expect(played).toMatchObject({ outcome: 'reverted', cause: 'environment', weight: 5 });
    },
  );

  test('takes the traffic of a bad release back', () => {
    const world = worldOf(200, WEATHERS.calm, FAULTS['one route of 20']);
    const played = play(world, { plan: 'steps', opened: OPENED, judge });
    expect(played).toMatchObject({ outcome: 'reverted', cause: 'canary', weight: 5 });
    const after = Math.ceil(played.ended / MINUTE) * MINUTE;
    expect(world.minute(after, FINAL).nc).toBe(0);
  });
});

const good: Cell = {
  ...{ name: 'calm', weather: 'calm' as const, requestsPerSecond: 20, base: 0.001, plan: 'steps' as const },
};

describe('the rows', () => {
  test('a rule that always reverts is seen to revert every good release', () => {
    const always: typeof judge = (rollout, reading, now) => ({
      ...judge(rollout, reading, now),
      status: 'fail',
    });
    const runs = [0, 1, 2].map((nth) => run(good, { nth, seed: 1 }, always));
    expect(runs.map(({ spillway }) => spillway.isReverted)).toEqual([true, true, true]);
    const tables = figuresOf(allCells().map((cell) => ({ cell, runs })));
    expect(tables.good.map(({ reverted }) => reverted)).toEqual(GOOD.map(() => 1));
    expect(goalsOf(tables)['goal: in every row at most 1 % of good releases reverted']).toBe(false);
  });

  test('the same seed gives the same run, and each run its own', () => {
    const cell: Cell = { ...good, weather: 'outages 1/h, 5 % fail', name: 'outages' };
    expect(run(cell, { nth: 3, seed: 1 })).toEqual(run(cell, { nth: 3, seed: 1 }));
    expect(run(cell, { nth: 3, seed: 1 })).not.toEqual(run(cell, { nth: 4, seed: 1 }));
  });

  test('all stand in the figures, with a figure for each cell', () => {
    const runs = [run(good, { nth: 0, seed: 1 })];
    const tables = figuresOf(allCells().map((cell) => ({ cell, runs })));
    expect(tables.good.map(({ row }) => row)).toEqual(GOOD.map(({ name }) => name));
    expect(tables.bad.map(({ row }) => row)).toEqual(BAD.map(({ name }) => name));
    for (const row of [...GOOD, ...BAD]) {
      const found = [...tables.good, ...tables.bad].find((each) => each.row === row.name);
      expect(found?.cells).toHaveLength(cellsOf(row).length);
      expect(found?.runs).toBe(cellsOf(row).length);
    }
    const names = [...GOOD, ...BAD].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('whoever reverts before any harm has found nothing, and is no measure for others', () => {
    const cell = allCells().find(({ name }) => name === 'fails 5 % from 3 min after promotion');
    if (cell === undefined) throw new Error('There is no such row.');
    const always: typeof judge = (rollout, reading, now) => ({
      ...judge(rollout, reading, now),
      status: 'fail',
    });
    const { spillway, peers } = run(cell, { nth: 0, seed: 1 }, always);
    expect(spillway).toMatchObject({ isReverted: true, isEarly: true, failed: 0 });
    const early = { ...peers.alarm, isReverted: true, isEarly: true, failed: 0 };
    const runs = [{ spillway, peers: { ...peers, alarm: early } }];
    const tables = figuresOf(allCells().map((each) => ({ cell: each, runs })));
    const row = tables.bad.find((each) => each.row === cell.name);
    expect(row?.found).toBe(0);
    expect(row?.cells[0]).toMatchObject({ reverted: 1, found: 0, weight: null });
    expect(row?.cells.map((each) => isAdmitted(each.peers.alarm))).toEqual([false, false, false]);
    expect(row?.cells.map((each) => isAdmitted(each.peers.Argo))).toEqual([true, true, true]);
  });

  test('who found nothing keeps the goals only if the opening named that harm and nothing is called proven without saying so', () => {
    const cell = allCells().find(({ name }) => name === 'fails 0.4 % from 3 min after promotion');
    if (cell === undefined) throw new Error('There is no such row.');
    const { spillway, peers } = run(cell, { nth: 0, seed: 1 });
    expect(spillway).toMatchObject({ isReverted: false, isSaid: true, isProven: false, isClaimed: false });
    const missed = (more: Partial<typeof spillway>) => {
      const runs = [{ peers, spillway: { ...spillway, ...more } }];
      const { bad } = figuresOf(allCells().map((each) => ({ cell: each, runs })));
      return bad.filter(({ row }) => row === cell.name).flatMap(missedBy);
    };
    expect(missed({})).toEqual([]);
    expect(missed({ isSaid: false })).toEqual(['Argo', 'Flagger']);
    expect(missed({ isProven: true })).toEqual([]);
    expect(missed({ isProven: true, isClaimed: true })).toEqual(['Argo', 'Flagger']);
    expect(missed({ isSaid: false, isHeld: true, failed: 0 })).toEqual([]);
    expect(missed({ isSaid: false, isHeld: true, failed: 1e6 })).toEqual(['Argo', 'Flagger']);
  });

  test('a good release that was paused counts as such, also if it completed, and the worst line is told', () => {
    const { spillway, peers } = run(good, { nth: 0, seed: 1 });
    const tables = figuresOf(
      allCells().map((cell) => {
        const isWorst = cell.base === 0.01 && cell.name === 'calm';
        return { cell, runs: [{ peers, spillway: { ...spillway, pauses: isWorst ? 1 : 0 } }] };
      }),
    );
    const calm = tables.good.find(({ row }) => row === 'calm');
    expect(calm).toMatchObject({ paused: 0.5, ofLine: { reverted: 0, paused: 1 }, isPausedAtMost: false });
    expect(goalsOf(tables)['goal: in every row at most 1 % of good releases reverted']).toBe(true);
    const goal = 'goal: in every row at most 2 % of good releases paused or held by a plan with steps';
    expect(goalsOf(tables)[goal]).toBe(false);
    expect(weakPoints(tables)[0]).toContain(
      'paused for a person**, by plans with steps: calm (up to 100 %); all at once: calm (up to 100 %)',
    );
  });

  test('each row of good releases has 300, and a good one whose stable is counted three minutes late is not paused', () => {
    const runs = runsOfCells(30);
    const ofRow = (name: string) =>
      allCells().reduce((all, cell, nth) => all + (cell.name === name ? (runs[nth] ?? 0) : 0), 0);
    for (const { name } of GOOD) expect(ofRow(name), name).toBeGreaterThanOrEqual(300);
    const late: Cell = { ...good, name: 'late', weather: "stable's metrics 3 min late" };
    expect(run(late, { nth: 0, seed: 1 }).spillway).toMatchObject({ isCompleted: true, pauses: 0 });
  });

  test('a peer sees the same weather, and the oracle finds what is bad', () => {
    const cell: Cell = {
      ...{ name: 'bad', weather: 'calm', fault: 'one route of 20', requestsPerSecond: 200 },
      ...{ base: 0.001, plan: 'steps' },
    };
    const { peers, spillway } = run(cell, { nth: 0, seed: 1 });
    expect(Object.values(peers).map(({ isReverted }) => isReverted)).toEqual([true, true, true, true]);
    expect(peers.oracle.failed).toBeLessThan(peers.alarm.failed);
    expect(peers.Argo.failed).toBeLessThan(peers.Flagger.failed);
    expect(spillway.failed).toBeLessThan(peers.Argo.failed);
    expect(Object.values(run(good, { nth: 0, seed: 1 }).peers).some(({ isReverted }) => isReverted)).toBe(
      false,
    );
  });
});

const canaryOf = (window: ReadWindow): Count | undefined =>
  window.unknown === undefined ? window.canary : undefined;
const stableOf = (window: ReadWindow): Count | undefined =>
  window.unknown === undefined ? window.stable : undefined;
