import { isDeepStrictEqual } from 'node:util';
import type { Finding, Verdict } from '../../core/analysis/types.ts';
import { isPlans, SPILLWAY } from '../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { FencingToken } from '../../core/rollout/fencing-token.ts';
import { isSameToken } from '../../core/rollout/fencing-token.ts';
import type { Target } from '../../core/target.ts';
import {
  approversOf,
  arriving,
  type Checker,
  type EventOf,
  type Fault,
  hasNoWayBack,
  isByAlarm,
  isGivenByOthers,
  isStanding,
  isStuck,
  LEAVING,
  perRollout,
  recallAt,
  shareOf,
  standingAt,
  those,
  type View,
  views,
} from './view.ts';

// What went wrong with other people's rollout controllers, as things that must not be found here.

/** Below 100 % the alias' own version is the one that served before, so that traffic lands there if the weights are lost. */
export const lostRoutingLandsOnStable = perRollout((view) =>
  view.opens
    .filter(
      ({ after, target, from, to }) =>
        from !== to && after !== undefined && after.primary !== (to === 100 ? target.canary : target.stable),
    )
    .map(({ at, target, to, after }) => ({
      at,
      what: `made version ${after?.primary} the alias' own version of ${target.name} at ${to} %`,
    })),
);

/** Every raise names the revision that was read before, so that it fails if anybody wrote in between. */
export const everyRaiseConditional = perRollout((view) =>
  view.opens
    .filter(({ isConditional, by }) => by.seq > 0 && !isConditional)
    .map(({ at, target, to }) => ({
      at,
      what: `raised ${target.name} to ${to} % whoever wrote before`,
    })),
);

/** What is recorded as raised was raised: target, weight and token. */
export const shiftedMeansStands = perRollout((view) => {
  const isWritten = (index: number, name: string, weight: number, token: FencingToken) =>
    view.opens.some(
      ({ index: written, target, to, by }) =>
        written < index && target.name === name && to === weight && isSameToken(by, token),
    );
  const shifted = those(view, 'Shifted').filter(
    ({ index, event }) => !isWritten(index, event.target, event.weight, event.token),
  );
  const promoted = those(view, 'Promoted').filter(
    ({ index, event }) => !isWritten(index, event.target, 100, event.token),
  );
  return [...shifted, ...promoted].map(({ at, event }) => ({
    at,
    what: `wrote ${event.type} for ${event.target}, where nothing was raised`,
  }));
});

/** A revert puts back the version that served when the rollout was opened, and only in place of its own canary. */
export const revertedToWhatServed = perRollout((view) =>
  view.writes
    .filter(({ by }) => by?.rolloutId === view.id && !by.open)
    .flatMap(({ at, before, after, target }) => {
      if (after === undefined || after.primary === before.primary) return [];
      const isOurs = before.primary === target.canary && after.primary === target.stable;
      return isOurs
        ? []
        : [{ at, what: `put version ${after.primary} in place of ${before.primary} on ${target.name}` }];
    }),
);

/**
 * An abort that is accepted has the canary out, or has it out in the time that a revert may take, or pages a person if the
 * version to go back to turns out to be deleted. If the journal knew that of every target, it is not accepted.
 */
export const abortActs = perRollout((view, run, { outMs }) =>
  run.commands.flatMap(({ does, rolloutId, acceptedAt }): Fault[] => {
    if (does !== 'abort' || rolloutId !== view.id || acceptedAt === undefined) return [];
    const index = run.timeline.findIndex(({ at }) => at > acceptedAt + outMs);
    const aborted = those(view, 'Aborted')[0]?.index ?? Number.POSITIVE_INFINITY;
    const gone = those(view, 'StableGone').filter((each) => each.index < aborted);
    const isHopeless = view.opening.targets.every(({ name }) =>
      gone.some(({ event }) => event.target === name),
    );
    return view.opening.targets
      .filter((target) => {
        const end = index === -1 ? run.timeline.length : index;
        const last = view.writes.findLast((write) => write.index < end && write.key === target.key);
        const isOurs = last?.by?.rolloutId === view.id;
        const isExcused = hasNoWayBack(target) || (!isHopeless && isStuck(view, run, target, end));
        return isOurs && !isExcused && shareOf(standingAt(view, target, end), target.canary) > 0;
      })
      .map(({ name }) => ({
        at: acceptedAt,
        what: `accepted an abort while ${name} still served the canary`,
      }));
  }),
);

