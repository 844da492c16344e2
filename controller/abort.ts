import { RolloutError } from '../core/errors.ts';
import { nameOf } from '../core/rollout/actor.ts';
import type { CommandRequest } from '../core/rollout/command-request.ts';
import { decide } from '../core/rollout/decide.ts';
import type { RevertBy, RevertedTarget } from '../core/rollout/event.ts';
import { closedAmong } from '../core/rollout/revert-plan.ts';
import { rolloutIdParts, waitingIn } from '../core/rollout/service.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import { soon, within } from '../core/within.ts';
import { withdraw } from './open/decline.ts';
import type { Needs } from './ports.ts';
import { recordEffect, useUp } from './record.ts';
import { revertTargets } from './revert-targets.ts';
import { wake } from './wake.ts';

/** What an abort takes. */
export type Aborts = 'clock' | 'environment' | 'executions' | 'journal' | 'router' | 'watchdog';

/** Traffic first: the canary is out before the journal is written. */
export async function abort(
  request: Extract<CommandRequest, { command: 'abort' }>,
  ports: Needs<Aborts>,
): Promise<string> {
  const { rolloutId, by, reason, once } = request;
  const service = rolloutIdParts(rolloutId)?.service ?? '';
  const [rollout, record] = await Promise.all([
    soon(PATIENCE_MS, () => ports.journal.read(rolloutId), ports),
    soon(PATIENCE_MS, () => ports.journal.service(service), ports),
  ]);
  const waiting = rollout === undefined && record !== undefined ? waitingIn(record, rolloutId) : undefined;
  if (waiting !== undefined) {
    const why = `${nameOf(by)} aborted it while it waited: ${reason}`;
    const left = await withdraw({ service, ...waiting }, why, ports);
    // It was opened in between, and has traffic to revert by now.
    if (!isEnded(left)) return abort(request, ports);
    await useUp(once, left, ports);
    return rolloutId;
  }
  // Refused before anything is touched: a rollback has but one direction.
  if (rollout?.opening.rollsBack !== undefined)
    decide(rollout, { type: 'Abort', by, reason }, ports.clock.now());
  if (rollout !== undefined && isEnded(rollout)) {
    throw new RolloutError(
      'CommandRefused',
      `${rolloutId} has ended (${rollout.outcome}); there is nothing left to abort.`,
    );
  }
  const { targets, epoch } = await known(rollout, rolloutId, ports);
  // If the journal cannot be written, the token carries the command to it later.
  const left = await outNow(targets, { rolloutId, epoch, person: nameOf(by) }, ports);
  // Traffic is safe, or its execution goes on taking it out; the fence keeps it so until the journal can be written.
  const stuck = 'out' in left ? left.out.filter(({ isStableGone }) => isStableGone) : [];
  if (stuck.length > 0 && stuck.length === targets.length) throw notBack(rolloutId, stuck, targets);
  const present = rollout ?? (await soon(PATIENCE_MS, () => ports.journal.read(rolloutId), ports));
  const closed = 'out' in left ? closedAmong(targets, left.out) : [];
  if (present === undefined) {
    if ('error' in left) throw left.error;
    if (closed.length > 0) throw unread(rolloutId, closed);
    return rolloutId;
  }
  await recordEffect(present, { type: 'Abort', by, reason, isUnanswered: 'error' in left }, ports, once);
  // A fence that a close has closed stays its own until the journal has taken the abort: else it could call completed what is gone.
  await outNow(closed, { rolloutId, epoch: present.epoch, evenIfClosed: true }, ports);
  await wake(rolloutId, ports);
  if (stuck.length > 0) throw notBack(rolloutId, stuck, targets, 'out' in left ? left.out : []);
  return rolloutId;
}

