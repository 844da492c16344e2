import * as z from 'zod/mini';
import { plainText } from '../plain-text.ts';
import { type Actor, WAYS } from '../rollout/actor.ts';
import { type Opening, OUTCOMES, type Outcome, type RolloutEvent } from '../rollout/event.ts';
import { stateOf } from '../rollout/outline.ts';
import { type Rollout, shareOf } from '../rollout/state.ts';
import { describe, summary } from '../rollout/story.ts';
import type { Instant, Percent } from '../units.ts';
import { cut } from '../words.ts';

/** Every kind of transition, with the detail type of its event on the bus. The names are a contract: rules and programs match them. */
export const DETAIL_TYPES = {
  opened: 'Rollout Opened',
  published: 'Rollout Published',
  checked: 'Rollout Checked',
  waiting: 'Rollout Waiting',
  approved: 'Rollout Approved',
  rejected: 'Rollout Rejected',
  raised: 'Rollout Raised',
  lowered: 'Rollout Lowered',
  recalled: 'Rollout Recalled',
  continued: 'Rollout Continued',
  promoted: 'Rollout Promoted',
  judged: 'Rollout Judged',
  measured: 'Rollout Measured',
  alarmed: 'Rollout Alarmed',
  drifted: 'Rollout Drifted',
  warned: 'Rollout Warned',
  paused: 'Rollout Paused',
  resumed: 'Rollout Resumed',
  hastened: 'Rollout Hastened',
  aborted: 'Rollout Aborted',
  reverting: 'Rollout Reverting',
  restored: 'Rollout Restored',
  takenOver: 'Rollout Taken Over',
  completed: 'Rollout Completed',
  reverted: 'Rollout Reverted',
  refused: 'Rollout Refused',
  superseded: 'Rollout Superseded',
  halted: 'Rollout Halted',
  unknown: 'Rollout Changed',
} as const;

/** A kind of transition. */
type TransitionKind = keyof typeof DETAIL_TYPES;

/** How much a transition asks of people: `page` that one of them acts, `important` that they know of it, `detail` nothing. */
export const IMPORTANCES = ['page', 'important', 'detail'] as const;
/** One of them. */
export type Importance = (typeof IMPORTANCES)[number];

/** What happened to a rollout, as it leaves the controller: to the event bus, and from there to people and other programs. */
export interface Transition {
  /** Raised when the shape changes. */
  schema: 1;
  /** `<rolloutId>#<n>`: the same however often it is sent. */
  id: string;
  kind: TransitionKind;
  detailType: string;
  environment: string;
  service: string;
  rolloutId: string;
  release: string;
  /** Number of the rollout's event: transitions of one rollout are ordered by it, and not every event is one. */
  n: number;
  at: Instant;
  /** What happened, in one line. */
  line: string;
  /** What a person should know besides, such as an alarm that was red before; at the opening alone. */
  notices?: string[] | undefined;
  /** What the rollout does or waits for now, or how it ended. */
  state: string;
  /** The largest share of the traffic that the canary has on a target, as far as is known. */
  weight: Percent;
  importance: Importance;
  /** Who caused it; absent if nobody ordered it. */
  by?: Actor | undefined;
  /** Absent until the rollout has ended. */
  outcome?: Outcome | undefined;
}

/** The shape of a transition, for its reference and for whoever checks one. */
export const transitionSchema: z.ZodMiniType<Transition> = z.strictObject({
  schema: z.literal(1),
  id: z.string(),
  kind: z.enum(Object.keys(DETAIL_TYPES) as TransitionKind[]),
  detailType: z.enum(Object.values(DETAIL_TYPES)),
  environment: z.string(),
  service: z.string(),
  rolloutId: z.string(),
  release: z.string(),
  n: z.int().check(z.gte(1)),
  at: z.int(),
  line: z.string(),
  notices: z.optional(z.array(z.string())),
  state: z.string(),
  weight: z.number().check(z.gte(0), z.lte(100)),
  importance: z.enum(IMPORTANCES),
  by: z.optional(
    z.object({
      id: z.string(),
      name: z.optional(z.string()),
      via: z.enum(WAYS),
      isVerified: z.boolean(),
    }),
  ),
  outcome: z.optional(z.enum(OUTCOMES)),
});

/** What an event is for people, and how important; undefined if it is only bookkeeping. */
type Decision = { kind: TransitionKind; importance: 'important' | 'detail' } | undefined;

const important = (kind: TransitionKind): Decision => ({ kind, importance: 'important' });
const detail = (kind: TransitionKind): Decision => ({ kind, importance: 'detail' });

/** Longest time between two transitions about a verdict that stays what it was. */
const REPEATED_MS = 10 * 60_000;

type Decide<Event> = (event: Event, before: Rollout | undefined) => Decision;

const never = (): Decision => undefined;

