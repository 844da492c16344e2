import { WINDOW_MS } from '../../units.ts';
import { doubtAbout } from '../doubt.ts';
import { SUSPICIOUS } from '../evidence.ts';
import { LATE_WINDOWS } from '../heartbeat.ts';
import type { Settled } from '../settled.ts';
import { shownBefore } from '../short-reading.ts';
import type { Finding, PartName } from '../types.ts';
import { isLatency } from '../weights.ts';
import { comparedWindows, minutesOf } from '../windows.ts';
import { durationsAgainst, evidenceAgainst } from './against.ts';
import { type Answer, type Asked, type Counted, isCounted, type Sides, servesAlone, sides } from './asked.ts';
import { countsNone, whyUnmeasured } from './missing.ts';
import { passNeeds } from './needs.ts';
import { isCertified } from './safe.ts';
import { oddsOf, words } from './shown.ts';
import { type Tally, talliesOf } from './tally.ts';
import { withTolerated } from './tolerated.ts';
import { withoutHistory } from './uncompared.ts';
import { evidenceBeyond, isWorseAnyway, suspicionOf, turnsAway, whyUnlike } from './worse.ts';

/** Said of a release that is reverted by what nothing can be told from. */
const ONE_GROUP = 'all its answers came from one environment or group';

/** Said where so few environments served the canary that more is tolerated than the rule says. */
const FEW_SERVED = 'fewer than two environments have served it, so that 1.6x is tolerated';

/** What one rule of one target says of what was read. */
export function findingOf(given: Asked, settled: Settled): Answer {
  const { metric } = given.rule;
  const isRead = settled[isLatency(metric) ? 'latency' : (metric as Counted)] !== undefined;
  // Of what was not read nothing is known, whatever earlier ticks read of it.
  const asked = isRead ? given : { ...given, folded: undefined };
  const { told, slowness } = talliesOf(asked, settled);
  const [first] = told;
  if (first === undefined) return withoutHistory(asked);
  const durations = slowness && durationsAgainst(asked, slowness);
  const isFew = slowness?.isFew === true;
  const judge = (tally: Tally) => judged(asked, settled, tally, { durations, isFew });
  const answer = judge(first);
  if (told.length === 1 || answer.finding.evidence < SUSPICIOUS) return answer;
  const answers = told.map(judge);
  const clearest = answers.reduce((most, each) => (gap(each) > gap(most) ? each : most), answer);
  return { ...answer, against: clearest.against };
}

/** By how many times the share of bad requests on the canary is above that of stable. */
function gap({ against: { canary, stable } }: Answer): number {
  return canary.bad / Math.max(1, canary.total) / ((stable.bad + 1) / (stable.total + 1));
}

/** What a rule says by one tally of it. */
function judged(
  asked: Asked,
  settled: Settled,
  { key, believed, slow }: Tally,
  { durations, isFew }: { durations: Partial<Record<PartName, number>> | undefined; isFew: boolean },
): Answer {
  const { trial, target, rule, step } = asked;
  const { windows, skipped } = believed;
  const inStep = windows.filter((window) => window.start >= step.from);
  const lateFrom = step.to - LATE_WINDOWS * WINDOW_MS;
  const both = comparedWindows(trial, windows, { target: target.name, from: lateFrom });
  const compared = withTolerated(rule, windows, both);
  const { evidence, together, met, rests } = evidenceAgainst(
    asked,
    key,
    { compared, all: windows, settled },
    durations,
  );
  const here = sides(inStep, servesAlone(asked) ? windows : inStep);
  const isSafe = isCertified(asked, key, inStep, windows);
  const uncounted = countsNone(rule, settled, step);
  const doubt = doubtAbout(trial, asked, believed, step.to);
  const strange = doubt?.reason ?? uncounted ?? whyUnlike(asked, here, windows);
  const wanting = strange ?? passNeeds(asked, { here, inStep, windows, isSafe });
  // From the holdout on a doubt asks that, and a recall answers.
  const unlike = trial.isVerifying ? 0 : evidenceBeyond(asked, here, windows);
  const beyond =
    unlike >= SUSPICIOUS ? 'it fails more often than stable did, before and beside it' : undefined;
  const suspicion =
    suspicionOf(together, evidence, asked.required) ?? beyond ?? turnsAway(asked, inStep, windows);
  const needed = suspicion ?? wanting;
  const missing = whyUnmeasured(asked, settled, { believed, inStep, canary: here.canary });
  const said = (counts: Sides, ...more: (string | undefined)[]) =>
    [`${asked.label}${words(rule, counts, slow)}`, ...more].filter((part) => part !== undefined).join('; ');
  // Before a step has counts of its own, a suspicion rests on those of before.
  const seen = suspicion !== undefined && here.canary.total === 0 ? rests : here;
  const shown = shownBefore(trial, { ...here, target: target.name, metric: rule.metric }, windows, step);
  const few = isFew && 'ratio' in rule && rule.ratio < 1.6 ? FEW_SERVED : undefined;
  const odds = 'ratio' in rule ? oddsOf(asked, both, inStep) : undefined;
  const finding: Finding = {
    target: target.name,
    metric: rule.metric,
    status:
      missing !== undefined
        ? 'broken'
        : suspicion !== undefined
          ? 'suspect'
          : wanting !== undefined
            ? 'inconclusive'
            : 'pass',
    ...here,
    shown,
    windows: minutesOf(inStep),
    evidence,
    ...(unlike === 0 ? {} : { doubt: unlike }),
    odds,
    needed,
    skipped,
    reason: said(seen, missing, suspicion, missing === undefined ? wanting : undefined, few, ...skipped),
  };
  // More samples answer what is too few, and nothing else.
  const isShort = finding.status === 'inconclusive' && strange === undefined && !isCounted(trial);
  const covered: Finding = {
    ...finding,
    status: 'pass',
    needed: undefined,
    reason: said(here, few, ...skipped),
  };
  return {
    finding,
    ...(isShort ? { covered } : {}),
    against: { ...rests, reason: said(rests, met === 1 ? ONE_GROUP : undefined) },
    isShort: shown !== undefined && !isWorseAnyway(asked, here, shown),
    isCertified: isSafe,
    doubt,
  };
}
