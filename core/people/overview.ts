import { METRIC_NAMES } from '../analysis/metrics.ts';
import type { Count, Finding, Verdict } from '../analysis/types.ts';
import { weightText } from '../plan/segments.ts';
import { nameOf } from '../rollout/actor.ts';
import type { RolloutEvent } from '../rollout/event.ts';
import { evolve, type Rollout, weightNow } from '../rollout/state.ts';
import { describe } from '../rollout/story.ts';
import { bakeOf } from '../rollout/timing.ts';
import { type RolloutView, viewOf } from '../rollout/view.ts';
import { type Instant, type Percent, type Seconds, WINDOW_MS } from '../units.ts';
import { duration, number, percent, timeOfDay } from '../words.ts';
import { type Ahead, nextText } from './ahead.ts';
import { type Choice, choicesOf } from './choice.ts';
import type { Paged } from './notice.ts';
import { aheadOf, type Phase, phaseOf, stageOf, statedOf } from './standing.ts';
import { callOf, type Importance, transitionOf, weightOf } from './transition.ts';

/** Everything that a page about one rollout shows: its sentences and its charts come from the same numbers. */
export interface Overview {
  /** Raised when the shape changes. */
  schema: 1;
  view: Omit<RolloutView, 'verdict'>;
  phase: Phase;
  /** The share of the traffic that the canary is to have now. */
  weight: Percent;
  /** Where in its plan it is. */
  stage: string;
  /** How it stands, in one sentence. */
  headline: string;
  /** What it does or waits for and what the last verdict says, or how it ended. */
  states: string[];
  /** What somebody is needed for. */
  call?: string | undefined;
  /** What users met on the canary. */
  met?: string | undefined;
  /** The share that the canary is to have and the one that it had in the newest minutes. */
  share?: string | undefined;
  /** What happens next if nobody does anything. */
  next?: string | undefined;
  ahead?: Ahead | undefined;
  choices: Choice[];
  steps: StepShown[];
  rules: RuleShown[];
  /** What all evidence together means. */
  evidence?: string | undefined;
  /** What each chart shows, in a sentence. */
  captions: { shares: string; requests: string; failures: string };
  /** What was counted, tick by tick, oldest first. */
  points: Point[];
  /** The canary's share of the traffic from a moment on, oldest first. */
  shares: { at: Instant; weight: Percent }[];
  /** What stands on the axis of time, oldest first. */
  marks: Mark[];
  /** What happened, oldest first. */
  story: StoryEntry[];
}

/** A step of the plan, as it went or as it is expected to go. */
export interface StepShown {
  weight: Percent;
  seconds: Seconds;
  status: 'done' | 'now' | 'ahead' | 'left' | 'never';
  /** What it is called. */
  name: string;
  from?: Instant | undefined;
  to?: Instant | undefined;
  /** True if the moments are those of a rollout that passes each step and meets nobody who makes it wait. */
  isExpected?: true | undefined;
}

/** One metric of one target against what is tolerated of it. */
interface RuleShown {
  target: string;
  metric: string;
  status: Finding['status'];
  canary: Count;
  stable: Count;
  /** Its own evidence as a share of what reverts; may be below 0. */
  share: number;
  /** The counts in a sentence. */
  reason: string;
  /** What they mean. */
  means: string;
  /** What a pass still needs. */
  needed?: string | undefined;
}

/** What the minutes since the point before counted, and all evidence so far. */
export interface Point {
  /** When it was judged. */
  at: Instant;
  /** The minutes that were counted: the end of the newest one, and how many. */
  to: Instant;
  minutes: number;
  canary?: Count | undefined;
  stable?: Count | undefined;
  /** All evidence against the canary, as a share of what reverts. */
  share?: number | undefined;
  status: Verdict['status'];
}

/** A moment on the axis of time. */
interface Mark {
  at: Instant;
  kind: 'raise' | 'lower' | 'revert' | 'alarm' | 'pause' | 'resume' | 'end';
  label: string;
}

