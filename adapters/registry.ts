import type { LambdaClient } from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import type { Clock, HookCheck, HookRunner } from '../core/ports.ts';
import type { HookWeb } from './_hook.ts';
import { httpHook, httpHookCheck } from './http-hook.ts';
import { lambdaHook, lambdaHookCheck } from './lambda-hook.ts';

/** The clients that hooks are made from. */
interface HookClients {
  lambda: LambdaClient;
  web: HookWeb;
}

/** What hooks are checked by before they are asked. */
interface HookCheckClients {
  lambda: LambdaClient;
  web: Pick<HookWeb, 'hosts'>;
}

/** Makes an adapter. */
export type Make<Port, Clients> = (clients: Clients, clock: Clock) => Port;

/** Where a kind of hook becomes an adapter, but for smoke tests: they are put to a target, by a runner of its kind. */
export const hookRunners: Record<string, Make<HookRunner, HookClients>> = {
  lambda: ({ lambda }, clock) => lambdaHook(lambda, clock),
  http: ({ web }, clock) => httpHook(web, clock),
};

/** Where a kind of hook becomes what refuses one that could never be asked; of a smoke test everything stands in the rollout file. Apart from the runners, so that an opening need not bring them along. */
export const hookChecks: Record<string, Make<HookCheck, HookCheckClients>> = {
  smoke: () => async () => {},
  lambda: ({ lambda }, clock) => lambdaHookCheck(lambda, clock),
  http: ({ web }) => httpHookCheck(web),
};

/** Makes each adapter of a registry once. @throws RolloutError TargetInvalid for a kind that nobody wrote; it never becomes another kind */
export function byKind<Port, Clients>(
  registry: Record<string, Make<Port, Clients>>,
  clients: Clients,
  clock: Clock,
): (kind: string) => Port {
  const made = new Map<string, Port>();
  return (kind) => {
    const make = Object.hasOwn(registry, kind) ? registry[kind] : undefined;
    if (make === undefined)
      throw new RolloutError(
        'TargetInvalid',
        `There is no kind "${kind}"; known are ${Object.keys(registry).join(', ')}.`,
      );
    const adapter = made.get(kind) ?? make(clients, clock);
    made.set(kind, adapter);
    return adapter;
  };
}
