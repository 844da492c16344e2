import * as z from 'zod/mini';
import { LIMITS } from '../core/analysis/types.ts';
import { ROLES } from '../core/people/access.ts';
import { CHOICES } from '../core/people/choice.ts';
import { LINK_ACTIONS } from '../core/people/link.ts';
import { PHASES } from '../core/people/standing.ts';
import { IMPORTANCES } from '../core/people/transition.ts';
import { WAYS } from '../core/rollout/actor.ts';
import { OUTCOMES } from '../core/rollout/event.ts';
import type { RouteName } from './routes.ts';
import { Code } from './schemas.ts';

// The shapes of all answers: they type what goes out, and are the document about it. No function loads them: to make them takes time at its start.

/** Schemas by the names that the document gives them. */
export const NAMED = z.registry<{ id: string; description: string }>();

function named<Schema extends z.ZodMiniType>(id: string, description: string, schema: Schema): Schema {
  NAMED.add(schema, { id, description });
  return schema;
}

const text = z.optional(z.string());
const texts = z.array(z.string());
/** Milliseconds since the beginning of 1970. */
const instant = z.number();
const flag = z.optional(z.boolean());

const Count = z.object({ bad: z.number(), total: z.number() });
const Status = z.enum(['pass', 'inconclusive', 'suspect', 'broken', 'fail']);

const ActorOut = named(
  'Actor',
  'Who caused something: a person, or a program that acts for one.',
  z.object({
    id: z.string(),
    name: z.optional(z.string()),
    via: z.enum(WAYS),
    isVerified: z.boolean(),
    person: z.optional(z.string()),
  }),
);

const FindingOut = named(
  'Finding',
  'What one metric of one target says, with the samples it rests on.',
  z.object({
    target: z.string(),
    metric: z.string(),
    status: Status,
    ...{ canary: Count, stable: Count },
    windows: z.number(),
    evidence: z.number(),
    doubt: z.optional(z.number()),
    odds: z.optional(z.object({ low: z.number(), high: z.optional(z.number()) })),
    needed: z.optional(z.string()),
    lossSeen: z.optional(z.nullable(z.number())),
    newest: z.optional(instant),
    skipped: z.optional(texts),
    shown: z.optional(z.object({ from: instant, to: instant, ...{ canary: Count, stable: Count } })),
    reason: z.string(),
  }),
);

const VerdictOut = named(
  'Verdict',
  'What a tick concludes, with the findings it rests on.',
  z.object({
    status: Status,
    reason: z.string(),
    findings: z.array(FindingOut),
    ...{ from: instant, to: instant },
    evidence: z.optional(z.number()),
    limit: z.optional(z.number()),
    limits: z.optional(
      z.array(
        z.object({
          limit: z.enum(LIMITS),
          max: z.number(),
          target: z.string(),
          status: Status,
          value: z.number(),
          reason: z.string(),
        }),
      ),
    ),
    certified: flag,
    doubt: z.optional(
      z.object({
        reason: z.string(),
        by: z.optional(z.object({ target: z.string(), metric: z.string() })),
        ...{ isSilence: flag, isSure: flag, isOutage: flag },
      }),
    ),
    explained: z.optional(texts),
    missing: z.optional(z.object({ target: z.string(), reason: z.string() })),
    byProbes: flag,
  }),
);

const opening = {
  rolloutId: z.string(),
  service: z.string(),
  release: z.string(),
  attempt: z.number(),
  order: z.number(),
};

const outline = {
  version: z.number(),
  openedAt: instant,
  lastEventAt: instant,
  step: z.number(),
  weights: z.record(z.string(), z.number()),
  inside: z.optional(z.string()),
  isPaused: z.boolean(),
  outcome: z.optional(z.enum(OUTCOMES)),
  state: z.string(),
};

const AheadOut = named(
  'Ahead',
  'The next thing that happens to a rollout by itself, and when at the earliest, as far as that is known.',
  z.object({ what: z.string(), at: z.optional(instant) }),
);

const RowOut = named(
  'Row',
  'What a list says of a rollout. `weight` is the largest share of the canary on a target.',
  z.object({
    opening: z.object(opening),
    ...outline,
    ...{ environment: z.string(), phase: z.enum(PHASES), weight: z.number(), stage: z.string() },
    ahead: z.optional(AheadOut),
    author: z.optional(z.string()),
    commit: z.optional(z.string()),
  }),
);

/** A list of rollouts. */
const RowsOut = z.array(RowOut);

