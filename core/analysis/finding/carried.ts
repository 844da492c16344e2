import { capitalOfRatio } from '../evidence.ts';
import type { Carried } from '../folded.ts';
import { GROUPS, withoutGroup } from '../groups.ts';
import { windowsIn } from '../parts.ts';
import type { Settled } from '../settled.ts';
import { capitalOfSlowness } from '../slowdown.ts';
import { comparedWindows } from '../windows.ts';
import { byPart, slownessQuestion } from './against.ts';
import { aged, carriedOf, questionOf, type Rule, sinceFolded } from './asked.ts';
import { safeAfter } from './safe.ts';
import { talliesOf } from './tally.ts';
import { withTolerated } from './tolerated.ts';

/**
 * What the evidence of a rule is after the windows up to the end of `step`, by key: all that later windows need of them. It is
 * empty if the counts that are kept say it all.
 */
export function carriedAfter(asked: Rule, settled: Settled): Record<string, Carried> {
  const { rule } = asked;
  if ('share' in rule) return {};
  const { told, slowness } = talliesOf(asked, settled);
  const [first] = told;
  const carried = told.map(({ key, believed: { windows } }): [string, Carried] => {
    const both = withTolerated(rule, windows, comparedWindows(asked.trial, windows));
    const compared = aged(asked, sinceFolded(asked, both), { all: windows, settled });
    const ratio = byPart(asked, (part) =>
      capitalOfRatio(
        windowsIn(asked.trial, part, compared),
        questionOf(asked, part),
        carriedOf(asked, key)?.ratio?.[part.name],
      ),
    );
    const before = carriedOf(asked, key)?.without;
    const isGrouped = before !== undefined || compared.some((window) => window.without !== undefined);
    const without = Array.from({ length: isGrouped ? GROUPS : 0 }, (_, group) =>
      byPart(asked, (part) =>
        capitalOfRatio(
          withoutGroup(windowsIn(asked.trial, part, compared), group),
          questionOf(asked, part),
          before?.[group]?.[part.name],
        ),
      ),
    );
    return [
      key,
      {
        ...(isGrouped ? { without } : {}),
        ...(slowness === undefined ? { ratio } : {}),
        ...(key === first?.key ? { safe: safeAfter(asked, key, windows) } : {}),
      },
    ];
  });
  if (slowness === undefined) return Object.fromEntries(carried);
  const { windows, comparison } = slowness;
  const before = carriedOf(asked, rule.metric)?.slowness;
  const after = byPart(asked, (part) =>
    capitalOfSlowness(
      windowsIn(asked.trial, part, windows),
      comparison,
      slownessQuestion(asked, part),
      before?.[part.name],
    ),
  );
  return Object.fromEntries([...carried, [rule.metric, { slowness: after }]]);
}
