import { spreadOf } from '../core/budget.ts';
import { RolloutError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** The name AWS gave an error; empty for anything that is not an error. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** True if AWS refused a call for its rate, so that it had no effect. */
export function isThrottle(error: unknown): boolean {
  if (RolloutError.is(error)) return error.isThrottled;
  return /Throttl|TooManyRequests|ThroughputExceeded|RequestLimitExceeded|^SlowDown$/.test(nameOf(error));
}

/** What passes by itself, because of an error of AWS. */
export function unavailable(message: string, cause: unknown): RolloutError {
  return new RolloutError('Unavailable', message, { cause, isThrottled: isThrottle(cause) });
}

/** Throttles, server faults and lost connections pass; everything else will be the same the next time. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  // Without an answer of AWS it is the connection, unless it is a fault of this program.
  if (status === undefined)
    return !(error instanceof TypeError || error instanceof RangeError || error instanceof RolloutError);
  // Lambda answers 502 also for a key that it may not use.
  if (isOfAccount(error)) return false;
  return status === 429 || status >= 500 || isThrottle(error) || /Timeout/.test(nameOf(error));
}

function statusOf(error: unknown): number | undefined {
  const metadata =
    error instanceof Error && '$metadata' in error
      ? (error.$metadata as { httpStatusCode?: number })
      : undefined;
  return metadata?.httpStatusCode;
}

/**
 * Names by which AWS refuses a call for what the account may do or has left, whatever is asked: rights (also those that an
 * organization takes away), quotas, keys, the network (API reference of Lambda, errors of "PublishVersion",
 * "UpdateFunctionCode" and "Invoke", and "Common Error Types"). No release is to blame for one of them.
 */
const OF_ACCOUNT =
  /^(AccessDenied|NotAuthorized|UnauthorizedOperation|UnrecognizedClient|InvalidClientTokenId|ExpiredToken|OptInRequired|KMS|EC2AccessDenied|EFS|SubnetIPAddressLimit|InvalidSubnet|InvalidSecurityGroup|CodeArtifactUser)|(LimitExceeded|QuotaExceeded|StorageExceeded|LimitReached)/;

/** True if AWS refused a call for what the account may do or has left, so that the release is not to blame and the next try meets the same. */
export function isOfAccount(error: unknown): boolean {
  return !isThrottle(error) && OF_ACCOUNT.test(nameOf(error));
}

/** What errors of AWS mean, for those whose own message does not say what helps. */
const WORDS: [name: RegExp, words: string][] = [
  [/^ResourceConflict/, 'another change of the function is in progress'],
  [/^PreconditionFailed/, 'somebody else changed it in between'],
  [
    /^CodeStorageExceeded/,
    'the code storage of the account is full; delete versions that nobody needs, or have the quota raised',
  ],
  [/Throttl|TooManyRequests/, 'AWS throttled the call'],
  [/Timeout/, 'AWS did not answer in time'],
];

/** An error of AWS in one sentence for people, with its name; without request ids. */
export function wordsOf(error: unknown): string {
  const name = nameOf(error);
  const message = error instanceof Error ? error.message.replace(/\s*\(Service: .*$/s, '') : String(error);
  const words = WORDS.find(([pattern]) => pattern.test(name))?.[1] ?? message;
  return name === '' || name === 'Error' ? words : `${words} (${name})`;
}

/** @throws RolloutError AccountRefused if AWS refused for what the account may do or has left; other errors go on as they are */
export function rethrown(subject: string, error: unknown): never {
  if (RolloutError.is(error) || !isOfAccount(error)) throw error;
  throw new RolloutError(
    'AccountRefused',
    `AWS refused a call about ${subject} for a reason that is not the release's: ${wordsOf(error)}.`,
    { cause: error },
  );
}

/** Runs a call and turns what passes by itself into RolloutError `Unavailable`; other errors go on as they are. */
export async function reach<T>(subject: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (RolloutError.is(error) || !isPassing(error)) throw error;
    throw unavailable(
      `${subject} could not be reached just now (${nameOf(error)}); it will be tried again.`,
      error,
    );
  }
}

/** Pauses between tries at a call that AWS has no room for just now, in milliseconds and in the mean. */
const PAUSES_MS = [100, 200, 400, 800, 800, 800];

/** How long a call is made again if nobody says until when; twice that is well under a function's 10 s. */
const PATIENCE_MS = 3_500;

/**
 * Makes a call about `key` again, a little later each time, while AWS refuses it for its rate: it had no effect, so nothing is
 * done twice. Goes on for three seconds, or as long as the next try is made by `until`. Each key pauses differently, so that what
 * was refused together does not come again together.
 */
export async function patiently<T>(
  key: string,
  clock: Clock,
  call: () => Promise<T>,
  until?: Instant,
): Promise<T> {
  const end = until ?? clock.now() + PATIENCE_MS;
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      const mean = PAUSES_MS[until === undefined ? tries : Math.min(tries, PAUSES_MS.length - 1)];
      if (mean === undefined || !isThrottle(error)) throw error;
      const pause = pauseOf(mean, key, clock.now());
      if (clock.now() + pause > end) throw error;
      await clock.sleep(pause);
    }
  }
}

/** A pause from half to one and a half times this long, by whose it is and when. */
export function pauseOf(meanMs: number, key: string, at: Instant): number {
  return Math.round(meanMs * (0.5 + spreadOf(key, at)));
}

/** The same client, patient with every call about `key`: for reads, and never for a write that may be made only once. */
export function patient<Client extends { send: (command: never) => Promise<unknown> }>(
  key: string,
  client: Client,
  clock: Clock,
): Client {
  const send = (command: never) => patiently(key, clock, () => client.send(command));
  return new Proxy(client, { get: (of, name) => (name === 'send' ? send : Reflect.get(of, name)) });
}

/** The tag by which a function's owner says which service may touch it. */
export const SERVICE_TAG = 'spillway:service';

/** Time between two looks at something that takes a while, such as a code update. */
export const POLL_EVERY_MS = 1_500;

/**
 * How often an opening asks again for what IAM hides or Lambda does not have, before it says so: what was just made, tagged or
 * permitted may not be visible everywhere yet (IAM user guide, "Troubleshoot IAM", on changes that are not always immediately
 * visible). How long that takes is assumed.
 */
const LOOKS_MAX = 6;

/** Asks, and asks again for some seconds while AWS answers that it is hidden or not there. @throws what AWS answered last */
export async function onceVisible<Answer>(clock: Clock, ask: () => Promise<Answer>): Promise<Answer> {
  for (let looks = 0; ; looks++) {
    try {
      return await ask();
    } catch (error) {
      const isHidden = /^(AccessDenied|ResourceNotFound)/.test(nameOf(error));
      if (!isHidden || looks === LOOKS_MAX) throw error;
      await clock.sleep(POLL_EVERY_MS);
    }
  }
}

/** How a refusal describes it, so that nobody takes it for a passing failure. */
export const ASKED_AGAIN = `AWS answered so for ${(LOOKS_MAX * POLL_EVERY_MS) / 1000} s`;
