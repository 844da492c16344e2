import { setTimeout as sleep } from 'node:timers/promises';
import type { Hono } from 'hono';
import { onTestFinished } from 'vitest';
import { type ApiDeps, api } from '../../api/api.ts';
import type { RouteName } from '../../api/routes.ts';
import { readingsOf } from '../../controller/read.ts';
import { iamPrincipal, NO_ACCESS, type Principal } from '../../core/people/access.ts';
import type { CommandRequest } from '../../core/rollout/command-request.ts';
import { deploy, publish } from '../../demo/shop.ts';
import { ALIAS } from '../../local/account.ts';
import { virtualClock } from '../../local/clock.ts';
import { createWorld, type World, type WorldOptions } from '../../local/world.ts';
import built from '../../page/built.json' with { type: 'json' };

export const FUNCTION = 'checkout-prod-Api';
export const SERVICE = 'checkout-api';
export const ID = `${SERVICE}--r1--1`;

/** Virtual time that passes in each turn of this process, in which real requests arrive as well. */
const TURN_MS = 200;

/** A world in which time passes by itself: function `checkout-prod-Api` serves version 7, and version 8 is published. Nobody calls it, so that a rollout stays at its first step. */
export async function deployed(options: Partial<WorldOptions> = {}): Promise<World> {
  const clock = virtualClock();
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  // A busy machine makes neither time: no time-out of the world is torn by it.
  const pass = async (): Promise<void> => {
    await clock.advance(TURN_MS);
    if (!isOver) setImmediate(pass);
  };
  setImmediate(pass);
  const world = createWorld({ clock, seed: 7, ...options });
  onTestFinished(() => world.close());
  await deploy(world, FUNCTION, ALIAS, SERVICE, '7-serving');
  await publish(world, FUNCTION, '8-cheaper-shipping');
  return world;
}

/** The manifest of a release of version 8, and its key; `more` goes into its rollout file. */
export const manifestOf = (release: string, more: object = {}) => ({
  key: `releases/${SERVICE}/${release}/manifest.json`,
  manifest: {
    ...{ schema: 1, service: SERVICE, environment: 'production', release, order: Number(release.slice(1)) },
    targets: { api: { version: '8' } },
    rollout: {
      service: SERVICE,
      targets: { api: { lambda: FUNCTION, alias: ALIAS, source: 'http' } },
      steps: [{ weight: 10, bake: '1h' }],
      verify: '10m',
      ...more,
    },
  },
});

/** Uploads a release, and waits until its canary has traffic. */
export async function released(world: World, release = 'r1', more: object = {}): Promise<string> {
  const rolloutId = `${SERVICE}--${release}--1`;
  const { key, manifest } = manifestOf(release, more);
  await world.upload(key, manifest);
  for (;;) {
    const rollout = await world.journal.read(rolloutId);
    if (rollout?.traffic.api?.weight === 10 || rollout?.outcome !== undefined) return rolloutId;
    await sleep(5);
  }
}

/** Who calls where a test does not say. */
export const ADA = 'arn:aws:iam::111122223333:user/ada';

/** Names who makes a request, in a test. */
export const WHO = 'x-test-who';

/** The API of a world; the header `x-test-who` names the ARN of its caller. */
export function apiOf(world: World, more: Partial<ApiDeps> = {}): Hono {
  const { access = NO_ACCESS } = more;
  return api({
    about: world.ports.about,
    reads: readingsOf(world.journal),
    command: (command) => world.command(command),
    access,
    tokens: world.ports.tokens,
    clock: world.clock,
    principal: async (request): Promise<Principal | undefined> => {
      const who = request.headers.get(WHO) ?? ADA;
      return who === 'nobody' ? undefined : iamPrincipal(who, access);
    },
    isPublic: true,
    failed(error) {
      throw error;
    },
    ...more,
  });
}

/** The API of a world, whose commands are taken and not carried out. */
export function taking(world: World, more: Partial<ApiDeps> = {}) {
  const commands: CommandRequest[] = [];
  const app = apiOf(world, {
    async command(given) {
      commands.push(given);
      return { rolloutId: given.rolloutId };
    },
    ...more,
  });
  return { app, commands };
}

/** What came back. */
interface Answered {
  status: number;
  headers: Headers;
  body: never;
  text: string;
}

/** Asks an app something. */
export async function ask(
  app: Pick<Hono, 'request'>,
  method: string,
  path: string,
  { body, ...headers }: Record<string, unknown> = {},
): Promise<Answered> {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await app.request(`https://api.example${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(headers as Record<string, string>),
    },
    ...(body === undefined ? {} : { body: text as string }),
  });
  const answer = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson && answer !== '' ? JSON.parse(answer) : undefined) as never,
    text: answer,
  };
}

/** Limits that limit nothing. */
const EACH = { burst: 1e9, everyMs: 1 };
export const FREE = {
  each: { read: EACH, command: EACH, abort: EACH },
  all: { read: EACH, command: EACH },
};

/** Everything that a command could change: the journal but for what the execution measures meanwhile, what serves, executions, schedules. */
export async function stateOf(world: World) {
  const events = await world.journal.events(ID);
  return JSON.stringify({
    events: events.filter(({ type }) => type !== 'Measured'),
    routing: world.lambda.helpers.routing(FUNCTION, ALIAS),
    frozen: await world.ports.watchdog.frozen(ID),
    executions: world.stepFunctions.executions.map(({ name }) => name),
  });
}

/** What a request to each route may hold. */
export const SAMPLES: Partial<Record<RouteName, { query?: string; body?: object }>> = {
  events: { query: '?after=1' },
  recent: { query: '?limit=5' },
  approve: { body: { gate: 100 } },
  reject: { body: { gate: 100 } },
  links: { body: { action: 'view' } },
};

/** A path with samples in place of its parameters. */
export const sampled = (path: string): string =>
  path
    .replace('{rolloutId}', ID)
    .replace('{service}', SERVICE)
    .replace('{target}', 'api')
    .replace('{metric}', 'errors')
    .replace('{code}', 'NotAllowed')
    .replace('{file}', Object.keys(built.assets)[0] ?? '');
