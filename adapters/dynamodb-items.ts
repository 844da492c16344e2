import { createHash } from 'node:crypto';
import type { HoldToken, Used } from '../core/ports.ts';
import type { Once } from '../core/rollout/command-request.ts';
import { dueAt } from '../core/rollout/due.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import type { Instant } from '../core/units.ts';
import { keys } from './dynamodb-table.ts';

/** An item with its attributes as plain values; `undefined` is left out. */
export type Item = Record<string, unknown>;

const DAY = 24 * 3600;

/** How long a rollout's history outlives it: a year, so that an audit can compare, and a month to hold that audit in. */
const KEPT_SECONDS = 400 * DAY;

/** HEAD goes last: expired items are deleted "within a few days" in no order (DynamoDB developer guide, "TTL"), and events without a HEAD would be in the way of a rollout of that id. */
const HEAD_LONGER_SECONDS = 30 * DAY;

/** A hold ends within an hour and is started afresh, so its token is useless long before. */
const TOKEN_SECONDS = DAY;

const seconds = (at: Instant) => Math.ceil(at / 1000);

/**
 * What every read and decision starts from. The fold is one JSON text: nothing asks for a part of it, and DynamoDB's
 * numbers would refuse what a verdict may hold (below 1E-130; DynamoDB developer guide, "Data types").
 */
export function headItem(rollout: Rollout, written: RolloutEvent[]): Item {
  const { opening, schema, version, epoch, openedAt, lastEventAt, outcome } = rollout;
  const { rolloutId, service, targets, deadline } = opening;
  const ended = isEnded(rollout);
  return {
    ...keys.head(rolloutId),
    ...{ rolloutId, service, schema, version, epoch, openedAt, outcome },
    executionName: targets.length === 0 ? undefined : `${rolloutId}-${epoch}`,
    dueAt: ended ? undefined : dueAt(rollout),
    running: ended ? undefined : 'yes',
    // What the stream is filtered by: which events came with this version.
    wrote: new Set(written.map(({ type }) => type)),
    expiresAt: ended
      ? seconds(Math.max(deadline, lastEventAt)) + KEPT_SECONDS + HEAD_LONGER_SECONDS
      : undefined,
    body: JSON.stringify(rollout),
  };
}

/** One event. When its rollout will end is not known yet, so what it outlives is the deadline. */
export function eventItem({ opening }: Rollout, version: number, event: RolloutEvent): Item {
  return {
    ...keys.event(opening.rolloutId, version),
    rolloutId: opening.rolloutId,
    type: event.type,
    at: event.at,
    expiresAt: seconds(Math.max(opening.deadline, event.at)) + KEPT_SECONDS,
    body: JSON.stringify(event),
  };
}

/** The lock of a target. It never expires: only the end of its rollout releases it. */
export function lockItem(rolloutId: string, targetKey: string): Item {
  return { ...keys.lock(targetKey), rolloutId };
}

/** A token; its place follows from it, so putting it twice keeps one. */
export function tokenItem(rolloutId: string, { version, token }: HoldToken, now: Instant): Item {
  const attempt = createHash('sha256').update(token).digest('hex').slice(0, 16);
  return {
    ...keys.token(rolloutId, version, attempt),
    version,
    token,
    expiresAt: seconds(now) + TOKEN_SECONDS,
  };
}

/** That what can be used once was used, for as long as it could come again by anybody's clock. */
export function usedItem({ id, fingerprint, expiresAt }: Once, rolloutId: string): Item {
  return { ...keys.once(id), fingerprint, rolloutId, expiresAt: seconds(expiresAt) + DAY };
}

/** What used it, by its item. */
export function usedFrom({ fingerprint, rolloutId }: Item): Used {
  return { fingerprint: String(fingerprint), rolloutId: String(rolloutId) };
}

/** The fold that a HEAD holds. */
export function rolloutFrom(head: Item): Rollout {
  return JSON.parse(String(head.body)) as Rollout;
}

/** The event that an item holds. */
export function eventFrom(item: Item): RolloutEvent {
  return JSON.parse(String(item.body)) as RolloutEvent;
}