/** A line of the story. */
interface StoryEntry {
  at: Instant;
  line: string;
  importance: Importance;
  /** Who did it. */
  by?: string | undefined;
  /** True if nobody vouches for that. */
  isUnproven?: true | undefined;
}

/** Most points and lines that are shown: of more, every second one is left out, again and again. */
const [POINTS_MAX, STORY_MAX] = [400, 300];

/** Gathers the events of one rollout, in order from the first, and shows what there is so far. */
export interface Overviewer {
  /** Number of events so far. */
  version: number;
  add(event: RolloutEvent): void;
  /** `ended` says how it ended and what serves since; undefined before the first event. */
  show(ended?: string, paged?: Paged): Overview | undefined;
}

/** An overview of a rollout that has no event yet. */
export function overviewer(): Overviewer {
  let rollout: Rollout | undefined;
  let points: Point[] = [];
  let story: StoryEntry[] = [];
  const shares: Overview['shares'] = [];
  const marks: Mark[] = [];
  const began = new Map<number, Instant>();
  const alarms = new Set<string>();
  const met = meter();
  let last: Verdict | undefined;

  const alarmed = (name: string, since: Instant) => {
    if (alarms.has(`${name} ${since}`)) return;
    alarms.add(`${name} ${since}`);
    marks.push({ at: since, kind: 'alarm', label: `alarm ${name}` });
  };

  return {
    version: 0,
    add(event) {
      const before = rollout;
      const after = evolve(before, event);
      rollout = after;
      this.version += 1;
      const step = before?.step;
      if (after.step !== step && after.step >= 0 && !began.has(after.step)) began.set(after.step, event.at);
      const weight = weightOf(after);
      if (weight !== (shares.at(-1)?.weight ?? 0) || shares.length === 0) {
        const was = shares.at(-1)?.weight ?? 0;
        shares.push({ at: event.at, weight });
        if (weight > was) marks.push({ at: event.at, kind: 'raise', label: `${weight} %` });
        else if (was > 0 && after.leaving === undefined && after.outcome === undefined)
          marks.push({ at: event.at, kind: 'lower', label: `back to ${weight} %` });
      }
      const mark = markOf(event);
      if (mark !== undefined) marks.push(mark);
      if (event.type === 'AlarmRaised') alarmed(event.alarm, event.breachedAt ?? event.since);
      if (event.type === 'Measured') {
        for (const { name, state, since, breachedAt } of event.alarms)
          if (state === 'alarm' && !after.redAlarms.includes(name)) alarmed(name, breachedAt ?? since);
        points.push(met.point(event.at, event.verdict, weight === 100));
        if (points.length > POINTS_MAX) points = halved(points);
        last = event.verdict;
      }
      const transition = transitionOf(event, before, after);
      if (transition === undefined) return;
      const { by } = transition;
      story.push({
        at: event.at,
        line: describe(event, after) ?? transition.line,
        importance: transition.importance,
        ...(by === undefined ? {} : { by: nameOf(by) }),
        ...(by === undefined || by.isVerified ? {} : { isUnproven: true }),
      });
      if (story.length > STORY_MAX) story = thinned(story);
    },
    show(ended, paged) {
      if (rollout === undefined) return undefined;
      const { verdict: _, ...view } = viewOf(rollout);
      const weight = rollout.outcome === undefined && rollout.left === undefined ? weightNow0(rollout) : 0;
      const actual = weightOf(rollout);
      // What another rollout has changed since is not called serving any more, nor can it be rolled back.
      const isReplaced = ended !== undefined && ended !== view.state;
      const phase = phaseOf(rollout);
      const ahead = aheadOf(rollout);
      const call = callOf(rollout);
      const verdict = rollout.verdict ?? (rollout.outcome === undefined ? undefined : last);
      const exposure = exposureIn(rollout, met.total());
      const said = {
        call: call?.reason ?? paged?.reason,
        met: exposure,
        share: shareText(weight, sinceMoved(points, shares), view.inside),
        next: ahead && nextText(ahead),
        ahead,
        evidence: verdict && evidenceText(verdict),
      };
      return {
        ...{ schema: 1, view: { ...view, state: ended ?? view.state }, phase, weight },
        stage: stageOf({ ...rollout, plan: view.plan }),
        headline: headlineOf(rollout, view, actual, isReplaced),
        states:
          rollout.outcome === undefined
            ? statedOf({ state: view.state, verdict: rollout.verdict })
            : [ended ?? view.state],
        ...(Object.fromEntries(
          Object.entries(said).filter(([, value]) => value !== undefined),
        ) as typeof said),
        choices: choicesOf(view, actual, paged).filter(
          ({ command }) => command !== 'rollback' || !isReplaced,
        ),
        steps: stepsOf(rollout, began),
        rules: verdict === undefined ? [] : rulesOf(verdict),
        ...{ points: [...points], shares: [...shares], story: [...story] },
        captions: captionsOf(shares, points),
        marks: marks.toSorted((one, other) => one.at - other.at),
      };
    },
  };
}

