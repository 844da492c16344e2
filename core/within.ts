import type { Clock } from './ports.ts';

/** By which clock a limit is meant, and the signal that ends it all before, if there is one. */
interface Limited {
  clock: Clock;
  signal?: AbortSignal | undefined;
}

/** Why the loser is cancelled. Nobody reads it; without one, each call would make a DOMException with its stack, which costs more than all the rest. */
const OVER = 'over';

/**
 * The answer of some work if it comes within `ms`, or else what `late` says or throws. The loser is cancelled: the wait is
 * forgotten, or the signal of the work is aborted, by which it stops at its next step. Both also if the given signal is aborted.
 */
export async function within<T, Late>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => Late,
  { clock, signal }: Limited,
): Promise<T | Late> {
  const over = new AbortController();
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  try {
    // The wait begins first: what comes at the last moment is late.
    const wait = clock.sleep(ms, either).then(late);
    return await Promise.race([wait, work(either)]);
  } finally {
    over.abort(OVER);
  }
}

/** The answer of some work if it comes within `ms`; undefined if it fails or hangs, for what must not be waited for. */
export function soon<T>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  limited: Limited,
): Promise<T | undefined> {
  return within(ms, work, () => undefined, limited).catch(() => undefined);
}
