import type { Clock } from '../../core/ports.ts';
import type { Instant, Seconds } from '../../core/units.ts';
import type { RequestEvent, ResponseEvent, ViewerRequest, ViewerResponse } from '../../edge/event.ts';
import { simulatedUuid } from '../sdk.ts';
import { type CachePolicy, compressed, conditional, encodingsOf, freshSeconds } from './cache.ts';
import { type EdgeFunction, edgeFunction, type Outcome } from './edge-function.ts';
import { type CdnAnswer, type CdnRequest, cookiesIn, textAnswer } from './http.ts';
import type { Origin } from './origins.ts';
import type { EdgeValues } from './values.ts';

/** What is done with requests of a path, which may end in `*`. */
export interface Behaviour {
  path: string;
  /** The id of an origin. */
  origin: string;
  methods: 'read' | 'all';
  cache: CachePolicy;
  /** What the origin is sent of headers, cookies and query; none for a bucket. */
  forwards: 'nothing' | 'all but host';
  compresses: boolean;
  request?: EdgeFunction | undefined;
  response?: EdgeFunction | undefined;
}

/** A distribution, as infrastructure describes it. */
export interface Distribution {
  /** The first whose path fits is taken. */
  behaviours: readonly Behaviour[];
  /** Origins by their id, or by the domain that a function may name. */
  origins: Readonly<Record<string, Origin>>;
  /** The response headers policy. */
  headers: Readonly<Record<string, string>>;
  /** What is answered in place of a 404 of an origin, with its status: a path, and the origin that has it. No function runs for it (that it runs none is assumed). */
  errorPage?: { path: string; origin: string } | undefined;
  /** For how long at least an error is kept. */
  errorSeconds: (status: number) => Seconds;
}

/** A CDN: edge locations that share a distribution and nothing else. */
interface Cdn {
  /** Answers a request at one location. */
  answer(edge: string, request: CdnRequest): Promise<CdnAnswer>;
}

interface Kept {
  answer: CdnAnswer;
  at: Instant;
  freshUntil: Instant;
}

/** Longest URL, and longest request with its headers (CloudFront quotas). */
const [URL_MAX, REQUEST_MAX] = [8_192, 20_480];

/** Headers that functions neither see nor set (CloudFront developer guide, "Restrictions on edge functions"). */
const FORBIDDEN =
  /^(?:connection|expect|keep-alive|proxy-.*|trailer|upgrade|x-accel-.*|x-amz-cf-.*|x-cache|x-edge-.*|x-forwarded-proto|x-real-ip)$/;

const READING = ['GET', 'HEAD'];

