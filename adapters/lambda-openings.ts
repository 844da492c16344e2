import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { Clock, Openings } from '../core/ports.ts';
import { call } from './_call.ts';

/** Openings by OpenRollout, which is invoked and waited for: the caller learns what it did not do. */
export function lambdaOpenings(client: LambdaClient, clock: Clock, FunctionName: string): Openings {
  const advice = 'see whether the rollout is there, and give the command again if not';
  const opener = { client, clock, FunctionName, name: 'OpenRollout', advice };
  return {
    open: async (handed) => (await call<{ rolloutId?: string }>(opener, handed)).rolloutId || undefined,
  };
}
