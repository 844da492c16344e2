import { RolloutError } from '../core/errors.ts';
import type { Clock, OwnSecret } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** How long a value is used before it is read again, so that one that was replaced is used everywhere soon. */
const KEPT_MS = 5 * 60_000;
/** How soon one that is doubted is read again at most: whoever sends what does not fit must not cause a read each time. */
const DOUBT_MS = 5_000;
/** How long a value is used after it could not be read again. */
const PAUSE_MS = 60_000;

/**
 * The controller's own secrets, each read when it is first needed and kept. What was read once is used for as long as it cannot
 * be read again, so that nothing that works stops with the store; a refusal ends that, since somebody may have taken the secret away.
 */
export function ownSecrets(
  read: (name: string) => Promise<string>,
  clock: Clock,
): (name: string) => OwnSecret {
  const kept = new Map<string, { value: string; readAt: Instant; dueAt: Instant }>();
  const underWay = new Map<string, Promise<string>>();

  const refreshed = async (name: string): Promise<string> => {
    const before = kept.get(name);
    try {
      const value = await read(name).catch((error) => {
        if (before !== undefined || !RolloutError.is(error, 'Unavailable')) throw error;
        return read(name);
      });
      kept.set(name, { value, readAt: clock.now(), dueAt: clock.now() + KEPT_MS });
      return value;
    } catch (error) {
      if (!RolloutError.is(error, 'Unavailable')) {
        kept.delete(name);
        throw error;
      }
      if (before === undefined)
        throw new RolloutError(
          'Unavailable',
          `The secret ${name} of the controller cannot be read now; try again. A revert that needs none is \`spillway abort --direct\`.`,
          { cause: error },
        );
      kept.set(name, { ...before, readAt: clock.now(), dueAt: clock.now() + PAUSE_MS });
      return before.value;
    }
  };

  return (name) =>
    async (isDoubted = false) => {
      const before = kept.get(name);
      const dueAt = isDoubted ? (before?.readAt ?? 0) + DOUBT_MS : before?.dueAt;
      if (before !== undefined && clock.now() < (dueAt ?? 0)) return before.value;
      const reading = underWay.get(name) ?? refreshed(name).finally(() => underWay.delete(name));
      underWay.set(name, reading);
      return reading;
    };
}
