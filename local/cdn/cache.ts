import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Seconds } from '../../core/units.ts';
import type { CdnAnswer } from './http.ts';

/** How long a behaviour keeps answers. */
export interface CachePolicy {
  min: Seconds;
  default: Seconds;
  max: Seconds;
}

/** AWS' managed policies; neither has cookies or the query in its key (CloudFront developer guide, "Use managed cache policies"). */
export const CACHING_OPTIMIZED: CachePolicy = { min: 1, default: 86_400, max: 31_536_000 };
export const CACHING_DISABLED: CachePolicy = { min: 0, default: 0, max: 0 };

/** How long an error is kept if nothing else is said (CloudFront developer guide, "Control how long CloudFront caches errors"). */
export const ERROR_SECONDS = 10;

/** Errors that are kept whatever the origin says of caching, but for those that follow; all others only as long as the origin says ("HTTP 4xx and 5xx status codes that CloudFront caches"). */
const KEPT_ERRORS = [404, 410, 414, 500, 501, 502, 503, 504];
/** Of these, the ones that `no-store`, `no-cache` and `private` keep out. */
const REFUSABLE_ERRORS = [404, 410, 414, 501];

/** For how long an answer is fresh. Errors are kept where nothing else is, too. */
export function freshSeconds(
  { status, headers }: Pick<CdnAnswer, 'status' | 'headers'>,
  policy: CachePolicy,
  errorSeconds: (status: number) => Seconds,
): Seconds {
  const said = headers['cache-control'] ?? '';
  const isRefused = /\b(?:no-store|no-cache|private)\b/.test(said);
  const age = /\bs-maxage=(\d+)/.exec(said)?.[1] ?? /\bmax-age=(\d+)/.exec(said)?.[1];
  const seconds = age === undefined ? undefined : Number(age);
  if (status >= 400) {
    if (isRefused && REFUSABLE_ERRORS.includes(status)) return 0;
    const own = seconds === undefined || isRefused ? 0 : Math.min(seconds, policy.max);
    return KEPT_ERRORS.includes(status) ? Math.max(own, errorSeconds(status)) : own;
  }
  // The least that a policy keeps counts more than what the origin refuses.
  if (isRefused) return policy.min;
  return Math.min(Math.max(seconds ?? policy.default, policy.min), policy.max);
}

/** What is left of `Accept-Encoding` in a key. */
export function encodingsOf(accepts = ''): string {
  const names = accepts.split(',').map((each) => each.trim().split(';')[0]);
  return ['br', 'gzip'].filter((name) => names.includes(name)).join();
}

/** Types that are compressed (CloudFront developer guide, "File types that CloudFront compresses"), as far as sites have them. */
const COMPRESSED =
  /^(?:text\/(?:css|html|javascript|plain|xml|x-component)|application\/(?:javascript|json|manifest\+json|wasm|xml|rss\+xml)|image\/svg\+xml)\b/;
const [BYTES_MIN, BYTES_MAX] = [1_000, 10_000_000];

/** The answer as CloudFront compresses it, for whom can read that; a strong ETag becomes a weak one. */
export function compressed(answer: CdnAnswer, encodings: string): CdnAnswer {
  const { status, headers, body } = answer;
  const isSo =
    encodings !== '' &&
    [200, 403, 404].includes(status) &&
    headers['content-encoding'] === undefined &&
    COMPRESSED.test(headers['content-type'] ?? '') &&
    body.length >= BYTES_MIN &&
    body.length <= BYTES_MAX;
  if (!isSo) return answer;
  const encoding = encodings.startsWith('br') ? 'br' : 'gzip';
  const { etag, 'content-length': _, 'accept-ranges': __, ...others } = headers;
  return {
    ...answer,
    headers: {
      ...others,
      ...(etag === undefined ? {} : { etag: `W/${etag.replace(/^W\//, '')}` }),
      ...{ 'content-encoding': encoding, vary: 'Accept-Encoding' },
    },
    body:
      encoding === 'gzip'
        ? gzipSync(body)
        : brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  };
}

/** The parts of an answer that a 304 carries (RFC 9110, 15.4.5). */
const OF_NOT_MODIFIED = ['cache-control', 'date', 'etag', 'expires', 'last-modified', 'vary'];

/** What is sent of a kept answer to whom already has some of it: nothing, a part, or all. An ETag that is asked for counts more than a date. */
export function conditional(answer: CdnAnswer, asked: Readonly<Record<string, string>>): CdnAnswer {
  const { etag, 'last-modified': modified } = answer.headers;
  if (answer.status !== 200) return answer;
  const weak = (tag = '') => tag.trim().replace(/^W\//, '');
  const { 'if-none-match': tags, 'if-modified-since': since, range, 'if-range': only } = asked;
  const isSame =
    tags !== undefined
      ? tags.trim() === '*' || tags.split(',').some((each) => etag !== undefined && weak(each) === weak(etag))
      : since !== undefined && modified !== undefined && Date.parse(modified) <= Date.parse(since);
  if (isSame) {
    const kept = Object.entries(answer.headers).filter(
      ([name]) => OF_NOT_MODIFIED.includes(name) || name.startsWith('x-'),
    );
    return { ...answer, status: 304, headers: Object.fromEntries(kept), body: new Uint8Array() };
  }
  return range === undefined || (only !== undefined && only !== etag) ? answer : partOf(answer, range);
}

/** One range of bytes; several are answered with all. */
function partOf(answer: CdnAnswer, range: string): CdnAnswer {
  const { length } = answer.body;
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (first === '' && last === '') return answer;
  const from = first === '' ? Math.max(0, length - Number(last)) : Number(first);
  const to = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1);
  if (from > to) {
    const headers = { ...answer.headers, 'content-range': `bytes */${length}` };
    return { ...answer, status: 416, headers, body: new Uint8Array() };
  }
  const body = answer.body.slice(from, to + 1);
  const headers = { 'content-range': `bytes ${from}-${to}/${length}`, 'content-length': String(body.length) };
  return { ...answer, status: 206, headers: { ...answer.headers, ...headers }, body };
}
