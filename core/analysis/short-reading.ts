import { type Instant, WINDOW_MS } from '../units.ts';
import type { Course } from './trial.ts';
import type { Counts, Shown, Verdict, Window } from './types.ts';
import { sum } from './windows.ts';

/** How long what an earlier reading showed counts for more than what later ones do: a reading that is short is followed by a whole one, mostly the next. Assumed. */
export const SHOWN_MINUTES = 5;

/**
 * What an earlier reading showed of a rule, if this one shows less of the same minutes. Counts never fall, so that a part of this
 * reading is missing: failures of stable that are not there would be held against the canary. Undefined if it shows as much.
 */
export function shownBefore(
  { verdict, counted }: Course,
  { target, metric, canary, stable }: Counts,
  windows: readonly Window[],
  step: { from: Instant; to: Instant },
): Shown | undefined {
  const earlier = verdict ?? counted;
  const before = earlier?.findings.find((each) => each.target === target && each.metric === metric);
  if (earlier === undefined || before === undefined) return undefined;
  const { from, to } = earlier;
  const most = keptUntil(step.to, before.shown) ?? { from, to, canary: before.canary, stable: before.stable };
  // At another step it may be other minutes of stable that stand beside the canary.
  const now =
    most.from === step.from
      ? { canary, stable }
      : {
          canary: sum(windows.filter(({ start }) => start >= most.from).map((window) => window.canary)),
          stable: most.stable,
        };
  const isShort = (['canary', 'stable'] as const).some(
    (side) => now[side].total < most[side].total || now[side].bad < most[side].bad,
  );
  return isShort ? most : undefined;
}

const keptUntil = (to: Instant, shown: Shown | undefined): Shown | undefined =>
  shown !== undefined && to - shown.to <= SHOWN_MINUTES * WINDOW_MS ? shown : undefined;

/** What a reading had counted, for the first one after traffic has moved. */
export function countedIn(verdict: Verdict): Course['counted'] {
  const { from, to, findings } = verdict;
  return {
    ...{ from, to },
    findings: findings.map(({ target, metric, canary, stable, shown }) => ({
      ...{ target, metric, canary, stable },
      ...(shown === undefined ? {} : { shown }),
    })),
  };
}
