import { RolloutError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** The name AWS gave an error; empty for anything that is not an error. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** True where AWS refused a call for its rate, so that it had no effect. */
export function isThrottle(error: unknown): boolean {
  const name = nameOf(RolloutError.is(error) ? error.cause : error);
  return /Throttl|TooManyRequests|ThroughputExceeded|RequestLimitExceeded/.test(name);
}

/** Throttles, server faults and lost connections pass; everything else will be the same the next time. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  // Without an answer of AWS it is the connection, unless it is a fault of this program.
  if (status === undefined)
    return !(error instanceof TypeError || error instanceof RangeError || error instanceof RolloutError);
  return status === 429 || status >= 500 || isThrottle(error) || /Timeout/.test(nameOf(error));
}

function statusOf(error: unknown): number | undefined {
  const metadata =
    error instanceof Error && '$metadata' in error
      ? (error.$metadata as { httpStatusCode?: number })
      : undefined;
  return metadata?.httpStatusCode;
}

/** Runs a call and turns what passes by itself into RolloutError `Unavailable`; other errors go on as they are. */
export async function reach<T>(subject: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (RolloutError.is(error) || !isPassing(error)) throw error;
    throw new RolloutError(
      'Unavailable',
      `${subject} could not be reached just now (${nameOf(error)}); it will be tried again.`,
      { cause: error },
    );
  }
}

/** Pauses between tries at a call that AWS has no room for just now, in milliseconds; together well under a function's 10 s. */
const PAUSES_MS = [100, 200, 400, 800, 800, 800];

/**
 * Makes a call again, a little later each time, while AWS refuses it for its rate: it had no effect, so nothing is done
 * twice. Goes on for three seconds, or as long as the next try is made by `until`.
 */
export async function patiently<T>(clock: Clock, call: () => Promise<T>, until?: Instant): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      const pause = PAUSES_MS[until === undefined ? tries : Math.min(tries, PAUSES_MS.length - 1)];
      if (pause === undefined || !isThrottle(error)) throw error;
      if (until !== undefined && clock.now() + pause > until) throw error;
      await clock.sleep(pause);
    }
  }
}

/** The same client, patient with every call: for reads, and never for a write that may be made only once. */
export function patient<Client extends { send: (command: never) => Promise<unknown> }>(
  client: Client,
  clock: Clock,
): Client {
  const send = (command: never) => patiently(clock, () => client.send(command));
  return new Proxy(client, { get: (of, name) => (name === 'send' ? send : Reflect.get(of, name)) });
}