/** A rollout as interfaces see it. */
const RolloutOut = named(
  'Rollout',
  'What people may see of a rollout. `version` counts its events; instants are milliseconds since 1970.',
  z.object({
    schema: z.literal(1),
    ...outline,
    opening: z.object({
      ...opening,
      environment: z.string(),
      commit: z.optional(z.string()),
      author: z.optional(z.string()),
      by: z.optional(ActorOut),
      reversible: z.boolean(),
      deadline: instant,
      notices: texts,
    }),
    targets: z.array(
      z.object({
        ...{ name: z.string(), kind: z.string(), key: z.string(), noun: z.string() },
        ...{ stable: z.string(), canary: z.string() },
      }),
    ),
    plan: z.object({
      steps: z.array(
        z.object({
          weight: z.number(),
          within: z.optional(z.object({ segment: z.string(), weight: z.number() })),
          bakeSeconds: z.number(),
          maxBakeSeconds: z.number(),
          untilRequests: z.optional(z.number()),
          isHoldout: flag,
        }),
      ),
      verifySeconds: z.number(),
    }),
    reason: z.optional(z.string()),
    dueAt: z.optional(instant),
    pause: z.optional(
      z.object({
        ...{ since: instant, until: instant },
        by: ActorOut,
        reason: z.string(),
        why: z.enum(['human', 'inconclusive', 'suspect', 'doubt', 'broken', 'irreversible']),
      }),
    ),
    gates: z.array(
      z.object({
        before: z.number(),
        approvers: z.number(),
        by: texts,
        from: z.optional(texts),
        notAuthor: flag,
        reject: z.optional(z.literal('ends')),
        timeoutSeconds: z.number(),
        onTimeout: z.enum(['revert', 'promote']),
        approvedBy: texts,
        missing: z.number(),
        until: z.optional(instant),
      }),
    ),
    verdict: z.optional(VerdictOut),
    unproven: texts,
    exposure: z.optional(z.object({ requests: z.number(), failed: z.number(), seconds: z.number() })),
  }),
);

const EventOut = named(
  'Event',
  'What happened, in the past tense; its other members are those of its type. A type that a reader does not know changes nothing that it has to act on.',
  z.looseObject({ type: z.string(), at: instant }),
);

/** Events of a rollout after some version. */
const EventsOut = named(
  'Events',
  'Events of a rollout after some version, as many as fit. While `isMore`, ask again after the last one that came. `ended` says how it ended and what serves since.',
  z.object({
    version: z.number(),
    events: z.array(EventOut),
    isMore: flag,
    ended: z.optional(z.string()),
  }),
);

const Completed = z.looseObject({
  release: z.string(),
  order: z.number(),
  rolloutId: z.optional(z.string()),
});

/** What a service remembers. */
const ServiceOut = named(
  'Service',
  'What a service last did, what waits for it, and what must not be tried again by automation.',
  z.object({
    quarantined: z.optional(
      z.array(z.looseObject({ release: z.string(), rolloutId: z.string(), reason: z.string() })),
    ),
    completed: z.optional(Completed),
    earlier: z.optional(z.array(Completed)),
    waiting: z.optional(z.looseObject({ release: z.string(), attempt: z.number(), order: z.number() })),
    tried: z.optional(z.array(z.object({ from: instant, to: instant }))),
    seq: z.optional(z.number()),
  }),
);

const WhoOut = named(
  'Who',
  'Who asks, and what they may do with the rollouts of the service.',
  z.object({ name: z.string(), roles: z.optional(z.array(z.enum(ROLES))) }),
);

const PointOut = z.object({
  ...{ at: instant, to: instant, minutes: z.number(), status: Status },
  canary: z.optional(Count),
  stable: z.optional(Count),
  share: z.optional(z.number()),
});

/** Everything that a page about one rollout shows. */
const RolloutOverviewOut = named(
  'RolloutOverview',
  'Everything that a page about one rollout shows: its sentences and its charts come from the same numbers. `choices` are what anybody could order now; whether the caller may, `who.roles` says.',
  z.object({
    schema: z.literal(1),
    view: z.omit(RolloutOut, { verdict: true }),
    phase: z.enum(PHASES),
    weight: z.number(),
    ...{ stage: z.string(), headline: z.string(), states: texts },
    ...{ call: text, met: text, share: text, next: text, evidence: text },
    ahead: z.optional(AheadOut),
    choices: z.array(
      z.object({
        command: z.enum(CHOICES),
        ...{ label: z.string(), does: z.string(), needs: z.enum(ROLES) },
        style: z.optional(z.enum(['danger', 'primary'])),
        hasReason: z.optional(z.literal(true)),
        step: z.optional(z.number()),
        gate: z.optional(z.number()),
        page: text,
      }),
    ),
    steps: z.array(
      z.object({
        ...{ weight: z.number(), seconds: z.number(), name: z.string() },
        status: z.enum(['done', 'now', 'ahead', 'left', 'never']),
        from: z.optional(instant),
        to: z.optional(instant),
        isExpected: z.optional(z.literal(true)),
      }),
    ),
    rules: z.array(
      z.object({
        ...{ target: z.string(), metric: z.string(), status: Status, canary: Count, stable: Count },
        ...{ share: z.number(), reason: z.string(), means: z.string(), needed: text },
      }),
    ),
    captions: z.object({ shares: z.string(), requests: z.string(), failures: z.string() }),
    points: z.array(PointOut),
    shares: z.array(z.object({ at: instant, weight: z.number() })),
    marks: z.array(
      z.object({
        at: instant,
        kind: z.enum(['raise', 'lower', 'revert', 'alarm', 'pause', 'resume', 'end']),
        label: z.string(),
      }),
    ),
    story: z.array(
      z.object({
        ...{ at: instant, line: z.string(), importance: z.enum(IMPORTANCES), by: text },
        isUnproven: z.optional(z.literal(true)),
      }),
    ),
    who: WhoOut,
    link: z.optional(z.enum(LINK_ACTIONS)),
  }),
);

