import { RolloutError } from '../core/errors.ts';
import type { Readings } from '../core/readings.ts';
import { takerOf } from '../core/rollout/command-request.ts';
import type { FunctionName } from '../infra/facts.ts';
import type { Client } from './client.ts';

/** Calls a function of the controller and answers what it answers. @throws the error that the function ended with */
export type Invoke = (name: FunctionName, payload: Record<string, unknown>) => Promise<never>;

/** What a client does by the controller's functions, however they are called. */
export function functionsOf(invoke: Invoke): Omit<Client, 'upload' | 'revertDirectly' | 'site'> {
  const read = <What extends keyof Readings>(read: What, more: object = {}): Promise<Readings[What]> =>
    invoke('ReadRollout', { read, ...more });
  return {
    about: () => read('about'),
    running: () => read('running'),
    recent: (query) => read('recent', query),
    service: (service) => read('service', { service }),
    rollout: (rolloutId) => read('rollout', { rolloutId }),
    events: (rolloutId, after, limit) =>
      read('events', { rolloutId, after, ...(limit === undefined ? {} : { limit }) }),
    async link() {
      throw new RolloutError(
        'Unavailable',
        'A link is made by the API, whose address cannot be looked up here; allow lambda:GetFunctionUrlConfig on its function ApiIam.',
      );
    },
    command: (request) => invoke(takerOf(request.command), { ...request }),
  };
}
