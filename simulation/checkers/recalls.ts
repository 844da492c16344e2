import type { Verdict } from '../../core/analysis/types.ts';
import { wholeOf } from '../../core/plan/segments.ts';
import { isPlans, SPILLWAY } from '../../core/rollout/actor.ts';
import { isSameToken } from '../../core/rollout/fencing-token.ts';
import { type Instant, WINDOW_MS } from '../../core/units.ts';
import type { Append, MetWindow, Run } from '../recording.ts';
import {
  type Fault,
  isStanding,
  LEAVING,
  ownWritesTo,
  perRollout,
  recallAt,
  those,
  type View,
} from './view.ts';

// What doubt may do: return the canary to less traffic, and nothing that needs proof.

const MINUTE = 60_000;

/** Recalls that a rollout makes at most, and the longest that one may go without an answer. */
const RECALLS_MAX = 3;
const ANSWER_MS = 30 * MINUTE;
/** What a move to the weight of a recall may take if it is deferred again and again, and what a minute needs to settle. */
const MOVE_MS = 15 * MINUTE;
const SETTLED_MS = 5 * MINUTE;
/** Least seconds beside stable before a recall ends: with proof that the canary is safe, without it, and without it after the first recall. */
const BESIDE_SECONDS = { certified: 120, first: 300, later: 600 };

/** Until the canary leaves, its share only rises, but for a recall, which returns it to the weight that it names; until the recall has ended or a person promotes, it does not rise above that. */
export const weightsOnlyRise = perRollout((view) =>
  view.opens.flatMap(({ at, index, key, target, from, to, by }): Fault[] => {
    if (to < from) {
      // One that was sent before a person ended the recall may arrive after that.
      const sent = those(view, 'ShiftIntended').find(({ event }) => isSameToken(event.token, by))?.index;
      return sent !== undefined && recallAt(view, sent)?.event.weight === to
        ? []
        : [{ at, what: `lowered ${target.name} from ${from} % to ${to} % under an open token` }];
    }
    const recall = recallAt(view, index);
    if (recall === undefined || to <= recall.event.weight || to === from) return [];
    // One that was sent before the recall was ordered may arrive after it, and is lowered then.
    const isAnnounced = those(view, 'ShiftIntended').some(
      (each) => each.index > recall.index && isSameToken(each.event.token, by),
    );
    const isLowered = view.opens.some(
      (each) => each.key === key && each.index > recall.index && each.index < index,
    );
    return isAnnounced || isLowered
      ? [{ at, what: `raised ${target.name} to ${to} % in a recall to ${recall.event.weight} %` }]
      : [];
  }),
);

/** The same of each segment: its visitors keep the share that they have, or come to the larger one of everybody, and no segment gets one that no step of the plan up to there gives it. */
export const segmentsOnlyRise = perRollout((view) =>
  view.opens.flatMap(({ at, target, from, to, before, after }): Fault[] => {
    const { steps } = view.opening.plan;
    const [had, has] = [before.segments ?? {}, after?.segments ?? {}];
    const lost =
      to < from
        ? []
        : Object.keys(had).filter((name) => Math.max(has[name] ?? 0, wholeOf(to)) < (had[name] ?? 0));
    const early = Object.keys(has).filter(
      (name) =>
        !steps.some(
          ({ weight, within }) => weight <= to && within?.segment === name && within.weight === has[name],
        ),
    );
    return [
      ...lost.map((name) => ({ at, what: `lowered ${target.name} in segment ${name} under an open token` })),
      ...early.map((name) => ({
        at,
        what: `raised ${target.name} in segment ${name} to what no step gives it`,
      })),
    ];
  }),
);

/**
 * Every recall ends: in a return that the comparison beside stable allows, in a revert, by a person's command, or in a pause, which
 * has an end of its own. No canary is left at the weight of a recall, and there are three at most, and one wait for
 * counts; a further one is held at once, and only after a person let the canary return.
 */
