import type { LambdaClient } from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import type { Clock, TrafficRouter } from '../core/ports.ts';
import { lambdaAlias } from './lambda-alias.ts';

/** Where a kind of target becomes an adapter. Add yours here and nowhere else. */
const routers = {
  'lambda-alias': (clients: { lambda: LambdaClient }, clock: Clock): TrafficRouter =>
    lambdaAlias(clients.lambda, clock),
};

/** @throws RolloutError TargetInvalid for a kind that nobody wrote; it never becomes another kind */
export function routersFor(clients: { lambda: LambdaClient }, clock: Clock): (kind: string) => TrafficRouter {
  const made = new Map(Object.entries(routers).map(([kind, make]) => [kind, make(clients, clock)]));
  return (kind) => {
    const router = made.get(kind);
    if (router === undefined)
      throw new RolloutError(
        'TargetInvalid',
        `There is no target kind "${kind}"; known are ${Object.keys(routers).join(', ')}.`,
      );
    return router;
  };
}
