import { UNLIKE } from '../analysis/evidence.ts';
import { atNewStep, withProbes } from '../analysis/probe-counts.ts';
import { countedIn } from '../analysis/short-reading.ts';
import type { Course, Recalled, Stretch } from '../analysis/trial.ts';
import type { Finding, Verdict } from '../analysis/types.ts';
import { rulesFor } from '../analysis/weights.ts';
import type { Target } from '../target.ts';
import { type Instant, type Percent, type Seconds, WINDOW_MS } from '../units.ts';
import { type Actor, isPlans, nameOf } from './actor.ts';
import { askingsAtNewStep, withReason } from './bounded.ts';
import { hasCanaryTraffic, silentAfter } from './due.ts';
import type {
  Cause,
  HookStatus,
  LeavingOutcome,
  Opening,
  Outcome,
  PauseReason,
  RevertedTarget,
  RolloutEvent,
} from './event.ts';
import { carried, type FencingToken } from './fencing-token.ts';
import { approved, type GateState, isLapse, lapsed } from './gate.ts';

/** Recalls that a rollout makes: the third one waits for a person. */
export const RECALLS_MAX = 3;

/** How long a hook that could not be asked is left alone before the next try: time for a deployment or a throttle of its own to pass. Assumed. */
const HOOK_RETRY_SECONDS: Seconds = 10;

/** Where one target's traffic stands, as far as it was confirmed. Weight 100 is promoted. */
interface Traffic {
  weight: Percent;
  token: FencingToken;
}

/** A raise that was announced and not confirmed yet. */
interface Intent {
  target: string;
  weight: Percent;
  token: FencingToken;
}

/** A recall of the canary to a weight at which stable beside it is a control. */
export interface Recall extends Recalled {
  /** 1 for the first one of a rollout; 0 for a wait for counts. */
  nth: number;
  reason: string;
  orderedAt: Instant;
  /** How long the canary is to be judged again at the weight that it comes back to. */
  remaining: Seconds;
}

/** How one asking of a hook stands. */
export interface HookState {
  status: HookStatus | 'started';
  /** When an answer must have come; of a broken one, when the next try may be made. */
  until: Instant;
  brokenInRow: number;
}

/** The fold of a rollout's events: what the journal keeps as HEAD and every decision starts from. What judging reads of it stands in `Course`. */
export interface Rollout extends Course {
  /** Raised when the shape changes, so that the next version of the controller knows what it reads. */
  schema: 1;
  /** Number of events folded in. */
  version: number;
  /** Which execution may act; a takeover or continuation raises it. */
  epoch: number;
  opening: Opening;
  lastEventAt: Instant;
  /** Since when its execution is silent: what others write only wakes it. Absent in rollouts of earlier versions. */
  silentSince?: Instant | undefined;
  /** Hooks that were asked, by occurrence. */
  hooks: Record<string, HookState>;
  /** Gates that were opened, by weight. */
  gates: Record<string, GateState>;
  /** The epoch in which a target was published last: the execution of that epoch was started without the version. */
  publishedIn?: number | undefined;
  traffic: Record<string, Traffic>;
  intents: Intent[];
  /** Until when its next move of traffic is deferred; gone once it is made. */
  deferred?: Instant | undefined;
  /** Why a move was deferred last; kept until traffic moves, to explain why it never did. */
  deferredFor?: string | undefined;
  /** The last number given to a token. */
  seq: number;
  /** By target, the least share of the canary's requests whose loss would have shown at the steps that were left; null if none would. */
  lossSeen?: Record<string, number | null> | undefined;
  /** True once a person has ordered to go on in spite of the last recall: no doubt is asked about after it. */
  overruled?: true | undefined;
  /** How often the canary has waited for counts of its own at a low weight. */
  waits?: number | undefined;
  /** The recall under way: doubt has returned the canary to a lower weight, at which stable beside it decides. */
  recall?: Recall | undefined;
  /** Why the canary was in doubt while nothing could be recalled to find out why. */
  unanswered?: string | undefined;
  /** The end of the newest verdict with such a doubt. */
  doubtedUntil?: Instant | undefined;
  /** How long the canary is still to be judged at its present weight after a recall. */
  remaining?: Seconds | undefined;
  measuredAt?: Instant | undefined;
  /** Ticks of this epoch. */
  ticks: number;
  /** Why the canary looked worse in this step, in the words of the verdict; gone once it has recovered. */
  suspicion?: string | undefined;
  /** What looked worse in this step, and the end of the newest stretch on which it did; as long as there is a suspicion. */
  doubted?: { to: Instant; by: Pick<Finding, 'target' | 'metric'>[] } | undefined;
  /** Evidence against the canary as it was left at promotion, if there was any: what compared it with stable moves no more. */
  evidenceLeft?: Pick<Finding, 'target' | 'metric' | 'evidence'>[] | undefined;
  /** True once a step was left on a pass that rested on probes. */
  byProbes?: boolean | undefined;
  brokenInRow: number;
  pause?: { since: Instant; until: Instant; by: Actor; reason: string; why: PauseReason } | undefined;
  resumedAt?: Instant | undefined;
  /** A command to go on, past this step or to 100 %: a person's, or the plan's own `onInconclusive: promote`. */
  promotion?: { step: number; full: boolean; isPlans?: true } | undefined;
  /** Why it cannot be said that the release was proven. */
  unproven: string[];
  takeovers: number;
  /** Targets whose stable version could not be pinned. */
  unpinned?: string[] | undefined;
  /** Targets whose stable version was found to be deleted while the canary serves alone. */
  gone?: string[] | undefined;
  leaving?:
    | { at: Instant; cause: Cause; reason: string; outcome: LeavingOutcome; signedBy?: string | undefined }
    | undefined;
  left?: RevertedTarget[] | undefined;
  exposure?: { requests: number; failed: number; seconds: number } | undefined;
  outcome?: Outcome | undefined;
  reason?: string | undefined;
}