export const recallEnds = perRollout((view, run, { tickMs, skewMs }) => {
  const ordered = those(view, 'RecallOrdered');
  const ends = those(view, 'RecallEnded', 'PromotionOrdered', 'Paused', 'RolloutClosed', ...LEAVING);
  const resumed = those(view, 'Resumed').filter(({ index }) => recallAt(view, index) !== undefined);
  const unanswered = [...ordered, ...resumed].flatMap(({ index, at }): Fault[] => {
    if (isPaused(view, index)) return [];
    // The third recall and its pause stand in one append.
    const end = ends.find(
      (each) => each.index > index || (each.index === index && each.event.type === 'Paused'),
    );
    const isLate = end === undefined || end.at > at + ANSWER_MS + MOVE_MS + SETTLED_MS + 2 * tickMs;
    return isLate ? [{ at, what: 'left the canary at the weight of a recall without an answer' }] : [];
  });
  const tooMany = [true, false]
    .flatMap((isWait) =>
      ordered
        .filter(({ event }) => (event.waitsFor !== undefined) === isWait)
        .filter(({ index }) => !isForestalled(view, index))
        .slice(isWait ? 1 : RECALLS_MAX)
        .filter((each) => !isHeldAgain(view, each)),
    )
    .map(({ at }) => ({ at, what: `made recall ${RECALLS_MAX + 1}` }));
  const returned = those(view, 'RecallEnded').flatMap(({ index, at, event, append }): Fault[] => {
    // Without stable there is nothing to be compared with any more.
    if (append.events.some(({ type }) => type === 'StableGone')) return [];
    const why = whyTooSoon(view, run, index, skewMs);
    return why === undefined ? [] : [{ at, what: `ended a recall (${event.reason}) although ${why}` }];
  });
  const planned = those(view, 'PromotionOrdered')
    .filter(({ index, event }) => isPlans(event.by) && recallAt(view, index) !== undefined)
    .map(({ at }) => ({ at, what: "ended a recall by its plan's own command" }));
  return [...unanswered, ...tooMany, ...returned, ...planned];
});

/** True if a pause is in force just after the entry of this index. */
function isPaused(view: View, index: number): boolean {
  const last = those(view, 'Paused', 'Resumed', 'PromotionOrdered').findLast((each) => each.index <= index);
  return last?.event.type === 'Paused';
}

/** True for a recall that a command ended before any traffic had moved for it; that it was a person's is looked at by itself. */
function isForestalled(view: View, index: number): boolean {
  const next = those(view, 'PromotionOrdered', 'RecallOrdered').find((each) => each.index > index);
  return (
    next?.event.type === 'PromotionOrdered' &&
    !view.writes.some((write) => write.index > index && write.index < next.index)
  );
}

/** True for a recall in which the canary is held at once, after a person let it return from the one before. */
function isHeldAgain(view: View, { index, append }: { index: number; append: Append }): boolean {
  const last = those(view, 'RecallOrdered', 'Resumed').findLast((each) => each.index < index)?.event;
  const isLetGo = last?.type === 'Resumed' && last.by.via !== SPILLWAY.via;
  return isLetGo && append.events.some(({ type }) => type === 'Paused');
}

/** Why what was measured at its weight does not end a recall; undefined if it does. */
function whyTooSoon(view: View, run: Run, index: number, skewMs: number): string | undefined {
  const recall = recallAt(view, index);
  const verdict = those(view, 'Measured').findLast((each) => each.index <= index)?.event.verdict;
  if (recall === undefined) return 'there was none';
  const since = ownWritesTo(view, recall.event.weight, index).at(-1)?.at;
  if (verdict === undefined || since === undefined) return 'nothing was measured at its weight';
  const { waitsFor } = recall.event;
  if (waitsFor !== undefined) return whyStillMissing(view, recall.index, verdict, waitsFor);
  if (verdict.status !== 'pass' && verdict.status !== 'inconclusive')
    return `its last verdict was ${verdict.status}`;
  if (verdict.from < since - skewMs) return 'its verdict began before traffic stood there';
  const { certified, first, later } = BESIDE_SECONDS;
  const due = verdict.certified === true ? certified : recall.event.nth === 1 ? first : later;
  const covered = (verdict.to - verdict.from) / 1000;
  if (covered < due) return `its verdict covers ${covered} s`;
  if (verdict.certified !== true && verdict.doubt !== undefined)
    return `doubt went on: ${verdict.doubt.reason}`;
  const before = those(view, 'Measured').findLast((each) => each.index <= recall.index)?.event.verdict;
  const { target: name, metric } = before?.doubt?.by ?? {};
  const target = view.opening.targets.find((each) => each.name === name);
  // What is throttled runs nothing, and is counted all the same.
  const isAsked = ([start, { requests, late, lost }]: [Instant, MetWindow]) =>
    start >= since &&
    start + WINDOW_MS <= verdict.to &&
    requests + late + (metric === 'throttles' ? lost : 0) > 0;
  return target === undefined || [...(run.windows[`${target.key}:${target.canary}`] ?? [])].some(isAsked)
    ? undefined
    : `the canary of ${name} had no request in it`;
}

