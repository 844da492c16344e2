import type { Exposure } from '../core/analysis/exposure.ts';
import { exposureOf } from '../core/analysis/exposure.ts';
import { withFolded } from '../core/analysis/folded.ts';
import { metricTraits } from '../core/analysis/metrics.ts';
import { isRechecked } from '../core/budget.ts';
import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { hasCanaryTraffic } from '../core/rollout/due.ts';
import type { RevertBy, RevertedTarget } from '../core/rollout/event.ts';
import { next } from '../core/rollout/next.ts';
import { questionOf } from '../core/rollout/question.ts';
import { closedAmong, keepsShares, restOf, revertible } from '../core/rollout/revert-plan.ts';
import { isEnded, isReplaced, type Rollout } from '../core/rollout/state.ts';
import { type Unhandled, unhandled } from '../core/rollout/unhandled.ts';
import type { Target } from '../core/target.ts';
import { soon } from '../core/within.ts';
import { readRollout } from './execution.ts';
import { claimTargets } from './open/begin.ts';
import { unpin } from './pins.ts';
import type { Needs } from './ports.ts';
import { recordEffect } from './record.ts';
import { recheck, revertTargets } from './revert-targets.ts';

type Reverts = 'clock' | 'hooks' | 'journal' | 'metrics' | 'restoreCode' | 'router' | 'watchdog';

/** What the end of the execution says: `done` if nothing was reverted, since the rollout has completed. */
export interface Left {
  kind: 'done' | 'left';
  outcome: string;
  reason: string;
}

/**
 * Removes the canary from every target and reads it back; only then journals, best effort. `came` is the unhandled
 * error, if one led here.
 * @throws RolloutError RevertFailed, upon which Step Functions acts itself
 */
export async function revert(ref: ExecutionInput, came: Unhandled, ports: Needs<Reverts>): Promise<Left> {
  const { all, by } = await toRevert(ref, ports);
  const began = ports.clock.now();
  const targets = await revertTargets(all, by, ports);
  const tookMs = ports.clock.now() - began;
  const why = came.Error === undefined ? undefined : unhandled(came);
  let known: Rollout | undefined;
  try {
    known = await ports.journal.read(ref.rolloutId);
    return await writeDown(ref, known, targets, { why, tookMs }, ports);
  } catch (failure) {
    // The second pass, over completed targets, moves traffic as well; its failure is not a journal failure.
    if (RolloutError.is(failure, 'RevertFailed')) throw failure;
    const ended = await endWritten(ref, known, targets, ports);
    if (ended !== undefined) return ended;
    // Traffic is safe. The watchdog finds the closed token and writes what is missing.
    const closed = why === undefined ? [] : closedAmong(ref.targets, targets);
    const outcome = closed.length > 0 && closed.length === targets.length ? 'completed' : 'reverted';
    const reason = `${why ?? 'reverted'}; the journal could not be written (${failure})`;
    return { kind: leftAs(outcome, targets), outcome, reason };
  }
}

/** Looks at the end that a write may have brought although its answer was lost, how long one may take, and the time between two. */
const END_LOOKS_MAX = 3;
const END_LOOK_MS = 1_000;
const END_LOOK_AGAIN_MS = 500;

/**
 * The end of a rollout as the journal has it although the write of it seemed to fail: its answer was lost, or it arrived late.
 * A look that fails says nothing, so another follows. `before` is the rollout as it was read before the write.
 * @throws RolloutError Unavailable if a rollback has no end yet, or none that could be read: it is to say that it completed, so it is tried again
 */
