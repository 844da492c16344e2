import { RolloutError } from '../core/errors.ts';
import type { Observed } from '../core/ports.ts';
import type { RevertBy, RevertedTarget } from '../core/rollout/event.ts';
import { lastLook, mayBeOlder } from '../core/rollout/revert-plan.ts';
import { type Rollout, targetNamed } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import { soon } from '../core/within.ts';
import type { Needs } from './ports.ts';

/**
 * Takes the canary out of every target at once; one that fails does not keep the others waiting.
 * Needs neither journal nor metrics. @throws RolloutError RevertFailed naming the targets that may still serve the canary, Unavailable if all that failed passes by itself
 */
export async function revertTargets(
  targets: Target[],
  by: RevertBy,
  ports: Needs<'router'>,
): Promise<RevertedTarget[]> {
  const results = await Promise.allSettled(
    targets.map((target) => ports.router(target.kind).revert(target, by)),
  );
  const failures = results.flatMap((result, index) =>
    result.status === 'rejected' ? [{ name: targets[index]?.name, reason: result.reason as unknown }] : [],
  );
  if (failures.length > 0) {
    // What passes by itself is worth a retry; the last-resort revert would fail the same way.
    const isPassing = failures.every(({ reason }) => RolloutError.is(reason, 'Unavailable'));
    throw new RolloutError(
      isPassing ? 'Unavailable' : 'RevertFailed',
      `${by.rolloutId}: ${failures.length} of ${targets.length} targets could not be reverted (${failures.map(({ name, reason }) => `${name}: ${inWords(reason)}`).join('; ')}); the canary may still have traffic there.`,
    );
  }
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** How long the last look may take, and how long it is tried again if there is no room for it: the lock and the journal wait for it. */
const LAST_LOOK_MS = 1_500;
const LAST_TRY_MS = 500;
/** Time between two last looks, and how many there are, if the target seems not to have learned of its revert. */
const LAST_LOOK_AGAIN_MS = 500;
const LAST_LOOKS_MAX = 3;

/**
 * Looks once more at reverted targets, before their end is written: what somebody else gave the canary in
 * between is removed once more if it is a share. One that cannot be read soon stays as its revert found it.
 * @throws RolloutError as a revert does
 */
export function recheck(
  rollout: Rollout,
  found: RevertedTarget[],
  by: RevertBy,
  ports: Needs<'clock' | 'router'>,
): Promise<RevertedTarget[]> {
  return Promise.all(
    found.map(async (each) => {
      const target = targetNamed(rollout, each.name);
      const seen = await soon(LAST_LOOK_MS, (signal) => lastSeen(target, by, signal, ports), ports);
      const looked = seen === undefined ? each : lastLook(each, seen, target, by);
      // Who made it the version that serves has chosen it, unless a person ordered it to leave; a share beside another may come from weights that were read before the revert.
      const isOrdered = rollout.opening.rollsBack !== undefined;
      if (looked.regained && (isOrdered || looked.primary !== target.canary))
        await revertTargets([target], { ...by, evenIfClosed: isOrdered }, ports);
      return looked;
    }),
  );
}

/** How a target looks after its revert; read again while it shows what was before. */
async function lastSeen(
  target: Target,
  by: RevertBy,
  signal: AbortSignal,
  ports: Needs<'clock' | 'router'>,
): Promise<Observed> {
  for (let looks = 1; ; looks++) {
    const seen = await ports.router(target.kind).observe(target, ports.clock.now() + LAST_TRY_MS);
    if (looks === LAST_LOOKS_MAX || !mayBeOlder(seen, by)) return seen;
    await ports.clock.sleep(LAST_LOOK_AGAIN_MS, signal);
  }
}

/** What an error says that is ours or AWS'. Of any other one there is the name: this message is logged, and it may hold words of others. */
function inWords(error: unknown): string {
  if (RolloutError.is(error) || Object.hasOwn(Object(error), '$metadata')) return String(error);
  return error instanceof Error ? error.name : 'an error';
}
