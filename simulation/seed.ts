import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { type Case, caseOf } from './case.ts';
import { isByAlarm } from './checkers/view.ts';
import type { FaultName } from './faults.ts';
import { historyOf } from './history.ts';
import { FIRST, type Played, playCase } from './play.ts';
import type { End, SeedResult } from './report.ts';
import { shrink } from './shrink.ts';

/** Plays the world of a seed. A fault of the simulation itself counts as a violation, so that it is not lost. */
export async function playSeed(seed: number, faults: readonly FaultName[]): Promise<SeedResult> {
  const it = caseOf(seed, faults);
  try {
    const played = await playCase(it);
    const head = played.run.heads.find(({ opening }) => opening.rolloutId === FIRST);
    const release = kindOf(it, head);
    const end = endOf(head, played.run.histories[FIRST] ?? []);
    const events = Object.values(played.run.histories).flat();
    return {
      seed,
      outcomes: played.run.heads.map(({ outcome }) => outcome ?? 'unfinished'),
      bounds: played.bounds,
      struck: struckBy(it, played),
      violations: [
        ...played.violations.map(({ promise, what }) => ({ promise, what })),
        ...provenBad(release, end),
        ...(await waitedForVoices(it, played)),
      ],
      release,
      end,
      suspicions: events.filter((event) => event.type === 'Measured' && event.verdict.status === 'suspect')
        .length,
      recalls: events.filter(({ type }) => type === 'RecallOrdered').length,
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
      release: undefined,
      end: 'refused',
      suspicions: 0,
      recalls: 0,
      digest: '',
    };
  }
}

function struckBy({ troubles }: Case, { strikes }: Played): SeedResult['struck'] {
  const struck: SeedResult['struck'] = {};
  for (const { fault } of [...strikes, ...troubles]) struck[fault] = (struck[fault] ?? 0) + 1;
  return struck;
}

/** Whether rollouts go otherwise if nobody who hears of them ever fails; only some worlds are played twice for it. */
export async function waitedForVoices(it: Case, { run }: Played): Promise<SeedResult['violations']> {
  if (it.reporting?.isCompared !== true) return [];
  const calm = await playCase({ ...it, reporting: { ...it.reporting, isMuted: true } });
  // Each link has an id of its own, by how many were made before it.
  const [one, other] = [run, calm.run].map(({ histories }) =>
    JSON.stringify(histories).replaceAll(/"link:[^"]+"/g, '"link"'),
  );
  const what = 'a rollout goes otherwise if no receiver ever fails';
  return one === other ? [] : [{ promise: 'nothingWaitsForVoices', what }];
}

/** What no checker of a history can know is known here: how often the release was made to fail. */
export function provenBad(release: SeedResult['release'], end: End): SeedResult['violations'] {
  const what = `a release that fails at least ${BAD} times as often as stable ${end}`;
  return release === 'bad' && end === 'completed as proven' ? [{ promise: 'badNeverProven', what }] : [];
}

/** How many times as often as stable a release fails that is called bad. */
const BAD = 5;

/** What the first release is beside what served before it; others fail only at some moment, or a little, or are slow, so that how they end says little by itself. */
export function kindOf(
  { release, stableErrors }: Pick<Case, 'release' | 'stableErrors'>,
  head: Rollout | undefined,
): SeedResult['release'] {
  // Another tool may have put a version of its own there.
  if (head?.opening.targets.some(({ stable }) => stable !== '1')) return undefined;
  if (release.kind === 'good') return 'good';
  return shareFailed(release) >= BAD * stableErrors ? 'bad' : undefined;
}

/** The share of its requests that a release fails from its first one on: those too that are turned away, that hang, or that AWS never counts. */
function shareFailed(release: Case['release']): number {
  switch (release.kind) {
    case 'crashing':
      return 1;
    case 'bad':
    case 'hanging':
      return release.share;
    case 'throttled':
    case 'uncounted':
      return release.from === 0 ? release.share : 0;
    default:
      return 0;
  }
}

/** How the first release ended; a command of a tick is named by what the tick found. */
function endOf(head: Rollout | undefined, events: readonly RolloutEvent[]): End {
  if (head?.outcome === 'completed')
    return head.reason?.startsWith('unproven') ? 'completed as unproven' : 'completed as proven';
  const tick = events.find(
    (event, at) => event.type === 'RevertOrdered' && events[at - 1]?.type === 'Measured',
  );
  const by = tick && events[events.indexOf(tick) - 1];
  if (tick !== undefined && 'cause' in tick && by !== undefined) {
    if (tick.cause !== 'canary') return 'too little evidence';
    return isByAlarm(by) ? 'alarm or hook' : 'failed verdict';
  }
  const cause = head?.leaving?.cause ?? 'refused';
  return cause === 'canary' ? 'alarm or hook' : cause;
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
