import type { HookQuestion } from '../ports.ts';
import type { Hook } from './event.ts';
import { type Rollout, targetNamed } from './state.ts';

/** What a hook receives when it is asked now; its key stays the same for every try of this occurrence. */
export function questionOf(rollout: Rollout, occurrence: string, hook: Hook): HookQuestion {
  const { rolloutId, service, environment, release, adopted } = rollout.opening;
  const beside = adopted?.beside?.find(({ name }) => name === hook.target);
  return {
    hook,
    target: beside ?? targetNamed(rollout, hook.target),
    occurrence,
    idempotencyKey: `${rolloutId}/${occurrence}`,
    about: {
      service,
      environment,
      rolloutId,
      release,
      step: rollout.step,
      weight: beside === undefined ? (rollout.traffic[hook.target]?.weight ?? 0) : 100,
    },
  };
}
