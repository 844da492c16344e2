import type { Opening } from './rollout/event.ts';
import type { Instant, Seconds } from './units.ts';

/**
 * Calls a second that the controller shares out among all its rollouts, of the 15 that Lambda's control plane takes per
 * region (Lambda quotas, "Lambda API requests"). The rest is for reverts, which never ask, and for everybody else's deployments.
 */
export const CALLS_PER_SECOND = 8;

/** What may go out at once after a quiet time: as much as one second is given. */
export const BURST_MS = 1_000;

/**
 * How far ahead of now one service may have reserved calls. A service over it is charged nothing more and gets the time of its last reserved calls,
 * so that others wait at most this long, and the cost of one request, for each service that asks for more than its share.
 */
export const DEBT_MS = 4_000;

/** Rollouts that may read back at each of their ticks, one a minute. */
const READ_BACKS_A_MINUTE = 60;

/** Of so many ticks in a row one reads the targets back, however many rollouts there are. */
const READ_BACK_EVERY_MAX = 10;

/** How long a rollout leaves a target alone whose control plane had no room for it: longer than 200 reverts at once take. */
export const RETRY_LATER_SECONDS: Seconds = 30;

/** Below this many rollouts, no pacing: so few neither fill a second nor the budget. */
const TOGETHER_MAX = 8;

/** The second of a minute past which no tick is put off, so that the next is never two minutes away. */
const OFFSET_MAX: Seconds = 55;

/**
 * Whether a tick reads its targets back. A few rollouts do at each tick; of many each does at some, so that all of them
 * together make a few calls a second: a lost routing config or drift is seen within ten ticks.
 */
export function readsBack({ opening, ticks }: { opening: Opening; ticks: number }): boolean {
  const every = Math.ceil((opening.running ?? 0) / READ_BACKS_A_MINUTE);
  return ticks % Math.min(READ_BACK_EVERY_MAX, Math.max(1, every)) === 0;
}

/**
 * How long after a window has settled a rollout ticks. A few tick at once, as soon as they can; among many each has a
 * second of its own by its name, or all would ask CloudWatch and Lambda in the same one.
 */
export function tickOffset({ rolloutId, running = 0 }: Opening): Seconds {
  return running < TOGETHER_MAX ? 0 : hash(rolloutId) % Math.min(OFFSET_MAX, running);
}

/** What a revert takes at most if there is room: two calls of which one is lost, after the 2.5 s that a client waits. Among many it takes longer. */
const ROOMY_MS = 3_000;

/** Whether a revert that took this long is followed by a last look: one of many at once leaves what room there is to the others. */
export function isRechecked(tookMs: number): boolean {
  return tookMs < ROOMY_MS;
}

/** A share from 0 to 1 by which many who are refused at once come again at different times: a function of who asks and when, so that a replay gives the same. */
export const spreadOf = (key: string, at: Instant): number => hash(`${at} ${key}`) / 2 ** 32;

/** FNV-1a, 32 bits: spreads names that differ in one digit. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value;
}
