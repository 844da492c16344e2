import { createHash } from 'node:crypto';
import type {
  PutEventsRequest,
  PutEventsRequestEntry,
  PutEventsResponse,
  PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import type { Instant } from '../../core/units.ts';
import type { WorldClock } from '../clock.ts';
import { LATENCY_MS } from '../latency.ts';
import type { Random } from '../random.ts';
import { awsError, type Operations, onlyFields } from '../sdk.ts';

/** An event as EventBridge carries it. */
export interface AwsEvent {
  version: '0';
  id: string;
  'detail-type': string;
  source: string;
  account: string;
  /** To the second, as `2026-01-05T09:00:00Z`. */
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

/** A UUID-shaped id that is the same for the same source and count, so that one seed gives one history. */
export function eventId(source: string, count: number): string {
  const hex = createHash('sha256').update(`${source}#${count}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

/** An event's `time`: whole seconds. */
export function eventTime(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** An event pattern: objects name fields, arrays list what a field may be (EventBridge user guide, "Event patterns"). */
export interface EventPattern {
  [field: string]: EventPattern | readonly unknown[];
}

interface EventRule {
  name: string;
  pattern: EventPattern;
  target(event: AwsEvent): Promise<void>;
  /** When a failing target is given up; an hour of event age and 185 attempts if it is not said. */
  retry?: { maximumEventAgeMs?: number; maximumRetryAttempts?: number };
}

/** An event that a rule's target refused until its retries were used up. */
interface DeadLetter {
  rule: string;
  event: AwsEvent;
  attempts: number;
  error: unknown;
}

const RETRY_FIRST_MS = 60_000;
/** Attempts that EventBridge allows at most (EventBridge user guide, "Retry policy"); its age limit of 24 h is cut to one here. */
const RETRY = { maximumEventAgeMs: 3_600_000, maximumRetryAttempts: 185 };

/** Entries that one PutEvents takes, and what all of them may weigh (EventBridge API reference, PutEvents). */
const ENTRIES_MAX = 10;
const REQUEST_BYTES_MAX = 1024 * 1024;
const DETAIL_TYPE_MAX = 128;

/** The default event bus: delivers each matching event to each rule at least once, later, and in no promised order. */
export class SimulatedEventBridge {
  /** What no target took. */
  readonly deadLetters: DeadLetter[] = [];
  readonly #rules = new Map<string, { rule: EventRule; matches: Matcher }>();
  readonly #clock: WorldClock;
  readonly #random: Random;
  readonly #deliveryMs: () => number;
  readonly #copies: (rule: string) => readonly number[];
  readonly #account: string;
  readonly #region: string;
  readonly #fails: (entry: PutEventsRequestEntry) => string | undefined;
  #puts = 0;

  constructor(world: {
    clock: WorldClock;
    random: Random;
    account?: string;
    region?: string;
    deliveryMs?: () => number;
    /** Share of deliveries that arrive twice, 0 to 1. */
    duplicates?: number;
    /** How much later than usual each copy of an event arrives, in milliseconds; instead of `duplicates`. */
    copies?: ((rule: string) => readonly number[]) | undefined;
    /** The error code with which an entry of PutEvents is refused, while others of its request are taken. */
    fails?: ((entry: PutEventsRequestEntry) => string | undefined) | undefined;
  }) {
    this.#clock = world.clock;
    this.#account = world.account ?? '111122223333';
    this.#region = world.region ?? 'eu-west-1';
    this.#fails = world.fails ?? (() => undefined);
    this.#random = world.random;
    this.#deliveryMs = world.deliveryMs ?? (() => LATENCY_MS.eventDelivery);
    const { duplicates = 0 } = world;
    this.#copies = world.copies ?? (() => (this.#random.next() < duplicates ? [0, 0] : [0]));
  }

  readonly operations = {
    PutEventsCommand: (input: PutEventsRequest): PutEventsResponse => this.#putEvents(input),
  } satisfies Operations;

  /** Takes or refuses each entry by itself; nothing tells a repeat from another event. */
  #putEvents(input: PutEventsRequest): PutEventsResponse {
    onlyFields('PutEvents', input, ['Entries']);
    const { Entries = [] } = input;
    if (Entries.length === 0 || Entries.length > ENTRIES_MAX)
      throw invalid(`Entries must have 1 to ${ENTRIES_MAX} members, not ${Entries.length}.`);
    const bytes = Entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
    if (bytes >= REQUEST_BYTES_MAX)
      throw invalid('Total size of the entries in the request is over the limit.');
    const results = Entries.map((entry) => this.#putEntry(entry));
    return {
      FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode !== undefined).length,
      Entries: results,
    };
  }

  #putEntry(entry: PutEventsRequestEntry): PutEventsResultEntry {
    onlyFields('An entry of PutEvents', entry, ['Time', 'Source', 'DetailType', 'Detail']);
    const { Time, Source, DetailType, Detail } = entry;
    if (!Source || !DetailType || !Detail)
      return refused('InvalidArgument', 'Parameter Source, DetailType or Detail is not valid.');
    if (Source.startsWith('aws.'))
      return refused('NotAuthorizedForSourceException', 'Not authorized for the source.');
    if (DetailType.length > DETAIL_TYPE_MAX)
      return refused('InvalidArgument', 'Parameter DetailType is not valid.');
    const detail = objectIn(Detail);
    if (detail === undefined) return refused('MalformedDetail', 'Detail is malformed.');
    const code = this.#fails(entry);
    if (code !== undefined) return refused(code, 'The entry was not taken.');
    this.#puts += 1;
    const id = eventId('PutEvents', this.#puts);
    this.put({
      ...{ version: '0', id, 'detail-type': DetailType, source: Source },
      ...{ account: this.#account, region: this.#region, resources: [], detail },
      time: eventTime(Time?.getTime() ?? this.#clock.now()),
    });
    return { EventId: id };
  }

  /** Adds a rule. @throws Error if the name is taken or the pattern uses what is not simulated */
  rule(rule: EventRule): void {
    if (this.#rules.has(rule.name))
      throw new Error(`The rule ${rule.name} exists already: give it another name.`);
    this.#rules.set(rule.name, { rule, matches: matcherOf(rule.pattern, rule.name) });
  }

  /** Accepts an event; the targets learn of it later. */
  put(event: AwsEvent): void {
    const acceptedAt = this.#clock.now();
    for (const { rule, matches } of this.#rules.values()) {
      if (!matches(event)) continue;
      for (const laterMs of this.#copies(rule.name)) void this.#deliver(rule, event, acceptedAt, laterMs);
    }
  }

  async #deliver(rule: EventRule, event: AwsEvent, acceptedAt: Instant, laterMs: number): Promise<void> {
    const { maximumEventAgeMs, maximumRetryAttempts } = { ...RETRY, ...rule.retry };
    await this.#clock.sleep(this.#deliveryMs() + laterMs);
    for (let attempts = 1, waitMs = RETRY_FIRST_MS; ; attempts++, waitMs *= 2) {
      try {
        // A copy each time: a target that changes its event must not change another's.
        return await rule.target(structuredClone(event));
      } catch (error) {
        const tooOld = this.#clock.now() + waitMs - acceptedAt > maximumEventAgeMs;
        if (tooOld || attempts > maximumRetryAttempts) {
          this.deadLetters.push({ rule: rule.name, event, attempts, error });
          return;
        }
      }
      await this.#clock.sleep(waitMs);
    }
  }
}

/** What an entry weighs: 14 bytes for its time, and its texts (EventBridge user guide, "Calculating PutEvents event entry size"). */
function bytesOf({ Time, Source = '', DetailType = '', Detail = '' }: PutEventsRequestEntry): number {
  return (Time === undefined ? 0 : 14) + Buffer.byteLength(Source + DetailType + Detail);
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const refused = (ErrorCode: string, ErrorMessage: string): PutEventsResultEntry => ({
  ErrorCode,
  ErrorMessage,
});

const invalid = (message: string) => awsError('ValidationException', message);

type Matcher = (value: unknown) => boolean;

/** Reads a pattern once, so that a mistake in it shows when the rule is made and not when an event is lost. */
function matcherOf(pattern: EventPattern, path: string): Matcher {
  const { $or, ...all } = pattern;
  const either = Array.isArray($or) ? $or.map((part: EventPattern) => matcherOf(part, `${path}.$or`)) : [];
  const fields = Object.entries(all).map(([field, part]): [string, Matcher] => {
    if (field.startsWith('$')) throw notSimulated(`${path}.${field}`, field);
    return [
      field,
      Array.isArray(part)
        ? leafMatcher(part, `${path}.${field}`)
        : matcherOf(part as EventPattern, `${path}.${field}`),
    ];
  });
  return (value) => {
    const record = isRecord(value) ? value : {};
    return (
      fields.every(([field, matches]) => matches(record[field])) &&
      (either.length === 0 || either.some((matches) => matches(record)))
    );
  };
}

function leafMatcher(alternatives: readonly unknown[], path: string): Matcher {
  if (alternatives.length === 0)
    throw new Error(`The event pattern at ${path} is an empty list, which matches nothing.`);
  const matchers = alternatives.map((alternative) => alternativeMatcher(alternative, path));
  return (value) => matchers.some((matches) => (Array.isArray(value) ? value.some(matches) : matches(value)));
}

function alternativeMatcher(alternative: unknown, path: string): Matcher {
  if (!isRecord(alternative)) return (value) => value === alternative;
  const [[operator, operand] = ['', undefined], ...others] = Object.entries(alternative);
  if (others.length > 0)
    throw new Error(
      `The event pattern at ${path} puts several operators in one object: ${JSON.stringify(alternative)}.`,
    );
  if (operator === 'exists' && typeof operand === 'boolean')
    return (value) => (value !== undefined) === operand;
  if (operator === 'anything-but') return anythingBut(operand, path);
  if (typeof operand !== 'string') throw notSimulated(path, operator);
  if (operator === 'prefix') return (value) => typeof value === 'string' && value.startsWith(operand);
  if (operator === 'suffix') return (value) => typeof value === 'string' && value.endsWith(operand);
  if (operator === 'wildcard') return wildcard(operand);
  throw notSimulated(path, operator);
}

function anythingBut(operand: unknown, path: string): Matcher {
  const refused = Array.isArray(operand) ? operand : [operand];
  if (refused.some(isRecord)) throw notSimulated(path, 'anything-but with an operator');
  return (value) => value !== undefined && !refused.includes(value);
}

/** `*` stands for any characters, a slash among them: a key pattern does not stop at a folder. */
function wildcard(text: string): Matcher {
  const source = text
    .split('*')
    .map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'))
    .join('.*');
  const pattern = new RegExp(`^${source}$`, 's');
  return (value) => typeof value === 'string' && pattern.test(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notSimulated(path: string, operator: string): Error {
  return new Error(
    `The event pattern at ${path} uses "${operator}", which is not simulated: add it to local/services/eventbridge.ts.`,
  );
}
