/** An answer in JSON. */
export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers });

/** The header of such an answer. */
export const JSON_TYPE = { 'content-type': 'application/json' };

/** Answers with a tag, or that nothing has changed since the tag that the request names (RFC 9110, 13.1.2). */
export function tagged(
  request: Request,
  tag: string,
  headers: Record<string, string>,
  body: () => string,
  isSame = (known: string): boolean => known === tag,
): Response {
  const known = (request.headers.get('if-none-match') ?? '').split(',').map((each) => each.trim());
  const isKnown = known.some((each) => each === '*' || isSame(each.replace(/^W\//, '')));
  return new Response(isKnown ? null : body(), {
    status: isKnown ? 304 : 200,
    headers: { ...headers, etag: tag },
  });
}

/** The tag of what a rollout shows at a version; what is said of its end may change later. */
export async function tagOf(version: number, ended: string | undefined): Promise<string> {
  return `"${await stateOf(version, ended)}"`;
}

/** A tag of the events after `after`: how far they go, and the rollout's own. Whoever was shown all of them by any page is shown nothing new. */
export async function pageTag(
  after: number,
  { events, version, ended }: { events: readonly unknown[]; version: number; ended?: string | undefined },
): Promise<{ tag: string; isSame(known: string): boolean }> {
  const upTo = `${after + events.length}.${await stateOf(version, ended)}"`;
  const tag = `"${after}.${upTo}`;
  const isSame = (known: string) =>
    known === tag || (events.length === 0 && known.replace(/^"\d+\./, '') === upTo);
  return { tag, isSame };
}

async function stateOf(version: number, ended: string | undefined): Promise<string> {
  return ended === undefined ? String(version) : `${version}-${(await digest(ended)).slice(0, 12)}`;
}

/** SHA-256 of a text, as it can stand in keys and headers. */
export async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Buffer.from(bytes).toString('base64url');
}

/** The answer, compressed if whoever asked can read that and it is worth it. */
export function compressed(request: Request, response: Response): Response {
  const isRead = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '');
  if (!isRead || response.body === null || response.status !== 200) return response;
  const headers = new Headers(response.headers);
  headers.set('content-encoding', 'gzip');
  headers.append('vary', 'accept-encoding');
  return new Response(response.body.pipeThrough(new CompressionStream('gzip')), { headers });
}
