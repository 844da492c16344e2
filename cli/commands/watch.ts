import { clientFrom, rolloutIdFrom } from '../arguments.ts';
import type { GivenTo, WATCH } from '../calls.ts';
import { unknownRollout } from '../unknown.ts';
import { watchToEnd } from '../watch.ts';

/** Follows a rollout that is under way, or in the queue, to its end. */
export async function watch({ args, options }: GivenTo<typeof WATCH>): Promise<number> {
  const rolloutId = rolloutIdFrom(args[0]);
  const client = await clientFrom(options);
  // Only what was uploaded a moment ago is worth waiting for, and `release --wait` does that.
  const { view, waitsFor } = await client.rollout(rolloutId);
  if (view === undefined && waitsFor === undefined) throw await unknownRollout(client, rolloutId);
  return watchToEnd(client, rolloutId, options);
}
