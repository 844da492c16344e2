import type { CancellationReason } from '@aws-sdk/client-dynamodb';
import { RolloutError } from '../core/errors.ts';
import { nameOf, reach, unavailable } from './_aws.ts';

/** Two writers meeting in one item is no reason to wait: the other one is done within a call. */
const TRIES_MAX = 3;

/** What DynamoDB answers with status 400 and yet takes a moment later. */
const PASSING = [
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'TransactionInProgressException',
];

/** The codes of a cancelled transaction that say "not now"; the other items of it say `None`. */
const NOT_NOW = ['None', 'TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'];

/** The codes of a cancelled transaction, and texts of a refused one, that say "never": an item or a collection is too large. */
const TOO_LARGE = ['ValidationError', 'ItemCollectionSizeLimitExceeded'];
const SIZE = /size (to update )?has exceeded/i;

/**
 * Makes a call of DynamoDB. If two writers met in one item it is made again at once, a few times.
 * @throws RolloutError Unavailable for what passes, JournalFull for what does not fit; other errors go on as they are
 */
export async function send<T>(subject: string, call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await reach(`Table ${subject}`, call);
    } catch (error) {
      if (isCollision(error) && tries < TRIES_MAX) continue;
      throw translated(subject, error);
    }
  }
}

/** Why a transaction was cancelled, action by action; nothing for another error. */
export function refusals(error: unknown): CancellationReason[] {
  if (nameOf(error) !== 'TransactionCanceledException') return [];
  return (error as { CancellationReasons?: CancellationReason[] }).CancellationReasons ?? [];
}

/** The table will answer another time. */
export function tableUnavailable(subject: string, why: string, cause?: unknown): RolloutError {
  return unavailable(`Table ${subject} could not be used just now (${why}); it will be tried again.`, cause);
}

const codesOf = (error: unknown) => refusals(error).map(({ Code }) => Code ?? 'None');

function isCollision(error: unknown): boolean {
  const codes = codesOf(error);
  if (codes.length === 0) return nameOf(error) === 'TransactionConflictException';
  return codes.every((code) => code === 'None' || code === 'TransactionConflict');
}

function translated(subject: string, error: unknown): unknown {
  const codes = codesOf(error);
  const isNotNow = codes.length > 0 && codes.every((code) => NOT_NOW.includes(code));
  if (isNotNow || isCollision(error) || PASSING.includes(nameOf(error)))
    return tableUnavailable(subject, [...new Set([nameOf(error), ...codes])].join(' '), error);
  const isTooLarge =
    codes.some((code) => TOO_LARGE.includes(code)) ||
    (nameOf(error) === 'ValidationException' && SIZE.test(String(error)));
  if (!isTooLarge) return error;
  return new RolloutError(
    'JournalFull',
    `Table ${subject} refused an item over the 400 KB that DynamoDB keeps; nothing was written. Shorten what the release carries, such as its smoke checks.`,
    { cause: error },
  );
}