/** The weight that the plan wants; none before the first raise. */
const weightNow0 = (rollout: Rollout): Percent => (rollout.step < 0 ? 0 : weightNow(rollout));

function markOf(event: RolloutEvent): Mark | undefined {
  switch (event.type) {
    case 'Paused':
      return { at: event.at, kind: 'pause', label: 'paused' };
    case 'Resumed':
      return { at: event.at, kind: 'resume', label: 'resumed' };
    case 'Reverted':
      return { at: event.at, kind: 'revert', label: `reverted ${timeOfDay(event.at).slice(0, 5)}` };
    case 'RolloutClosed':
      return event.outcome === 'completed'
        ? { at: event.at, kind: 'end', label: `completed ${timeOfDay(event.at).slice(0, 5)}` }
        : undefined;
    default:
      return undefined;
  }
}

/** How it stands: what the first screen and the terminal begin with. */
function headlineOf(
  { outcome, openedAt, lastEventAt, left }: Rollout,
  view: Pick<RolloutView, 'opening' | 'inside' | 'step' | 'plan' | 'outcome'>,
  weight: Percent,
  isReplaced: boolean,
): string {
  const { release } = view.opening;
  if (outcome === undefined)
    return `${release} has ${view.inside ?? `${weight} %`} of the traffic, ${stageOf(view)}`;
  const after = `${outcome} at ${timeOfDay(lastEventAt)}, ${duration((lastEventAt - openedAt) / 1000)} after it opened`;
  const serving = [...new Set((left ?? []).map(({ primary }) => primary))].join(' and ');
  const serves =
    outcome === 'completed'
      ? `; ${release} ${isReplaced ? 'had all traffic then' : 'has all traffic'}`
      : serving === ''
        ? ''
        : `; all traffic ${isReplaced ? 'was' : 'is'} on version ${serving}${isReplaced ? ' then' : ''}`;
  return `${release} ${after}${serves}`;
}

function exposureIn(rollout: Rollout, { requests, failed }: Total): string | undefined {
  if (rollout.outcome === 'refused' || rollout.raisedAt === undefined) return undefined;
  const found = rollout.exposure ?? { requests, failed };
  if (found.requests === 0)
    return rollout.outcome === undefined
      ? 'No request of users is counted on the new version yet'
      : 'No request of users was counted on the new version';
  return `${number(found.requests)} requests reached the new version and ${number(found.failed)} of them failed (${percent(found.failed / found.requests)})`;
}

/** Points of the newest minutes that say what share the canary had. */
const NEWEST = 5;

/** The points whose minutes lie after the newest change of weight: what was counted before it had another share. */
function sinceMoved(points: readonly Point[], shares: Overview['shares']): Point[] {
  const moved = shares.at(-1)?.at ?? 0;
  return points.filter(({ to, minutes }) => to - minutes * WINDOW_MS >= moved);
}

