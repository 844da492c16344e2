import { RolloutError } from '../core/errors.ts';
import type { PinResult } from '../core/ports.ts';
import { mayBePinned, stablesToLookUp, waitsForPin } from '../core/rollout/pin.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import { soon, within } from '../core/within.ts';
import type { Needs } from './ports.ts';
import { recordEffect, recordJudgement } from './record.ts';

/** How long a pin may take: the raise that follows must still fit into its function's 10 s. */
const PIN_MS = 2_500;

/**
 * Pins stable of a target that is about to be promoted, so that no cleanup job deletes the only way back. If it cannot be
 * pinned, the rollout says so and goes on.
 * @throws RolloutError Unavailable if AWS could not take it just now and the promotion is to wait for it
 */
export async function pinFor(
  rollout: Rollout,
  target: Target,
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<void> {
  try {
    await note(rollout, target, await pinInTime(rollout, target, ports), ports);
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable') || waitsForPin(rollout, target.name)) throw error;
    await note(rollout, target, { result: 'refused', why: error.message }, ports);
  }
}

/** Pins targets that are not promoted any more; what cannot be pinned now never is. */
export async function pinNow(
  rollout: Rollout,
  targets: Target[],
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<void> {
  for (const target of targets) {
    const pinned = await pinInTime(rollout, target, ports).catch((error: unknown): PinResult => {
      if (!RolloutError.is(error, 'Unavailable')) throw error;
      return { result: 'refused', why: error.message };
    });
    await note(rollout, target, pinned, ports);
  }
}

async function pinInTime(
  { opening }: Rollout,
  target: Target,
  { clock, router }: Needs<'clock' | 'router'>,
): Promise<PinResult> {
  const late = (): never => {
    const why = `the pin of ${target.traits.noun} was not written within ${PIN_MS / 1000} s; it will be tried again.`;
    throw new RolloutError('Unavailable', why);
  };
  return within(PIN_MS, () => router(target.kind).pin(target, opening.rolloutId), late, { clock });
}

async function note(
  rollout: Rollout,
  { name }: Target,
  pinned: PinResult,
  ports: Needs<'clock' | 'journal'>,
): Promise<void> {
  if (pinned.result !== 'pinned')
    await recordEffect(rollout, { type: 'RecordPin', target: name, pinned }, ports);
}

/** How long pins may take to be removed: whatever waits for it is more important. */
const UNPIN_MS = 1_500;

/** Removes the pins of a rollout whose traffic needs no way back any more, best effort; false if one may be left. */
export async function unpin(rollout: Rollout, ports: Needs<'clock' | 'router'>): Promise<boolean> {
  const { rolloutId } = rollout.opening;
  const removed = () =>
    Promise.all(mayBePinned(rollout).map((target) => ports.router(target.kind).unpin(target, rolloutId)));
  return (await soon(UNPIN_MS, removed, ports)) !== undefined;
}

/** How long the look at stable versions may take: the tick it belongs to has more to do. */
const LOOK_MS = 1_000;

/** Looks whether the stable versions that nothing serves any more still exist, and records which do not: people learn of it while all is well. */
export async function lookUpStables(
  rollout: Rollout,
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<Rollout> {
  let present = rollout;
  for (const target of stablesToLookUp(rollout)) {
    const state = await soon(LOOK_MS, () => ports.router(target.kind).has(target, target.stable), ports);
    if (state === 'gone')
      present = await recordJudgement(present, { type: 'ReportGone', target: target.name }, ports);
  }
  return present;
}