/**
 * A command to go back never ends on the version that it was to leave: once there is one, nothing of the rollout gives that
 * version more traffic, and a rollback that was accepted has it out of every target in the time that a revert may take.
 */
export const goingBackArrives: Checker = (run, limits) => [
  ...neverForward(run, limits),
  ...run.commands.flatMap(({ does, rolloutId, acceptedAt, opened }): Fault[] => {
    if (does !== 'rollback' || acceptedAt === undefined) return [];
    const view = views(run).find(({ id }) => id === opened);
    if (view === undefined)
      return [{ at: acceptedAt, what: `${rolloutId}: accepted a rollback and opened none` }];
    const later = run.timeline.findIndex(({ at }) => at > acceptedAt + limits.outMs);
    const index = later === -1 ? run.timeline.length : later;
    const close = those(view, 'RolloutClosed')[0];
    // What happens after its end is another's.
    const until = Math.min(index, close?.index ?? index);
    return view.opening.targets
      .filter((target) => shareOf(standingAt(view, target, until), target.canary) > 0)
      .filter((target) => !isGivenByOthers(view, run, target, until) && !isStuck(view, run, target, until))
      .map(({ name, canary }) => ({
        at: acceptedAt,
        what: `${view.id}: accepted a rollback while version ${canary} of ${name} went on serving`,
      }));
  }),
];

const neverForward = perRollout((view) => {
  const ordered = those(view, ...LEAVING)[0];
  if (ordered === undefined) return [];
  const outcome = those(view, 'RolloutClosed')[0];
  const isBack = view.opening.rollsBack !== undefined;
  return [
    ...view.writes
      .filter(({ by, index, from, to }) => by?.rolloutId === view.id && index > ordered.index && to > from)
      .filter((write) => !isUnderWay(view, write, ordered.index))
      .map(({ at, target, to }) => ({
        at,
        what: `gave version ${target.canary} of ${target.name} ${to} % after the command to leave it`,
      })),
    ...(isBack && outcome !== undefined && !['completed', 'halted'].includes(outcome.event.outcome)
      ? [{ at: outcome.at, what: `is a rollback that ended ${outcome.event.outcome}` }]
      : []),
  ];
});

/** True for a write that was announced before the command and sent in time: it may arrive after it, and is undone. */
const isUnderWay = (view: View, { by, at }: View['writes'][number], ordered: number): boolean =>
  those(view, 'ShiftIntended').some(
    ({ index, event }) => index < ordered && isSameToken(event.token, by) && at <= event.expiresAt,
  );

/**
 * The version to revert to exists for as long as a rollout can revert, whatever deletes versions, unless somebody removed its pin by
 * hand or moved the alias off it, or the rollout has said that it cannot be pinned.
 */
export const stablePinned = perRollout((view, run) => {
  const closed = those(view, 'RolloutClosed')[0]?.index ?? Number.POSITIVE_INFINITY;
  // A rollback leads to its version in one write, and completes or reports that it is gone.
  if (view.opening.rollsBack !== undefined) return [];
  return view.opening.targets.flatMap((target): Fault[] => {
    // Before its first write a rollout has not got the target.
    const began = view.writes.find(({ by }) => by?.rolloutId === view.id)?.index ?? closed;
    const isWithin = ({ index }: { index: number }) => index > began && index <= closed;
    const lost = run.deleted.find(
      (each) => each.version === `${target.key}:${target.stable}` && isWithin(each),
    );
    if (lost === undefined) return [];
    const last = view.writes.findLast(
      ({ index, key, before, after }) =>
        index < lost.index && key === target.key && !isDeepStrictEqual(before, after),
    );
    const isServing = shareOf(standingAt(view, target, lost.index), target.canary) > 0;
    const isMovedByOthers = last?.by?.rolloutId !== view.id;
    const isRemoved = run.unpinned.some(({ key, index }) => key === target.key && index <= lost.index);
    const isSaid = those(view, 'PinRefused').some(
      ({ index, event }) => index < lost.index && event.target === target.name,
    );
    return isServing && !isMovedByOthers && !isRemoved && !isSaid
      ? [
          {
            at: run.timeline[lost.index - 1]?.at ?? 0,
            what: `version ${target.stable} of ${target.name} was deleted while it could still be reverted to`,
          },
        ]
      : [];
  });
});