function shareText(weight: Percent, points: readonly Point[], inside?: string): string | undefined {
  if (weight === 0 || weight === 100) return undefined;
  const newest = points.slice(-NEWEST);
  const [canary, stable] = (['canary', 'stable'] as const).map((side) =>
    newest.reduce((sum, point) => sum + (point[side]?.total ?? 0), 0),
  ) as [number, number];
  const is = canary + stable === 0 ? '' : `; ${percent(canary / (canary + stable))} of the newest requests`;
  return `${inside ?? `${weight} %`} of the traffic is meant for the new version${is}`;
}

function captionsOf(shares: Overview['shares'], points: readonly Point[]): Overview['captions'] {
  const all = (side: 'canary' | 'stable'): Count =>
    points.reduce((sum, { [side]: count }) => sumOf(sum, count), { bad: 0, total: 0 });
  const [canary, stable] = [all('canary'), all('stable')];
  const failed = ({ bad, total }: Count) => (total === 0 ? 'nothing' : `${percent(bad / total)}`);
  const moves = shares.slice(1).map(({ at, weight }, index) => {
    const isBack = weight < (shares[index]?.weight ?? 0);
    return `${isBack ? 'back to ' : ''}${weight} % at ${timeOfDay(at).slice(0, 5)}`;
  });
  const [first, ...others] = moves.slice(-MOVES_MAX);
  return {
    shares: first === undefined ? 'Not raised yet' : [first, ...others].join(', '),
    requests:
      canary.total === 0
        ? 'Nothing is counted on the new version yet'
        : `${number(canary.total)} on the new version, ${number(stable.total)} on the old one in the same minutes. Each line of the grid is ten times the one below`,
    failures:
      canary.total === 0
        ? 'Nothing is counted on the new version yet'
        : `The new version failed ${failed(canary)}, the old one ${failed(stable)}`,
  };
}

/** Most moves that a caption names. */
const MOVES_MAX = 6;

interface Total {
  requests: number;
  failed: number;
}

/** Adds up what verdicts count: their counts begin anew with each step, but for those on which a revert rests. */
function meter() {
  let from: Instant | undefined;
  let to: Instant = 0;
  /** By target: the counts of its step so far, and all counts. */
  let before = new Map<string, Sides>();
  const all = new Map<string, Sides>();
  // Between two steps lie minutes that neither of them counts, and a revert rests on all the same.
  let lost = 0;
  return {
    total(): Total {
      const { total: requests, bad: failed } = [...all.values()].reduce<Count>(
        (sum, { canary }) => sumOf(sum, canary),
        NONE.canary,
      );
      return { requests, failed };
    },
    point(at: Instant, verdict: Verdict, isAlone: boolean): Point {
      const guilty = verdict.findings.filter(({ status }) => status === 'fail');
      if (guilty.length === 0 && verdict.from !== from)
        [from, to, before, lost] = [
          verdict.from,
          Math.max(to, verdict.from),
          new Map(),
          lost + (to === 0 ? 0 : Math.max(0, verdict.from - to)),
        ];
      let [canary, stable]: (Count | undefined)[] = [];
      for (const target of new Set(verdict.findings.map((finding) => finding.target))) {
        const of = (findings: readonly Finding[]) => findings.filter((each) => each.target === target);
        const isGuilty = of(guilty).length > 0;
        const sides = sidesOf(of(isGuilty ? guilty : verdict.findings));
        const sum = all.get(target) ?? NONE;
        const known = isGuilty ? sum : (before.get(target) ?? NONE);
        const more = {
          canary: grown(known.canary, sides.canary),
          // Beside a canary that serves alone, counts of stable are those of earlier minutes.
          stable: isAlone ? undefined : grown(known.stable, sides.stable),
        };
        if (!isGuilty) before.set(target, sides);
        all.set(target, {
          canary: sumOf(sum.canary, more.canary),
          stable: sumOf(sum.stable, more.stable),
        });
        canary = more.canary === undefined ? canary : sumOf(more.canary, canary);
        stable = more.stable === undefined ? stable : sumOf(more.stable, stable);
      }
      const isNews = canary !== undefined || stable !== undefined || verdict.to > to;
      // The minute in which traffic moved may be counted in part, and is none of the whole ones.
      const length = verdict.to - to + (guilty.length === 0 ? 0 : lost);
      const minutes = isNews ? Math.max(1, Math.round(length / WINDOW_MS)) : 0;
      if (isNews) to = verdict.to;
      if (guilty.length > 0) lost = 0;
      const { evidence, limit, status } = verdict;
      return {
        at,
        to: verdict.to,
        minutes,
        ...(canary === undefined ? {} : { canary }),
        ...(stable === undefined ? {} : { stable }),
        ...(evidence === undefined || limit === undefined ? {} : { share: rounded(evidence / limit) }),
        status,
      };
    },
  };
}

