import cf from 'cloudfront';
import { cohortOf, visitorId } from '../core/cohort.ts';
import type { RequestEvent } from './event.ts';
import { ID_COOKIE } from './release.ts';
import { KEY, type Value } from './value.ts';

/** Where the site lies behind the Router, without a slash at its end. */
declare const BASE: string;

/** Cohort and rewrite alone, for SST's Router, which leaves little room. Pages are what has no dot in its last part, or ends in `.html`. */
export async function handler(event: RequestEvent): Promise<void> {
  const request = event.request;
  try {
    const own = request.uri.startsWith(BASE) ? request.uri.slice(BASE.length) : '.';
    const read = await cf.kvs().get(KEY, { format: 'json' });
    const value = read as Value;
    if (own.length > 999 || !/^(\/[\w-]*)*(\.html)?$/.test(own) || typeof value.s !== 'string') return;
    const found = request.cookies[ID_COOKIE];
    // An answer that nothing has changed would bring no cookie.
    if (!found) delete request.headers['if-none-match'];
    const id = visitorId(found ? found.value : event.context.requestId);
    const release = value.c && cohortOf(String(value.t), id) < Number(value.w) ? value.c : value.s;
    const page = own.endsWith('.html') ? own : `${own.endsWith('/') ? own.slice(0, -1) : own}/index.html`;
    request.uri = `${BASE}/_releases/${release}${page}`;
  } catch (error) {
    console.log(`spillway: ${error}`);
  }
}