/** CloudFront as its pages describe it, with real functions in a sandbox. What no page says is assumed, and says so here. */
export function createCdn(world: { clock: Clock; distribution: Distribution; values: EdgeValues }): Cdn {
  const { clock, distribution, values } = world;
  const caches = new Map<string, Map<string, Kept>>();
  const runs = new Map<EdgeFunction, ReturnType<typeof edgeFunction>>();
  let requests = 0;

  /** Runs a function; undefined if it threw, or made what CloudFront refuses. */
  const run = async (
    edge: string,
    given: EdgeFunction,
    event: RequestEvent | ResponseEvent,
  ): Promise<Outcome | CdnAnswer> => {
    const compiled = runs.get(given) ?? edgeFunction(given);
    runs.set(given, compiled);
    let outcome: Outcome;
    try {
      outcome = await compiled(event, { now: clock.now(), read: (key) => values.at(edge, key) });
    } catch {
      return failed(503, 'FunctionExecutionError');
    }
    const { said } = outcome;
    const isFit =
      typeof said === 'object' &&
      ('uri' in said ? said.uri.startsWith('/') : said.statusCode >= 100) &&
      !Object.keys(said.headers ?? {}).some((name) => FORBIDDEN.test(name.toLowerCase()));
    return isFit ? outcome : failed(502, 'FunctionValidationError');
  };

  /** What an origin answers now, or what is kept of it at this location. */
  const fetched = async (
    edge: string,
    behaviour: Behaviour,
    origin: Origin,
    request: CdnRequest,
  ): Promise<{ answer: CdnAnswer; came: string; age?: number }> => {
    const { cache, compresses } = behaviour;
    if (!READING.includes(request.method))
      return { answer: await origin(request), came: 'Miss from cloudfront' };
    const kept = caches.get(edge) ?? new Map<string, Kept>();
    caches.set(edge, kept);
    const isRange = request.headers.range !== undefined;
    const encodings = compresses && !isRange ? encodingsOf(request.headers['accept-encoding']) : '';
    const [path = ''] = request.url.split('?');
    // Whether the origin is in the key is documented nowhere; assumed is the worse: it is not.
    const key = `${behaviour.path} ${cache.max > 0 ? path : request.url} ${encodings}`;
    const known = kept.get(key);
    const now = clock.now();
    if (known !== undefined && known.freshUntil > now) {
      const came = known.answer.status >= 400 ? 'Error from cloudfront' : 'Hit from cloudfront';
      return { answer: known.answer, came, age: Math.floor((now - known.at) / 1000) };
    }
    const etag = known?.answer.status === 200 ? known.answer.headers.etag : undefined;
    const asked =
      cache.max > 0 && etag !== undefined
        ? { ...request.headers, 'if-none-match': etag.replace(/^W\//, '') }
        : request.headers;
    const said = await origin({ ...request, headers: asked });
    const isSame = said.status === 304 && cache.max > 0 && known !== undefined;
    const answer = isSame ? known.answer : compressed(said, encodings);
    const seconds = freshSeconds(answer, cache, distribution.errorSeconds);
    const at = clock.now();
    if (seconds > 0) kept.set(key, { answer, at, freshUntil: at + seconds * 1000 });
    else kept.delete(key);
    return { answer, came: isSame ? 'RefreshHit from cloudfront' : cameOf(answer) };
  };

  const answered = async (edge: string, sent: CdnRequest, requestId: string): Promise<CdnAnswer> => {
    const shown = Object.entries(sent.headers).filter(([name]) => !FORBIDDEN.test(name));
    const request = { ...sent, headers: Object.fromEntries(shown) };
    const { method, headers, url } = request;
    const size = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    if (url.length > URL_MAX || url.length + size > REQUEST_MAX)
      return failed(413, 'The request is too large.');
    // Chosen by the path that the viewer asked for, and kept, whatever a function makes of it.
    const behaviour = distribution.behaviours.find(({ path }) =>
      path.endsWith('*') ? url.startsWith(path.slice(0, -1)) : url.split('?')[0] === path,
    );
    if (behaviour === undefined) throw new Error(`No behaviour of the distribution takes ${url}.`);
    if (behaviour.methods === 'read' && !READING.includes(method))
      return failed(403, 'This distribution is not configured to allow the HTTP request method.');

    const event: RequestEvent = { context: { requestId }, request: eventRequest(request) };
    let led: ViewerRequest = event.request;
    let originId = behaviour.origin;
    if (behaviour.request !== undefined) {
      const outcome = await run(edge, behaviour.request, event);
      if ('status' in outcome) return outcome;
      // What a function answers by itself is seen by no other one; assumed.
      if (!('uri' in outcome.said)) return generated(outcome.said);
      led = outcome.said;
      originId = outcome.origin ?? originId;
    }
    const origin = distribution.origins[originId];
    if (origin === undefined) return failed(502, `There is no origin ${originId}.`);

    const toOrigin = originRequest(request, led, behaviour);
    const { answer, came, age } = await fetched(edge, behaviour, origin, toOrigin);
    // That a function may take away what makes a request conditional is assumed.
    const own =
      behaviour.cache.max > 0 && READING.includes(method)
        ? conditional(answer, textsOf(led.headers))
        : answer;
    const going: CdnAnswer = {
      ...own,
      headers: { ...own.headers, 'x-cache': came, ...(age === undefined ? {} : { age: String(age) }) },
    };
    // "CloudFront does not invoke edge functions for viewer response events when the origin returns HTTP status code 400 or higher."
    if (answer.status === 404 && distribution.errorPage !== undefined)
      return errorPage(edge, behaviour, going);
    if (behaviour.response === undefined || answer.status >= 400) return going;
    return responded(edge, behaviour.response, event, going);
  };

  /** A custom error response: the page with the status of what it stands for; if it is missing too, the error itself. */
  const errorPage = async (edge: string, behaviour: Behaviour, going: CdnAnswer): Promise<CdnAnswer> => {
    const { path: url = '', origin = '' } = distribution.errorPage ?? {};
    const from = distribution.origins[origin];
    if (from === undefined) return going;
    const { answer } = await fetched(edge, behaviour, from, { method: 'GET', url, headers: {} });
    if (answer.status !== 200) return going;
    const { 'x-cache': came = '' } = going.headers;
    return { ...answer, status: going.status, headers: { ...answer.headers, 'x-cache': came } };
  };

  /** The answer as viewer-response leaves it, which sees the request as the viewer sent it. */
  const responded = async (
    edge: string,
    given: EdgeFunction,
    event: RequestEvent,
    going: CdnAnswer,
  ): Promise<CdnAnswer> => {
    const { 'x-cache': came = '', ...own } = going.headers;
    const response: ViewerResponse = { statusCode: going.status, headers: valuesOf(own) };
    const outcome = await run(edge, given, { ...event, response });
    if ('status' in outcome) return outcome;
    const said = outcome.said as ViewerResponse;
    const cookies = Object.entries(said.cookies ?? {}).map(
      ([name, { value, attributes }]) => `${name}=${value}${attributes ? `; ${attributes}` : ''}`,
    );
    return {
      ...going,
      status: said.statusCode,
      headers: { ...textsOf(said.headers), 'x-cache': came },
      cookies: [...going.cookies, ...cookies],
    };
  };

  return {
    async answer(edge, request) {
      requests += 1;
      const said = await answered(edge, request, simulatedUuid(requests));
      const date = new Date(clock.now()).toUTCString();
      return {
        ...said,
        headers: { date, ...said.headers, ...distribution.headers, 'x-amz-cf-pop': edge },
        body: request.method === 'HEAD' ? new Uint8Array() : said.body,
      };
    },
  };
}

const cameOf = ({ status }: CdnAnswer) => (status >= 400 ? 'Error from cloudfront' : 'Miss from cloudfront');

/** An error of CloudFront's own. */
const failed = (status: number, text: string): CdnAnswer => {
  const answer = textAnswer(status, text);
  return { ...answer, headers: { ...answer.headers, 'x-cache': 'Error from cloudfront' } };
};

const generated = ({ statusCode, headers, body = '' }: ViewerResponse): CdnAnswer => ({
  status: statusCode,
  headers: { ...textsOf(headers), 'x-cache': 'FunctionGeneratedResponse from cloudfront' },
  cookies: [],
  body: new TextEncoder().encode(typeof body === 'string' ? body : (body as { data: string }).data),
});

/** What an origin is sent: the path as a function left it. */
function originRequest(request: CdnRequest, led: ViewerRequest, { forwards }: Behaviour): CdnRequest {
  const { method, headers, url, body } = request;
  if (forwards === 'nothing') {
    const { range, 'accept-encoding': encodings } = headers;
    const kept = {
      ...(range === undefined ? {} : { range }),
      ...(encodings === undefined ? {} : { 'accept-encoding': encodings }),
    };
    return { method, url: led.uri, headers: kept };
  }
  const at = url.indexOf('?');
  const { host: _, ...others } = textsOf(led.headers);
  const cookie = Object.entries(led.cookies ?? {}).map(([name, { value }]) => `${name}=${value}`);
  return {
    ...{ method, body, url: `${led.uri}${at < 0 ? '' : url.slice(at)}` },
    headers: { ...others, ...(cookie.length > 0 ? { cookie: cookie.join('; ') } : {}) },
  };
}

function eventRequest({ method, url, headers }: CdnRequest): ViewerRequest {
  const { cookie, ...others } = headers;
  const [uri = '', query = ''] = url.split(/\?(.*)/s);
  return {
    ...{ method, uri, headers: valuesOf(others), cookies: valuesOf(cookiesIn(cookie)) },
    querystring: valuesOf(
      Object.fromEntries(
        query
          .split('&')
          .filter(Boolean)
          .map((each) => each.split(/=(.*)/s) as [string, string]),
      ),
    ),
  };
}

const valuesOf = (texts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(texts).map(([name, value = '']) => [name, { value }]));

const textsOf = (values: Readonly<Record<string, { value: string }>> = {}) =>
  Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]));