/** A decision for each type of event: one without does not compile. */
const DECISIONS: { [Type in RolloutEvent['type']]: Decide<Extract<RolloutEvent, { type: Type }>> } = {
  RolloutOpened: () => important('opened'),
  RolloutDeclined: ({ outcome }) => (outcome === 'refused' ? important(outcome) : detail(outcome)),
  Published: () => detail('published'),
  HookStarted: never,
  HookAnswered: ({ status }) => (status === 'pass' ? detail('checked') : important('checked')),
  GateOpened: () => important('waiting'),
  Approved: () => important('approved'),
  Rejected: () => important('rejected'),
  ShiftIntended: never,
  Shifted: ({ target, weight }, before) =>
    detail(weight < (before?.traffic[target]?.weight ?? 0) ? 'lowered' : 'raised'),
  Deferred: never,
  Promoted: () => important('promoted'),
  Measured: ({ at, verdict }, before) => {
    if (verdict.status !== (before?.verdict?.status ?? 'inconclusive'))
      return verdict.status === 'fail' || verdict.status === 'suspect'
        ? important('judged')
        : detail('judged');
    const last = before?.measuredAt ?? before?.openedAt ?? at;
    return Math.floor(last / REPEATED_MS) === Math.floor(at / REPEATED_MS) ? undefined : detail('measured');
  },
  RecallOrdered: () => important('recalled'),
  RecallEnded: () => detail('continued'),
  AlarmRaised: () => important('alarmed'),
  DriftDetected: () => important('drifted'),
  Lowered: () => important('drifted'),
  PinRefused: () => important('warned'),
  StableGone: () => important('warned'),
  Paused: () => important('paused'),
  Resumed: () => important('resumed'),
  PromotionOrdered: () => important('hastened'),
  Aborted: () => important('aborted'),
  RevertOrdered: () => important('reverting'),
  TookOver: () => detail('takenOver'),
  Continued: never,
  Reverted: () => important('restored'),
  RolloutClosed: ({ outcome }) => important(outcome),
};

/** Types of events that are no transition, whatever they say: nobody needs to look at one. */
export const BOOKKEEPING: readonly string[] = Object.entries(DECISIONS).flatMap(([type, decide]) =>
  decide === never ? [type] : [],
);

/** Why a rollout needs a person, and since which event of it. */
export interface Call {
  /** The same as long as it is the same need. */
  key: string;
  reason: string;
}

/** What a rollout needs a person for now: it halted, is held, has paused without evidence, or can no longer be reverted. Undefined if nobody has to act. */
export function callOf(rollout: Rollout): Call | undefined {
  const { outcome, pause, leaving, gone = [] } = rollout;
  if (outcome === 'halted') return { key: 'halted', reason: summary(rollout) };
  if (outcome !== undefined || leaving !== undefined) return undefined;
  if (pause !== undefined && pause.why !== 'human')
    return { key: `paused ${pause.since}`, reason: stateOf(rollout) };
  if (gone.length > 0)
    return {
      key: `gone ${gone.length}`,
      reason: `the stable version of ${gone.join(' and ')} was deleted, so it cannot be reverted`,
    };
  return undefined;
}

/** Longest texts of a transition, in characters. */
const LINE_MAX = 1_000;
const NOTICE_MAX = 400;
const NOTICES_MAX = 12;
const NAME_MAX = 200;

/** What an event means to people, with the rollout before and after it; undefined if it is only bookkeeping. `since` is the commit that served before, if it is known. */
export function transitionOf(
  event: RolloutEvent,
  before: Rollout | undefined,
  after: Rollout,
  since?: string,
): Transition | undefined {
  const decide: Decide<never> | undefined = DECISIONS[event.type];
  // What a newer version wrote is shown by its type, as in the story.
  const decision = decide === undefined ? detail('unknown') : decide(event as never, before);
  if (decision === undefined) return undefined;
  const { rolloutId, environment, service, release } = after.opening;
  const [first = '', ...others] = (describe(event, after) ?? event.type).split('\n').map(plainText);
  const commits = event.type === 'RolloutClosed' ? commitsOf(after.opening, since) : '';
  const call = callOf(after);
  const isCalled = call !== undefined && call.key !== (before && callOf(before))?.key;
  const { by } = event as { by?: Actor };
  const notices = event.type === 'RolloutOpened' ? others.slice(0, NOTICES_MAX) : [];
  return {
    schema: 1,
    id: `${rolloutId}#${after.version}`,
    kind: decision.kind,
    detailType: DETAIL_TYPES[decision.kind],
    ...{ environment, service, rolloutId, release: plainText(release) },
    n: after.version,
    at: event.at,
    line: `${cut(first, LINE_MAX)}${commits}`,
    ...(notices.length === 0 ? {} : { notices: notices.map((notice) => cut(notice, NOTICE_MAX)) }),
    state: cut(plainText(after.outcome === undefined ? stateOf(after) : summary(after)), LINE_MAX),
    weight: weightOf(after),
    importance: isCalled ? 'page' : decision.importance,
    ...(by === undefined ? {} : { by: named(by) }),
    ...(after.outcome === undefined ? {} : { outcome: after.outcome }),
  };
}

/** The largest share of the canary on a target, as far as is known. */
export const weightOf = (rollout: Rollout): Percent =>
  Math.min(100, Math.max(0, ...rollout.opening.targets.map((target) => shareOf(rollout, target))));

/** What separates this release from what served before, for whoever looks for the cause. */
function commitsOf({ commit, rollsBack }: Opening, since: string | undefined): string {
  if (commit === undefined || rollsBack !== undefined) return '';
  return since === undefined || since === commit
    ? `; commit ${short(commit)}`
    : `; commits ${short(since)}..${short(commit)}`;
}

/** A commit as people write it. */
export const short = (commit: string): string =>
  /^[0-9a-f]{12,64}$/i.test(commit) ? commit.slice(0, 7) : cut(plainText(commit), 40);

const named = ({ id, name, via, isVerified }: Actor): Actor => ({
  id: cut(plainText(id), NAME_MAX),
  ...(name === undefined ? {} : { name: cut(plainText(name), NAME_MAX) }),
  ...{ via, isVerified },
});
