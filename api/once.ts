import type { Clock } from '../core/ports.ts';
import type { CommandRequest } from '../core/rollout/command-request.ts';
import { digest } from './answer.ts';
import { Refusal } from './problems.ts';
import { IdempotencyKey } from './schemas.ts';

/** How long a repeat with the same key is recognized. */
const KEPT_MS = 24 * 3_600_000;

/** The command, to be carried out once for the `Idempotency-Key` of its request if that has one. @throws RolloutError RequestInvalid */
async function withKey(request: Request, command: CommandRequest, clock: Clock): Promise<CommandRequest> {
  const header = request.headers.get('idempotency-key');
  if (header === null || command.once !== undefined) return command;
  if (!IdempotencyKey.safeParse(header).success)
    throw new Refusal(
      'RequestInvalid',
      'The Idempotency-Key is not 1 to 200 printable characters, in quotes.',
      {
        status: 400,
      },
    );
  const key = header.startsWith('"') ? header.slice(1, -1) : header;
  const { by, groups: _, aka: __, ...wish } = command;
  const scope = JSON.stringify([by.id, wish.rolloutId, wish.command, key]);
  const [id, fingerprint] = await Promise.all([digest(scope), digest(JSON.stringify(wish))]);
  return { ...command, once: { id: `key:${id}`, fingerprint, expiresAt: clock.now() + KEPT_MS } };
}

/** Gives commands, of which each is under way once; the journal knows those that were. @throws RolloutError CommandRepeated while the first of two is under way */
export function onceAtATime<Led>(
  give: (command: CommandRequest) => Promise<Led>,
  clock: Clock,
): (request: Request, command: CommandRequest) => Promise<Led> {
  const underWay = new Set<string>();
  return async (request, given) => {
    const command = await withKey(request, given, clock);
    const id = command.once?.id;
    if (id === undefined) return give(command);
    if (underWay.has(id))
      throw new Refusal('CommandRepeated', 'The same command is under way; ask again once it was answered.', {
        status: 409,
        headers: { 'retry-after': '1' },
      });
    underWay.add(id);
    return give(command).finally(() => underWay.delete(id));
  };
}