/** After which a wait for counts may end without them, since they are not late: how a canary loses its requests is then judged at the weight before. */
const WAIT_MS = 12 * MINUTE;

/** Why a wait for counts is not over; undefined if newer ones of its canary have come since it began, or the longest wait has passed. */
function whyStillMissing(view: View, index: number, verdict: Verdict, name: string): string | undefined {
  const newestOf = (of: Verdict | undefined) =>
    of?.findings.find(({ metric, target }) => metric === 'traffic' && target === name)?.newest ?? 0;
  const before = those(view, 'Measured').findLast((each) => each.index <= index)?.event.verdict;
  const ordered = those(view, 'RecallOrdered').find((each) => each.index === index)?.at ?? 0;
  if (verdict.to >= ordered + WAIT_MS || newestOf(verdict) > newestOf(before)) return undefined;
  return `no count of ${name} had come`;
}

/** Minutes in a row that must each be bad before doubt alone reverts. */
const OUTAGE_MINUTES = 6;

/**
 * A past proves nothing: no verdict blames the canary but by counts of stable beside it, or by a share, a limit or an alarm that its owner declared. Doubt and silence
 * blame nobody; alone they revert only if the plan says so, or if nothing can be recalled and six minutes in a row were bad.
 */
export const historyNeverReverts = perRollout((view, run) =>
  those(view, 'RevertOrdered').flatMap(({ at, index, event, append }): Fault[] => {
    const measured = append.events.find((each) => each.type === 'Measured');
    if (measured === undefined) return [];
    const { verdict, alarms } = measured;
    // What else an owner declared, an alarm or a limit, is evidence of its own, whoever learns of it first.
    const isOwners =
      append.events.some(({ type }) => type === 'AlarmRaised') ||
      alarms.some(({ name, state }) => state === 'alarm' && event.reason.includes(name)) ||
      (verdict.limits ?? []).some(({ status }) => status === 'fail');
    if (isOwners) return [];
    if (event.cause === 'canary') {
      const failing = verdict.findings.filter(({ status }) => status === 'fail');
      if (failing.length === 0 && verdict.doubt === undefined) return [];
      const isShown = failing.some(
        ({ stable, metric, target }) =>
          view.opening.watch.some((rule) => rule.metric === metric && 'share' in rule) ||
          (stable.total > 0 && (metric === 'probes' || metBoth(view, run, target))) ||
          // What nobody counts any more may be silent now; beside stable it was not there.
          (metric === 'traffic' && lostBeside(view, run, target)),
      );
      return isShown ? [] : [{ at, what: `blamed the canary without stable beside it: ${event.reason}` }];
    }
    if (event.cause !== 'environment' || verdict.doubt === undefined) return [];
    const { plan, reversible, adopted, rollsBack, targets } = view.opening;
    // A suspicion stays until a bake has shown nothing of it, whatever single ticks could read.
    const moved = those(view, 'ShiftIntended').findLast((each) => each.index < index)?.index ?? -1;
    const ticks = those(view, 'Measured').filter((each) => each.index <= index);
    const isSuspect =
      ticks.findLast((each) => each.event.verdict.status !== 'broken')?.event.verdict.status === 'suspect' ||
      (event.reason.includes('while the canary looked worse') &&
        ticks.some((each) => each.index > moved && each.event.verdict.status === 'suspect'));
    if (plan.onInconclusive === 'revert' || (isSuspect && plan.onSuspect === 'revert')) return [];
    const isGone = those(view, 'StableGone').some((each) => each.at <= at);
    const isAlone =
      plan.recall === false ||
      !reversible ||
      adopted !== undefined ||
      rollsBack !== undefined ||
      isGone ||
      targets.some(({ stable, canary }) => stable === canary);
    if (!isAlone)
      return [{ at, what: `was reverted by doubt although it could be recalled: ${event.reason}` }];
    const bad = badMinutes(view, run, verdict.to);
    return bad < OUTAGE_MINUTES
      ? [{ at, what: `was reverted by doubt after ${bad} bad minutes in a row: ${event.reason}` }]
      : [];
  }),
);

