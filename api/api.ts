import { type Context, Hono } from 'hono';
import { type Judged, pictureOf } from '../core/analysis/picture.ts';
import type { Metric } from '../core/analysis/types.ts';
import { type ErrorCode, RolloutError } from '../core/errors.ts';
import { REASON_MAX } from '../core/hook-answer.ts';
import {
  type Access,
  assertMay,
  givenBy,
  type Principal,
  ROLES,
  type Role,
  rolesOf,
} from '../core/people/access.ts';
import { linkActor, linkCommand, linkFrom, linkUrl } from '../core/people/link.ts';
import { plainText } from '../core/plain-text.ts';
import type { Clock, Completed, ServiceRecord, Tokens } from '../core/ports.ts';
import type { Readings } from '../core/readings.ts';
import { nameOf } from '../core/rollout/actor.ts';
import type { CommandRequest, UnsignedRequest } from '../core/rollout/command-request.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { rolloutIdParts } from '../core/rollout/service.ts';
import { cut } from '../core/words.ts';
import built from '../page/built.json' with { type: 'json' };
import { compressed, digest, JSON_TYPE, json, pageTag, tagged, tagOf } from './answer.ts';
import type { Out } from './answer-shapes.ts';
import { checked, jsonFrom, queryFrom } from './body.ts';
import { cachedReads, type Reads } from './cache.ts';
import texts from './errors.json' with { type: 'json' };
import { type Kind, LIMITS, type Limits, limiter } from './limits.ts';
import files from './link/files.json' with { type: 'json' };
import { onceAtATime } from './once.ts';
import { overviews } from './overviews.ts';
import { problemResponse, Refusal } from './problems.ts';
import {
  type Body,
  NO_QUERY,
  PARAMETERS,
  type Parameters,
  type Query,
  ROUTES,
  type Route,
  type RouteName,
} from './routes.ts';
import { ServiceName } from './schemas.ts';
import { assertSameOrigin, OWN_FILES, PICTURE, secured } from './secure.ts';

/** What a command led to. */
interface Led {
  rolloutId: string;
  isRepeated?: true | undefined;
}

/** What the API stands on. */
export interface ApiDeps {
  about: Readings['about'];
  reads: Reads;
  /** Hands a command to whoever carries it out, and waits for what it led to. @throws RolloutError as that one refuses it */
  command(request: CommandRequest): Promise<Led>;
  access: Access;
  tokens: Tokens;
  clock: Clock;
  /** Who makes a request, by something that can be believed; `env` is what came beside the request. */
  principal(request: Request, env: unknown): Promise<Principal | undefined>;
  /** True if anybody may call it: then links are taken, and their page is there. */
  isPublic: boolean;
  /** The address of the public API, to which links lead; that of the request if it is absent and this is the one. */
  publicUrl?: string | undefined;
  limits?: Limits | undefined;
  /** Learns of faults of the program, which no answer describes. */
  failed(error: unknown): void;
  /** Apps that answer at these paths and below. */
  mount?: Record<`/${string}`, Hono> | undefined;
}

/** Whoever makes a request. */
interface Caller {
  who: Principal;
  /** Present if a link is all that they have. */
  link?: ReturnType<typeof linkFrom> | undefined;
}

/** One request, checked and allowed. */
interface Asked<Name extends RouteName> extends Caller {
  request: Request;
  parameters: Parameters;
  query: Query<Name>;
  body: Body<Name>;
}

/** What is wanted of a rollout, without whose wish it is. */
type Wish = UnsignedRequest extends infer O
  ? O extends unknown
    ? Omit<O, 'by' | 'rolloutId'>
    : never
  : never;

type Answers = { [Name in RouteName]: (asked: Asked<Name>) => Response | Promise<Response> };

/** How long a link lives unless it is said, in seconds. */
const LINK_SECONDS = 6 * 3_600;

