import { userInfo } from 'node:os';
import { gatesAhead } from '../../core/rollout/checkpoint.ts';
import { backendFrom, parsed, rolloutIdFrom, UsageError, WHERE } from '../arguments.ts';
import type { Backend } from '../backend.ts';
import { say } from '../print.ts';
import type { Command } from '../spillway.ts';

const COMMON = { ...WHERE, by: { type: 'string' } } as const;
const who = ({ by }: { by?: string | undefined }) => by || process.env.GITHUB_ACTOR || userInfo().username;

/** Takes the canary out at once; --direct does so without the controller, by the rights of the present AWS profile. */
export const abort: Command = {
  usage: 'abort ROLLOUT [--reason TEXT] [--by NAME] [--direct]',
  does: 'takes the canary out at once; --direct without the controller',
  async run(args) {
    const { values, positionals } = parsed(args, ['ROLLOUT'], {
      ...COMMON,
      reason: { type: 'string' },
      direct: { type: 'boolean' },
    });
    const rolloutId = rolloutIdFrom(positionals[0]);
    const backend = backendFrom(values);
    const [by, reason] = [who(values), values.reason ?? 'no reason given'];
    if (values.direct) {
      for (const line of await backend.revertDirectly(rolloutId, by)) say(line);
      say(
        `${rolloutId} is aborted by ${by} without the controller (${reason}); its journal says so at the next tick`,
      );
      return 0;
    }
    await backend.command({ command: 'abort', rolloutId, by, reason });
    say(`${rolloutId} is aborted`);
    return 0;
  },
};

/** A command that only names a rollout, and perhaps a reason. */
function order(
  command: 'pause' | 'resume' | 'retry' | 'rollback',
  does: string,
  takesReason: boolean,
): Command {
  return {
    usage: `${command} ROLLOUT${takesReason ? ' [--reason TEXT]' : ''} [--by NAME]`,
    does,
    async run(args) {
      const { values, positionals } = parsed(
        args,
        ['ROLLOUT'],
        takesReason ? { ...COMMON, reason: { type: 'string' as const } } : COMMON,
      );
      const reason = takesReason
        ? { reason: (values as { reason?: string }).reason ?? 'no reason given' }
        : {};
      const { rolloutId } = await backendFrom(values).command({
        command,
        rolloutId: rolloutIdFrom(positionals[0]),
        by: who(values),
        ...reason,
      });
      say(`${rolloutId}: ${command} is accepted`);
      return 0;
    },
  };
}

/** Holds the weight. */
export const pause = order('pause', 'holds the weight; it goes on being watched', true);
/** Ends a pause. */
export const resume = order('resume', 'goes on', false);
/** Tries a release again that was taken back. */
export const retry = order('retry', 'lifts the quarantine of a release and tries it again', false);
/** Goes back from a completed release. */
export const rollback = order('rollback', 'takes a completed release back in one write', true);

/** Goes past the present step, or with --full to 100 %, without waiting for evidence. */
export const promote: Command = {
  usage: 'promote ROLLOUT [--step N] [--full] [--by NAME]',
  does: 'goes past this step, or to 100 %, without waiting for evidence',
  async run(args) {
    const { values, positionals } = parsed(args, ['ROLLOUT'], {
      ...COMMON,
      step: { type: 'string' },
      full: { type: 'boolean' },
    });
    if (values.step === '0')
      throw new UsageError('--step counts from 1, which is the first step of the plan');
    const step = values.step === undefined ? {} : { step: whole(values.step, '--step') - 1 };
    const rolloutId = rolloutIdFrom(positionals[0]);
    const backend = backendFrom(values);
    const full = values.full ?? false;
    await backend.command({ command: 'promote', rolloutId, by: who(values), full, ...step });
    say(`${rolloutId} is to go ${full ? 'to 100 %' : 'past its step'} without waiting for evidence`);
    for (const line of await heldBy(backend, rolloutId)) say(line);
    return 0;
  },
};

/** Approves the gate before a weight. */
export const approve: Command = {
  usage: 'approve ROLLOUT --gate PERCENT [--by NAME]',
  does: 'approves the gate before a weight',
  async run(args) {
    const { values, positionals } = parsed(args, ['ROLLOUT'], { ...COMMON, gate: { type: 'string' } });
    if (values.gate === undefined) throw new UsageError('say which gate: --gate 50 is the one before 50 %');
    const rolloutId = rolloutIdFrom(positionals[0]);
    const backend = backendFrom(values);
    const gate = whole(values.gate, '--gate');
    await backend.command({ command: 'approve', rolloutId, by: who(values), gate });
    say(`${who(values)} approves the gate before ${gate} % of ${rolloutId}`);
    for (const line of await heldBy(backend, rolloutId)) say(line);
    return 0;
  },
};

/** The gates that hold a rollout still, with what opens them. */
async function heldBy(backend: Backend, rolloutId: string): Promise<string[]> {
  // The order is taken already, whatever becomes of this question.
  const { rollout } = await backend.read('rollout', { rolloutId }).catch(() => ({ rollout: undefined }));
  return (rollout === undefined ? [] : gatesAhead(rollout)).map(({ before, approvers, by }) => {
    const { approvedBy = [] } = rollout?.gates[before] ?? {};
    const whom = by.length === 0 ? '' : ` of ${by.join(', ')}`;
    return `  the gate before ${before} % holds it: ${approvedBy.length} of ${approvers} approvals${whom}; approve ${rolloutId} --gate ${before}`;
  });
}

function whole(text: string, option: string): number {
  if (!/^\d{1,3}$/.test(text))
    throw new UsageError(`${option} takes a whole number of at most 999, not "${text}"`);
  return Number(text);
}
