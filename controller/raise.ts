import { isWorthAnotherLook } from '../core/rollout/reconcile.ts';
import { type Rollout, targetNamed } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import { putOff, withCalls } from './budget.ts';
import { readRollout } from './execution.ts';
import { pinFor } from './pins.ts';
import type { Needs } from './ports.ts';
import { settled } from './reconcile.ts';
import { announce, recordEffect, recordJudgement } from './record.ts';

/** How long an announced raise may still be written: the function's own limit, so that none outlives its handler. */
const INTENT_MS = 10_000;

/** One raise, once its reserved calls are due. */
export function raise(
  rollout: Rollout,
  name: string,
  weight: number,
  ports: Needs<'budget' | 'clock' | 'journal' | 'observer' | 'router'>,
): Promise<Rollout> {
  const calls = callsOf(targetNamed(rollout, name), weight, ports);
  return withCalls(rollout, calls, ports, () => raiseNow(rollout, name, weight, ports));
}

function callsOf({ kind }: Target, weight: number, ports: Needs<'router'>): number {
  const { calls } = ports.router(kind);
  return weight === 100 ? calls.promotion : calls.raise;
}

/**
 * One raise under the fence: announce it, write it once under the token that must stand there, record what happened.
 * A raise that was fenced is never repeated here; the target is read, and core decides again.
 */
async function raiseNow(
  rollout: Rollout,
  name: string,
  weight: number,
  ports: Needs<'budget' | 'clock' | 'journal' | 'observer' | 'router'>,
): Promise<Rollout> {
  const expiresAt = ports.clock.now() + INTENT_MS;
  const announced = await announce(rollout, { type: 'IntendShift', target: name, weight, expiresAt }, ports);
  if (announced === undefined) return readRollout(rollout.opening.rolloutId, ports);
  const intent = announced.intents.at(-1);
  // Core may have given up raising instead; then nothing was announced either.
  if (intent?.token.seq !== rollout.seq + 1) return announced;
  const target = targetNamed(announced, name);
  const expect = announced.traffic[name]?.token ?? intent.token;
  // Once it is promoted, the alias does not name stable any more.
  if (weight === 100) await pinFor(announced, target, ports);
  const raised = await ports.router(target.kind).raise(target, {
    expect,
    write: intent.token,
    from: announced.traffic[name]?.weight ?? 0,
    weight,
    expiresAt,
  });
  if (raised.result === 'raised')
    return recordEffect(
      announced,
      { type: 'ConfirmShift', target: name, weight, token: intent.token },
      ports,
    );
  if (raised.result === 'gone')
    return recordEffect(announced, { type: 'FailShift', target: name, reason: raised.why }, ports);
  // Seen before other writers made progress, it may be outdated: then it is dropped, and the next one reads the target.
  const { observed } = raised;
  const isClear = !isWorthAnotherLook(announced, target, observed, ports.clock.now());
  const seen = isClear ? observed : await settled(announced, target, ports);
  const after = await recordJudgement(announced, { type: 'Reconcile', target: name, seen }, ports);
  // No conflict, the write just failed; an immediate retry would fail too.
  if (after.version !== announced.version) return after;
  return putOff(after, callsOf(target, weight, ports), raised.why, ports);
}