/** The one door for people and programs: what they may see and do, whoever vouches for them. */
export function api(deps: ApiDeps): Hono {
  const { isPublic } = deps;
  const names = (Object.keys(ROUTES) as RouteName[]).filter((name) => isPublic || !isOfPages(name));
  const answers = answersOf(deps);
  const count = limiter(deps.limits ?? LIMITS, deps.clock);
  const app = new Hono();
  app.use('*', secured);
  app.onError((error, { req }) => {
    const response = problemResponse(error, deps.publicUrl ?? req.url);
    // That a revert failed, whoever tried it has said.
    if (response.status === 500 && !RolloutError.is(error, 'RevertFailed')) deps.failed(error);
    return response;
  });
  app.notFound(({ req }) => problemResponse(nothingAt(req.path, names), deps.publicUrl ?? req.url));
  for (const name of names) {
    const route: Route = ROUTES[name];
    app.on(route.method, route.path.replace(/\{(\w+)\}/g, ':$1'), async (context) => {
      const request = context.req.raw;
      const parameters = parametersFrom(context.req.param(), route);
      let caller: Caller | undefined;
      if (!route.isOpen) {
        if (route.acts) assertSameOrigin(request);
        caller = await callerOf(context, parameters.rolloutId, deps);
        count(kindOf(name, route), caller.who.caller ?? caller.who.actor.id);
        assertRight(name, caller, parameters, deps.access);
      }
      // Whatever a program of mail or chat has added to a page's address, it is still that page.
      const query = route.isOpen
        ? {}
        : checked(queryFrom(context.req.queries()), route.query ?? NO_QUERY, '/query');
      const body = route.body && (await jsonFrom(request, route.body));
      const answer = answers[name] as (asked: object) => Response | Promise<Response>;
      return answer({ ...caller, request, parameters, query, body });
    });
  }
  for (const [path, sub] of Object.entries(deps.mount ?? {})) app.route(path, sub);
  return app;
}