/** A gate is passed by approvals enough of it, or by its time running out, on the clock of whoever looks, if that lets pass; no other command opens it. It is passed once: what was approved may go back up after a recall. */
export const gatesHeld = perRollout((view, run, { skewMs }) =>
  view.opening.gates.flatMap(({ before, approvers, onTimeout }) => {
    // A holdout is the first part of the promotion, before which all gates above it are asked.
    const isPast = (weight: number) =>
      weight >= before || view.opening.plan.steps.some((step) => step.isHoldout && step.weight === weight);
    const passed = those(view, 'ShiftIntended').find(({ event }) => isPast(event.weight));
    return view.raises
      .filter(({ from, to }) => from < before && to >= before)
      .filter((raise) => {
        const { index, at } = passed !== undefined && passed.index < raise.index ? passed : raise;
        const opened = those(view, 'GateOpened').find(
          (each) => each.index < index && each.event.gate === before,
        );
        const isOver = onTimeout === 'promote' && opened !== undefined && opened.event.until <= at + skewMs;
        return approversOf(view, run, before, index) < approvers && !isOver;
      })
      .map(({ at, to }) => ({ at, what: `was raised to ${to} % past the gate before ${before} %` }));
  }),
);

/** What is approved or rejected was so by somebody who had proven to be that one for this command. */
export const unverifiedApprovesNothing = perRollout((view, { commands }) =>
  those(view, 'Approved', 'Rejected')
    .filter(
      ({ at, event: { by } }) =>
        !by.isVerified ||
        !commands.some(
          (each) =>
            each.rolloutId === view.id &&
            each.provenBy === by.id &&
            each.at <= at &&
            (each.acceptedAt ?? at) >= at,
        ),
    )
    .map(({ at, event }) => ({
      at,
      what: `${event.type} of the gate before ${event.gate} % by ${event.by.id}, whose identity is not proven`,
    })),
);

/** Whoever waits says until when, and something follows at the latest then: nothing waits for ever. */
export const waitsEnd = perRollout((view, _run, { tickMs }) => {
  const ends = [...LEAVING, 'RolloutClosed', 'Resumed', 'PromotionOrdered', 'ShiftIntended'] as const;
  // A recall puts off what is asked after promotion, and has an end of its own.
  const answers = [...ends, 'Approved', 'Rejected', 'HookAnswered', 'RecallOrdered'] as const;
  return those(view, 'Paused', 'GateOpened', 'HookStarted').flatMap(({ index, at, event }) => {
    // Traffic that goes down in a recall answers nothing that a pause waits for.
    const isRecall = (each: { index: number; event: RolloutEvent }) =>
      each.event.type === 'ShiftIntended' && recallAt(view, each.index) !== undefined;
    const follows = those(view, ...(event.type === 'Paused' ? ends : answers)).find(
      (each) => each.index > index && !isRecall(each),
    );
    // Nobody is asked while a person has paused everything.
    const held = those(view, 'Paused').some(
      (each) => each.index > index && (follows === undefined || each.index < follows.index),
    );
    const isLate = follows === undefined || follows.at > event.until + tickMs;
    return isLate && !held
      ? [{ at, what: `${event.type} until ${new Date(event.until).toISOString()}, and nothing followed` }]
      : [];
  });
});

/** What its owner declared says that a release is bad: an alarm, or a hook that answered "fail". A hook that broke or did not know says nothing. */
const isOwnersBlame = (event: RolloutEvent): boolean =>
  event.type === 'AlarmRaised' || (event.type === 'HookAnswered' && event.status === 'fail');