/** Folds one event; `undefined` stands for a rollout that does not exist yet. @throws Error if a history starts or restarts wrongly */
export function evolve(state: Rollout | undefined, event: RolloutEvent): Rollout {
  if (state === undefined) {
    if (event.type === 'RolloutOpened') return opened(event);
    if (event.type === 'RolloutDeclined') return declined(event);
    throw new Error(`A history cannot start with ${event.type}.`);
  }
  return {
    ...change(state, event),
    version: state.version + 1,
    lastEventAt: Math.max(state.lastEventAt, event.at),
    silentSince: silentAfter(state, event),
  };
}

/** The fold of a whole history. */
export function fold(events: RolloutEvent[]): Rollout | undefined {
  return events.reduce<Rollout | undefined>(evolve, undefined);
}

/** The open token of a rollout's present epoch with this number. */
export function tokenOf(rollout: Rollout, seq: number): FencingToken {
  return { rolloutId: rollout.opening.rolloutId, epoch: rollout.epoch, seq, open: true };
}

/** True for a rollout that raises nothing, because something else had put its versions on all of their targets before. */
export function isAdoption({ adopted }: Opening): boolean {
  return adopted !== undefined && adopted.beside === undefined;
}

/** How a rollout ends whose canary has to leave: one that never met a request was refused, one that did is reverted; without any version to revert to, people must act. */
export function outOf(state: Rollout): LeavingOutcome {
  if (!hasCanaryTraffic(state)) return 'refused';
  return state.opening.targets.some(isStuck) ? 'halted' : 'reverted';
}

/** True for a target that was adopted and of which no earlier good version is known. */
export function isStuck({ stable, canary }: Target): boolean {
  return stable === canary;
}

/** True once the stable version of every target was found to be deleted: one that is deleted never comes back. */
export function isWayBackGone({ gone = [], opening }: Rollout): boolean {
  return opening.targets.every(({ name }) => gone.includes(name));
}

/** True while all targets stand at the weight of the present step, or serve the canary alone. */
export function isStanding({ step, opening, stepSince, promotedAt, recall }: Rollout): boolean {
  if (recall !== undefined) return recall.since !== undefined;
  return step < opening.plan.steps.length ? stepSince !== undefined : promotedAt !== undefined;
}

/** True from the holdout on: what is asked is no longer whether the release may go on but whether it may stay. */
export function isVerifying({ step, opening: { plan } }: Rollout): boolean {
  return step >= plan.steps.length || plan.steps[step]?.isHoldout === true;
}

/** The weight at which every target is to stand now: that of a recall, or of the present step. */
export function weightNow({ recall, step, opening: { plan } }: Rollout): Percent {
  return recall?.weight ?? plan.steps[step]?.weight ?? 100;
}

/** True once the rollout has an outcome. */
export function isEnded(rollout: Rollout): boolean {
  return rollout.outcome !== undefined;
}

