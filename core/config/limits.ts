import * as z from 'zod/mini';
import { LIMITS, type LimitRule } from '../analysis/types.ts';
import { kindIn, type TargetKinds } from '../target-kind.ts';
import { type Fault, strict, whole } from './check.ts';
import { acceptedSeconds, DAY, duration } from './duration.ts';
import { isMap, own, word } from './plain.ts';
import { sourceOf } from './targets.ts';

const COUNT_MAX = 1_000_000;
/** Longest time that SQS keeps a message: nothing is ever older (SQS developer guide, "Message retention period"). */
const MESSAGE_AGE_MAX = 14 * DAY;
/** Longest time that Kinesis keeps a record (Kinesis Data Streams developer guide, "Data retention period"). */
const RECORD_AGE_MAX = 365 * DAY;

const count = (description: string) =>
  z
    .optional(whole(0, COUNT_MAX, () => `write a whole number from 0 to ${COUNT_MAX}.`))
    .check(z.describe(description));

/** What a consumer of events may not do, in absolute numbers. */
export const limitsField = strict({
  dlqNew: count('Most messages that may arrive in the dead-letter queue.'),
  oldestMessage: z
    .optional(duration(1, MESSAGE_AGE_MAX))
    .check(z.describe('Greatest age of a waiting message or event, from 1s to 14d.')),
  iteratorAge: z
    .optional(duration(1, RECORD_AGE_MAX))
    .check(z.describe('Greatest age of the last record that was read from a stream, from 1s to 365d.')),
  batchFailures: count('Most messages or records that may be handed back from their batch as failed.'),
} satisfies Record<LimitRule['limit'], z.ZodMiniType>).check(
  z.describe(
    'Absolute limits for targets that consume events; each one is kept by every target whose source has it.',
  ),
);

/** The limits of an accepted file. */
export function limitRulesFrom(written: z.output<typeof limitsField>): LimitRule[] {
  return LIMITS.flatMap((limit) => {
    const max = written[limit];
    if (max === undefined) return [];
    return [{ limit, max: typeof max === 'string' ? acceptedSeconds(max) : max }];
  });
}

/** Finds each limit that no target has, and each target that lacks the name of a queue which one of them needs. */
export function limitFaults(file: unknown, kinds: TargetKinds): Fault[] {
  const targets = own(file, 'targets');
  if (!isMap(targets)) return [];
  return LIMITS.filter((limit) => own(own(file, 'limits'), limit) !== undefined).flatMap((limit) => {
    const fieldOf = (target: unknown): unknown =>
      own((kindIn(kinds, target) ?? kinds[0]).limits[limit], sourceOf(target));
    const fitting = Object.entries(targets).filter(([, target]) => fieldOf(target) !== undefined);
    if (fitting.length > 0)
      return fitting.flatMap(([name, target]) => queueFaults(limit, name, target, word(fieldOf(target))));
    const known = new Set(kinds.flatMap(({ limits }) => Object.keys(limits[limit])));
    const sources = [...known].map((source) => `\`source: ${source}\``).join(' or ');
    const message = `no target has ${sources}, so this could never be measured; remove it.`;
    return [{ path: ['limits', limit], message }];
  });
}

function queueFaults(limit: string, name: string, target: unknown, field: string): Fault[] {
  if (field === 'nothing' || own(target, field) !== undefined) return [];
  const queue = field === 'dlq' ? 'its dead-letter queue' : 'the queue that it consumes';
  return [{ path: ['targets', name, field], message: `\`limits.${limit}\` needs the name of ${queue}.` }];
}
