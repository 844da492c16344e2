import { RolloutError } from '../core/errors.ts';
import type { Journal } from '../core/ports.ts';
import { countsOf } from '../core/rollout/counts.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Line, Observer } from './ports.ts';

/**
 * Members of inputs, answers and events that may stand in a log: ids, numbers and words of the design. What people, hooks,
 * smoke tests and manifests say is not among them, nor is any token; the journal has what they said.
 */
const LOGGED = [
  'alarm',
  'cause',
  'epoch',
  'found',
  'gate',
  'hook',
  'kind',
  'opened',
  'outcome',
  'result',
  'seconds',
  'status',
  'target',
  'told',
  'version',
  'weight',
] as const;

/** One line for a read that failed and that the call does without. */
export function unread(
  rolloutId: string,
  what: string,
  error: unknown,
  { observer }: { observer: Observer },
): void {
  const why = RolloutError.is(error) ? { why: error.message } : {};
  observer.warn('unread', { rolloutId, what, error: Object(error).name, ...why });
}

/** The same journal; what it takes in is logged and counted. */
export function observed(journal: Journal, observer: Observer): Journal {
  return {
    ...journal,
    async open(events, decidedOn) {
      const opened = await journal.open(events, decidedOn);
      if (opened.result === 'opened') wrote(opened.rollout, events, observer);
      return opened;
    },
    async append(rollout, events, once) {
      const after = await journal.append(rollout, events, once);
      wrote(after, events, observer);
      return after;
    },
  };
}

function wrote({ opening, version }: Rollout, events: RolloutEvent[], observer: Observer): void {
  events.forEach((event, index) => {
    const status = event.type === 'Measured' ? { status: event.verdict.status } : {};
    observer.log(event.type, {
      ...loggable(event),
      ...status,
      rolloutId: opening.rolloutId,
      version: version - events.length + index + 1,
    });
    observer.count(countsOf(event));
  });
}

/** What of an input, an answer or an event may stand in a log. */
export function loggable(value: unknown): Line {
  const line: Line = {};
  for (const name of LOGGED) {
    const found = memberOf(value, name);
    if (typeof found === 'string' || typeof found === 'number') line[name] = found;
    if (Array.isArray(found) && found.every((each) => typeof each === 'string')) line[name] = found;
  }
  return line;
}

/** Members of inputs that name a rollout, or several. */
const NAMING = ['ref', 'detail', 'wake', 'ended', 'events'];

/** The first that names one rollout; `none` if the call is about none, or about several that have lines of their own. */
export function rolloutIdIn(...values: unknown[]): string {
  for (const value of values) {
    const within = NAMING.map((name) => memberOf(value, name));
    const ids = [value, ...within.flat()].map((each) => memberOf(each, 'rolloutId')).filter(Boolean);
    const id = new Set(ids).size === 1 ? ids[0] : undefined;
    // What is no id must not become a way to write anything into the logs.
    if (typeof id === 'string' && /^[\w-]{1,60}$/.test(id)) return id;
  }
  return 'none';
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