function opened(event: Extract<RolloutEvent, { type: 'RolloutOpened' }>): Rollout {
  const { type: _, at, ...opening } = event;
  const epoch = 1;
  const token = { rolloutId: opening.rolloutId, epoch, seq: 0, open: true };
  const isServing = isAdoption(opening);
  const traffic = { weight: isServing ? 100 : 0, token };
  return {
    schema: 1,
    version: 1,
    epoch,
    opening,
    openedAt: at,
    lastEventAt: at,
    silentSince: at,
    hooks: {},
    gates: {},
    step: isServing ? opening.plan.steps.length : -1,
    traffic: Object.fromEntries(opening.targets.map((target) => [target.name, traffic])),
    ...(isServing ? { raisedAt: at, promotedAt: at, verifySince: at, alone: [{ from: at }] } : {}),
    intents: [],
    seq: 0,
    moves: [],
    heights: [],
    ticks: 0,
    brokenInRow: 0,
    redAlarms: opening.alarms.filter((alarm) => alarm.red).map((alarm) => alarm.name),
    unproven: [
      ...(opening.adopted === undefined ? [] : [opening.adopted.reason]),
      ...(opening.plan.steps.length === 0 && !isServing ? ['it went from 0 to 100 % in one step'] : []),
      ...(isServing ? [] : uncounted(opening)),
    ],
    takeovers: 0,
  };
}

/**
 * A handler that catches its error and answers 500, or hands its messages back, did well as far as Lambda knows, so a rollout in
 * which nobody counts that proves nothing of it. A limit on batch failures that are not counted is broken and never passes.
 */
function uncounted({ targets, watch, limits }: Opening): string[] {
  return targets.flatMap((target) => {
    const { name, traits } = target;
    const rules = rulesFor(target, watch);
    const answers = rules.filter(({ metric }) => metric === 'http5xx');
    if (traits.counts.includes('answers') && answers.every(({ blind }) => blind?.includes(name)))
      return [uncountedOn(name)];
    const isCounted =
      limits.some(({ limit }) => limit === 'batchFailures') ||
      rules.some(({ metric }) => metric.startsWith('custom.'));
    return traits.counts.includes('batches') && !isCounted
      ? [`nothing counted what ${name} hands back as failed (limits.batchFailures)`]
      : [];
  });
}

const uncountedOn = (target: string) =>
  `nothing counted the answers of ${target} with a status of 500 or more (http5xx)`;

/** The doubts that remain once a verdict has compared answers that nobody counted at the opening. */
function withoutCounted(unproven: string[], { findings }: Verdict): string[] {
  const counted = findings
    .filter(({ metric, canary, stable }) => metric === 'http5xx' && canary.total > 0 && stable.total > 0)
    .map(({ target }) => uncountedOn(target));
  return unproven.filter((reason) => !counted.includes(reason));
}

type Declined = Extract<RolloutEvent, { type: 'RolloutDeclined' }>;

function declined({ type: _, at, outcome, reason, ...identity }: Declined): Rollout {
  const opening = emptyOpening(identity, at);
  return { ...opened({ type: 'RolloutOpened', at, ...opening }), unproven: [], outcome, reason };
}

/** The opening of a rollout that has nothing to do: no targets, no plan, and nothing to watch. */
export function emptyOpening(
  identity: Omit<Declined, 'type' | 'at' | 'outcome' | 'reason'>,
  at: Instant,
): Opening {
  return {
    ...identity,
    order: 0,
    targets: [],
    plan: { steps: [], verifySeconds: 0, onInconclusive: 'pause' },
    hooks: [],
    gates: [],
    watch: [],
    limits: [],
    reversible: true,
    alarms: [],
    settleSeconds: 0,
    deadline: at,
    notices: [],
  };
}