/** A release is only blamed on what was seen of it: a verdict, an alarm, or a hook that answered "fail". */
export const blameHasEvidence = perRollout((view) =>
  those(view, 'RevertOrdered')
    .filter(({ event, append, index, at: _ }) => {
      if (event.cause !== 'canary') return false;
      const isEvidence = append.events.some(
        (each) => (each.type === 'Measured' && each.verdict.status === 'fail') || isOwnersBlame(each),
      );
      // One that cannot be published was never measured.
      const isPublished = view.opens.some((open) => open.index < index && open.by.seq > 0);
      return !isEvidence && isPublished;
    })
    .map(({ at, event }) => ({ at, what: `blamed the release without evidence: ${event.reason}` })),
);

/** A canary that is known to be as good as stable is never blamed: faults of AWS and of other tools are not its doing. Only an alarm or a hook that its owner declared may say otherwise. */
export const goodNeverBlamed = perRollout((view, _run, { isGood }) => {
  const left = those(view, 'RevertOrdered', 'Reverted')[0];
  if (!isGood || left === undefined || left.event.cause !== 'canary') return [];
  const isOwnersWord = left.append.events.some((event) => isOwnersBlame(event) || isByAlarm(event));
  return isOwnersWord
    ? []
    : [{ at: left.at, what: `blamed a canary as good as stable: ${left.event.reason}` }];
});

/** An alarm that was red before is not the canary's doing, unless it went red again after the first raise; one that counts only the version that is being left never is. */
export const redBeforeNeverBlames = perRollout((view) => {
  // Of an adoption without any version to go back to, what serves is the canary.
  const stable = view.opening.targets
    .filter((target) => target.stable !== target.canary)
    .map((target) => `${target.traits.metricName}:${target.stable}`);
  const isOfStable = ({ versions = [] }: { versions?: string[] | undefined }) =>
    versions.length > 0 && versions.every((version) => stable.includes(version));
  const ofStable = those(view, 'RevertOrdered').flatMap(({ at, event, append }): Fault[] => {
    const raised = append.events.find((each) => each.type === 'AlarmRaised');
    const isBlind = raised !== undefined && isOfStable(raised) && event.reason.includes(raised.alarm);
    return isBlind ? [{ at, what: `was reverted for alarm ${raised.alarm}, which counts stable alone` }] : [];
  });
  const before = those(view, 'AlarmRaised')
    .filter(({ index, event, append }) => {
      const wasRed = view.opening.alarms.some(({ name, red }) => name === event.alarm && red);
      const isRaisedLater = those(view, 'ShiftIntended').some(
        (each) => each.index < index && each.event.at < event.since,
      );
      return wasRed && !isRaisedLater && append.events.some(({ type }) => type === 'RevertOrdered');
    })
    .map(({ at, event }) => ({ at, what: `was reverted for alarm ${event.alarm}, which was red before` }));
  return [...before, ...ofStable];
});

/** While the canary looks worse, nothing is raised to a new weight and nothing completes, unless a person ordered it; at 100 % the command must have been given there. */
export const suspicionHolds = perRollout((view) => {
  // A recall leaves the canary less traffic, whatever it looks like.
  const intents = those(view, 'ShiftIntended').filter(({ index }) => recallAt(view, index) === undefined);
  const isNew = (index: number, weight: number) =>
    !intents.some((each) => each.index < index && each.event.weight === weight);
  const steps = intents.filter(({ index, event }) => isNew(index, event.weight));
  const close = those(view, 'RolloutClosed').find(({ event }) => event.outcome === 'completed');
  // What closed its fence has completed, whatever is measured before the journal knows of it.
  const fenced = view.writes.find(({ by }) => by?.rolloutId === view.id && !by.open)?.index;
  const ends = [
    ...steps.map(({ index, at, event }) => ({ index, at, what: `was raised to ${event.weight} %` })),
    ...(close === undefined
      ? []
      : [{ index: Math.min(close.index, fenced ?? close.index), at: close.at, what: 'completed' }]),
  ];
  return ends.flatMap(({ index, at, what }): Fault[] => {
    const since = steps.findLast((each) => each.index < index);
    const last = those(view, 'Measured').findLast((each) => each.index < index);
    if (since === undefined || last === undefined || last.index < since.index) return [];
    const isOrdered = those(view, 'PromotionOrdered').some(
      (order) =>
        order.index < index &&
        !isPlans(order.event.by) &&
        (order.index > since.index || (order.event.full && what !== 'completed')),
    );
    const tick = those(view, 'Measured').filter((each) => each.index > since.index && each.index < index);
    // A recall that `recallEnds` lets end has compared the canary anew, at a weight that was made for it.
    const cleared = those(view, 'RecallEnded').findLast((each) => each.index < index)?.index ?? -1;
    const worse = tick.filter((each) => each.event.verdict.status === 'suspect' && each.index > cleared);
    const newest = worse.at(-1);
    if (newest === undefined || isOrdered || view.opening.rollsBack !== undefined) return [];
    const { plan } = view.opening;
    const bake =
      plan.steps.find(({ weight }) => weight === since.event.weight)?.bakeSeconds ?? plan.verifySeconds;
    const before = those(view, 'Measured').findLast((each) => each.index < since.index);
    const hasRecovered = tick
      .filter((each) => each.index > newest.index)
      .some(
        ({ event: { verdict }, index: at }) =>
          leavesNothing(verdict, worse, since.event.weight === 100 ? before : undefined) &&
          (isStanding(view, at)
            ? verdict.status === 'pass' &&
              verdict.to - newest.event.verdict.to >= Math.floor(bake / 60) * 60_000
            : verdict.status === 'pass' || verdict.status === 'inconclusive'),
      );
    return hasRecovered
      ? []
      : [{ at, what: `${what} although it looked worse: ${newest.event.verdict.reason}` }];
  });
});