const sumOf = (one: Count, more: Count = { bad: 0, total: 0 }): Count => ({
  bad: one.bad + more.bad,
  total: one.total + more.total,
});

interface Sides {
  canary: Count;
  stable: Count;
}

const NONE: Sides = { canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } };

/** What both versions of a target were counted with: of several metrics the worst, so that no request counts twice. */
function sidesOf(findings: readonly Finding[]): Sides {
  const counted = findings.filter(({ metric }) => (METRIC_NAMES as readonly string[]).includes(metric));
  const side = (name: 'canary' | 'stable'): Count => ({
    bad: Math.max(0, ...counted.map(({ [name]: { bad } }) => bad)),
    total: Math.max(0, ...counted.map(({ [name]: { total } }) => total)),
  });
  return { canary: side('canary'), stable: side('stable') };
}

/** What came to a count; undefined if it shows less than before, or nothing at all. */
function grown(before: Count, after: Count): Count | undefined {
  const [bad, total] = [after.bad - before.bad, after.total - before.total];
  return total <= 0 || bad < 0 ? undefined : { bad, total };
}

const rounded = (share: number): number => Math.round(Math.min(2, Math.max(-2, share)) * 1000) / 1000;

function rulesOf({ findings, limit = 1 }: Verdict): RuleShown[] {
  return findings.map((finding) => {
    const { target, metric, status, canary, stable, evidence, reason, needed } = finding;
    return {
      ...{ target, metric, status, canary, stable, reason },
      share: rounded(evidence / limit),
      means: meaningOf(finding),
      ...(needed === undefined || status === 'fail' ? {} : { needed }),
    };
  });
}

const times = (odds: number): string => `${Number(odds.toPrecision(2))}`;

function meaningOf({ status, odds }: Finding): string {
  if (status === 'broken') return 'it cannot be measured now, which is neither good nor bad';
  const { low, high } = odds ?? { low: 0, high: undefined };
  const atMost = high === undefined ? undefined : `at most ${times(high)} times as often as on stable`;
  if (low > 1)
    return `at least ${times(low)}${high === undefined ? '' : ` and at most ${times(high)}`} times as often as on stable`;
  if (atMost !== undefined) return `${atMost}, as far as the counts can say`;
  if (status === 'pass') return 'nothing speaks against it';
  return status === 'inconclusive' ? 'too little is counted to say' : 'it looks worse than stable';
}

function evidenceText({ evidence, limit }: Verdict): string | undefined {
  if (evidence === undefined || limit === undefined) return undefined;
  const chance = Math.round(Math.exp(limit));
  const promise = `a version that is as good as the old one gets there in at most 1 of ${number(chance)} rollouts`;
  const share = evidence / limit;
  if (share >= 1) return `The evidence crossed the line that reverts: ${promise}`;
  if (share <= 0.05)
    return `Nothing speaks against the new version so far. At the line it is reverted: ${promise}`;
  return `The evidence against the new version is at ${percent(share)} of the way to a revert: ${promise}`;
}

