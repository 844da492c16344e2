import * as z from 'zod/mini';
import { RELEASE_NAME, ROLLOUT_ID_MAX, SERVICE_NAME, SERVICE_NAME_MAX } from '../core/config/names.ts';
import { ERROR_CODES } from '../core/errors.ts';
import { LINK_ACTIONS } from '../core/people/link.ts';

// The shapes of all questions: they check what comes in, and are the document about it. Those of answers are beside them (`answer-shapes.ts`).

/** A pattern as it stands within another one. */
const inner = ({ source }: RegExp) => source.slice(1, -1);

/** The id of a rollout, `<service>--<release>--<attempt>`. */
export const RolloutId = z
  .string()
  .check(
    z.maxLength(ROLLOUT_ID_MAX),
    z.regex(new RegExp(`^${inner(SERVICE_NAME)}--${inner(RELEASE_NAME)}--[1-9][0-9]*$`)),
  );

/** The name of a service. */
export const ServiceName = z.string().check(z.maxLength(SERVICE_NAME_MAX), z.regex(SERVICE_NAME));

/** The name of a target or metric, as it can stand in an address. */
export const Name = z.string().check(z.maxLength(100), z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/));

/** What a refusal or failure is called. */
export const Code = z.enum(ERROR_CODES);

/** Why, for readers of the journal; what is too long for it is cut. */
const reason = z.string();

/** The weight that a gate stands before. */
const gate = z.int().check(z.gte(1), z.lte(100));

/** What each command takes besides its rollout. */
export const BODIES = {
  pause: z.strictObject({ reason: z.optional(reason) }),
  resume: z.strictObject({}),
  promote: z.strictObject({
    step: z.optional(z.int().check(z.gte(0), z.lte(1000))),
    full: z.optional(z.boolean()),
  }),
  approve: z.strictObject({ gate }),
  reject: z.strictObject({ gate, reason: z.optional(reason) }),
  abort: z.strictObject({ reason: z.optional(reason) }),
  rollback: z.strictObject({ reason: z.optional(reason) }),
  retry: z.strictObject({}),
  acknowledge: z.strictObject({ page: z.optional(z.string().check(z.maxLength(200))) }),
};

/** Longest and shortest life of a link, in seconds. */
const [LINK_MOST, LINK_LEAST] = [7 * 24 * 3600, 60];

/** What a link is asked for by. */
export const LinkIn = z.strictObject({
  action: z.enum(LINK_ACTIONS),
  seconds: z.optional(z.int().check(z.gte(LINK_LEAST), z.lte(LINK_MOST))),
});

/** What makes a command one that is carried out once: quoted, as a string of Structured Fields (RFC 8941), or bare. */
export const IdempotencyKey = z
  .string()
  .check(z.regex(/^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,200})"|([\x21\x23-\x5b\x5d-\x7e]{1,200}))$/));

/** Which events are asked for. */
export const EventsQuery = z.strictObject({
  after: z.optional(z.int().check(z.gte(0), z.lte(1_000_000))),
  limit: z.optional(z.int().check(z.gte(1), z.lte(1000))),
});

/** Which rollouts of a service are asked for. */
export const RecentQuery = z.strictObject({
  before: z.optional(RolloutId),
  limit: z.optional(z.int().check(z.gte(1), z.lte(100))),
});

/** Of which services it is asked what has ended lately, besides those that are rolling out: their names, with commas between. */
export const OverviewQuery = z.strictObject({ services: z.optional(z.string().check(z.maxLength(600))) });

/** Which page of a service's rollouts is asked for. */
export const ServiceOverviewQuery = z.pick(RecentQuery, { before: true });

/** The name of a file of the page: it has a digest in it. */
export const Asset = z.string().check(z.maxLength(60), z.regex(/^[a-z]+-[0-9a-z]{8,20}\.(?:js|css|svg)$/i));
