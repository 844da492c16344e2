import { statisticsOf } from '../analysis/statistics.ts';
import type { Verdict } from '../analysis/types.ts';
import { printable } from '../plain-text.ts';
import { weightText } from '../plan/segments.ts';
import type { Served, ServiceRecord } from '../ports.ts';
import type { Percent } from '../units.ts';
import { duration, number } from '../words.ts';
import { nameOf } from './actor.ts';
import { isSuspect } from './checkpoint.ts';
import type { Opening, RevertedTarget, RolloutEvent } from './event.ts';
import { missingAt } from './gate.ts';
import { isHeld } from './next.ts';
import { answersTo, WAIT_SECONDS_MAX } from './recall.ts';
import { sharesOf } from './revert-plan.ts';
import { isAdoption, RECALLS_MAX, type Rollout, weightNow } from './state.ts';
import { bakeOf, leastRecallSeconds, RECALL_SECONDS_MAX } from './timing.ts';

/**
 * One line for people about an event, or undefined if it is only bookkeeping. `after` is the rollout with the event in it;
 * the statistics of a verdict follow in lines of their own if `isVerbose`.
 */
export function describe(event: RolloutEvent, after: Rollout, isVerbose = false): string | undefined {
  const line = lineOf(event, after, isVerbose);
  return line && printable(line);
}

function lineOf(event: RolloutEvent, after: Rollout, isVerbose: boolean): string | undefined {
  const isBack = after.opening.rollsBack !== undefined;
  const versions = after.opening.targets
    .map(({ stable, canary }) =>
      isBack
        ? `version ${canary} -> version ${stable}`
        : `version ${stable} -> ${canary || 'one that is published first'}`,
    )
    .join(', ');
  switch (event.type) {
    case 'RolloutOpened':
      return [
        isAdoption(event)
          ? `rollout ${event.rolloutId} opened: ${event.adopted?.reason}; nothing is raised, and its smoke tests and hooks are asked now`
          : `rollout ${event.rolloutId} opened: ${versions}`,
        ...noticesOf(event, isVerbose).map((notice) => `notice: ${notice}`),
      ].join('\n');
    case 'RolloutDeclined':
      return `release ${event.release} is ${event.outcome}: ${event.reason}`;
    case 'Published':
      return `${event.target} published as version ${event.version}`;
    case 'HookStarted':
      return `${event.hook} was asked; its answer is due in ${duration((event.until - event.at) / 1000)}`;
    case 'HookAnswered':
      return `${event.hook} ${event.status}: ${event.reason}`;
    case 'GateOpened':
      return `waiting for approval before ${event.gate} %, for ${duration((event.until - event.at) / 1000)} at most`;
    case 'Approved':
      return `${nameOf(event.by)} approved the gate before ${event.gate} %${missing(after, event.gate)}`;
    case 'Rejected':
      return `${nameOf(event.by)} rejected the gate before ${event.gate} %: ${event.reason}`;
    case 'Shifted':
      return `${event.target} ${after.recall === undefined ? 'raised' : 'went back'} to ${weightText(after.opening.plan.steps, event.weight)}${heldOut(after, event.weight)}${insideOnly(after, event.weight)}`;
    case 'Deferred':
      return `next traffic change deferred ${duration((event.until - event.at) / 1000)}: ${event.reason}`;
    case 'Promoted':
      return `${event.target} promoted: version ${versionOf(after, event.target, 'canary')} serves 100 %`;
    case 'Measured':
      return [
        measured(event.verdict, after),
        ...(isVerbose ? statisticsOf(event.verdict).map((line) => `  ${line}`) : []),
      ].join('\n');
    case 'RecallOrdered':
      if (event.waitsFor !== undefined)
        return `${event.reason}; the canary waits for them at ${event.weight} %, and continues once they arrive, or after ${duration(WAIT_SECONDS_MAX)} without evidence against it`;
      return `recall ${event.nth}: ${event.reason}; the canary ${event.weight === weightBefore(after) ? 'stays at' : 'goes back to'} ${weightText(after.opening.plan.steps, event.weight)}, where stable beside it shows whether the release is to blame${returns(event.nth)}`;
    case 'RecallEnded':
      return `the canary continues at ${weightText(after.opening.plan.steps, weightNow(after))}${after.remaining === undefined ? '' : ` and is judged anew for ${duration(after.remaining)}`}: ${event.reason}`;
    case 'AlarmRaised':
      return `alarm ${event.alarm} went off`;
    case 'DriftDetected':
      return `something other than this rollout moved the traffic: ${event.found}; ${WHO_WRITES}`;
    case 'Lowered':
      return `something other than this rollout took the canary of ${event.target} down to ${weightText(after.opening.plan.steps, event.weight)}; ${WHO_WRITES}`;
    case 'PinRefused':
      return `version ${versionOf(after, event.target, 'stable')} of ${event.target} could not be pinned: ${event.reason}; the rollout continues, but a cleanup job may delete the version that it would revert to`;
    case 'StableGone':
      return `version ${versionOf(after, event.target, 'stable')} of ${event.target} was deleted, so it cannot be reverted any more: version ${versionOf(after, event.target, 'canary')} serves and the rollout continues; if that version fails, point ${nounOf(after, event.target)} at a version that you trust, or release a repaired one`;
    case 'Paused':
      return `paused by ${nameOf(event.by)}: ${event.reason}; ${
        isHeld(after)
          ? 'no time-out reverts it: resume, promote or abort it'
          : `reverts in ${duration((event.until - event.at) / 1000)} unless resumed`
      }${event.why === 'doubt' ? `; ${answersTo(after)}` : ''}`;
    case 'Resumed':
      return `resumed by ${nameOf(event.by)}`;
    case 'PromotionOrdered':
      return `${nameOf(event.by)} promoted it ${event.full ? 'to 100 %' : 'past this step'}`;
    case 'Aborted':
      return `${nameOf(event.by)} aborted: ${event.reason}`;
    case 'RevertOrdered':
      if (isBack) return `rolling back: ${event.reason}`;
      return event.cause === 'canary' ? 'reverting' : `reverting: ${event.reason}`;
    case 'TookOver':
      return `another execution took over (${event.reason})`;
    case 'Reverted':
      return event.targets
        .map(
          (each) =>
            `${each.name}: version ${each.primary} serves${isRestored(each) ? ' again' : ''}${each.foreign === undefined ? '' : `, and ${sharesOf(each.foreign)}`}`,
        )
        .join(', ');
    case 'RolloutClosed':
      return summary(after);
    case 'ShiftIntended':
    case 'Continued':
      return undefined;
    default:
      return `${(event as { type: string }).type} (of a newer version)`;
  }
}

