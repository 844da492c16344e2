import { type Case, caseOf } from './case.ts';
import { FAULTS, type FaultName } from './faults.ts';
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
      wronged: it.release.kind === 'good' && !isTampered(played) ? isWronged(played) : undefined,
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
      wronged: undefined,
      digest: '',
    };
  }
}

function struckBy({ troubles }: Case, { strikes }: Played): SeedResult['struck'] {
  const struck: SeedResult['struck'] = {};
  for (const { fault } of [...strikes, ...troubles]) struck[fault] = (struck[fault] ?? 0) + 1;
  return struck;
}

const isTampered = ({ strikes }: Played) => strikes.some(({ fault }) => FAULTS[fault].at === 'metrics');

/** True where the first release was reverted by the error test. */
function isWronged({ run }: Played): boolean {
  const [events] = Object.values(run.histories);
  return (
    events?.some(
      (event, at) =>
        event.type === 'RevertOrdered' && event.cause === 'canary' && events[at - 1]?.type === 'Measured',
    ) ?? false
  );
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
