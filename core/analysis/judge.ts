import type { Target } from '../target.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { number } from '../words.ts';
import { alarmFindings } from './alarms.ts';
import { arrivalFinding, arrivalMetric } from './arrival.ts';
import { ALPHA, combined } from './evidence.ts';
import type { Answer, Asked } from './finding/asked.ts';
import { findingOf } from './finding/finding.ts';
import { uncomparedOf } from './finding/uncompared.ts';
import { withFolded } from './folded.ts';
import { limitFindings } from './limits.ts';
import { covered, probeAnswer } from './probes.ts';
import { NOTHING, type Settled, settle } from './settled.ts';
import { LATE_MINUTES } from './silence.ts';
import type { Course, Trial } from './trial.ts';
import type {
  Alarm,
  Finding,
  LimitFinding,
  Metric,
  ProbeCounts,
  Series,
  Verdict,
  VerdictStatus,
} from './types.ts';
import { unlessUncounted } from './unmeasured.ts';
import { rulesFor, weightsOf } from './weights.ts';
import { readSince, settledUntil } from './windows.ts';

/** What a tick saw: the windows of each target and the alarms, and why either could not be read. */
export interface Reading {
  series: Record<string, Series>;
  alarms: Alarm[];
  /** Why metrics are missing. */
  broken?: string | undefined;
  /** Why the alarms are missing. */
  alarmsBroken?: string | undefined;
  /** Start of the newest minute in which any function of the region was counted; absent if nobody looked, or could. */
  heartbeat?: Instant | undefined;
  /** Outcomes of the probes that this tick ran, by target. */
  probes?: Record<string, ProbeCounts> | undefined;
}

/** From the best to the worst. */
export const SEVERITY: readonly VerdictStatus[] = ['pass', 'inconclusive', 'suspect', 'broken', 'fail'];

/** The worst of several statuses; nothing at all is inconclusive, never a pass. */
export function worst(statuses: VerdictStatus[]): VerdictStatus {
  if (statuses.length === 0) return 'inconclusive';
  return SEVERITY[Math.max(...statuses.map((status) => SEVERITY.indexOf(status)))] ?? 'fail';
}

/** The stretch of windows that a tick at `now` reads. */
export function stretch(trial: Course, now: Instant): { from: Instant; to: Instant } {
  return { from: readSince(trial, now), to: settledUntil(trial, now) };
}

/**
 * Judges what a tick saw, on settled windows alone, and what earlier ticks folded: the same reading gives the same verdict,
 * and a late or restated window that is not folded yet counts as soon as it is read. A fail may rest on any window since the first
 * raise; a pass rests on the windows of the present step only. One alpha stands for all metrics, targets and looks.
 */
export function judge(trial: Trial, reading: Reading, now: Instant): Verdict {
  const { to } = stretch(trial, now);
  const from = trial.bake?.from ?? trial.moves[0] ?? now;
  const until = Math.min(to, Math.max(trial.bake?.to ?? to, to - LATE_MINUTES * WINDOW_MS));
  const limit = -Math.log(trial.opening.plan.alpha ?? ALPHA);
  const { targets } = trial.opening;
  const read = targets.map((target) => {
    const series = withFolded(trial.folded, target.name, reading.series[target.name] ?? {});
    return { target, settled: settle(series, to) };
  });
  const each = read.map(({ target, settled }) =>
    targetFindings(trial, target, { ...reading, settled }, { step: { from, to, until }, limit }),
  );
  const weighed = each.flatMap(({ answers }) => answers);
  const staked = weighed.reduce((sum, { weight }) => sum + weight, 0);
  const evidence = combined([
    { weight: Math.max(0, 1 - staked), evidence: 0 },
    ...weighed.map(({ weight, finding }) => ({ weight, evidence: finding.evidence })),
  ]);
  // A weighted mean reaches the limit only if one of its parts does.
  const findings = weighed.map((each) =>
    evidence >= limit && each.finding.evidence >= limit ? blamed(each) : each.finding,
  );
  const limits = read.flatMap(({ target, settled }) => limitFindings(trial, target, settled, { from, to }));
  const said = conclusion(trial, reading, findings, limits);
  // What passes is a step, and none is under way while traffic moves.
  const { status, reason } =
    said.status === 'pass' && trial.bake === undefined
      ? { status: 'inconclusive' as const, reason: `traffic is still moving; ${said.reason}` }
      : said;
  const doubts = weighed.flatMap(({ doubt }) => doubt ?? []);
  const doubt = doubts.find(({ isOutage }) => isOutage !== true) ?? doubts[0];
  const explained = weighed.flatMap(({ isExplained, finding }) => (isExplained ? [finding.target] : []));
  const [missing] = targets.flatMap(({ name }, nth) => {
    const reason = each[nth]?.missing;
    return reason === undefined ? [] : [{ target: name, reason }];
  });
  const byProbes = status === 'pass' && each.some((target) => target.byProbes);
  // Limits need the time of the bake: what counts of requests prove says nothing of them.
  const isClear = status === 'pass' || (status === 'inconclusive' && doubt !== undefined);
  const certified = isClear && limits.length === 0 && weighed.every(({ isCertified }) => isCertified);
  return {
    status,
    reason: byProbes ? `${reason}; it rests on probes, because too few requests came` : reason,
    ...{ findings, from, to, evidence, limit },
    ...(limits.length > 0 ? { limits } : {}),
    ...(certified ? { certified } : {}),
    ...(doubt === undefined ? {} : { doubt }),
    ...(explained.length === 0 ? {} : { explained }),
    ...(missing === undefined ? {} : { missing }),
    ...(byProbes ? { byProbes } : {}),
  };
}