function change(state: Rollout, event: RolloutEvent): Rollout {
  switch (event.type) {
    case 'RolloutOpened':
    case 'RolloutDeclined':
      throw new Error(`Rollout ${state.opening.rolloutId} was opened twice.`);
    case 'Published':
      return published(state, event);
    case 'HookStarted':
      return withHook(state, event.hook, { status: 'started', until: event.until });
    case 'HookAnswered':
      return withDoubt(withHook(state, event.hook, answered(event)), event);
    case 'GateOpened':
      return { ...state, gates: { ...state.gates, [event.gate]: { until: event.until, approvedBy: [] } } };
    case 'Approved': {
      const gate = state.gates[event.gate];
      return gate === undefined
        ? state
        : { ...state, gates: { ...state.gates, [event.gate]: approved(gate, event.by) } };
    }
    case 'Rejected':
      return { ...state, gates: lapsed(state.gates) };
    case 'ShiftIntended':
      return intended(state, event);
    case 'Shifted':
      return moved(state, event.target, { weight: event.weight, token: event.token }, event.at);
    case 'Promoted':
      return moved(state, event.target, { weight: 100, token: event.token }, event.at);
    case 'Deferred':
      return { ...state, deferred: event.until, deferredFor: event.reason };
    case 'Measured':
      return {
        ...state,
        measuredAt: event.at,
        folded: event.folded ?? state.folded,
        ticks: state.ticks + 1,
        lateness: latenessAfter(state, event.verdict),
        verdict: event.verdict,
        ...suspicionAfter(state, event.verdict),
        ...unansweredAfter(state, event.verdict),
        ...(event.verdict.explained === undefined
          ? {}
          : { explained: [...new Set([...(state.explained ?? []), ...event.verdict.explained])] }),
        unproven: withoutCounted(state.unproven, event.verdict),
        probes: withProbes(state.probes, event.probes, isStanding(state)),
        brokenInRow: event.verdict.status === 'broken' ? state.brokenInRow + 1 : 0,
        ...(event.alarms.length === 0
          ? {}
          : { alarms: event.alarms.filter((alarm) => alarm.state !== 'ok') }),
        redAlarms: state.redAlarms.filter(
          (name) =>
            !['ok', 'insufficient'].includes(
              event.alarms.find((alarm) => alarm.name === name)?.state ?? 'unknown',
            ),
        ),
      };
    case 'RecallOrdered':
      return recalled(state, event);
    case 'RecallEnded':
      return {
        ...returning(state, event.at),
        ...(state.recall?.waitsFor === undefined ? { suspicion: undefined, doubted: undefined } : {}),
      };
    case 'DriftDetected':
      return {
        ...state,
        leaving: { at: event.at, cause: 'drift', outcome: 'halted', reason: event.found },
      };
    case 'Lowered':
      return lowered(state, event);
    case 'RevertOrdered':
      return leave(state, event);
    case 'Aborted': {
      const reason = `${nameOf(event.by)} aborted: ${event.reason}`;
      const { leaving } = state;
      return leaving !== undefined && isAbortRead(state, event.by)
        ? { ...state, leaving: { ...leaving, reason, signedBy: undefined } }
        : leave(state, { at: event.at, cause: 'human', reason, outcome: outOf(state) });
    }
    case 'PinRefused':
      return { ...state, unpinned: [...(state.unpinned ?? []), event.target] };
    case 'StableGone':
      return { ...state, gone: [...(state.gone ?? []), event.target] };
    case 'Paused': {
      const { at, until, by, reason, why } = event;
      return {
        ...state,
        pause: { since: at, until, by, reason, why },
        gates: isLapse(why) ? lapsed(state.gates) : state.gates,
      };
    }
    case 'Resumed':
      return {
        ...state,
        pause: undefined,
        resumedAt: event.at,
        brokenInRow: 0,
        hooks: unsettled(state.hooks),
      };
    case 'PromotionOrdered':
      return {
        ...(state.recall === undefined ? state : returning(state, event.at)),
        pause: undefined,
        brokenInRow: 0,
        promotion: {
          step: isTooEarly(state, event.full) ? state.step - 1 : state.step,
          full: event.full,
          ...(isPlans(event.by) ? { isPlans: true as const } : {}),
        },
        gates: event.full ? lapsed(state.gates) : state.gates,
        unproven: withReason(
          state.unproven,
          `${nameOf(event.by)} promoted it before its evidence was complete`,
        ),
        ...((state.recalls?.length ?? 0) >= RECALLS_MAX ? { overruled: true as const } : {}),
      };
    case 'TookOver':
      return { ...state, epoch: event.epoch, ticks: 0, takeovers: state.takeovers + 1 };
    case 'Continued':
      return { ...state, epoch: event.epoch, ticks: 0 };
    case 'Reverted':
      return {
        ...state,
        left: event.targets,
        exposure: event.exposure,
        intents: [],
        leaving: state.leaving ?? {
          at: event.at,
          cause: event.cause,
          reason: event.reason,
          outcome: outOf(state),
        },
      };
    case 'RolloutClosed':
      return { ...state, outcome: event.outcome, reason: event.reason };
    // An alarm changes nothing by itself; what a newer version wrote says nothing to this one, and takes nothing away.
    default:
      return state;
  }
}

function published(
  state: Rollout,
  { target, version, made }: Extract<RolloutEvent, { type: 'Published' }>,
): Rollout {
  const targets = state.opening.targets.map((each) =>
    each.name === target
      ? { ...each, canary: version, publish: undefined, replaced: each.publish?.from !== 'await' }
      : each,
  );
  const before = state.opening.made;
  const after = { ...before, [target]: { ...(made ?? before?.[target]), version } };
  return { ...state, opening: { ...state.opening, targets, made: after }, publishedIn: state.epoch };
}