function answersOf({ about, access, tokens, clock, isPublic, publicUrl, ...deps }: ApiDeps): Answers {
  const reads = cachedReads(deps.reads, clock);
  const overviewOf = overviews(reads);
  const mayRead = (who: Principal, service: string) => rolesOf(who, service, access).has('viewer');
  const give = onceAtATime((command) => deps.command(command), clock);

  const rolesIn = (who: Principal, service: string): Role[] => {
    const given = rolesOf(who, service, access);
    return ROLES.filter((role) => given.has(role));
  };

  /** Answers JSON by its digest, with the time of this controller, which may run faster than that of whoever asks. */
  const sized = async (request: Request, body: object): Promise<Response> => {
    const text = JSON.stringify(body);
    const headers = { ...JSON_TYPE, 'spillway-time': String(clock.now()) };
    const tag = `"${(await digest(text)).slice(0, 22)}"`;
    return compressed(
      request,
      tagged(request, tag, headers, () => text),
    );
  };

  /** Nothing that is read is waited for: an abort works with the journal down. */
  const command = async (
    wish: Wish,
    {
      request,
      who,
      link,
      parameters: { rolloutId },
    }: Pick<Asked<'abort'>, 'request' | 'who' | 'link' | 'parameters'>,
  ): Promise<Response> => {
    const reason = 'reason' in wish ? wish.reason : '';
    const given =
      link === undefined ? { ...wish, rolloutId, ...givenBy(who, access) } : linkCommand(link, reason);
    const { isRepeated, ...led } = await give(request, given).finally(reads.forget);
    const body: Out<'abort'> = {
      rolloutId: led.rolloutId,
      accepted: true,
      ...(isRepeated ? { isRepeated } : {}),
    };
    return json(body, 202, { location: `/rollouts/${led.rolloutId}` });
  };

  return {
    health: () => json({ status: 'ok', environment: about.environment } satisfies Out<'health'>),
    about: () => json(about satisfies Out<'about'>),
    async running({ who }) {
      const all = (await reads.running()) satisfies Out<'running'>;
      return json(all.filter(({ opening }) => mayRead(who, opening.service)));
    },
    async overview({ request, who, query: { services = '' } }) {
      const running = (await reads.running()).filter(({ opening }) => mayRead(who, opening.service));
      const asked = [...running.map(({ opening }) => opening.service), ...services.split(',')];
      const names = [...new Set([...asked, ...Object.keys(access.roles ?? {})])]
        .filter((name) => ServiceName.safeParse(name).success && mayRead(who, name))
        .slice(0, SERVICES_MAX);
      const lately = await Promise.all(names.map((service) => reads.recent({ service, limit: LATELY })));
      const ended = lately
        .flat()
        .filter(({ outcome }) => outcome !== undefined)
        .sort((one, other) => other.lastEventAt - one.lastEventAt)
        .slice(0, ENDED_MAX);
      const body = { environment: about.environment, who: { name: nameOf(who.actor) }, running, ended };
      return sized(request, body satisfies Out<'overview'>);
    },
    async rolloutOverview({ request, who, link, parameters: { rolloutId } }) {
      const { overview, waitsFor } = await overviewOf(rolloutId);
      if (overview === undefined) throw unknown(rolloutId, waitsFor);
      const roles =
        link === undefined ? rolesIn(who, serviceIn({ rolloutId })) : (['viewer'] satisfies Role[]);
      const body: Out<'rolloutOverview'> = {
        ...overview,
        who: { name: link === undefined ? nameOf(who.actor) : 'whoever has this link', roles },
        ...(link === undefined ? {} : { link: link.action }),
      };
      return sized(request, body);
    },
    async serviceOverview({ request, who, parameters: { service }, query: { before } }) {
      const [record, rollouts] = await Promise.all([
        reads.service(service),
        reads.recent({ service, before, limit: PAGE_OF_ROLLOUTS }),
      ]);
      const body = {
        ...{ environment: about.environment, service, record: shownOf(record), rollouts },
        who: { name: nameOf(who.actor), roles: rolesIn(who, service) },
        isMore: rollouts.length === PAGE_OF_ROLLOUTS,
      } satisfies Out<'serviceOverview'>;
      return sized(request, body);
    },
    async recent({ parameters: { service }, query: { before, limit = 20 } }) {
      return json((await reads.recent({ service, before, limit })) satisfies Out<'recent'>);
    },
    service: async ({ parameters }) => json(await reads.service(parameters.service)),
    async rollout({ request, parameters: { rolloutId } }) {
      const { view, waitsFor } = await reads.rollout(rolloutId);
      if (view === undefined) throw unknown(rolloutId, waitsFor);
      const ended = view.outcome === undefined ? undefined : view.state;
      return tagged(request, await tagOf(view.version, ended), JSON_TYPE, () => JSON.stringify(view));
    },
    async events({ request, parameters: { rolloutId }, query: { after = 0, limit } }) {
      const { version, waitsFor, ...page } = await reads.events(rolloutId, after, limit);
      if (version === undefined) throw unknown(rolloutId, waitsFor);
      const body = { version, ...page };
      const { tag, isSame } = await pageTag(after, body);
      return tagged(request, tag, JSON_TYPE, () => JSON.stringify(body), isSame);
    },
    async picture({ request, parameters: { rolloutId, target, metric } }) {
      const events = await allEvents(rolloutId, reads);
      const judged = events.flatMap((event): Judged[] => (event.type === 'Measured' ? [event] : []));
      const headers = { 'content-type': 'image/svg+xml', 'content-security-policy': PICTURE };
      return tagged(request, await tagOf(events.length, undefined), headers, () =>
        pictureOf(judged, { target, metric: metric as Metric }),
      );
    },
    pause: (asked) => command({ command: 'pause', ...why(asked.body) }, asked),
    resume: (asked) => command({ command: 'resume' }, asked),
    promote: (asked) =>
      command({ command: 'promote', step: asked.body.step, full: asked.body.full ?? false }, asked),
    approve: (asked) => command({ command: 'approve', ...asked.body }, asked),
    reject: (asked) => command({ command: 'reject', gate: asked.body.gate, ...why(asked.body) }, asked),
    abort: (asked) => command({ command: 'abort', ...why(asked.body) }, asked),
    rollback: (asked) => command({ command: 'rollback', ...why(asked.body) }, asked),
    retry: (asked) => command({ command: 'retry' }, asked),
    acknowledge: (asked) => command({ command: 'acknowledge', ...asked.body }, asked),
    async links({ request, who, parameters, body: { action, seconds = LINK_SECONDS } }) {
      if (action !== 'view') assertMay(who, { service: serviceIn(parameters), command: action }, access);
      const base = publicUrl ?? (isPublic ? request.url : undefined);
      if (base === undefined)
        throw new Refusal('NotAllowed', 'This environment has no public address that links could lead to.');
      const { rolloutId } = parameters;
      const expiresAt = clock.now() + seconds * 1_000;
      const url = linkUrl(base, await tokens.sign('link', { rolloutId, action }, expiresAt));
      return json({ url, action, rolloutId, expiresAt } satisfies Out<'links'>, 201);
    },
    problem: ({ parameters: { code } }) => file(`${code}\n\n${texts[code as ErrorCode]}\n`, 'text/plain'),
    front: ({ request }) => front(request),
    frontOfRollout: ({ request }) => front(request),
    frontOfService: ({ request }) => front(request),
    asset({ request, parameters: { file: name } }) {
      const found = built.assets[name as keyof typeof built.assets];
      if (found === undefined)
        throw new Refusal('RequestInvalid', 'There is no such file; load the page anew.', { status: 404 });
      const headers = {
        'content-type': `${TYPES[name.split('.').at(-1) as keyof typeof TYPES]}; charset=utf-8`,
        'cache-control': 'public, max-age=31536000, immutable',
      };
      return compressed(request, new Response(found, { headers }));
    },
    linkPage: () => file(files.html, 'text/html'),
    linkScript: () => file(files.js, 'text/javascript'),
    linkStyle: () => file(files.css, 'text/css'),
  };
}

