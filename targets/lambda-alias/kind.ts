import { LIMITS } from '../../core/analysis/types.ts';
import { MEASURED } from '../../core/config/limits.ts';
import type { Source, Traits } from '../../core/target.ts';

/** Tries of an event that fails: one, and two more (Lambda developer guide, "Asynchronous invocation"; a queue's own retries are taken for as many). */
const TRIES = 3;

/** Traits of a Lambda alias by what calls it, for code that need not know the kind. */
export function traitsOf(source: Source, { functionName = '', alias = '' }: Record<string, string>): Traits {
  return {
    burst: source === 'async' || source === 'sqs' ? TRIES : 1,
    isSticky: false,
    counts: source === 'http' ? ['answers'] : source === 'sqs' || source === 'stream' ? ['batches'] : [],
    limits: Object.fromEntries(
      LIMITS.flatMap((limit) => {
        const read = MEASURED[limit][source];
        return read === undefined ? [] : [[limit, read]];
      }),
    ),
    noun: `alias ${alias} of ${functionName}`,
  };
}