type HookChange = Pick<HookState, 'status'> & Partial<Pick<HookState, 'until'>>;

function answered({ at, status }: Extract<RolloutEvent, { type: 'HookAnswered' }>): HookChange {
  return status === 'broken' ? { status, until: at + HOOK_RETRY_SECONDS * 1000 } : { status };
}

function withHook(state: Rollout, id: string, { status, until }: HookChange): Rollout {
  const before = state.hooks[id] ?? { until: 0, brokenInRow: 0 };
  const brokenInRow =
    status === 'broken' ? before.brokenInRow + 1 : status === 'started' ? before.brokenInRow : 0;
  return { ...state, hooks: { ...state.hooks, [id]: { status, until: until ?? before.until, brokenInRow } } };
}

/** A hook that could not say leaves a doubt, whatever the plan makes of it. */
function withDoubt(
  state: Rollout,
  { hook, status, reason }: Extract<RolloutEvent, { type: 'HookAnswered' }>,
): Rollout {
  return status === 'inconclusive'
    ? { ...state, unproven: withReason(state.unproven, `hook ${hook} could not say: ${reason}`) }
    : state;
}

/** Who resumes a rollout wants the hooks that said nothing to be asked again. */
function unsettled(hooks: Rollout['hooks']): Rollout['hooks'] {
  return Object.fromEntries(
    Object.entries(hooks).filter(([, { status }]) => status === 'pass' || status === 'started'),
  );
}

/** Most minutes of lateness that are believed: who is silent for longer is silent. */
const LATENESS_MAX = 10;

/** A minute that an earlier tick missed although it had settled, and that is counted by now, was late by as much. */
function latenessAfter({ lateness, verdict: before }: Rollout, { findings }: Verdict): Rollout['lateness'] {
  if (before === undefined) return lateness;
  const late = findings.flatMap(({ metric, target, newest }) => {
    const was = before.findings.find((each) => each.metric === metric && each.target === target)?.newest;
    if (newest === undefined || was === undefined || newest <= was || newest + WINDOW_MS > before.to)
      return [];
    const minutes = Math.round((before.to - newest) / WINDOW_MS);
    return [[target, Math.min(LATENESS_MAX, Math.max(minutes, lateness?.[target] ?? 0))] as const];
  });
  return late.length === 0 ? lateness : { ...lateness, ...Object.fromEntries(late) };
}

/** A doubt stands without an answer unless a recall follows from it. */
function unansweredAfter(
  state: Rollout,
  { doubt, to }: Verdict,
): Pick<Rollout, 'unanswered' | 'doubtedUntil'> {
  return doubt === undefined || doubt.isOutage || state.recall !== undefined
    ? {}
    : { unanswered: state.unanswered ?? doubt.reason, ...(doubt.isSilence ? {} : { doubtedUntil: to }) };
}

/** A suspicion stands until the canary has recovered from it. */
function suspicionAfter(state: Rollout, verdict: Verdict): Pick<Rollout, 'suspicion' | 'doubted'> {
  if (verdict.status === 'suspect') {
    const worse = verdict.findings.filter(({ status }) => status === 'suspect');
    const before = state.doubted?.by ?? [];
    const isNew = ({ target, metric }: Finding) =>
      !before.some((each) => each.target === target && each.metric === metric);
    const by = [...before, ...worse.filter(isNew).map(({ target, metric }) => ({ target, metric }))];
    return { suspicion: verdict.reason, doubted: { to: verdict.to, by } };
  }
  return hasRecovered(state, verdict) ? { suspicion: undefined, doubted: undefined } : {};
}

/** Rounding of a sum of logarithms; nothing against a canary is less than this. */
const NOTHING = 1e-9;

/**
 * Whether a verdict shows that a canary that looked worse is not worse. It takes more than the pass of any other canary: nothing
 * has looked worse for as long as the step bakes, and what did must have no evidence left. A canary that is worse goes back from
 * 20 to 1 in one of 20 cases at most if it is as bad as is bet on (Ville 1939, for the inverse of a likelihood ratio); one that is not goes there by itself.
 * While a raise stands half done no pass can be had, so that the evidence alone decides.
 */