/** True if users met both versions of a target in one minute. */
function metBoth(view: View, run: Run, name: string): boolean {
  const target = view.opening.targets.find((each) => each.name === name);
  if (target === undefined) return false;
  const of = (version: string) => run.windows[`${target.key}:${version}`] ?? new Map<Instant, MetWindow>();
  const beside = of(target.stable);
  const isMet = (met: MetWindow | undefined) => met !== undefined && met.requests + met.late + met.lost > 0;
  return [...of(target.canary)].some(([start, met]) => isMet(met) && isMet(beside.get(start)));
}

/** True if the canary lost most of its requests in minutes in which users met stable beside it. */
function lostBeside(view: View, run: Run, name: string): boolean {
  const target = view.opening.targets.find((each) => each.name === name);
  if (target === undefined) return false;
  const of = (version: string) => run.windows[`${target.key}:${version}`] ?? new Map<Instant, MetWindow>();
  const stable = of(target.stable);
  const beside = [...of(target.canary)].filter(([start]) => (stable.get(start)?.requests ?? 0) > 0);
  const total = (part: (met: MetWindow) => number) => beside.reduce((all, [, met]) => all + part(met), 0);
  return total(({ lost }) => lost) > total(({ requests }) => requests);
}

/** Share of failed requests below which no minute is in doubt. */
const NEVER_IN_DOUBT = 0.005;

type Share = (met: MetWindow) => number;

/** How many minutes in a row before `to` some target failed more than it did before the first raise, and more than is never in doubt. */
function badMinutes(view: View, run: Run, to: Instant): number {
  const raisedAt = view.raises[0]?.at ?? to;
  const ratio = (all: MetWindow[], [bad, of]: readonly [Share, Share]) => {
    const total = (each: Share) => all.reduce((sum, met) => sum + each(met), 0);
    return total(of) === 0 ? 0 : total(bad) / total(of);
  };
  // What was counted late may have been anything in a minute that is judged; what was usual is known of the others as well.
  const most = [
    (met: MetWindow) => met.failed + met.weather + met.late + met.lost,
    (met: MetWindow) => met.requests + met.late + met.lost,
  ] as const;
  const usual = [
    (met: MetWindow) => met.failed + met.weather + met.lost,
    (met: MetWindow) => met.requests + met.lost,
  ] as const;
  // Weather may fail in another way than the canary does, and is not what is in doubt then.
  const own = [(met: MetWindow) => met.failed, (met: MetWindow) => met.requests] as const;
  // That most were turned away before does not make failures of the others usual.
  const answered = [(met: MetWindow) => met.failed + met.weather, (met: MetWindow) => met.requests] as const;
  const isBad = (start: Instant) =>
    view.opening.targets.some(({ key, stable, canary }) => {
      const of = (version: string) => [...(run.windows[`${key}:${version}`] ?? [])];
      const windows = [stable, canary].flatMap(of);
      // What the canary itself did in an earlier attempt is not usual.
      const tried = new Set(of(canary).map(([at]) => at));
      const before = of(stable)
        .filter(([at]) => at + WINDOW_MS <= raisedAt && !tried.has(at))
        .map(([, met]) => met);
      const present = windows.filter(([at]) => at === start).map(([, met]) => met);
      const isBeyond = (now: readonly [Share, Share], then: readonly [Share, Share]) =>
        ratio(present, now) > Math.max(NEVER_IN_DOUBT, ratio(before, then));
      return isBeyond(most, usual) || isBeyond(own, own) || isBeyond(answered, answered);
    });
  let minutes = 0;
  while (isBad(to - (minutes + 1) * WINDOW_MS)) minutes += 1;
  return minutes;
}

/** What is still to be judged at a weight, in seconds, of a stretch of so many: a recall from it leaves what was not judged before, and three minutes at least. */
export function stillDue(
  view: View,
  { weight, seconds, index }: { weight: number; seconds: number; index: number },
): number {
  const begun = those(view, 'ShiftIntended').find(({ event }) => event.weight === weight)?.index ?? 0;
  const recalls = those(view, 'RecallOrdered').filter((each) => each.index > begun && each.index < index);
  return recalls.reduce((due, recall) => {
    const verdict = those(view, 'Measured').findLast((each) => each.index <= recall.index)?.event.verdict;
    const since = ownWritesTo(view, weight, recall.index).at(-1)?.at;
    const isJudged = verdict !== undefined && since !== undefined && isStanding(view, recall.index);
    // Its first minute is not whole.
    const judged = isJudged ? Math.max(0, verdict.to - Math.max(verdict.from, since)) / 1000 + 60 : 0;
    return Math.max(180, due - judged);
  }, seconds);
}
