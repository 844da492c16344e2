import { RolloutError } from '../core/errors.ts';

/** The name AWS gave an error; empty for anything that is not an error. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** Throttles, server faults and lost connections pass; everything else will be the same the next time. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  // Without an answer of AWS it is the connection, unless it is a fault of this program.
  if (status === undefined)
    return !(error instanceof TypeError || error instanceof RangeError || error instanceof RolloutError);
  return status === 429 || status >= 500 || /Throttl|TooManyRequests|Timeout/.test(nameOf(error));
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
