import * as z from 'zod/mini';
import type { SmokeCheck } from '../analysis/types.ts';
import { ALWAYS, type Fault, list, rule, strict, textLike, whole } from './check.ts';
import { millisecondsFrom, shortDuration } from './duration.ts';
import { unknownKey } from './nearest.ts';
import { isMap, own } from './plain.ts';
import { askedFaults } from './targets.ts';

const METHODS = ['get', 'post', 'put', 'delete'] as const;
const WITH_BODY: readonly string[] = ['post', 'put'];
const METHOD_LIST = METHODS.map((method) => `\`${method}\``).join(', ');

const SMOKE_MAX = 50;
const PATH = /^\/[\x21-\x7e]{0,2047}$/;
const JSON_PATH = /^\$(?:\.[A-Za-z_][\w-]*|\[\d{1,6}\])+$/;

/** Longest wait for one answer; the function that asks must itself end within 10 s. */
const UNDER_MAX_MS = 8_000;

const path = (method: string) => {
  const error = () => "write the path of the request, beginning with '/' and without spaces, like `/health`.";
  return z
    .optional(textLike(PATH, error))
    .check(z.describe(`Path and query of a ${method.toUpperCase()} request.`));
};

const text = (description: string) => {
  const error = () => 'write a text here, in quotes, of at least one character.';
  return z.optional(z.string({ error }).check(z.minLength(1, { error }))).check(z.describe(description));
};

const known = {
  status: whole(100, 599, () => 'write an HTTP status from 100 to 599.').check(
    z.describe('The status that must come.'),
  ),
  under: z
    .optional(shortDuration(UNDER_MAX_MS))
    .check(z.describe('Time within which the answer must come, like 800ms; at most 8s.')),
  text: text('Text that must occur in the body.'),
};
const JSON_KEYS = {
  '^\\$': { description: 'JSON value that must stand at this path of the body, like `$.items[0].id`.' },
};

const expected = z.looseObject(known, { error: () => 'write what must come, like `{ status: 200 }`.' }).check(
  z.superRefine((value, context) => {
    for (const key of isMap(value) ? Object.keys(value) : []) {
      const message = expectedKeyFault(key);
      if (message !== undefined) context.addIssue({ code: 'unrecognized_keys', keys: [key], message });
    }
  }, ALWAYS),
  z.meta({ patternProperties: JSON_KEYS, additionalProperties: false }),
  z.describe('What must come back, all of it.'),
);

const check = strict({
  target: z
    .optional(z.string({ error: () => 'write the name of one of the targets.' }))
    .check(z.describe('The target that is asked; only needed where there are several.')),
  get: path('get'),
  post: path('post'),
  put: path('put'),
  delete: path('delete'),
  json: z.optional(z.unknown()).check(z.describe('JSON body of the request.')),
  text: text('Text body of the request.'),
  probe: z
    .optional(z.boolean({ error: () => 'write true or false.' }))
    .check(
      z.describe(
        'Whether it is one of the probes, where the file has `probe`; GET requests are, others only with `true`.',
      ),
    ),
  expect: expected,
}).check(rule(requestFaults));

const error = () =>
  `write a list of at most ${SMOKE_MAX} checks, like \`- { get: /health, expect: { status: 200 } }\`.`;

/** Requests that are put to the unreleased version. */
export const smokeField = list(check, SMOKE_MAX, error).check(
  z.describe('Requests put to the new version before any user meets it; one that fails refuses the release.'),
);

/** One check as the smoke runner takes it; `only` is its target where it names none. */
export function smokeCheckFrom(written: z.output<typeof check>, only: string): SmokeCheck {
  const { status, under, text: expectedText, ...json } = written.expect;
  const method = METHODS.find((name) => written[name] !== undefined) ?? 'get';
  const underMs = under === undefined ? undefined : millisecondsFrom(under);
  const body = written.json === undefined ? written.text : JSON.stringify(written.json);
  return {
    target: written.target ?? only,
    method: method.toUpperCase(),
    path: written[method] ?? '/',
    ...(body === undefined ? {} : { body }),
    expect: {
      status,
      ...(underMs === undefined ? {} : { underMs }),
      ...(expectedText === undefined ? {} : { text: expectedText }),
      json,
    },
  };
}

/** True for a check that may be repeated: a GET is expected to change nothing; of others only the user knows. */
export function isProbe({ get, probe }: z.output<typeof check>): boolean {
  return probe ?? get !== undefined;
}

/** Finds each check that does not say which of several targets it asks. */
export function smokeFaults(file: unknown): Fault[] {
  const checks = own(file, 'smoke');
  if (!Array.isArray(checks)) return [];
  return checks.flatMap((item, index) => askedFaults(own(file, 'targets'), ['smoke', index], item));
}

function expectedKeyFault(key: string): string | undefined {
  if (Object.hasOwn(known, key) || JSON_PATH.test(key)) return undefined;
  if (key.startsWith('$')) return 'is no JSON path: write it like `$.total` or `$.items[0].id`.';
  return unknownKey(key, [...Object.keys(known), '$.path']);
}

function requestFaults(value: unknown): Fault[] {
  if (!isMap(value)) return [];
  const methods = METHODS.filter((method) => Object.hasOwn(value, method));
  if (methods.length !== 1)
    return [{ path: [], message: `write exactly one of ${METHOD_LIST} with the path of the request.` }];
  const bodies = ['json', 'text'].filter((key) => own(value, key) !== undefined);
  if (bodies.length > 1)
    return [{ path: ['text'], message: 'only one of `json` and `text` can be the body; remove one.' }];
  const method = methods[0] ?? '';
  if (WITH_BODY.includes(method)) return [];
  return bodies.map((key) => ({
    path: [key],
    message: `a ${method} request has no body; use \`post\` or \`put\`, or remove this.`,
  }));
}
