import * as z from 'zod/mini';
import { methodFor } from '../api/method.ts';

/** What a function URL calls a function with (Lambda developer guide, "Invoking Lambda function URLs", payload 2.0). */
export const UrlEvent = z.object({
  rawPath: z.string(),
  rawQueryString: z.optional(z.string()),
  headers: z.optional(z.record(z.string(), z.string())),
  cookies: z.optional(z.array(z.string())),
  requestContext: z.object({
    domainName: z.string(),
    http: z.object({ method: z.string() }),
    authorizer: z.optional(
      z.nullable(z.object({ iam: z.optional(z.nullable(z.object({ userArn: z.string() }))) })),
    ),
  }),
  body: z.optional(z.string()),
  isBase64Encoded: z.optional(z.boolean()),
});

/** One of them. */
export type UrlEvent = z.infer<typeof UrlEvent>;

/** What it takes for an answer. */
export interface UrlAnswer {
  statusCode: number;
  headers: Record<string, string>;
  cookies: string[];
  body: string;
  isBase64Encoded: boolean;
}

// The first of them loads much of Node: the first call is not to wait for it.
new Request('https://spillway.invalid/');
new Response('');

/** What is not Latin-1 cannot be a header; nothing here needs one that has it. */
const isWord = (value: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(value);

/** The request that a function URL was asked. Its address is that of the deployment, or the URL's own, whatever the headers say. */
export function requestFrom(
  { rawPath, rawQueryString = '', requestContext, ...event }: UrlEvent,
  origin = `https://${requestContext.domainName}`,
): Request {
  const { http } = requestContext;
  const headers = new Headers();
  const cookies = event.cookies?.filter(isWord);
  const given = { ...event.headers, ...(cookies === undefined ? {} : { cookie: cookies.join('; ') }) };
  for (const [name, value] of Object.entries(given))
    if (/^[!#$%&'*+.^`|~\w-]+$/.test(name) && isWord(value)) headers.set(name, value);
  const method = methodFor(http.method);
  const hasBody = event.body !== undefined && method !== 'GET' && method !== 'HEAD';
  const body = hasBody ? Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8') : null;
  return new Request(`${origin}${rawPath}${rawQueryString && `?${rawQueryString}`}`, {
    ...{ method, headers, body },
  });
}

/** Kinds of bodies that are text. */
const TEXT = /^(?:text\/|application\/(?:problem\+)?json|image\/svg\+xml)/;

/** The answer as a function URL takes it. */
export async function answerFrom(response: Response): Promise<UrlAnswer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const isText =
    bytes.length === 0 ||
    (!response.headers.has('content-encoding') && TEXT.test(response.headers.get('content-type') ?? ''));
  const { 'set-cookie': _, ...headers } = Object.fromEntries(response.headers);
  return {
    statusCode: response.status,
    headers,
    cookies: response.headers.getSetCookie(),
    body: bytes.toString(isText ? 'utf8' : 'base64'),
    isBase64Encoded: !isText,
  };
}