/** Most services of which it is read what has ended, how many rollouts of each, and most that are shown. */
const [SERVICES_MAX, LATELY, ENDED_MAX] = [12, 5, 20];

/** What a service remembers, as far as people need it. */
const shownOf = ({ completed, earlier, quarantined, waiting }: ServiceRecord) => ({
  completed: completed && releaseOf(completed),
  earlier: earlier?.map(releaseOf),
  quarantined: quarantined?.map(({ release, rolloutId, reason }) => ({ release, rolloutId, reason })),
  waiting: waiting && { release: waiting.release, attempt: waiting.attempt, order: waiting.order },
});

const releaseOf = ({ release, order, rolloutId, targets }: Completed) => ({
  ...{ release, order, rolloutId },
  versions: (targets ?? []).map(({ name, version }) => ({ name, version })),
});

/** How many rollouts of a service are shown at once. */
const PAGE_OF_ROLLOUTS = 25;

/** Kinds of files by their endings. */
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' } as const;

/** The page is the same at each of its addresses: its script reads there what to show. */
async function front(request: Request): Promise<Response> {
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `${OWN_FILES}; img-src 'self'`,
    'cache-control': 'no-cache',
  };
  return compressed(
    request,
    tagged(request, `"${(await digest(built.html)).slice(0, 22)}"`, headers, () => built.html),
  );
}

/** What is too long for the journal is cut here already: a command must not become too long to be signed. */
const why = ({ reason = '' }: { reason?: string | undefined }) => ({
  reason: cut(plainText(reason), REASON_MAX) || 'no reason given',
});

