import type { LambdaClient } from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import type { Clock, HookCheck, HookRunner, Publisher, Secrets, TrafficRouter } from '../core/ports.ts';
import { type HookWeb, httpHook, httpHookCheck } from './http-hook.ts';
import { lambdaAlias } from './lambda-alias.ts';
import { lambdaHook, lambdaHookCheck } from './lambda-hook.ts';
import { lambdaPublisher } from './lambda-publish.ts';
import { lambdaSmoke } from './lambda-smoke.ts';

/** The clients that adapters are made from. */
interface AdapterClients {
  lambda: LambdaClient;
  web: HookWeb;
  /** Only who sends smoke tests has any. */
  secrets?: Secrets;
}

/** Makes an adapter. */
type Make<Port> = (clients: AdapterClients, clock: Clock) => Port;

/** Where a kind of target becomes an adapter. Add yours here and nowhere else. */
export const routers: Record<string, Make<TrafficRouter>> = {
  'lambda-alias': ({ lambda }, clock) => lambdaAlias(lambda, clock),
};

/** Where a kind of target becomes what publishes it. */
export const publishers: Record<string, Make<Publisher>> = {
  'lambda-alias': ({ lambda, web }, clock) => lambdaPublisher(lambda, clock, web.fetch),
};

const smoke: Make<HookRunner> = ({ lambda, secrets }, clock) => lambdaSmoke(lambda, clock, secrets);

/** What is put again and again to measure: smoke tests, and no question to anybody else. */
export const probeRunners: Record<string, Make<HookRunner>> = { smoke };

/** Where a kind of hook becomes an adapter. */
export const hookRunners: Record<string, Make<HookRunner>> = {
  smoke,
  lambda: ({ lambda }, clock) => lambdaHook(lambda, clock),
  http: ({ web }, clock) => httpHook(web, clock),
};

/** Where a kind of hook becomes what refuses one that could never be asked; of a smoke test everything stands in the rollout file. Apart from the runners, so that an opening need not bring them along. */
export const hookChecks: Record<string, Make<HookCheck>> = {
  smoke: () => async () => {},
  lambda: ({ lambda }, clock) => lambdaHookCheck(lambda, clock),
  http: ({ web }) => httpHookCheck(web),
};

/** Makes each adapter of a registry once. @throws RolloutError TargetInvalid for a kind that nobody wrote; it never becomes another kind */
export function byKind<Port>(
  registry: Record<string, Make<Port>>,
  clients: AdapterClients,
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
