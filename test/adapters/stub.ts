import { Readable } from 'node:stream';
import type { Clock } from '../../core/ports.ts';
import type { Instant } from '../../core/units.ts';

/** A request as it would go over the wire. */
interface Sent {
  method: string;
  path: string;
  query: Record<string, unknown>;
  headers: Record<string, string>;
  /** What was sent as JSON; undefined if nothing was sent. */
  body: unknown;
}

/** An answer as it would come over the wire. */
export interface Wire {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

/** Client settings that answer each request from `wire`, in order, the last one for all further ones; nothing leaves the process. */
export function stubbed(...wire: [Wire, ...Wire[]]) {
  const sent: Sent[] = [];
  const requestHandler = {
    async handle(request: Omit<Sent, 'body'> & { body?: string | Uint8Array }) {
      const { method, path, query, headers, body } = request;
      const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
      sent.push({ method, path, query, headers, body: text === '' ? undefined : JSON.parse(text) });
      const answer = wire[Math.min(sent.length, wire.length) - 1];
      return {
        response: {
          statusCode: answer?.status ?? 200,
          headers: answer?.headers ?? {},
          body: Readable.from([Buffer.from(answer?.body ?? '{}')]),
        },
      };
    },
  };
  return {
    sent,
    config: {
      region: 'eu-west-1',
      credentials: { accessKeyId: 'simulated', secretAccessKey: 'simulated' },
      maxAttempts: 1,
      requestHandler: requestHandler as never,
    },
  };
}

/** An answer that refuses, in the form of the JSON protocols. */
export function refusal(status: number, name: string, message = 'no'): Wire {
  return {
    status,
    headers: { 'x-amzn-errortype': name, 'content-type': 'application/json' },
    body: JSON.stringify({ __type: name, message, Message: message }),
  };
}

/** What AWS is known to fail with for a moment, as the SDK throws it. */
export const PASSING: [what: string, error: Error][] = [
  ['a throttle', failure('TooManyRequestsException', 429)],
  ['a throttle with status 400', failure('ThrottlingException', 400)],
  ['a server fault', failure('ServiceException', 500)],
  ['an overloaded server', failure('ServiceUnavailable', 503)],
  ['a connection that broke', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
  ['a time limit without an answer', Object.assign(new Error('timed out'), { name: 'TimeoutError' })],
  [
    'retries that were used up without an answer',
    Object.assign(new Error('connect ECONNREFUSED'), { $metadata: { attempts: 3, totalRetryDelay: 80 } }),
  ],
];

/** What AWS refuses for good. */
export const FINAL: [what: string, error: Error][] = [
  ['a missing permission', failure('AccessDeniedException', 403)],
  ['an input that is not allowed', failure('ValidationException', 400)],
];

/** What AWS refuses for what the account may do or has left (API reference of Lambda; `AccessDeniedException` also where an organization's policy denies it). */
export const OF_ACCOUNT: [what: string, error: Error][] = [
  ['a missing permission', failure('AccessDeniedException', 403)],
  ['a token that ran out', failure('ExpiredTokenException', 403)],
  ['the code storage', failure('CodeStorageExceededException', 400)],
  ['a quota of the service', failure('ServiceQuotaExceededException', 402)],
  ['the aliases of a function', failure('AliasLimitExceededException', 400)],
  [
    'the versions of a capacity provider',
    failure('FunctionVersionsPerCapacityProviderLimitExceededException', 400),
  ],
  ['a key that is disabled', failure('KMSDisabledException', 502)],
  ['a key that may not be used', failure('KMSAccessDeniedException', 502)],
  ['network interfaces', failure('ENILimitReachedException', 502)],
  ['the addresses of a subnet', failure('SubnetIPAddressLimitReachedException', 502)],
  ['a file system', failure('EFSMountFailureException', 403)],
];

function failure(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error(`${name} was answered`), { name, $metadata: { httpStatusCode } });
}

/** A clock that stands still; nothing is waited for by it. */
export function clockAt(now: Instant): Clock {
  return { now: () => now, sleep: async () => {} };
}
