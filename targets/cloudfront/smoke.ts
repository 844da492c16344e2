import type { StoreCalls } from '../../adapters/key-value-store.ts';
import { BODY_BYTES_MAX, broken, failed, NO_SECRETS, smokeRunner } from '../../adapters/smoke-runner.ts';
import { TRY_COOKIE, testerCookie } from '../../adapters/tester-cookie.ts';
import { type SmokeAnswer, subjectOf } from '../../core/analysis/smoke.ts';
import type { SmokeCheck } from '../../core/analysis/types.ts';
import type { Clock, HookRunner, Secrets } from '../../core/ports.ts';
import type { Target } from '../../core/target.ts';
import { storedFrom, VALUE_KEY } from './value.ts';

/** How long the cookie of a smoke test leads to a release. */
const TRY_SECONDS = 60;

/** Pages carry their release as metadata, which S3 answers as a header. */
const RELEASE_HEADER = 'x-amz-meta-release';

/** How long it is waited for an edge that does not know the release yet, and between two tries. */
const KNOWN_MS = 6_000;
const TRY_MS = 1_000;

interface SiteWeb {
  stores: StoreCalls;
  fetch: typeof fetch;
}

/** Asks the site at its own address, through the edge, with the cookie of a tester, which leads to the release before any visitor sees it. */
export function siteSmoke(
  { stores, fetch }: SiteWeb,
  clock: Clock,
  secrets: Secrets = NO_SECRETS,
): HookRunner {
  const send: Parameters<typeof smokeRunner>[0] = async (target, check, written, signal) => {
    const subject = subjectOf(written);
    if (check.payload !== undefined) return failed(`${subject}: a site takes no event; write a path`);
    const { store = '', site } = target.ref;
    const { s, c, w, k: key } = storedFrom(await stores.get(store, VALUE_KEY)) ?? { s: '' };
    if (typeof key !== 'string' || key === '')
      return broken(
        `${subject} could not be sent: key ${VALUE_KEY} of site ${site} has no \`k\`, by which testers are led to a release; add a random text of at least 32 characters`,
      );
    // The edge leads nobody to a release that its value does not name, such as the one before once the other serves.
    if (s !== target.canary && c !== target.canary)
      return broken(
        `${subject} could not be sent: the edge of site ${site} leads nobody to ${target.canary} now`,
      );
    // Once it has visitors every edge knows it.
    const until = clock.now() + (s === target.canary || Number(w) > 0 ? TRY_MS : KNOWN_MS);
    for (;;) {
      const cookie = `${TRY_COOKIE}=${testerCookie(target.canary, key, clock.now(), TRY_SECONDS)}`;
      const answer = await asked(target, check, cookie, signal);
      if ('tooLarge' in answer) return failed(`${subject} answered with more than ${BODY_BYTES_MAX} bytes`);
      const [served] = answer.headers[RELEASE_HEADER] ?? [];
      if (served === undefined || served === target.canary) return answer;
      // What was written just before is not known at every edge.
      if (clock.now() >= until)
        return broken(
          `${subject} was answered by release ${served}, not ${target.canary}; look whether the functions of the edge are attached to the site's distribution`,
        );
      await clock.sleep(TRY_MS, signal);
    }
  };

  const asked = async (
    { ref: { url = '' } }: Target,
    check: SmokeCheck,
    cookie: string,
    signal: AbortSignal,
  ): Promise<SmokeAnswer | { tooLarge: true }> => {
    const began = clock.now();
    const headers = new Headers();
    for (const [name, values] of Object.entries(check.headers ?? {}))
      for (const value of [values].flat()) headers.append(name, value);
    const own = headers.get('cookie');
    headers.set('cookie', own === null ? cookie : `${own}; ${cookie}`);
    if (!headers.has('user-agent')) headers.set('user-agent', 'spillway-smoke');
    const body = bodyOf(check, headers);
    const response = await fetch(`${url}${check.path}`, {
      ...{ method: check.method, headers, redirect: 'manual', signal },
      ...(body === undefined ? {} : { body }),
    });
    const bytes = await bytesOf(response);
    const tookMs = clock.now() - began;
    if (bytes === undefined) return { tooLarge: true };
    return {
      ...{ status: response.status, headers: headersOf(response), tookMs },
      ...{ body: new TextDecoder().decode(bytes), bytes: bytes.length },
    };
  };
  return smokeRunner(send, clock, secrets);
}

function bodyOf(
  { body, isBase64, form }: SmokeCheck,
  headers: Headers,
): string | Uint8Array<ArrayBuffer> | undefined {
  if (form !== undefined) {
    const pairs = Object.entries(form).flatMap(([name, values]) =>
      [values].flat().map((value): [string, string] => [name, value]),
    );
    if (!headers.has('content-type')) headers.set('content-type', 'application/x-www-form-urlencoded');
    return new URLSearchParams(pairs).toString();
  }
  if (body === undefined) return undefined;
  if (isBase64) return Uint8Array.from(Buffer.from(body, 'base64'));
  if (!headers.has('content-type')) headers.set('content-type', typeOf(body));
  return body;
}

/** As `json` or other text of a check is written. */
function typeOf(body: string): string {
  try {
    JSON.parse(body);
    return 'application/json';
  } catch {
    return 'text/plain; charset=utf-8';
  }
}

function headersOf({ headers }: Response): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [name, value] of headers) if (name !== 'set-cookie') found[name] = [value];
  const cookies = headers.getSetCookie();
  return cookies.length === 0 ? found : { ...found, 'set-cookie': cookies };
}

/** The body, if it is not too large to be held. */
async function bytesOf({ body }: Response): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body ?? []) {
    length += part.length;
    if (length > BODY_BYTES_MAX) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