async function endWritten(
  { rolloutId }: ExecutionInput,
  before: Rollout | undefined,
  targets: RevertedTarget[],
  ports: Needs<'clock' | 'journal'>,
): Promise<Left | undefined> {
  let known = before;
  for (let looks = 1; ; looks++) {
    known = (await soon(END_LOOK_MS, () => ports.journal.read(rolloutId), ports)) ?? known;
    const isRollback = known?.opening.rollsBack !== undefined;
    if (known?.outcome !== undefined) {
      const { outcome, reason = '' } = known;
      return { kind: leftAs(outcome, targets, isRollback), outcome, reason };
    }
    if (looks === END_LOOKS_MAX) {
      if (!isRollback) return undefined;
      throw new RolloutError(
        'Unavailable',
        `the end of ${rolloutId} could not be written; it will be tried again.`,
      );
    }
    await ports.clock.sleep(END_LOOK_AGAIN_MS);
  }
}

/** If the rollout has completed and its release goes on serving, no one is paged, whatever error led here; a completed rollback took out what it was to take out. */
function leftAs(outcome: string, targets: RevertedTarget[], isRollback = false): Left['kind'] {
  const isServing = isRollback || !targets.some(({ changed }) => changed);
  return outcome === 'completed' && isServing ? 'done' : 'left';
}

/** An execution's input names what an error may revert; for an irreversible release that is nothing, until somebody orders it. */
async function toRevert(
  ref: ExecutionInput,
  ports: Needs<Reverts>,
): Promise<{ all: Target[]; by: RevertBy }> {
  const isKnown = ref.targets.every(({ canary }) => canary !== '');
  if (ref.targets.length > 0 && isKnown) return { all: ref.targets, by: ref };
  if (ref.targets.length > 0) return { all: await publishedSince(ref, ports), by: ref };
  const rollout = await readRollout(ref.rolloutId, ports);
  return { all: revertible(rollout, ports.clock.now()), by: { ...ref, keep: keepsShares(rollout) } };
}

/** An execution that was started before its versions were published learns them from the journal, if that can be read. */
async function publishedSince(ref: ExecutionInput, ports: Needs<'journal'>): Promise<Target[]> {
  const rollout = await ports.journal.read(ref.rolloutId).catch(() => undefined);
  const found = rollout?.opening.targets ?? [];
  return ref.targets.map((target) => found.find(({ name }) => name === target.name) ?? target);
}

async function writeDown(
  ref: ExecutionInput,
  rollout: Rollout | undefined,
  targets: RevertedTarget[],
  { why, tookMs, isSecond = false }: { why: string | undefined; tookMs: number; isSecond?: boolean },
  ports: Needs<Reverts>,
): Promise<Left> {
  if (rollout === undefined)
    return { kind: 'left', outcome: 'reverted', reason: why ?? 'reverted without a journal' };
  const rest = restOf(rollout, targets);
  // The watchdog starts another execution, which goes on holding.
  if (rest.kind === 'held') return { kind: 'left', outcome: 'halted', reason: why ?? 'held for a human' };
  if (rest.kind === 'revert' && !isSecond) {
    const { all, by } = await toRevert(ref, ports);
    // The claim of a rollback may have been lost with the function that was to make it.
    if (rollout.opening.rollsBack !== undefined) await claimTargets(rollout, rest.targets, ports);
    const forced = await moved(revertTargets(rest.targets, { ...ref, evenIfClosed: true }, ports));
    const looked = await moved(revertTargets(all, by, ports));
    // Only the write has shown that there is no version to go back to.
    const found = looked.map((each) => {
      const isStuck = ({ name, primary, isStableGone }: RevertedTarget) =>
        name === each.name && primary === each.primary && isStableGone === true;
      return forced.some(isStuck) ? { ...each, isStableGone: true } : each;
    });
    const present = await ports.journal.read(ref.rolloutId);
    return writeDown(ref, present, found, { why, tookMs, isSecond: true }, ports);
  }
  const directive = next(rollout, ports.clock.now());
  const { cause, reason } =
    directive.kind === 'revert' ? directive : { cause: 'environment' as const, reason: why ?? 'reverted' };
  const exposure = await exposed(rollout, ports);
  // Before the lock goes, as well: the next rollout pins its own version under the same name.
  const [isUnpinned] = await Promise.all([unpin(rollout, ports), restore(rollout, targets, ports)]);
  const isLookedAt = !isEnded(rollout) && isRechecked(tookMs);
  const by = { ...ref, keep: keepsShares(rollout) };
  const looked = isLookedAt ? await moved(recheck(rollout, targets, by, ports)) : targets;
  const after = await recordEffect(
    rollout,
    { type: 'RecordRevert', targets: looked, cause, reason, exposure },
    ports,
  );
  const isBack = after.left !== undefined;
  // A pin that may be left is removed by the watchdog, which is disarmed then.
  const disarm = isUnpinned ? ports.watchdog.disarm(ref.rolloutId) : undefined;
  await Promise.allSettled([disarm, isBack && notifyHooks(rollout, ports)]);
  const outcome = after.outcome ?? 'reverted';
  const kind = leftAs(outcome, looked, after.opening.rollsBack !== undefined);
  return { kind, outcome, reason: after.reason ?? reason };
}