/** Whether a verdict leaves no evidence for anything that looked worse in its step, beyond what there was `before`. */
function leavesNothing(
  verdict: Verdict,
  worse: readonly { event: EventOf<'Measured'> }[],
  before: { event: EventOf<'Measured'> } | undefined,
): boolean {
  const evidenceIn = (findings: readonly Finding[], { target, metric }: Finding) =>
    findings.find((each) => each.target === target && each.metric === metric);
  return worse
    .flatMap(({ event }) => event.verdict.findings.filter(({ status }) => status === 'suspect'))
    .every((finding) => {
      const found = evidenceIn(verdict.findings, finding);
      const was = Math.max(0, evidenceIn(before?.event.verdict.findings ?? [], finding)?.evidence ?? 0);
      const least = 1e-9;
      return (found?.evidence ?? verdict.evidence ?? 0) <= was + least && (found?.doubt ?? 0) <= least;
    });
}

/** Ticks in a row without any measurement after which someone is paged. */
const BROKEN_MAX = 5;

/** A canary that cannot be measured is not left alone: after a few ticks the rollout pauses or leaves. */
export const brokenIsBounded = perRollout((view) => {
  let inRow = 0;
  let isPaused = false;
  return view.happened.flatMap(({ event, at }): Fault[] => {
    if (event.type === 'Paused' || (LEAVING as readonly string[]).includes(event.type)) isPaused = true;
    // Its doubt was seen, however little else was, and leaves the canary less traffic; there are three at most.
    if (event.type === 'RecallOrdered') inRow = 0;
    if (event.type === 'Resumed' || event.type === 'PromotionOrdered') {
      isPaused = false;
      // What the controller orders itself gives it no more time.
      if (event.by.via !== SPILLWAY.via) inRow = 0;
    }
    if (event.type !== 'Measured') return [];
    inRow = event.verdict.status === 'broken' ? inRow + 1 : 0;
    return inRow > BROKEN_MAX && !isPaused ? [{ at, what: `was blind for ${inRow} ticks and went on` }] : [];
  });
});

/** Who takes a rollout over goes on with the bake that was under way: it neither starts over nor is cut short. */
export const bakeSurvivesTakeover = perRollout((view) =>
  those(view, 'TookOver', 'Continued').flatMap(({ index, event }): Fault[] => {
    const moved = those(
      view,
      ...(['ShiftIntended', 'Shifted', 'Promoted', 'Resumed', 'RecallOrdered', 'RecallEnded'] as const),
      ...LEAVING,
    );
    const isClear = (measured: { index: number; event: EventOf<'Measured'> }) =>
      measured.event.verdict.status !== 'broken' &&
      isStanding(view, measured.index) &&
      !moved.some(
        (each) =>
          each.index >= Math.min(index, measured.index) && each.index <= Math.max(index, measured.index),
      );
    const before = those(view, 'Measured').findLast((each) => each.index < index && isClear(each));
    const after = those(view, 'Measured').find((each) => each.index > index && isClear(each));
    if (before === undefined || after === undefined) return [];
    const [was, is] = [before.event.verdict.from, after.event.verdict.from];
    return was === is
      ? []
      : [{ at: after.at, what: `counted its bake from another moment after ${event.type} ${event.epoch}` }];
  }),
);

