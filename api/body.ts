import { en } from 'zod/locales';
import type * as z from 'zod/mini';
import { printable } from '../core/plain-text.ts';
import { type Problem, Refusal } from './problems.ts';

/** Most bytes of a request that are read: a command is a reason and a few numbers. */
export const BODY_BYTES_MAX = 64 * 1024;

/** Most fields that one answer names. */
const FAULTS_MAX = 20;

/** Inputs have no words of their own; those of zod are not in zod/mini. */
const ENGLISH = { error: en().localeError };

/** What a body in JSON says; without one, as if it were `{}`. @throws RolloutError RequestInvalid naming each field */
export async function jsonFrom(request: Request, schema: z.ZodMiniType): Promise<unknown> {
  const bytes = await bytesFrom(request);
  if (bytes.length === 0) return checked({}, schema, '');
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json')
    throw new Refusal('RequestInvalid', 'The body has to be JSON, with content-type: application/json.', {
      status: 415,
      headers: { 'accept-post': 'application/json' },
    });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal('RequestInvalid', 'The body is not JSON in UTF-8.', { status: 400 });
  }
  return checked(value, schema, '');
}

/** What a query says: numbers are written in digits, and a field that comes twice is none. */
export function queryFrom(queries: Record<string, string[]>): Record<string, unknown> {
  const entries = Object.entries(queries).map(([name, values]) => {
    const [value = '', ...others] = values;
    return [name, others.length > 0 ? values : /^\d{1,15}$/.test(value) ? Number(value) : value];
  });
  return Object.fromEntries(entries);
}

/** Checks one part of a request. What stands in a bad field is not repeated: it may be a secret. @throws RolloutError RequestInvalid naming each field */
export function checked(value: unknown, schema: z.ZodMiniType, part: '' | '/query'): unknown {
  const { data, error } = schema.safeParse(value, ENGLISH);
  if (error === undefined) return data;
  const errors = error.issues.flatMap((issue) => faultsOf(issue, part)).slice(0, FAULTS_MAX);
  throw new Refusal('RequestInvalid', 'The request is not what is taken here; correct what `errors` names.', {
    errors,
  });
}

type Fault = NonNullable<Problem['errors']>[number];

/** The pointer of each field (RFC 6901). */
function faultsOf(issue: z.core.$ZodIssue, part: string): Fault[] {
  const at = (path: readonly PropertyKey[]) =>
    [
      part,
      ...path.map((key) => printable(String(key)).replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100)),
    ].join('/');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      pointer: at([...issue.path, key]),
      detail: 'There is no such field.',
    }));
  return [{ pointer: at(issue.path), detail: issue.message }];
}

/** The bytes of a body, whatever its header says of their number. @throws RolloutError RequestInvalid over the limit */
export async function bytesFrom(request: Request, most: number = BODY_BYTES_MAX): Promise<Uint8Array> {
  const tooLarge = () => new Refusal('RequestInvalid', `The body is over ${most} bytes.`, { status: 413 });
  if (Number(request.headers.get('content-length') ?? 0) > most) throw tooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > most) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}