function hasRecovered(rollout: Rollout, verdict: Verdict): boolean {
  if (!hasNoEvidence(rollout, verdict) || isLessCounted(rollout, verdict)) return false;
  if (!isStanding(rollout)) return verdict.status === 'pass' || verdict.status === 'inconclusive';
  return verdict.status === 'pass' && verdict.to >= recoveredAt(rollout);
}

/** True if a verdict on the same step counts fewer requests of a canary that looked worse than the one before: what spoke against it may be missing. */
function isLessCounted({ doubted, verdict: before }: Rollout, { from, findings }: Verdict): boolean {
  if (before?.from !== from) return false;
  return (doubted?.by ?? []).some(({ target, metric }) => {
    const [was, is] = [before.findings, findings].map(
      (each) => each.find((it) => it.target === target && it.metric === metric)?.canary.total,
    );
    return was !== undefined && is !== undefined && is < was;
  });
}

/** The end of the stretch on which nothing may look worse before a canary that did goes on by itself. */
export function recoveredAt({ doubted, opening: { plan }, step }: Rollout): Instant {
  const seconds = plan.steps[step]?.bakeSeconds ?? plan.verifySeconds;
  const bake = Math.max(1, Math.floor((seconds * 1000) / WINDOW_MS)) * WINDOW_MS;
  return (doubted?.to ?? 0) + bake;
}

function hasNoEvidence({ doubted, evidenceLeft = [] }: Rollout, verdict: Verdict): boolean {
  return (doubted?.by ?? []).every(({ target, metric }) => {
    const isIt = (each: { target: string; metric: string }) =>
      each.target === target && each.metric === metric;
    const found = verdict.findings.find(isIt);
    // A verdict that is too long for the journal leaves findings out, and never its evidence as a whole.
    const { evidence, doubt = 0 } = found ?? { evidence: verdict.evidence ?? 0 };
    const left = Math.max(0, evidenceLeft.find(isIt)?.evidence ?? 0);
    return evidence <= left + NOTHING && doubt <= NOTHING;
  });
}

/** True if this person's abort was found on a target before the abort itself was recorded. */
export const isAbortRead = ({ leaving }: Rollout, by: Actor): boolean =>
  leaving?.signedBy !== undefined && leaving.signedBy === carried(nameOf(by));

/** The first reason to leave stands, except that `halted` is never weakened. */
function leave(
  state: Rollout,
  { at, cause, reason, outcome, signedBy }: NonNullable<Rollout['leaving']>,
): Rollout {
  const leaving = { ...{ at, cause, reason, outcome }, ...(signedBy === undefined ? {} : { signedBy }) };
  return state.leaving === undefined ? { ...state, leaving } : state;
}

function intended(state: Rollout, event: Extract<RolloutEvent, { type: 'ShiftIntended' }>): Rollout {
  const step = event.weight === 100 ? state.opening.plan.steps.length : stepAt(state, event.weight);
  const isNewStep = step > state.step;
  return {
    ...state,
    raisedAt: state.raisedAt ?? event.at,
    seq: event.token.seq,
    deferred: undefined,
    intents: [...state.intents, { target: event.target, weight: event.weight, token: event.token }],
    step: Math.max(step, state.step),
    ...(event.weight === 100 ? { alone: withBegun(state.alone, event.at) } : {}),
    ...(isNewStep
      ? {
          stood: stoodBefore(state, event.at),
          lossSeen: lossSeenBefore(state),
          stepSince: undefined,
          ...unjudged(state),
          suspicion: undefined,
          doubted: undefined,
          ...(event.weight === 100 ? { evidenceLeft: leftBehind(state) } : {}),
          unproven: event.weight === 100 ? withUnlike(state) : withSuspicion(state),
          hooks: askingsAtNewStep(state.hooks),
          gates: gatesAbove(state.gates, event.weight),
          remaining: undefined,
          // The holdout and what is left of verify after it are one stretch.
          probes: isVerifying(state) ? state.probes : atNewStep(state.probes),
          byProbes: state.byProbes === true || state.verdict?.byProbes,
          promotion: state.promotion?.full ? state.promotion : undefined,
        }
      : {}),
  };
}

/** Where other minutes are judged from now on, the verdict says nothing any more; what was counted stays. */
const unjudged = ({ verdict }: Rollout): Pick<Rollout, 'verdict' | 'counted'> => ({
  verdict: undefined,
  ...(verdict === undefined ? {} : { counted: countedIn(verdict) }),
});

function stoodBefore({ stood, step, stepSince, recall, opening }: Rollout, until: Instant): Rollout['stood'] {
  const [weight, from] = recall
    ? [recall.weight, recall.since]
    : [opening.plan.steps[step]?.weight, stepSince];
  if (weight === undefined || from === undefined) return stood;
  return [...(stood ?? []), { weight, from, until }];
}