/** How many more must approve a gate. */
function missing({ opening, gates }: Rollout, gate: Percent): string {
  const declared = opening.gates.find(({ before }) => before === gate);
  const open = gates[gate];
  const left = declared === undefined || open === undefined ? 0 : missingAt(declared, open);
  return left > 0 ? `; ${left} more ${left === 1 ? 'approval is' : 'approvals are'} needed` : '';
}

/** Lines about an opening that are shown unless somebody asks for all. */
const NOTICES_MAX = 3;

/** What a person should know of an opening: what is strange first, then what the plan finds and what it does not see. */
function noticesOf({ notices, outlook = [] }: Opening, isVerbose: boolean): string[] {
  if (isVerbose) return [...notices, ...outlook];
  const last = outlook.slice(0, 2);
  const shown = [...notices.slice(0, NOTICES_MAX - last.length), ...last];
  const hidden = notices.length + outlook.length - shown.length;
  return hidden === 0
    ? shown
    : shown.map((line, at) => (at === shown.length - 1 ? `${line} (${hidden} more with --verbose)` : line));
}

/** What stays on stable at the weight of the holdout. */
function heldOut({ opening: { plan }, step, recall }: Rollout, weight: number): string {
  const at = plan.steps[step];
  return at?.isHoldout === true && recall === undefined && at.weight === weight
    ? `; holdout: ${100 - weight} % stay on stable for ${duration(at.bakeSeconds)}`
    : '';
}

/** What the verdicts of a step inside a segment rest on. */
function insideOnly({ opening: { plan }, recall }: Rollout, weight: number): string {
  const within = plan.steps.find((step) => step.weight === weight)?.within;
  return within === undefined || recall !== undefined
    ? ''
    : `; its verdicts rest on visitors of ${within.segment} alone, on both versions`;
}

