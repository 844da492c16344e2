import type { Out } from '../api/answer-shapes.ts';
import { addressOf, type Body, type Parameters, type Query, ROUTES, type RouteName } from '../api/routes.ts';
import { RolloutError } from '../core/errors.ts';
import type { Readings } from '../core/readings.ts';
import type { Client } from './client.ts';
import { remoteError } from './remote-error.ts';

/** Asks the API of a controller something, wherever that is; answers the status, and the body, which is JSON. */
export type Exchange = (request: {
  method: 'GET' | 'POST';
  path: string;
  body: string | undefined;
}) => Promise<{ status: number; body: unknown }>;

/** What a request to a route says. */
interface Said<Name extends RouteName> {
  parameters?: Partial<Parameters>;
  query?: Query<Name> & object;
  body?: Body<Name>;
}

/** What the API answers if something is wrong. */
export interface Problem {
  code?: string;
  title?: string;
  detail?: string;
  waitsFor?: string[];
}

/** What a client does by the API, however that is reached. Who gives a command, the API proves itself. */
export function apiClient(exchange: Exchange): Omit<Client, 'upload' | 'revertDirectly' | 'site'> {
  const asked = async <Name extends RouteName>(
    name: Name,
    { parameters, query, body }: Said<Name>,
  ): Promise<{ answer: Out<Name> } | { problem: Problem }> => {
    const { method } = ROUTES[name];
    const path = addressOf(name, parameters, query ?? {});
    const text = method === 'POST' ? JSON.stringify(body ?? {}) : undefined;
    const { status, body: answer } = await exchange({ method, path, body: text });
    return status < 300 ? { answer: answer as Out<Name> } : { problem: answer as Problem };
  };
  const ask = async <Name extends RouteName>(name: Name, said: Said<Name> = {}): Promise<Out<Name>> => {
    const found = await asked(name, said);
    if ('problem' in found) throw errorFrom(found.problem);
    return found.answer;
  };
  /** A rollout that nobody knows is an answer too. */
  const found = async <Name extends RouteName>(
    name: Name,
    said: Said<Name>,
  ): Promise<{ answer?: Out<Name>; none: { waitsFor?: string[] } }> => {
    const one = await asked(name, said);
    if ('answer' in one) return { answer: one.answer, none: {} };
    if (one.problem.code !== 'RolloutUnknown') throw errorFrom(one.problem);
    const { waitsFor } = one.problem;
    return { none: waitsFor === undefined ? {} : { waitsFor } };
  };
  return {
    about: () => ask('about'),
    running: async () => (await ask('running')) as Readings['running'],
    recent: async ({ service, before, limit }) =>
      (await ask('recent', { parameters: { service }, query: { before, limit } })) as Readings['recent'],
    service: async (service) => (await ask('service', { parameters: { service } })) as Readings['service'],
    async rollout(rolloutId) {
      const { answer: view, none } = await found('rollout', { parameters: { rolloutId } });
      return (view === undefined ? none : { view }) as Readings['rollout'];
    },
    async events(rolloutId, after, limit) {
      const { answer, none } = await found('events', {
        parameters: { rolloutId },
        query: { after, limit },
      });
      return (answer ?? { events: [], ...none }) as Readings['events'];
    },
    async command({ command, rolloutId, by: _, ...body }) {
      const { rolloutId: led } = await ask(command, {
        parameters: { rolloutId },
        body: body as Body<typeof command>,
      });
      return { rolloutId: led };
    },
    link: (rolloutId, action) => ask('links', { parameters: { rolloutId }, body: { action } }),
  };
}

/** What the API refused or failed at, as if it had been thrown here. */
export function errorFrom({ code, title = 'Error', detail = 'no detail' }: Problem): Error {
  return code === undefined
    ? new RolloutError('Unavailable', `The controller failed (${title}): ${detail}`)
    : remoteError({ errorType: code, errorMessage: detail });
}