function lossSeenBefore({ lossSeen, verdict }: Rollout): Rollout['lossSeen'] {
  const seen = (verdict?.findings ?? []).flatMap(({ target, lossSeen }) =>
    lossSeen === undefined ? [] : [[target, lossSeen] as const],
  );
  return seen.length === 0 ? lossSeen : { ...lossSeen, ...Object.fromEntries(seen) };
}

function leftBehind({ verdict }: Rollout): Rollout['evidenceLeft'] {
  const against = (verdict?.findings ?? []).filter(({ evidence }) => evidence > 0);
  return against.map(({ target, metric, evidence }) => ({ target, metric, evidence }));
}

/** The doubts of a rollout, with the suspicion that a person's command went past. */
export function withSuspicion({ unproven, suspicion, traffic }: Rollout): string[] {
  if (suspicion === undefined) return unproven;
  const weight = Math.max(...Object.values(traffic).map((each) => each.weight));
  return withReason(unproven, `at ${weight} % it looked worse: ${suspicion}`);
}

/** The same, and what a plan without verify has seen last: a canary that failed more than stable is not called proven by its steps, though that may be chance. */
function withUnlike(state: Rollout): string[] {
  const { opening, verdict, suspicion } = state;
  const isLastWord = opening.plan.verifySeconds === 0 && suspicion === undefined;
  const unlike = (isLastWord ? (verdict?.findings ?? []) : []).filter(
    ({ metric, evidence, doubt = 0 }) => metric !== 'traffic' && Math.max(evidence, doubt) >= UNLIKE,
  );
  return unlike.reduce(
    (said, { reason }) => withReason(said, `at its last step it failed more often than stable: ${reason}`),
    withSuspicion(state),
  );
}

/** Gates that are still to be passed; nobody asks again for those below. */
function gatesAbove(gates: Rollout['gates'], weight: Percent): Rollout['gates'] {
  return Object.fromEntries(Object.entries(gates).filter(([before]) => Number(before) > weight));
}

function stepAt(state: Rollout, weight: Percent): number {
  return state.opening.plan.steps.findIndex((step) => step.weight === weight);
}

function moved(state: Rollout, name: string, traffic: Traffic, at: Instant): Rollout {
  const known = state.traffic[name];
  // A confirmation may arrive twice or after a later one: the tokens say which is newer.
  if (state.left !== undefined || known === undefined || known.token.seq >= traffic.token.seq) return state;
  const next = { ...state.traffic, [name]: traffic };
  const weights = state.opening.targets.map((target) => next[target.name]?.weight ?? 0);
  // What stood before this move stood in a part of its minute.
  const stood = Object.values(state.traffic).map(({ weight }) => weight);
  const after = {
    ...state,
    traffic: next,
    intents: state.intents.filter((intent) => intent.target !== name),
    ...withMove(state, { at, weight: Math.max(traffic.weight, ...stood) }),
    deferredFor: undefined,
    ...(weights.includes(100) ? {} : { alone: withEnded(state.alone, at) }),
  };
  if (weights.every((weight) => weight === weightNow(state))) return arrived(after, at);
  // A move that was sent before a recall ended or was ordered takes the canary off the weight at which it stood.
  return { ...after, stepSince: undefined, promotedAt: undefined };
}

/** Nobody knows when somebody else moved traffic, so no minute since the last move has a control. */
function lowered(
  state: Rollout,
  { at, target, weight, token }: Extract<RolloutEvent, { type: 'Lowered' }>,
): Rollout {
  const known = state.traffic[target];
  if (known === undefined) return state;
  const alone = withEnded(state.alone, at) ?? [];
  return {
    ...state,
    traffic: { ...state.traffic, [target]: { weight, token: token ?? known.token } },
    intents: state.intents.filter((intent) => intent.target !== target),
    ...withMove(state, { at, weight: 100 }),
    alone: [...alone, { from: Math.max(state.moves.at(-1) ?? at, alone.at(-1)?.to ?? 0), to: at }],
    stepSince: undefined,
    promotedAt: undefined,
  };
}

/** Every target stands at the weight that it is to have now. */
function arrived(state: Rollout, at: Instant): Rollout {
  if (state.recall !== undefined)
    return {
      ...state,
      recall: { ...state.recall, since: at },
      ...(state.recall.waitsFor === undefined ? { recalls: [...(state.recalls ?? []), { from: at }] } : {}),
    };
  return {
    ...state,
    ...(weightNow(state) < 100 ? { stepSince: at } : { promotedAt: at }),
    ...(isVerifying(state) && state.verifySince === undefined ? { verifySince: at } : {}),
  };
}