/**
 * What was reverted for its own doing, or by a person's command, meets no user again by itself: not under another release id, not as another version of the
 * same code and configuration, and not by a rollback. A retry lifts that, also one that could not open its rollout any more, and a completion of the same artifact.
 */
export const quarantineHolds: Checker = (run) => {
  const all = views(run);
  const artifactOf = ({ key }: Target, version: string) =>
    run.artifacts[`${key}:${version}`] ?? `${key}:${version}`;
  const isSame = (target: Target, other: Target, version: string, otherVersion: string) =>
    target.key === other.key && artifactOf(target, version) === artifactOf(other, otherVersion);
  /** True if what the one blamed is what the other is to serve. */
  const isSameCode = (blamed: View, view: View) =>
    view.opening.targets.every((target) =>
      blamed.opening.targets.some((each) => isSame(target, each, arriving(view, target), each.canary)),
    );
  const arrivesAtSame = (one: View, other: View) =>
    other.opening.targets.every((target) =>
      one.opening.targets.some((each) => isSame(target, each, arriving(other, target), arriving(one, each))),
    );
  const isRetry = ({ opening }: View) => opening.attempt > 1 && opening.rollsBack === undefined;
  return all.flatMap((view): Fault[] => {
    // A version that is published first is asked about again then, so that opening it is no fault yet.
    const met = view.opening.rollsBack === undefined ? view.raises[0] : those(view, 'RolloutOpened')[0];
    if (met === undefined) return [];
    const isOrdered = (each: View, since: number) =>
      run.commands.some(
        ({ does, rolloutId, at, isRefused }) =>
          does === 'retry' &&
          rolloutId === each.id &&
          isRefused !== true &&
          at >= (run.timeline[since]?.at ?? at) &&
          at <= met.at,
      );
    const isLifted = (since: number) =>
      all.some((each) => {
        if (isOrdered(each, since) && isSameCode(each, view)) return true;
        const [retried] = isRetry(each) ? those(each, 'RolloutOpened') : [];
        const completed = those(each, 'RolloutClosed').find(({ event }) => event.outcome === 'completed');
        return [retried, completed].some(
          (at) => at !== undefined && at.index > since && at.index < met.index && arrivesAtSame(each, view),
        );
      });
    return all
      .filter((other) => {
        const blamed = other === view ? undefined : blamedBefore(other, met.index);
        return blamed !== undefined && isSameCode(other, view) && !isLifted(blamed);
      })
      .map((other) => ({
        at: met.at,
        what: `${view.id} went out with the artifacts of ${other.id}, which was reverted`,
      }));
  });
};

/** Where in the timeline a rollout ended that blamed its canary, before this entry. */
function blamedBefore(view: View, index: number): number | undefined {
  const closed = those(view, 'RolloutClosed').find((each) => each.index < index);
  const leaving = those(view, ...LEAVING)[0];
  if (closed === undefined || leaving === undefined) return undefined;
  const { event } = leaving;
  const cause = event.type === 'Aborted' ? 'human' : 'cause' in event ? event.cause : 'drift';
  return cause === 'canary' || cause === 'human' ? closed.index : undefined;
}

/** What nobody should read in a reason: the JSON of a function's error, and what AWS puts behind its messages. */
const RAW = /"errorType"|"errorMessage"|\(Service: |Request ID/;

/** A reason is words for people, whatever error led to it. */
export const reasonsAreWords = perRollout((view) =>
  view.happened.flatMap(({ at, event }) =>
    'reason' in event && RAW.test(event.reason)
      ? [{ at, what: `the reason of ${event.type} is raw: ${event.reason.slice(0, 120)}` }]
      : [],
  ),
);