/** What to say if a close has closed the fence and the journal does not answer: only it says whether the rollout has completed, which no abort reverts. */
function unread(rolloutId: string, closed: Target[]): RolloutError {
  const serving = closed.map(({ name, canary }) => `version ${canary} of ${name}`);
  return new RolloutError(
    'Unavailable',
    `The journal cannot be read, and ${rolloutId} was about to complete or has completed: ${serving.join(' and ')} still serves. Abort it again; if it has completed, order a rollback.`,
  );
}

/** What to say if a target has no version left to go back to: nobody may believe that its canary is out, nor that nothing was done on the other targets. */
function notBack(
  rolloutId: string,
  stuck: RevertedTarget[],
  targets: Target[],
  found: RevertedTarget[] = stuck,
): RolloutError {
  const lost = targets.filter((target) => stuck.some(({ name }) => name === target.name));
  const lines = lost.map(({ name, stable, key }) => {
    const { primary = '?' } = stuck.find((each) => each.name === name) ?? {};
    return `version ${stable} of ${name} does not exist any more, so version ${primary} still serves ${key}`;
  });
  const nouns = lost.map(({ traits }) => traits.noun).join(' and ');
  const back = found.filter((each) => !stuck.includes(each));
  const done = back.map(({ name, primary }) => `${name} serves version ${primary} again`);
  const what = done.length === 0 ? 'cannot be reverted' : `was reverted only in part: ${done.join('; ')}`;
  return new RolloutError(
    'CommandRefused',
    `${rolloutId} ${what}${done.length === 0 ? ':' : '; but'} ${lines.join('; ')}. Point ${nouns} at a version that you trust, or release a repaired one.`,
  );
}

/** How long an abort tries by itself: long enough for what a revert waits for a throttle, and short enough to be recorded within the function's 10 s. */
const OUT_MS = 7_500;

/** If AWS has no room for it just now, or does not answer, the command must not be lost: once it is in the journal, the rollout's own execution carries it out. */
async function outNow(
  targets: Target[],
  by: RevertBy,
  ports: Needs<Aborts>,
): Promise<{ out: RevertedTarget[] } | { error: RolloutError }> {
  const late = () => {
    const why = `${by.rolloutId} could not be reverted within ${OUT_MS / 1000} s; abort it again.`;
    return { error: new RolloutError('Unavailable', why) };
  };
  try {
    const work = async (signal: AbortSignal) => ({ out: await insistently(targets, by, signal, ports) });
    return await within(OUT_MS, work, late, ports);
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable')) throw error;
    return { error };
  }
}

/** Time between two tries of an abort. */
const AGAIN_MS = 1_000;

/** Its execution may be dead, and the watchdog minutes away, so what passes by itself is tried again. */
async function insistently(
  targets: Target[],
  by: RevertBy,
  signal: AbortSignal,
  ports: Needs<Aborts>,
): Promise<RevertedTarget[]> {
  try {
    return await revertTargets(targets, by, ports);
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable')) throw error;
    await ports.clock.sleep(AGAIN_MS, signal);
    return insistently(targets, by, signal, ports);
  }
}

/** How long an abort waits for the journal before it acts without it. */
export const PATIENCE_MS = 1_000;

/** What to revert: from the journal, or else from what the watchdog was armed with. */
async function known(
  rollout: Rollout | undefined,
  rolloutId: string,
  ports: Needs<'watchdog'>,
): Promise<{ targets: Target[]; epoch: number }> {
  if (rollout !== undefined) return { targets: rollout.opening.targets, epoch: rollout.epoch };
  const frozen = await ports.watchdog.frozen(rolloutId);
  if (frozen === undefined)
    throw new RolloutError(
      'RolloutUnknown',
      `Rollout ${rolloutId} is neither in the journal nor known to a watchdog; check its id.`,
    );
  // What an error must not revert is not frozen, so only the journal knows it.
  if (frozen.targets.length === 0)
    throw new RolloutError(
      'Unavailable',
      `The journal cannot be read, and only it knows the targets of ${rolloutId}, which is not reversible; abort it again.`,
    );
  return frozen;
}
