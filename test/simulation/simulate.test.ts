import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Case, caseOf } from '../../simulation/case.ts';
import { FAULT_NAMES } from '../../simulation/faults.ts';
import { playCase } from '../../simulation/play.ts';
import { reportOf, type SeedResult } from '../../simulation/report.ts';
import { playSeed } from '../../simulation/seed.ts';
import { times } from '../deep.ts';

const SEEDS = times(4, 1_500);

/** What a world may have in it; each kind is played at least once, however few worlds are played. */
function partsOf({ release, hook, file, troubles, ...it }: Case): string[] {
  const { steps = [], watch = {} } = file as { steps?: { until?: unknown }[]; watch?: object };
  return [
    `release ${release.kind}`,
    ...troubles.map(({ fault }) => fault),
    ...(hook === undefined ? [] : [`hook ${hook.answers}`]),
    ...(
      [
        'leaving',
        'late',
        'ahead',
        'uncounted',
        'alarm',
        'isFed',
        'isZip',
        'isIrreversible',
        'reporting',
      ] as const
    ).filter((part) => it[part]),
    ...it.commands.flatMap(({ by, again = [] }) => [
      `by ${by ?? 'ada'}`,
      ...(again.length > 0 ? ['again'] : []),
    ]),
    ...(JSON.stringify(file.gates ?? []).includes('"approvers":2') ? ['two approvers'] : []),
    ...['probe', 'holdout', 'recall', 'gates', 'limits', 'strategy'].filter((part) => part in file),
    ...(steps.some(({ until }) => until) ? ['until'] : []),
    ...('promoteEarly' in watch ? ['promoteEarly'] : []),
    ...('custom' in watch ? ['custom'] : []),
  ];
}

/** The first seed of each part, so that none is missing where few are played. */
function withEachPart(): Map<string, number> {
  const first = new Map<string, number>();
  for (let seed = 0; seed < 1_000; seed++)
    for (const part of partsOf(caseOf(seed, FAULT_NAMES))) if (!first.has(part)) first.set(part, seed);
  return first;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('worlds of plans, traffic, releases, people and faults', () => {
  test('keep every promise, whatever goes wrong', async () => {
    const results: SeedResult[] = [];
    for (const seed of new Set([...Array(SEEDS).keys(), ...withEachPart().values()]))
      results.push(await playSeed(seed, FAULT_NAMES));
    expect(
      results.flatMap(({ seed, violations }) =>
        violations.map(({ promise, what }) => `seed ${seed}: ${promise}: ${what}`),
      ),
    ).toEqual([]);
    const seedsOf = (kind: string, how: string) =>
      results.flatMap(({ seed, release, end }) => (release === kind && end === how ? [seed] : []));
    expect(seedsOf('good', 'failed verdict')).toEqual([]);
    expect(seedsOf('bad', 'completed as proven')).toEqual([]);
    const report = reportOf(results, 1);
    expect(report.rollouts).toBeGreaterThanOrEqual(SEEDS);
    // A simulation in which everything is reverted, or nothing is, would show little.
    expect(report.completed).toBeGreaterThan(results.length / 5);
    expect(report.reverted).toBeGreaterThan(results.length / 5);
    expect(report.halted).toBeGreaterThan(0);
    expect(report.suspicious).toBeGreaterThan(SEEDS / 50);
    expect(report.recalled).toBeGreaterThan(SEEDS / 50);
    expect(Object.keys(report.struck).sort()).toEqual([...FAULT_NAMES].sort());
  }, 1_200_000);

  test('have one history for one seed, byte for byte', async () => {
    const digests = [];
    for (let seed = 0; seed < times(3, 50); seed++) {
      const { digest } = await playCase(caseOf(seed, FAULT_NAMES));
      expect((await playCase(caseOf(seed, FAULT_NAMES))).digest, `seed ${seed}`).toBe(digest);
      digests.push(digest);
    }
    expect(new Set(digests).size).toBe(digests.length);
  }, 600_000);

  test('have the same history on another day, in a process of its own', async () => {
    const seed = [...Array(1_000).keys()].find((each) => caseOf(each, FAULT_NAMES).isZip) ?? 0;
    const { digest } = await playCase(caseOf(seed, FAULT_NAMES));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2031, 6, 1) });
    vi.resetModules();
    const later = await import('../../simulation/play.ts');
    expect((await later.playCase(caseOf(seed, FAULT_NAMES))).digest, `seed ${seed}`).toBe(digest);
  }, 60_000);
});
