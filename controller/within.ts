import type { Needs } from './ports.ts';

/**
 * The answer of some work if it comes within `ms`, or else what `late` says or throws. The loser is cancelled: the wait is
 * forgotten, or the signal of the work is aborted, by which it stops at its next step.
 */
export async function within<T, Late>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => Late,
  { clock }: Needs<'clock'>,
): Promise<T | Late> {
  const over = new AbortController();
  try {
    // The wait begins first: what comes at the last moment is late.
    const wait = clock.sleep(ms, over.signal).then(late);
    return await Promise.race([wait, work(over.signal)]);
  } finally {
    over.abort();
  }
}

/** The answer of some work if it comes within `ms`; undefined if it fails or hangs, for what must not be waited for. */
export function soon<T>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  ports: Needs<'clock'>,
): Promise<T | undefined> {
  return within(ms, work, () => undefined, ports).catch(() => undefined);
}