/** The weight that a recall took the canary from. */
const weightBefore = ({ step, opening: { plan } }: Rollout) => plan.steps[step]?.weight ?? 100;

/** When the canary comes back from a recall. */
function returns(nth: number): string {
  if (nth >= RECALLS_MAX) return '; it stays there until a person decides';
  const calm = duration(leastRecallSeconds(nth));
  return `; it returns after ${calm} in which nothing speaks against it, or sooner on proof, and without an answer in ${duration(RECALL_SECONDS_MAX)} a person decides`;
}

/** What to do about a target with two owners. */
const WHO_WRITES =
  'find who else writes it (docs/guides/coming-from.md says how), switch that off, then release again';

/** True if what serves there is what this rollout put back, and nobody else's choice. */
const isRestored = ({ changed, drifted, regained }: RevertedTarget) => changed && !drifted && !regained;

/**
 * One-sentence summary of an ended rollout for whoever is on call: outcome, counts, what users met, what serves. `now` is what the
 * service remembers today: with it, what another rollout has changed since is not called serving any more.
 */
export function summary(rollout: Rollout, now?: ServiceRecord): string {
  const { opening, outcome, reason, exposure, leaving, left } = rollout;
  const parts = [`${opening.release} ${outcome}: ${reason}`];
  if (outcome === 'halted' && leaving?.cause === 'drift') parts.push(WHO_WRITES);
  if (exposure !== undefined && outcome !== 'refused') {
    parts.push(
      `${number(exposure.failed)} of ${number(exposure.requests)} canary requests failed in ${duration(exposure.seconds)} (metrics still arriving)`,
    );
  }
  if (outcome === 'refused' && left !== undefined) parts.push('it never received user traffic');
  const serving = servingAtEnd(rollout);
  if (serving.length === 0) return printable(parts.join('; '));
  const versions = `version ${[...new Set(serving.map(({ version }) => version))].join(' and ')}`;
  const { completed: present, quarantined = [] } = now ?? {};
  const served = present?.targets ?? [];
  if (present === undefined || !isReplaced(serving, served)) {
    parts.push(`${versions} ${left?.some(isRestored) ? 'serves again' : 'serves'}`);
    return printable(parts.join('; '));
  }
  const bad = quarantined.find(({ rolloutId }) => rolloutId === opening.rolloutId);
  if (bad !== undefined && outcome === 'completed') parts.push(bad.reason);
  const newer = [...new Set(served.map(({ version }) => version))].join(' and ');
  parts.push(
    `${versions} served then, and version ${newer} serves now (${present.rolloutId ?? present.release})`,
  );
  return printable(parts.join('; '));
}

type Serving = Pick<Served, 'name' | 'version'>;

/** What served each target when the rollout had ended. */
function servingAtEnd({ opening, outcome, left }: Rollout): Serving[] {
  if (left !== undefined) return left.map(({ name, primary }) => ({ name, version: primary }));
  return outcome === 'completed'
    ? opening.targets.map(({ name, canary }) => ({ name, version: canary }))
    : [];
}

/** True if what completed last serves another version of any of these targets. */
const isReplaced = (serving: Serving[], served: readonly Serving[]) =>
  serving.some(({ name, version }) => served.some((each) => each.name === name && each.version !== version));

/** A verdict in the middle of a bake is one so far, and one without any data yet needs no counts. */
function measured({ status, reason, findings, to }: Verdict, after: Rollout): string {
  if (status === 'inconclusive' && findings.every(({ windows }) => windows === 0))
    return 'waiting for the first minute at this weight to settle';
  if (status === 'pass' && isSuspect(after))
    return `no worse any more, and held at its weight because it looked worse until ${duration(Math.max(0, to - (after.doubted?.to ?? to)) / 1000)} before: ${reason}`;
  const isUnderWay = status === 'pass' && to < (bakeOf(after)?.to ?? 0);
  return `${isUnderWay ? 'healthy so far' : status}: ${reason}`;
}

const nounOf = ({ opening }: Rollout, name: string): string =>
  opening.targets.find((target) => target.name === name)?.traits.noun ?? name;

function versionOf({ opening }: Rollout, name: string, side: 'stable' | 'canary'): string {
  return opening.targets.find((target) => target.name === name)?.[side] ?? '?';
}
