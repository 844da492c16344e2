import { inTurn, putOff } from '../controller/budget.ts';
import { type Answer, readRollout, turn } from '../controller/execution.ts';
import { pinFor } from '../controller/pins.ts';
import type { Needs } from '../controller/ports.ts';
import { settled } from '../controller/reconcile.ts';
import { announce, recordEffect, recordJudgement } from '../controller/record.ts';
import { PROMOTION_CALLS, RAISE_CALLS } from '../core/budget.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { isWorthAnotherLook } from '../core/rollout/reconcile.ts';
import { type Rollout, targetNamed } from '../core/rollout/state.ts';
import { awsBudget, awsJournal, awsRouters, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';

/** How long an announced raise may still be written: the function's own limit, so that none outlives its handler. */
const INTENT_MS = 10_000;

/** Puts the directive's weight on one target and writes it down. */
export const shiftTraffic: Task<
  ExecutionInput,
  Answer,
  'budget' | 'clock' | 'journal' | 'observer' | 'router'
> = {
  input: ExecutionRef,
  run: (ref, ports) =>
    turn(ref, ports, 'shift', (rollout, { target, weight }) => raise(rollout, target, weight, ports)),
};

/** One raise when its turn has come. */
export function raise(
  rollout: Rollout,
  name: string,
  weight: number,
  ports: Needs<'budget' | 'clock' | 'journal' | 'observer' | 'router'>,
): Promise<Rollout> {
  return inTurn(rollout, callsOf(weight), ports, () => raiseNow(rollout, name, weight, ports));
}

const callsOf = (weight: number) => (weight === 100 ? PROMOTION_CALLS : RAISE_CALLS);

/**
 * One raise under the fence: announce it, write it once under the stamp that must stand there, write down what happened.
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
  if (intent?.stamp.seq !== rollout.seq + 1) return announced;
  const target = targetNamed(announced, name);
  const expect = announced.traffic[name]?.stamp ?? intent.stamp;
  // Once it is promoted, the alias does not name stable any more.
  if (weight === 100) await pinFor(announced, target, ports);
  const raised = await ports.router(target.kind).raise(target, {
    expect,
    write: intent.stamp,
    from: announced.traffic[name]?.weight ?? 0,
    weight,
    expiresAt,
  });
  if (raised.result === 'raised')
    return recordEffect(
      announced,
      { type: 'ConfirmShift', target: name, weight, stamp: intent.stamp },
      ports,
    );
  if (raised.result === 'gone')
    return recordEffect(announced, { type: 'FailShift', target: name, reason: raised.why }, ports);
  // Seen before others got on, it may be long past: then it is dropped, and who is next reads the target again.
  const { observed } = raised;
  const isClear = !isWorthAnotherLook(announced, target, observed, ports.clock.now());
  const seen = isClear ? observed : await settled(announced, target, ports);
  const after = await recordJudgement(announced, { type: 'Reconcile', target: name, seen }, ports);
  // Nobody stands in the way, only the write did not get through; at once it would meet the same.
  return after.version === announced.version ? putOff(after, callsOf(weight), raised.why, ports) : after;
}

/** The function on AWS. */
export const handler = lambda(shiftTraffic, () => ({
  budget: awsBudget(),
  clock,
  journal: awsJournal(),
  observer,
  router: awsRouters(),
}));
