import { type Case, caseOf } from './case.ts';
import type { FaultName } from './faults.ts';
import { historyOf } from './history.ts';
import type { SeedResult } from './report.ts';
import { shrink } from './shrink.ts';
import { type Played, playCase } from './simulation.ts';

/** Plays the world of a seed. A fault of the simulation itself counts as a violation, so that it is not lost. */
export async function playSeed(seed: number, faults: readonly FaultName[]): Promise<SeedResult> {
  const it = caseOf(seed, faults);
  try {
    const played = await playCase(it);
    return {
      seed,
      outcomes: played.run.heads.map(({ outcome }) => outcome ?? 'unfinished'),
      bounds: played.bounds,
      struck: struckBy(it, played),
      violations: played.violations.map(({ promise, what }) => ({ promise, what })),
      good: it.release.kind === 'good' ? endOf(played) : undefined,
      digest: played.digest,
    };
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      seed,
      outcomes: [],
      bounds: [],
      struck: {},
      violations: [{ promise: 'simulation', what }],
      good: undefined,
      digest: '',
    };
  }
}

function struckBy({ troubles }: Case, { strikes }: Played): SeedResult['struck'] {
  const struck: SeedResult['struck'] = {};
  for (const { fault } of [...strikes, ...troubles]) struck[fault] = (struck[fault] ?? 0) + 1;
  return struck;
}

/** How the first release ended; an order that a tick gave is told by what the tick found. */
function endOf({ run }: Played): SeedResult['good'] {
  const [head] = run.heads;
  if (head?.outcome === 'completed') return 'completed';
  const [events = []] = Object.values(run.histories);
  const tick = events.find(
    (event, at) => event.type === 'RevertOrdered' && events[at - 1]?.type === 'Measured',
  );
  if (tick !== undefined && 'cause' in tick)
    return tick.cause === 'canary' ? 'error test' : 'too little evidence';
  return head?.leaving?.cause ?? 'refused';
}

/** A failing seed as a story: its case made as small as it goes, with the first promise that it breaks. */
export async function storyOf(seed: number, faults: readonly FaultName[]): Promise<string[]> {
  const it = caseOf(seed, faults);
  const first = await playCase(it);
  const promise = first.violations[0]?.promise;
  if (promise === undefined) return [`Seed ${seed} breaks nothing when it is played again.`];
  const fails = async (each: Case) =>
    (await playCase(each)).violations.some((violation) => violation.promise === promise);
  const small = await shrink(
    it,
    first.strikes.map(({ id }) => id),
    fails,
  );
  const played = await playCase(small);
  return [
    `Seed ${seed} breaks ${promise}. The smallest history that still does, with times since the upload:`,
    ...historyOf(small, played),
  ];
}
