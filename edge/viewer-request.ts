import cf from 'cloudfront';
import type { RequestEvent, ViewerRequest, ViewerResponse } from './event.ts';
import { isIndirect, isOdd, isOfRelease, type Layout, pageOf } from './path.ts';
import { askWhole, releaseFor } from './release.ts';
import { stored } from './store.ts';
import { triedBy } from './try.ts';
import type { Value } from './value.ts';

/** Set where the code is built: how the build names its pages, and where the paths of an API begin if there is one, which must be known without the store. */
declare const LAYOUT: Layout;
declare const API: string | undefined;

/**
 * Leads each request to its release. Whatever the store says and whatever goes wrong, the answer is the stable page, which lies at its plain path as
 * well: a function that throws would be a 503 for everybody.
 */
export async function handler(event: RequestEvent): Promise<ViewerRequest | ViewerResponse> {
  const request = event.request;
  const uri = request.uri;
  try {
    const isApi = typeof API === 'string' && isUnder(uri, API) && !isIndirect(uri);
    if (!isApi) {
      if (isOdd(uri)) return missing();
      request.uri = pageOf(uri, LAYOUT);
    }
    const value = await stored();
    if (value !== undefined) lead(request, value, event.context.requestId, uri, isApi);
  } catch (error) {
    console.log(`spillway: ${error}`);
  }
  return request;
}

function lead(
  request: ViewerRequest,
  value: Value,
  requestId: string,
  uri: string,
  isKnownApi: boolean,
): void {
  const isApi = isKnownApi || isUnder(uri, value.a);
  if (isApi) request.uri = uri;
  else if (!isOfRelease(request.uri, value)) return;
  const release = releaseFor(value, request, requestId, triedBy);
  if (!isApi) {
    if (request.uri.endsWith('.html')) askWhole(value, request, release);
    request.uri = `/_releases/${release}${request.uri}`;
  } else if (release === value.c) cf.selectRequestOriginById('candidate');
}

const isUnder = (uri: string, beginning: unknown): boolean =>
  typeof beginning === 'string' && beginning !== '' && uri.startsWith(beginning);

const missing = (): ViewerResponse => ({
  statusCode: 404,
  statusDescription: 'Not Found',
  headers: {
    'content-type': { value: 'text/plain; charset=utf-8' },
    'cache-control': { value: 'no-store' },
  },
  body: 'Not found',
});
