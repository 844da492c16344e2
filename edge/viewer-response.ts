import { visitorId } from '../core/cohort.ts';
import type { ResponseEvent, ViewerResponse } from './event.ts';
import { ID_COOKIE, isNew, RELEASE_COOKIE } from './release.ts';
import { stored } from './store.ts';

/** 400 days, the longest that Chromium keeps a cookie. */
const AGE_SECONDS = 34_560_000;
const OWN = 'Path=/; Secure; SameSite=Lax; HttpOnly';

/** Objects carry their release as metadata, which S3 answers as a header. */
const RELEASE_METADATA = 'x-amz-meta-release';

/** Where an object leads instead of being served, and with which status. */
const LOCATION = 'x-amz-meta-location';
const STATUS = 'x-amz-meta-status';

/** Makes a redirect of what carries one. It is asked for each time, as a page is, so that a revert reaches it. */
function isRedirect(response: ViewerResponse): boolean {
  const headers = response.headers;
  const to = headers[LOCATION];
  if (response.statusCode !== 200 || to === undefined) return false;
  const status = headers[STATUS];
  response.statusCode = Number(status === undefined ? 302 : status.value) || 302;
  response.statusDescription = 'Moved';
  headers.location = { value: to.value };
  delete headers.etag;
  delete headers['last-modified'];
  return true;
}

/** Gives a visitor the id that the request was led by, and the page's release, by which what the page asks for is led while that release is live. */
export async function handler(event: ResponseEvent): Promise<ViewerResponse> {
  const response = event.response;
  try {
    if (isRedirect(response)) return response;
    const type = response.headers['content-type'];
    if (response.statusCode !== 200 || type === undefined || !type.value.startsWith('text/html'))
      return response;
    const value = await stored();
    if (value === undefined || value.i === 'j') return response;
    const cookies = response.cookies || {};
    const id = visitorId(event.context.requestId);
    if (isNew(value, event.request))
      cookies[ID_COOKIE] = { value: id, attributes: `${OWN}; Max-Age=${AGE_SECONDS}` };
    const release = response.headers[RELEASE_METADATA];
    if (release !== undefined && /^[\w.-]{1,64}$/.test(release.value))
      cookies[RELEASE_COOKIE] = { value: release.value, attributes: OWN };
    response.cookies = cookies;
  } catch (error) {
    console.log(`spillway: ${error}`);
  }
  return response;
}