function file(text: string, type: string): Response {
  const headers = { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': OWN_FILES };
  return new Response(text, { headers });
}

async function allEvents(rolloutId: string, reads: Reads): Promise<RolloutEvent[]> {
  const events: RolloutEvent[] = [];
  for (;;) {
    const page = await reads.events(rolloutId, events.length);
    if (page.version === undefined) throw unknown(rolloutId, page.waitsFor);
    events.push(...page.events);
    if (!page.isMore) return events;
  }
}

/** Routes that are there for browsers, and only where anybody may call. */
const isOfPages = (name: RouteName): boolean =>
  (name.startsWith('link') && name !== 'links') || name.startsWith('front') || name === 'asset';

/** What somebody who has nothing but a link may do; which of the commands, the link says. */
const BY_LINK: readonly RouteName[] = ['rollout', 'rolloutOverview', 'events', 'picture', 'pause', 'abort'];

/** Links speak for one rollout and for nobody in particular. @throws RolloutError NotAllowed */
function assertRight(name: RouteName, { who, link }: Caller, parameters: Parameters, access: Access): void {
  const isCommand = ROUTES[name].acts && name !== 'links';
  if (link !== undefined) {
    if (!BY_LINK.includes(name) || (isCommand && name !== link.action))
      throw new Refusal('NotAllowed', `This link is for ${link.action} alone.`);
    return;
  }
  // A route that names no service shows what is of none, or only what the caller may read.
  if (!/\{(?:service|rolloutId)\}/.test(ROUTES[name].path)) return;
  const command = isCommand ? { command: name as CommandRequest['command'] } : {};
  assertMay(who, { service: serviceIn(parameters), ...command }, access);
}

/** The service that a request is about. @throws RolloutError RequestInvalid if none can be read */
function serviceIn({ service, rolloutId = '' }: Partial<Parameters>): string {
  const found = service ?? rolloutIdParts(rolloutId)?.service;
  if (found === undefined)
    throw new Refusal('RequestInvalid', 'The id of the rollout names no service.', { status: 404 });
  return found;
}

function kindOf(name: RouteName, { acts }: Route): Kind {
  return name === 'abort' ? 'abort' : acts ? 'command' : 'read';
}

/** Whom the request's link, signature or session names. @throws RolloutError TokenInvalid for a bad link, NotAllowed if nobody is named */
async function callerOf(
  { req, env }: Context,
  rolloutId: string | undefined,
  deps: ApiDeps,
): Promise<Caller> {
  const [, token] = /^Bearer +(\S+)$/i.exec(req.header('authorization') ?? '') ?? [];
  if (token !== undefined && deps.isPublic) {
    const claims = await deps.tokens.read('link', token);
    const link = linkFrom(claims, rolloutId ?? String(claims.rolloutId));
    return { who: { actor: linkActor(link), identities: [] }, link };
  }
  const who = await deps.principal(req.raw, env);
  if (who !== undefined) return { who };
  const message = 'Nothing proves who makes this request; sign in, sign the request, or use a link.';
  throw new Refusal('NotAllowed', message, { status: 401 });
}

/** @throws RolloutError RequestInvalid if one is not what can stand there */
function parametersFrom(given: Record<string, string>, { path }: Route): Parameters {
  // A page of the dashboard says itself that there is nothing of that name.
  if (path.startsWith('/view/')) return given as Parameters;
  for (const [name, value] of Object.entries(given))
    if (!PARAMETERS[name as keyof Parameters].safeParse(value).success)
      throw new Refusal('RequestInvalid', `There is nothing here: ${name} in ${path} is not valid.`, {
        status: 404,
      });
  return given as Parameters;
}

/** Another method is needed, or there is nothing at all. */
function nothingAt(path: string, names: readonly RouteName[]): Refusal {
  const methods = names
    .map((name): Route => ROUTES[name])
    .filter((route) => new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path))
    .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  if (methods.length === 0)
    return new Refusal('RequestInvalid', 'There is nothing at this address.', { status: 404 });
  const allow = methods.join(', ');
  return new Refusal('RequestInvalid', `This address takes ${allow}.`, { status: 405, headers: { allow } });
}

function unknown(rolloutId: string, waitsFor: string[] | undefined): Refusal {
  return waitsFor === undefined
    ? new Refusal('RolloutUnknown', `There is no rollout ${rolloutId}; check its id.`)
    : new Refusal('RolloutUnknown', `${rolloutId} waits in the queue and is not opened yet.`, { waitsFor });
}