/** A finding whose evidence reverts the release, unless what is known to be missing of its reading may change that. */
function blamed({ finding, against, isShort }: Answer): Finding {
  const { shown } = finding;
  if (!isShort || shown === undefined) return { ...finding, ...against, status: 'fail' };
  const counted = ({ canary, stable }: Pick<Finding, 'canary' | 'stable'>) =>
    `${number(canary.bad)} of ${number(canary.total)} and ${number(stable.bad)} of ${number(stable.total)}`;
  const why = `an earlier reading had counted ${counted(shown)} where this one counts ${counted(finding)}, so that it is read again`;
  return { ...finding, status: 'broken', reason: `${against.reason}; ${why}` };
}

type Weighed = Answer & { weight: number; isExplained?: boolean | undefined };

/** What each rule of a target and its probes say, and last whether its requests were split as they should be. */
function targetFindings(
  trial: Trial,
  target: Target,
  { settled, probes, heartbeat }: { settled: Settled } & Pick<Reading, 'probes' | 'heartbeat'>,
  { step, limit }: { step: Asked['step']; limit: number },
): { answers: Weighed[]; byProbes: boolean; missing?: string | undefined } {
  const { folded } = trial;
  const rules = rulesFor(target, trial.opening.watch);
  if (rules.length === 0) return { answers: [], byProbes: false };
  const targets = trial.opening.targets.length;
  const label = targets > 1 ? `${target.name} ` : '';
  const isAlsoProbed = trial.probed.includes(target.name);
  const metrics: Metric[] = [
    ...rules.map((rule) => rule.metric),
    ...(isAlsoProbed ? ['probes' as const] : []),
  ];
  const weights = weightsOf([...metrics, 'traffic']);
  const weightOf = (metric: Metric) => (weights.get(metric) ?? 0) / targets;
  const asked = (metric: Metric) => {
    const weight = weightOf(metric);
    return { trial, target, step, folded, required: limit - Math.log(weight), label, weight };
  };
  const said = rules.flatMap((rule): Weighed[] => {
    const { weight, ...question } = asked(rule.metric);
    const uncompared = uncomparedOf({ ...question, rule }, settled);
    const answer = uncompared.isCompared ? findingOf({ ...question, rule }, settled) : uncompared.answer;
    if (answer === undefined) return [];
    return [{ ...unlessUncounted(trial, answer, { settled, from: step.from }), weight }];
  });
  const { weight, ...question } = asked('probes');
  const probed = isAlsoProbed ? { ...probeAnswer(question, rules, probes), weight } : undefined;
  const { answers, byProbes } = covered(said, probed);
  const read = settled[arrivalMetric(rules)];
  // Of what was not read nothing is known, so it says nothing of silence either.
  const arrived = { believed: read ?? NOTHING, step, isRead: read !== undefined, heartbeat };
  const { finding, missing, ...arrival } = arrivalFinding(trial, target.name, arrived, label);
  const isShort = finding.shown !== undefined;
  const split = {
    ...{ ...arrival, finding, against: finding, isShort },
    ...{ isCertified: true, weight: weightOf('traffic') },
  };
  return { answers: [...answers, split], byProbes, missing };
}

/** The worst of what metrics, limits, alarms and the reading itself say. Limits and alarms alone are no evidence, so they never make a pass. */
function conclusion(
  trial: Course,
  { alarms, broken, alarmsBroken }: Reading,
  findings: Finding[],
  limits: LimitFinding[],
): { status: VerdictStatus; reason: string } {
  const unread = (reason: string | undefined) =>
    reason === undefined ? [] : [{ status: 'broken' as const, reason }];
  const rules = findings.filter(({ metric, status }) => metric !== 'traffic' || status !== 'pass');
  const nothing = { status: 'inconclusive' as const, reason: 'nothing was watched' };
  const said = [
    ...unread(broken),
    ...(rules.length === 0 ? [nothing] : rules),
    ...limits,
    ...(alarmsBroken === undefined ? alarmFindings(trial, alarms) : unread(alarmsBroken)),
  ];
  const status = worst(said.map((each) => each.status));
  // What looks worse is reported even if something else could not be measured.
  const told = status === 'broken' ? ['broken', 'suspect'] : [status];
  const reasons = said.filter((each) => told.includes(each.status)).map(({ reason }) => reason);
  return { status, reason: reasons.join('; ') };
}
