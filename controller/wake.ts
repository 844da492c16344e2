import type { Needs } from './ports.ts';

/** Wakes every hold of a rollout, so that the journal is asked at once. */
export async function wake(
  rolloutId: string,
  { journal, executions }: Needs<'journal' | 'executions'>,
): Promise<void> {
  const tokens = await journal.takeTokens(rolloutId);
  await Promise.all(tokens.map(({ token }) => executions.wake(token)));
}
