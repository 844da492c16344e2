import type { MovedWindow } from '../evalue.ts';
import { combined, evidenceOfRatio, evidenceOfShare } from '../evidence.ts';
import { GROUPS, groupsMet, metIn, withoutGroup } from '../groups.ts';
import { isOfFailures } from '../metrics.ts';
import { type Part, partsOf, windowsIn } from '../parts.ts';
import type { Settled } from '../settled.ts';
import { evidenceOfSlowness } from '../slowdown.ts';
import type { PartName, Window } from '../types.ts';
import { type ComparedWindow, ownSince, sum } from '../windows.ts';
import {
  type Asked,
  aged,
  carriedOf,
  plannedWindows,
  questionOf,
  type Rule,
  type Sides,
  sides,
  sinceFolded,
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

/** What speaks against a canary by one rule. */
interface Against {
  /** Whatever group of answers is left out: no single customer, host or job reverts a release. */
  evidence: number;
  /** By all answers, which is no less. */
  together: number;
  /** Groups that the canary's answers came from; absent if they are not counted. */
  met?: number | undefined;
  /** The counts that the strongest part rests on. */
  rests: Sides;
}

/** The evidence of this rule. `durations`: that of all durations, which takes the place of that of the counts. */
export function evidenceAgainst(
  asked: Asked,
  key: string,
  {
    compared,
    all,
    settled,
  }: { compared: readonly ComparedWindow[]; all: readonly Window[]; settled: Settled },
  durations: Partial<Record<PartName, number>> | undefined,
): Against {
  const { trial, rule, target, folded } = asked;
  if ('share' in rule) {
    const first = ownSince(trial, all);
    const since = all.filter(({ start }) => start >= first);
    const rests = sides(since, since);
    const evidence = evidenceOfShare(rests.canary, rule.share, target.traits);
    return { evidence, together: evidence, rests };
  }
  const carried = carriedOf(asked, key);
  const windowsOf = aged(asked, compared, { all, settled });
  const parts = partsOf(trial, plannedWindows(trial)).map((part) => {
    const windows = windowsIn(trial, part, windowsOf);
    const before = carried?.ratio?.[part.name];
    const evidence =
      durations?.[part.name] ?? evidenceOfRatio(sinceFolded(asked, windows), questionOf(asked, part), before);
    return { weight: part.stake, evidence, windows };
  });
  const strongest = parts.reduce((most, part) =>
    Math.log(part.weight) + part.evidence > Math.log(most.weight) + most.evidence ? part : most,
  );
  const together = combined(parts);
  const rests = countsOf(strongest.windows);
  const since = sinceFolded(asked, windowsOf);
  const met = isOfFailures(rule.metric) ? groupsMet(metIn(since, folded?.targets[target.name]?.met)) : 0;
  if (met === 0) return { evidence: together, together, rests };
  if (met === 1) return { evidence: together, together, met, rests };
  const least = Array.from({ length: GROUPS }, (_, group) =>
    combined(
      partsOf(trial, plannedWindows(trial)).map((part) => ({
        weight: part.stake,
        evidence: evidenceOfRatio(
          withoutGroup(windowsIn(trial, part, since), group),
          questionOf(asked, part),
          carried?.without?.[group]?.[part.name],
        ),
      })),
    ),
  );
  return { evidence: Math.min(together, ...least), together, met, rests };
}

function countsOf(windows: readonly MovedWindow[]): Sides {
  return {
    canary: sum(windows.map(({ c, nc }) => ({ bad: c, total: nc }))),
    stable: sum(windows.map(({ s, ns }) => ({ bad: s, total: ns }))),
  };
}