function recalled(
  state: Rollout,
  { at, nth, weight, reason, remaining, waitsFor }: Extract<RolloutEvent, { type: 'RecallOrdered' }>,
): Rollout {
  const by = waitsFor === undefined ? state.verdict?.doubt?.by : undefined;
  const next = {
    ...state,
    stood: stoodBefore(state, at),
    recall: {
      nth,
      weight,
      reason,
      orderedAt: at,
      remaining,
      ...(waitsFor === undefined ? {} : { waitsFor }),
      ...(by === undefined ? {} : { by }),
    },
    ...(waitsFor === undefined ? { gates: lapsed(state.gates) } : { waits: (state.waits ?? 0) + 1 }),
    stepSince: undefined,
    promotedAt: undefined,
    ...unjudged(state),
    unanswered: undefined,
    doubtedUntil: undefined,
    brokenInRow: 0,
    deferred: undefined,
  };
  const isThere = state.opening.targets.every(({ name }) => state.traffic[name]?.weight === weight);
  return isThere ? arrived(next, at) : next;
}

/**
 * True for a command that comes while traffic still moves to where verify begins: it was given before anybody could know what verify
 * says, unless the canary looked worse already, or verify had begun before.
 */
const isTooEarly = (state: Rollout, isFull: boolean): boolean =>
  isUnderWay(state) &&
  (isFull || isVerifying(state)) &&
  state.suspicion === undefined &&
  state.recalls === undefined;

/** True while a raise to the present step is announced and not made. */
const isUnderWay = ({ step, stepSince, promotedAt, recall }: Rollout): boolean =>
  step >= 0 && recall === undefined && stepSince === undefined && promotedAt === undefined;

/** Back to the weight before the recall, which begins as soon as traffic moves. */
function returning(state: Rollout, at: Instant): Rollout {
  const { recall, recalls, ...rest } = state;
  const next: Rollout = {
    ...rest,
    recalls: withEnded(recalls, at),
    stood: stoodBefore(state, at),
    remaining: recall?.remaining,
    ...unjudged(state),
    deferred: undefined,
  };
  const isThere = state.opening.targets.every(({ name }) => state.traffic[name]?.weight === weightNow(next));
  return isThere ? arrived(next, at) : next;
}

/** The stretches with one that begins now, unless one goes on. */
function withBegun(stretches: Stretch[] = [], from: Instant): Stretch[] {
  const last = stretches.at(-1);
  return last !== undefined && last.to === undefined ? stretches : [...stretches, { from }];
}

/** The stretches, the one that went on ended. */
function withEnded(stretches: Stretch[] | undefined, to: Instant): Stretch[] | undefined {
  return stretches?.map((stretch) => (stretch.to === undefined ? { ...stretch, to } : stretch));
}

/** Several moves within one metric window spoil the same window, so one of them is enough to remember. */
function withMove(
  { moves, heights = moves.map(() => 100) }: Rollout,
  { at, weight }: { at: Instant; weight: Percent },
): Pick<Rollout, 'moves' | 'heights'> {
  const last = moves.at(-1);
  // A move at the very start of a window does not spoil it; the next one in it does.
  const isKnown =
    last !== undefined &&
    last % WINDOW_MS !== 0 &&
    Math.floor(last / WINDOW_MS) === Math.floor(at / WINDOW_MS);
  return isKnown
    ? { moves, heights: [...heights.slice(0, -1), Math.max(weight, heights.at(-1) ?? 100)] }
    : { moves: [...moves, at], heights: [...heights, weight] };
}

/** True if publishing replaced the function's own code, or may have. */
export function isReplaced({ replaced, publish }: Target): boolean {
  return replaced === true || (publish !== undefined && publish.from !== 'await');
}

/** The canary's share of a target's traffic, as far as is known: what a revert left of it, or else what was written last. */
export function shareOf({ left, traffic }: Rollout, { name, canary }: Target): Percent {
  const found = left?.find((each) => each.name === name);
  if (found === undefined) return traffic[name]?.weight ?? 0;
  return found.primary === canary ? 100 : (found.foreign?.[canary] ?? 0);
}

/** The target of this name. @throws Error if the rollout has none */
export function targetNamed(rollout: Rollout, name: string): Target {
  const target = rollout.opening.targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`Rollout ${rollout.opening.rolloutId} has no target ${name}.`);
  return target;
}