/** What is rolling out now, and what ended lately. */
const OverviewOut = named(
  'Overview',
  'What is rolling out now, and what of the services that were asked for has ended lately.',
  z.object({ environment: z.string(), who: WhoOut, running: RowsOut, ended: RowsOut }),
);

const ReleaseOut = z.object({
  release: z.string(),
  order: z.number(),
  rolloutId: text,
  versions: z.array(z.object({ name: z.string(), version: z.string() })),
});

const RecordOut = z.object({
  completed: z.optional(ReleaseOut),
  earlier: z.optional(z.array(ReleaseOut)),
  quarantined: z.optional(
    z.array(z.object({ release: z.string(), rolloutId: z.string(), reason: z.string() })),
  ),
  waiting: z.optional(z.object({ release: z.string(), attempt: z.number(), order: z.number() })),
});

/** One service: its releases, what serves, and what is in quarantine. */
const ServiceOverviewOut = named(
  'ServiceOverview',
  'One service: its rollouts, the newest first, what serves, what waits and what is in quarantine. `isMore`: there are older ones than these.',
  z.object({
    ...{ environment: z.string(), service: z.string(), who: WhoOut, record: RecordOut, rollouts: RowsOut },
    isMore: z.boolean(),
  }),
);

/** Where the parts of this controller are. */
const AboutOut = named(
  'About',
  'Where the parts of this controller are.',
  z.object({ environment: z.string(), bucket: z.string(), scheduleGroup: z.string() }),
);

/** That it answers, and for which environment. */
const HealthOut = z.object({ status: z.literal('ok'), environment: z.string() });

/** A command that was accepted. */
const AcceptedOut = named(
  'Accepted',
  'The rollout that the command led to. `isRepeated`: it was accepted before, and is not carried out a second time.',
  z.object({ rolloutId: z.string(), accepted: z.literal(true), isRepeated: z.optional(z.literal(true)) }),
);

/** A link that was made. */
const LinkOut = named(
  'Link',
  'An address that shows a rollout, and pauses or aborts it once its button is pressed, without a sign-in. Whoever has it may do so once, until it expires.',
  z.object({ url: z.string(), action: z.enum(LINK_ACTIONS), rolloutId: z.string(), expiresAt: instant }),
);

/** How a refusal or failure is said (RFC 9457). */
export const ProblemOut = named(
  'Problem',
  'Why it was refused or failed (RFC 9457). `type` is the address of what is known about `code`, which is absent from faults of the program, whose type is `about:blank`; `errors` names each field that is wrong.',
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.optional(Code),
    errors: z.optional(z.array(z.object({ pointer: z.string(), detail: z.string() }))),
    waitsFor: z.optional(texts),
  }),
);

/** What is answered as text of a kind, and not as JSON. */
type TextType = 'image/svg+xml' | 'text/css' | 'text/html' | 'text/javascript' | 'text/plain';

/** What each route answers if all is well. */
export const ANSWERS = {
  health: HealthOut,
  about: AboutOut,
  overview: OverviewOut,
  rolloutOverview: RolloutOverviewOut,
  serviceOverview: ServiceOverviewOut,
  running: RowsOut,
  recent: RowsOut,
  service: ServiceOut,
  rollout: RolloutOut,
  events: EventsOut,
  picture: 'image/svg+xml',
  pause: AcceptedOut,
  resume: AcceptedOut,
  promote: AcceptedOut,
  approve: AcceptedOut,
  reject: AcceptedOut,
  abort: AcceptedOut,
  acknowledge: AcceptedOut,
  rollback: AcceptedOut,
  retry: AcceptedOut,
  links: LinkOut,
  problem: 'text/plain',
  front: 'text/html',
  frontOfRollout: 'text/html',
  frontOfService: 'text/html',
  asset: 'text/javascript',
  linkPage: 'text/html',
  linkScript: 'text/javascript',
  linkStyle: 'text/css',
} as const satisfies Record<RouteName, z.ZodMiniType | TextType>;

/** What a route answers, as a type. */
export type Out<Name extends RouteName> = (typeof ANSWERS)[Name] extends infer Shape
  ? Shape extends z.ZodMiniType
    ? z.output<Shape>
    : string
  : never;
