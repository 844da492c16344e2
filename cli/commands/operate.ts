import { userInfo } from 'node:os';
import type { Client } from '../../client/client.ts';
import { whoMay } from '../../core/rollout/gate.ts';
import { clientFrom, rolloutIdFrom } from '../arguments.ts';
import { UsageError } from '../call.ts';
import type { ABORT, APPROVE, GivenTo, PAUSE, PROMOTE, REJECT, RESUME, ROLLBACK } from '../calls.ts';
import { isConfirmed } from '../confirm.ts';
import { FAILED } from '../exit-codes.ts';
import { complain, say, sayJson } from '../print.ts';

const who = ({ by }: { by?: string }) => by || process.env.GITHUB_ACTOR || userInfo().username;
const why = ({ reason = 'no reason given' }: { reason?: string }) => reason;

/** Says what was accepted: as data if that is asked for, else in these lines. */
function accepted(isJson: true | undefined, answer: object, lines: string[]): number {
  if (isJson) sayJson(answer);
  else for (const line of lines) say(line);
  return 0;
}

/** Reverts at once; --direct does so without the controller, by the rights of the present AWS profile. */
export async function abort({ args, options }: GivenTo<typeof ABORT>): Promise<number> {
  const rolloutId = rolloutIdFrom(args[0]);
  const client = await clientFrom(options);
  const [by, reason] = [who(options), why(options)];
  if (options.direct) {
    const reverted = await client.revertDirectly(rolloutId, by);
    return accepted(options.json, { rolloutId, command: 'abort', reverted }, [
      ...reverted,
      `${rolloutId} is aborted by ${by} without the controller (${reason}); its journal says so at the next tick`,
    ]);
  }
  await client.command({ command: 'abort', rolloutId, by, reason });
  return accepted(options.json, { rolloutId, command: 'abort' }, [`${rolloutId} is aborted`]);
}

type Simple = 'acknowledge' | 'pause' | 'resume' | 'retry' | 'rollback';

/** A command that only names a rollout, and perhaps a reason. */
export function simple(name: Simple): (given: GivenTo<typeof RESUME | typeof PAUSE>) => Promise<number> {
  return async ({ args, options }) => {
    const takesReason = name === 'pause' || name === 'rollback';
    const given = {
      command: name,
      rolloutId: rolloutIdFrom(args[0]),
      by: who(options),
      ...(takesReason ? { reason: why(options as { reason?: string }) } : {}),
    } as Parameters<Client['command']>[0];
    const { rolloutId } = await (await clientFrom(options)).command(given);
    return accepted(options.json, { rolloutId, command: name }, [`${rolloutId}: ${name} is accepted`]);
  };
}

/** Goes back from a completed release, which cannot be undone. */
export async function rollback(given: GivenTo<typeof ROLLBACK>): Promise<number> {
  const rolloutId = rolloutIdFrom(given.args[0]);
  const what = `Rollback of ${rolloutId} sends all traffic to the newest older release that was good, at once, and quarantines this one`;
  if (!(await isConfirmed(what, given.options))) return declined();
  return simple('rollback')(given);
}

/** Goes past the present step, or with --full to 100 %, without waiting for evidence. */
export async function promote({ args, options }: GivenTo<typeof PROMOTE>): Promise<number> {
  if (options.step === '0') throw new UsageError('--step counts from 1, which is the first step of the plan');
  const step = options.step === undefined ? {} : { step: whole(options.step, '--step') - 1 };
  const rolloutId = rolloutIdFrom(args[0]);
  const full = options.full ?? false;
  const what = `Promotion of ${rolloutId} to 100 % waits for no evidence`;
  const client = await clientFrom(options);
  if (full && !(await isConfirmed(what, options))) return declined();
  await client.command({ command: 'promote', rolloutId, by: who(options), full, ...step });
  return accepted(options.json, { rolloutId, command: 'promote', full }, [
    `${rolloutId}: promotion ${full ? 'to 100 %' : 'past the current step'} is accepted`,
    ...(options.json ? [] : await heldBy(client, rolloutId)),
  ]);
}

function declined(): number {
  complain('Nothing was changed.');
  return FAILED;
}

/** Approves the gate before a weight. */
export async function approve({ args, options }: GivenTo<typeof APPROVE>): Promise<number> {
  const rolloutId = rolloutIdFrom(args[0]);
  const gate = whole(options.gate, '--gate');
  const client = await clientFrom(options);
  await client.command({ command: 'approve', rolloutId, by: who(options), gate });
  return accepted(options.json, { rolloutId, command: 'approve', gate }, [
    `your approval of the gate before ${gate} % of ${rolloutId} is recorded`,
    ...(options.json ? [] : await heldBy(client, rolloutId)),
  ]);
}

/** Rejects the gate before a weight. */
export async function reject({ args, options }: GivenTo<typeof REJECT>): Promise<number> {
  const rolloutId = rolloutIdFrom(args[0]);
  const gate = whole(options.gate, '--gate');
  const reason = why(options);
  const client = await clientFrom(options);
  await client.command({ command: 'reject', rolloutId, by: who(options), gate, reason });
  return accepted(options.json, { rolloutId, command: 'reject', gate }, [
    `your rejection of the gate before ${gate} % of ${rolloutId} is recorded`,
  ]);
}

/** The gates that hold a rollout still, with what opens them. */
async function heldBy(client: Client, rolloutId: string): Promise<string[]> {
  // The command is taken already, whatever becomes of this question.
  const { view } = await client.rollout(rolloutId).catch(() => ({ view: undefined }));
  return (view?.gates ?? []).map((gate) => {
    const { before, approvers, approvedBy, missing } = gate;
    const counted = approvers - missing;
    const once =
      approvedBy.length > counted
        ? ' (voices that may be one person count once, unless the settings name the people)'
        : '';
    return `  the gate before ${before} % holds it: ${counted} of ${approvers} approvals of ${whoMay(gate)}${once}; approve ${rolloutId} --gate ${before}`;
  });
}

function whole(text: string, option: string): number {
  if (!/^\d{1,3}$/.test(text))
    throw new UsageError(`${option} takes a whole number of at most 999, not "${text}"`);
  return Number(text);
}
