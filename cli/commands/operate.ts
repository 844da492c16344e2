import { userInfo } from 'node:os';
import type { Client } from '../../client/client.ts';
import { whoMay } from '../../core/rollout/gate.ts';
import { clientFrom, rolloutIdFrom, WHERE } from '../arguments.ts';
import { UsageError } from '../call.ts';
import { type Command, command } from '../command.ts';
import { say } from '../print.ts';

const BY = {
  by: {
    value: 'NAME',
    does: 'who gives the command, if the API does not prove it (--direct, or if its address cannot be looked up); without it, GITHUB_ACTOR or the user of this machine',
  },
  ...WHERE,
} as const;
const GATE = { gate: { value: 'PERCENT', isRequired: true, does: '50 is the gate before 50 %' } } as const;
const REASON = { reason: { value: 'TEXT', does: 'why, for readers of the journal' } } as const;
const who = ({ by }: { by?: string }) => by || process.env.GITHUB_ACTOR || userInfo().username;
const why = ({ reason = 'no reason given' }: { reason?: string }) => reason;

/** Reverts at once; --direct does so without the controller, by the rights of the present AWS profile. */
export const abort = command(
  'abort',
  {
    does: 'reverts a rollout at once',
    takes: ['ROLLOUT'],
    options: {
      ...REASON,
      direct: {
        does: 'without the controller, by the rights of the present AWS profile: for when it is down',
      },
      ...BY,
    },
  },
  async ({ args, options }) => {
    const rolloutId = rolloutIdFrom(args[0]);
    const client = clientFrom(options);
    const [by, reason] = [who(options), why(options)];
    if (options.direct) {
      for (const line of await client.revertDirectly(rolloutId, by)) say(line);
      say(
        `${rolloutId} is aborted by ${by} without the controller (${reason}); its journal says so at the next tick`,
      );
      return 0;
    }
    await client.command({ command: 'abort', rolloutId, by, reason });
    say(`${rolloutId} is aborted`);
    return 0;
  },
);

/** A command that only names a rollout, and perhaps a reason. */
function simple(
  name: 'acknowledge' | 'pause' | 'resume' | 'retry' | 'rollback',
  does: string,
  takesReason: boolean,
): Command {
  const options = takesReason ? { ...REASON, ...BY } : BY;
  return command(name, { does, takes: ['ROLLOUT'], options }, async ({ args, options }) => {
    const given = {
      command: name,
      rolloutId: rolloutIdFrom(args[0]),
      by: who(options),
      ...(takesReason ? { reason: why(options as { reason?: string }) } : {}),
    } as Parameters<Client['command']>[0];
    const { rolloutId } = await clientFrom(options).command(given);
    say(`${rolloutId}: ${name} is accepted`);
    return 0;
  });
}

/** Holds the weight. */
export const pause = simple('pause', 'pauses at the current weight; analysis continues', true);
/** Ends a pause. */
export const resume = simple('resume', 'ends a pause', false);
/** Tries a reverted release again. */
export const retry = simple('retry', 'lifts the quarantine of a release and tries it again', false);
/** Goes back from a completed release. */
export const rollback = simple(
  'rollback',
  'reverts a completed release to the newest older one that was good, in one write',
  true,
);

/** Keeps a page from being repeated. */
export const acknowledge = simple(
  'acknowledge',
  'keeps what somebody is paged for from being repeated; it changes nothing of the rollout',
  false,
);

/** Goes past the present step, or with --full to 100 %, without waiting for evidence. */
export const promote = command(
  'promote',
  {
    does: 'skips to the next step without waiting for evidence',
    takes: ['ROLLOUT'],
    options: {
      full: { does: 'promotes to 100 % instead' },
      step: { value: 'N', does: 'only if the rollout is on this step of the plan; the first is 1' },
      ...BY,
    },
  },
  async ({ args, options }) => {
    if (options.step === '0')
      throw new UsageError('--step counts from 1, which is the first step of the plan');
    const step = options.step === undefined ? {} : { step: whole(options.step, '--step') - 1 };
    const rolloutId = rolloutIdFrom(args[0]);
    const client = clientFrom(options);
    const full = options.full ?? false;
    await client.command({ command: 'promote', rolloutId, by: who(options), full, ...step });
    say(`${rolloutId}: promotion ${full ? 'to 100 %' : 'past the current step'} is accepted`);
    for (const line of await heldBy(client, rolloutId)) say(line);
    return 0;
  },
);

/** Approves the gate before a weight. */
export const approve = command(
  'approve',
  {
    does: 'approves the gate before a weight',
    takes: ['ROLLOUT'],
    options: { ...GATE, ...BY },
  },
  async ({ args, options }) => {
    const rolloutId = rolloutIdFrom(args[0]);
    const gate = whole(options.gate, '--gate');
    const client = clientFrom(options);
    await client.command({ command: 'approve', rolloutId, by: who(options), gate });
    say(`your approval of the gate before ${gate} % of ${rolloutId} is recorded`);
    for (const line of await heldBy(client, rolloutId)) say(line);
    return 0;
  },
);

/** Rejects the gate before a weight. */
export const reject = command(
  'reject',
  {
    does: 'rejects the gate before a weight: pauses the rollout, or reverts it if its file says so',
    takes: ['ROLLOUT'],
    options: { ...GATE, ...REASON, ...BY },
  },
  async ({ args, options }) => {
    const rolloutId = rolloutIdFrom(args[0]);
    const gate = whole(options.gate, '--gate');
    const reason = why(options);
    await clientFrom(options).command({ command: 'reject', rolloutId, by: who(options), gate, reason });
    say(`your rejection of the gate before ${gate} % of ${rolloutId} is recorded`);
    return 0;
  },
);

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