/** Every step with its times: as they were, or as they come if each one passes and nobody has to be asked. */
function stepsOf(rollout: Rollout, began: ReadonlyMap<number, Instant>): StepShown[] {
  const { plan, settleSeconds } = rollout.opening;
  const isOver = rollout.outcome !== undefined || rollout.leaving !== undefined;
  const all = [
    ...plan.steps.map(({ weight, bakeSeconds, isHoldout }) => ({
      ...{ weight, seconds: bakeSeconds },
      name: `${weightText(plan.steps, weight)} for ${duration(bakeSeconds)}${isHoldout ? ', verify beside stable' : ''}`,
    })),
    {
      ...{ weight: 100, seconds: plan.verifySeconds },
      name: plan.verifySeconds === 0 ? '100 %' : `100 %, verify ${duration(plan.verifySeconds)}`,
    },
  ];
  if (rollout.opening.targets.length === 0) return [];
  const bake = bakeOf(rollout);
  const pass = settleSeconds * 1000 + WINDOW_MS;
  let at: Instant | undefined =
    isOver || rollout.pause !== undefined || rollout.recall !== undefined || bake === undefined
      ? undefined
      : bake.to + settleSeconds * 1000;
  return all.map(({ weight, seconds, name }, step): StepShown => {
    const from = began.get(step);
    const following = [...began.entries()].filter(([other]) => other > step).map(([, since]) => since);
    const to = following.length > 0 ? Math.min(...following) : undefined;
    const base = { weight, seconds, name };
    if (step < rollout.step || (step === rollout.step && rollout.outcome === 'completed')) {
      const end = to ?? rollout.lastEventAt;
      return from === undefined ? { ...base, status: 'done' } : { ...base, status: 'done', from, to: end };
    }
    if (step === rollout.step) {
      if (isOver) return { ...base, status: 'left', ...(from && { from }), to: rollout.leaving?.at };
      return { ...base, status: 'now', from, ...(at === undefined ? {} : { to: at, isExpected: true }) };
    }
    if (isOver) return { ...base, status: 'never' };
    if (at === undefined || isGated(rollout, step)) {
      at = undefined;
      return { ...base, status: 'ahead' };
    }
    const begin: Instant = at;
    at = begin + seconds * 1000 + pass;
    return { ...base, status: 'ahead', from: begin, to: at, isExpected: true };
  });
}

/** True if a person has to be asked before a step, so that nobody knows when it comes. */
function isGated({ opening: { gates, plan } }: Rollout, step: number): boolean {
  const weight = plan.steps[step]?.weight ?? 100;
  const before = plan.steps[step - 1]?.weight ?? 0;
  return gates.some((gate) => gate.before > before && gate.before <= weight);
}

/** Every second point, with what was counted on the way to it. */
function halved(points: readonly Point[]): Point[] {
  return points.flatMap((point, at): Point[] => {
    const before = at % 2 === 1 ? points[at - 1] : undefined;
    if (at % 2 === 0) return at === points.length - 1 ? [point] : [];
    return [
      {
        ...point,
        minutes: point.minutes + (before?.minutes ?? 0),
        ...both('canary', before, point),
        ...both('stable', before, point),
      },
    ];
  });
}

function both(side: 'canary' | 'stable', one: Point | undefined, other: Point) {
  const [a, b] = [one?.[side], other[side]];
  if (a === undefined || b === undefined) return a === undefined ? {} : { [side]: a };
  return { [side]: sumOf(a, b) };
}

/** Half of the lines of least importance left out, the older ones; what matters stays. */
function thinned(story: readonly StoryEntry[]): StoryEntry[] {
  const half = story.length / 2;
  return story.filter(({ importance }, at) => importance !== 'detail' || at >= half || at % 2 === 0);
}
