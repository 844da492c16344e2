import { cohortOf, visitorId } from '../core/cohort.ts';
import { lineOf } from '../core/site/segment.ts';
import type { ViewerRequest } from './event.ts';
import { isRelease, type Value } from './value.ts';

/** The cookie with a visitor's id, and the one with the release of the page that was served last. */
export const ID_COOKIE = '__Host-spillway';
export const RELEASE_COOKIE = '__Host-spillway-release';

/** A page that knows its release says so in this header. */
const RELEASE_HEADER = 'x-spillway-release';

/** The fingerprint that a browser shows, if the origin request policy names it; all of one version of a browser show the same. */
const FINGERPRINT = 'cloudfront-viewer-ja4-fingerprint';

const cookie = (request: ViewerRequest, name: string): string => valueIn(request.cookies, name);
const header = (request: ViewerRequest, name: string): string => valueIn(request.headers, name);

function valueIn(values: Record<string, { value: string }>, name: string): string {
  const found = values[name];
  return found === undefined ? '' : found.value;
}

/** The release that answers a request: the one that a tester asks for, that of the open page, or what the visitor's cohort says. */
export function releaseFor(
  value: Value,
  request: ViewerRequest,
  requestId: string,
  triedBy: (value: Value, request: ViewerRequest) => string,
): string {
  const canary = value.c;
  if (!isRelease(canary)) return value.s;
  const tried = triedBy(value, request);
  if (tried === canary || tried === value.s) return tried;
  const own = isOfPage(request) ? header(request, RELEASE_HEADER) || cookie(request, RELEASE_COOKIE) : '';
  // Before it has visitors nobody has its page open but testers, who have a cookie.
  if (own === value.s || (own === canary && Number(value.w) > 0)) return own;
  const id = idOf(value, request, requestId);
  return id !== '' && cohortOf(String(value.t), id) < weightFor(value, request) ? canary : value.s;
}

/** True for what an open page asks for. A browser that says nothing of it opens a page. */
function isOfPage(request: ViewerRequest): boolean {
  const mode = header(request, 'sec-fetch-mode');
  return mode !== '' && mode !== 'navigate';
}

/** What a visitor is known by: an id of the site's own, the one in the cookie, or on a first visit the request's, which the answer puts into the cookie. */
function idOf(value: Value, request: ViewerRequest, requestId: string): string {
  const own = ownIdOf(value, request);
  return own !== '' || value.i === 'j' ? own : visitorId(cookie(request, ID_COOKIE)) || visitorId(requestId);
}

/** True if the visitor has no id that the next page could be led by. */
export const isNew = (value: Value, request: ViewerRequest): boolean =>
  ownIdOf(value, request) === '' && visitorId(cookie(request, ID_COOKIE)) === '';

/**
 * Has a page sent whole if it is to bring cookies: an answer that nothing has changed brings none, and whoever has a page from before would be drawn
 * anew at each visit until the release is drawn.
 */
export function askWhole(value: Value, request: ViewerRequest, release: string): void {
  if (value.i === 'j' || (!isNew(value, request) && cookie(request, RELEASE_COOKIE) === release)) return;
  delete request.headers['if-none-match'];
  delete request.headers['if-modified-since'];
}

/** The id that the site itself gives a visitor, or the browser's fingerprint if the site sets no cookie; empty if there is none. */
function ownIdOf(value: Value, request: ViewerRequest): string {
  const by = typeof value.i === 'string' ? value.i : '';
  const name = by.slice(2);
  if (by === 'j') return visitorId(header(request, FINGERPRINT));
  if (by.startsWith('h:')) return visitorId(header(request, name));
  return by.startsWith('c:') ? visitorId(cookie(request, name)) : '';
}

/** A share is drawn in whole hundredths of a percent; what a weight has beyond them is a rollout's own mark. */
function weightFor(value: Value, request: ViewerRequest): number {
  const line = lineOf(value.g, (by, name) => (by === 'c' ? cookie(request, name) : header(request, name)));
  return Math.floor(Number(line === undefined ? value.w : line[3]));
}
