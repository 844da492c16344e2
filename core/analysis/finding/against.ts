import type { MovedWindow } from '../evalue.ts';
import { combined, evidenceOfRatio, evidenceOfShare } from '../evidence.ts';
import { type Part, partsOf, windowsIn } from '../parts.ts';
import { evidenceOfSlowness } from '../slowdown.ts';
import type { PartName, Window } from '../types.ts';
import { type ComparedWindow, ownSince, sum } from '../windows.ts';
import {
  type Asked,
  carriedOf,
  plannedWindows,
  questionOf,
  type Rule,
  type Sides,
  sides,
  sinceFolded,
  withSettling,
} from './asked.ts';
import type { Slowness } from './tally.ts';

/** What each part of the evidence of a rule is. */
export function byPart<T>({ trial }: Rule, of: (part: Part) => T): Partial<Record<PartName, T>> {
  return Object.fromEntries(
    partsOf(trial, plannedWindows(trial)).map((part) => [part.name, of(part)] as const),
  );
}

/** The evidence of all durations in each part. */
export function durationsAgainst(
  asked: Rule,
  { windows, comparison }: Slowness,
): Partial<Record<PartName, number>> {
  const before = carriedOf(asked, asked.rule.metric)?.slowness;
  return byPart(asked, (part) =>
    evidenceOfSlowness(
      windowsIn(asked.trial, part, windows),
      comparison,
      slownessQuestion(asked, part),
      before?.[part.name],
    ),
  );
}

/** What is bet with on durations. */
export const slownessQuestion = ({ target }: Rule, { planned, head }: Part) => ({
  ...{ planned, head },
  burst: target.traits.burst,
});

/** The evidence of this rule, and the counts that its strongest part rests on. `durations`: that of all durations, which takes the place of that of the counts. */
export function evidenceAgainst(
  asked: Asked,
  key: string,
  { compared, all }: { compared: readonly ComparedWindow[]; all: readonly Window[] },
  durations: Partial<Record<PartName, number>> | undefined,
): { evidence: number; rests: Sides } {
  const { trial, rule, target } = asked;
  if ('share' in rule) {
    const first = ownSince(trial, all);
    const since = all.filter(({ start }) => start >= first);
    const rests = sides(since, since);
    return { evidence: evidenceOfShare(rests.canary, rule.share, target.traits), rests };
  }
  const carried = carriedOf(asked, key)?.ratio;
  const settling = withSettling(asked, compared, all);
  const parts = partsOf(trial, plannedWindows(trial)).map((part) => {
    const windows = windowsIn(trial, part, settling);
    const before = carried?.[part.name];
    const evidence =
      durations?.[part.name] ?? evidenceOfRatio(sinceFolded(asked, windows), questionOf(asked, part), before);
    return { weight: part.stake, evidence, windows };
  });
  const strongest = parts.reduce((most, part) =>
    Math.log(part.weight) + part.evidence > Math.log(most.weight) + most.evidence ? part : most,
  );
  return { evidence: combined(parts), rests: countsOf(strongest.windows) };
}

function countsOf(windows: readonly MovedWindow[]): Sides {
  return {
    canary: sum(windows.map(({ c, nc }) => ({ bad: c, total: nc }))),
    stable: sum(windows.map(({ s, ns }) => ({ bad: s, total: ns }))),
  };
}
