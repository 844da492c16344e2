import type { HookQuestion } from '../../core/ports.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';

/** A question of one hook in a rollout of `shop`. */
export function questionOf(
  hook: Pick<HookQuestion['hook'], 'id' | 'point' | 'kind' | 'spec'>,
  at: Pick<HookQuestion['about'], 'step' | 'weight'>,
): HookQuestion {
  const occurrence = `${hook.id}@0`;
  const ref = { functionName: 'shop-Api', alias: 'live' };
  return {
    hook: { ...hook, target: 'api', timeoutSeconds: 60, onBroken: 'revert' },
    target: {
      name: 'api',
      kind: 'lambda-alias',
      key: 'aws:111122223333:eu-west-1:lambda-alias/shop-Api/live',
      ref,
      stable: '7',
      canary: '8',
      source: 'http',
      traits: traitsOf('http', ref),
    },
    idempotencyKey: `shop--r8--1/${occurrence}`,
    occurrence,
    about: { service: 'shop', environment: 'production', rolloutId: 'shop--r8--1', release: 'r8', ...at },
  };
}
