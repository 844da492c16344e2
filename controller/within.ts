import type { Needs } from './ports.ts';

/** An answer if it comes within `ms`; undefined where it fails or hangs, for what must not be waited for. */
export async function soon<T>(
  answer: Promise<T>,
  ms: number,
  { clock }: Needs<'clock'>,
): Promise<T | undefined> {
  return Promise.race([answer.catch(() => undefined), clock.sleep(ms).then(() => undefined)]);
}
