import { outlineText } from '../../core/rollout/outline.ts';
import { clientFrom } from '../arguments.ts';
import { UsageError } from '../call.ts';
import type { GivenTo, HISTORY } from '../calls.ts';
import { say, sayJson } from '../print.ts';

const LIMIT = 20;
const LIMIT_MAX = 100;

/** Lists the rollouts of a service with how each ended. */
export async function history({ args: [service = ''], options }: GivenTo<typeof HISTORY>): Promise<number> {
  const limit = options.limit === undefined ? LIMIT : Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw new UsageError(`--limit takes a whole number from 1 to ${LIMIT_MAX}, not "${options.limit}"`);
  const rollouts = await (await clientFrom(options)).recent({ service, limit });
  if (options.json) sayJson(rollouts);
  else if (rollouts.length === 0) say(`there is no rollout of ${service} here`);
  // The outline of an ended rollout begins with its release alone; the id is what other commands take.
  else
    for (const each of rollouts)
      say(
        `${new Date(each.openedAt).toISOString().slice(0, 16).replace('T', ' ')} ${each.outcome === undefined ? '' : `${each.opening.rolloutId}: `}${outlineText(each)}`,
      );
  return 0;
}