/** Traffic that could not be moved while the journal is being written is not a journal failure. */
async function moved(reverting: Promise<RevertedTarget[]>): Promise<RevertedTarget[]> {
  try {
    return await reverting;
  } catch (error) {
    throw RolloutError.is(error, 'Unavailable') ? new RolloutError('RevertFailed', error.message) : error;
  }
}

/** How long hooks may take to be notified of a revert: past its 10 s the function is ended, and Step Functions would make the last-resort revert for nothing. */
const NOTIFYING_MS = 3_000;

/** How long the code of stable may take to be restored, for the same reason. */
const RESTORING_MS = 3_000;

/** Puts the code of stable back into `$LATEST` if publishing replaced it, before the lock goes: the next release must not meet a change under way. */
async function restore(
  { opening }: Rollout,
  reverted: RevertedTarget[],
  ports: Needs<'clock' | 'restoreCode'>,
): Promise<void> {
  const replaced = opening.targets.filter(
    (target) =>
      isReplaced(target) &&
      reverted.some(({ name, primary }) => name === target.name && primary !== target.canary),
  );
  if (replaced.length === 0) return;
  const restored = () =>
    Promise.allSettled(replaced.map(async ({ name }) => ports.restoreCode(opening.rolloutId, name)));
  await soon(RESTORING_MS, restored, ports);
}

/** Notifies the hooks that asked to know of a revert; no answer matters. */
async function notifyHooks(rollout: Rollout, ports: Needs<Reverts>): Promise<void> {
  const hooks = rollout.opening.hooks.filter(({ point }) => point === 'onRevert');
  const notified = (signal: AbortSignal) =>
    Promise.allSettled(
      hooks.map(async (hook) => ports.hooks(hook.kind).ask(questionOf(rollout, hook.id, hook), signal)),
    );
  await soon(NOTIFYING_MS, notified, ports);
}

/** How long the count of what users met may take: the lock and the journal wait for it. */
const COUNTING_MS = 2_000;

/** What users met, best effort: metrics that cannot be read soon are not worth keeping a lock for. */
async function exposed(rollout: Rollout, ports: Needs<'clock' | 'metrics'>): Promise<Exposure | undefined> {
  const { raisedAt, opening, folded } = rollout;
  if (!hasCanaryTraffic(rollout) || raisedAt === undefined) return undefined;
  const now = ports.clock.now();
  // Percentiles would be hundreds of queries, and say nothing about who was hurt.
  const rules = opening.watch.filter(({ metric }) => metricTraits(metric) !== undefined);
  const reading = () =>
    Promise.all(
      opening.targets.map(async (target) => {
        const read = await ports.metrics.read(target, rules, folded?.end ?? raisedAt, now);
        return withFolded(folded, target.name, read);
      }),
    );
  const series = await soon(COUNTING_MS, reading, ports);
  return series && exposureOf(series, raisedAt, now);
}
