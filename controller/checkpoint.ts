import type { Checkpoint } from '../core/rollout/checkpoint.ts';
import type { Hook } from '../core/rollout/event.ts';
import { questionOf } from '../core/rollout/question.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Needs } from './ports.ts';
import { recordJudgement } from './record.ts';

/** Opens a gate, or asks a hook what it wants to say; one that was asked and is silent past its time is broken. */
export function attend(
  rollout: Rollout,
  checkpoint: Checkpoint,
  ports: Needs<'clock' | 'hooks' | 'journal'>,
): Promise<Rollout> {
  if (checkpoint.kind !== 'gate') return ask(rollout, checkpoint.id, checkpoint.hook, ports);
  const { before, timeoutSeconds } = checkpoint.gate;
  return recordJudgement(rollout, { type: 'OpenGate', gate: before, seconds: timeoutSeconds }, ports);
}

async function ask(
  rollout: Rollout,
  occurrence: string,
  hook: Hook,
  ports: Needs<'clock' | 'hooks' | 'journal'>,
): Promise<Rollout> {
  const asked = rollout.hooks[occurrence];
  if (asked?.status === 'started') {
    return recordJudgement(
      rollout,
      {
        type: 'AnswerHook',
        hook: occurrence,
        status: 'broken',
        reason: `no answer came within ${hook.timeoutSeconds} s`,
      },
      ports,
    );
  }
  const reply = await ports.hooks(hook.kind).ask(questionOf(rollout, occurrence, hook));
  return reply.status === 'pending'
    ? recordJudgement(rollout, { type: 'StartHook', hook: occurrence, seconds: hook.timeoutSeconds }, ports)
    : recordJudgement(
        rollout,
        { type: 'AnswerHook', hook: occurrence, status: reply.status, reason: reply.reason },
        ports,
      );
}
