import type { HookQuestion } from '../ports.ts';
import type { Hook } from './event.ts';
import { type Rollout, targetNamed } from './state.ts';

/** What a hook is told when it is asked now; its key stays the same for every try of this occurrence. */
export function questionOf(rollout: Rollout, occurrence: string, hook: Hook): HookQuestion {
  const { rolloutId, service, environment, release } = rollout.opening;
  return {
    hook,
    target: targetNamed(rollout, hook.target),
    occurrence,
    idempotencyKey: `${rolloutId}/${occurrence}`,
    about: {
      service,
      environment,
      rolloutId,
      release,
      step: rollout.step,
      weight: rollout.traffic[hook.target]?.weight ?? 0,
    },
  };
}
