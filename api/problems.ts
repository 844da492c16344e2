import type * as z from 'zod/mini';
import { type ErrorCode, RolloutError } from '../core/errors.ts';
import { printable } from '../core/plain-text.ts';
import type { ProblemOut } from './answer-shapes.ts';

/** What a problem says (RFC 9457). */
export type Problem = z.output<typeof ProblemOut>;

/** What a status is called (RFC 9110, and RFC 4918 for 424). */
export const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  424: 'Failed Dependency',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

/** A status by which something is refused or fails. */
export type Status = keyof typeof TITLES;

/** The status of each code. */
export const STATUS: Record<ErrorCode, Status> = {
  RequestInvalid: 422,
  TokenInvalid: 401,
  NotAllowed: 403,
  RolloutUnknown: 404,
  CommandRefused: 409,
  OpeningRefused: 409,
  ManifestInvalid: 409,
  RolloutFileInvalid: 409,
  TargetInvalid: 409,
  CommandRepeated: 422,
  RateLimited: 429,
  EventInvalid: 500,
  JournalFull: 500,
  RevertFailed: 500,
  AccountRefused: 503,
  JournalConflict: 503,
  Unavailable: 503,
};

/** Where the API says what is known of a code: the `type` of its problems, which is the same whatever was asked for. */
export const pageOf = (code: ErrorCode): string => `/problems/${code}`;

/** A refusal that says more than its code: another status, fields, or headers. */
export class Refusal extends RolloutError {
  readonly more: { status?: Status; headers?: Record<string, string> } & Pick<Problem, 'errors' | 'waitsFor'>;

  constructor(code: ErrorCode, message: string, more: Refusal['more'] = {}) {
    super(code, message);
    this.more = more;
  }
}

/** Seconds after which what passes by itself may be tried again. */
const SOON = 1;

/** The answer of the API at an address to what was thrown. Of what nobody foresaw it says nothing: that stands in the log. */
export function problemResponse(error: unknown, apiUrl: string): Response {
  if (!RolloutError.is(error))
    return response(
      {
        type: 'about:blank',
        status: 500,
        detail:
          'This is a fault of the program; its log has the rest. What was asked for may have been carried out.',
      },
      {},
    );
  const { code, message, retryAfter } = error;
  const { status = STATUS[code], headers = {}, ...more } = error instanceof Refusal ? error.more : {};
  const wait = retryAfter ?? (status === 503 ? SOON : undefined);
  return response(
    { type: new URL(pageOf(code), apiUrl).href, status, detail: printable(message), code, ...more },
    {
      ...headers,
      ...(wait === undefined ? {} : { 'retry-after': String(wait) }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
  );
}

function response(
  problem: Omit<Problem, 'title'> & { status: Status },
  headers: Record<string, string>,
): Response {
  const { type, status, ...rest } = problem;
  return new Response(JSON.stringify({ type, title: TITLES[status], status, ...rest }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}
