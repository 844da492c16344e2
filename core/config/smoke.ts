import * as z from 'zod/mini';
import { pathParametersOf, templateOf } from '../analysis/smoke-event.ts';
import { filledText, namesIn } from '../analysis/templates.ts';
import { type SecretRef, SMOKE_EVENTS, type SmokeCheck, type SmokeStatus } from '../analysis/types.ts';
import type { Hook } from '../rollout/event.ts';
import { ALWAYS, type Fault, list, rule, type Says, strict, textLike, whole } from './check.ts';
import { millisecondsFrom, shortDuration } from './duration.ts';
import { didYouMean, nearest, unknownKey } from './nearest.ts';
import { isMap, own, word } from './plain.ts';
import { askedFaults, eventIn, sourceOf } from './targets.ts';

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'] as const;
const BODILESS: readonly string[] = ['get', 'head'];
const BODIES = ['json', 'text', 'form', 'base64'] as const;
const METHOD_LIST = METHODS.map((method) => `\`${method}\``).join(', ');

/** Most smoke tests of a file. */
export const SMOKE_MAX = 50;
const RETRIES_MAX = 5;
const PATH = /^\/[\x21-\x7e]{0,2047}$/;
const JSON_PATH = /^\$(?:\.[A-Za-z_][\w-]*|\[\d{1,6}\])*$/;
const CAPTURE = /^(?:\$(?:\.[A-Za-z_][\w-]*|\[\d{1,6}\])+|(?:header|cookie)\.[\w!#$%&'*+.^`|~-]{1,128})$/;
const NAME = /^[A-Za-z][\w-]{0,39}$/;
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,128}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\u0080-\uffff]{0,8192}$/;
const ROUTE = /^(?:\$default|(?:[A-Z]{1,10} )?\/[^\s?]{0,512})$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const STATUS = /^(?:[1-5]xx|[1-5]\d\d-[1-5]\d\d)$/;

/** Longest wait for one answer; the function that asks must itself end within 10 s. */
const UNDER_MAX_MS = 8_000;

const path = z.optional(
  textLike(
    PATH,
    () => "write the path of the request, beginning with '/' and without spaces, like `/health`.",
  ),
);

const textSays = () => 'write a text here, in quotes, of at least one character.';
const text = z.optional(z.string({ error: textSays }).check(z.minLength(1, { error: textSays })));

/** A map whose keys are like a pattern. */
function mapOf<const S extends z.ZodMiniType>(
  key: RegExp,
  value: S,
  error: Says,
  keySays: (key: string) => string,
) {
  return z.record(z.string(), value, { error }).check(
    rule((written) =>
      isMap(written)
        ? Object.keys(written)
            .filter((name) => !key.test(name))
            .map((name) => ({ path: [name], message: keySays(name) }))
        : [],
    ),
    z.meta({ propertyNames: { pattern: key.source } }),
  );
}

const statusSays = () =>
  'write an HTTP status from 100 to 599, a class like `2xx`, a range like `200-299`, or a list of them.';
const oneStatus = z.union([whole(100, 599, statusSays), textLike(STATUS, statusSays)], { error: statusSays });

const wantedSays = () =>
  'write the value that must come, in quotes (`*` stands for anything), true if it must only be there, or false if it must not.';
const wanted = (what: string) =>
  z.optional(
    mapOf(
      HEADER_NAME,
      z.union([textLike(HEADER_VALUE, wantedSays), z.boolean()], { error: wantedSays }),
      () => `write a map of ${what}s, like \`{ name: "value*" }\` or \`{ name: true }\`.`,
      () => `is no name of a ${what}: correct it.`,
    ),
  );

const lengthSays = () => 'write a number of bytes, or `{ min: 1, max: 1000 }`.';
const bytes = whole(0, 100_000_000, lengthSays);

const known = {
  status: z.optional(z.union([oneStatus, list(oneStatus, 20, statusSays)], { error: statusSays })),
  under: z.optional(shortDuration(UNDER_MAX_MS)),
  text,
  length: z.optional(
    z.union([bytes, strict({ min: z.optional(bytes), max: z.optional(bytes) })], { error: lengthSays }),
  ),
  headers: wanted('header'),
  cookies: wanted('cookie'),
};
const JSON_KEYS = { '^\\$': {} };

const expected = z.looseObject(known, { error: () => 'write what must come, like `{ status: 200 }`.' }).check(
  z.superRefine((value, context) => {
    for (const key of isMap(value) ? Object.keys(value) : []) {
      const message = expectedKeyFault(key);
      if (message !== undefined) context.addIssue({ code: 'unrecognized_keys', keys: [key], message });
    }
  }, ALWAYS),
  z.meta({ patternProperties: JSON_KEYS, additionalProperties: false }),
);

const valueSays = () => 'write a text in quotes, or a list of texts.';
const value = textLike(HEADER_VALUE, () => 'write one line of text, in quotes, of at most 8192 characters.');

const secret = strict({
  secret: text,
  parameter: text,
  path: z.optional(textLike(JSON_PATH, () => 'write a JSON path, like `$.password`.')),
});

const nameSays = (what: string) => () =>
  `is no name for ${what}: write letters, digits, hyphens and underscores, beginning with a letter.`;

const eventSays: Says = ({ input }) =>
  `${didYouMean(word(input), SMOKE_EVENTS)}write ${SMOKE_EVENTS.map((each) => `\`${each}\``).join(', ')}, or the whole event as a map.`;

const check = strict({
  name: text,
  target: z.optional(z.string({ error: () => 'write the name of one of the targets.' })),
  ...(Object.fromEntries(METHODS.map((method) => [method, path])) as Record<
    (typeof METHODS)[number],
    typeof path
  >),
  event: z.optional(
    z.union([z.enum(SMOKE_EVENTS), z.record(z.string(), z.unknown()), z.array(z.unknown())], {
      error: eventSays,
    }),
  ),
  route: z.optional(
    textLike(ROUTE, () => 'write a route like `GET /orders/{id}` or a resource like `/orders/{id}`.'),
  ),
  stage: z.optional(textLike(/^(?:\$default|[\w-]{1,128})$/, () => "write the stage's name, like `prod`.")),
  pathParameters: z.optional(
    mapOf(/^[\w.+-]{1,128}$/, value, valueSays, () => 'is no name of a path parameter: correct it.'),
  ),
  headers: z.optional(
    mapOf(
      HEADER_NAME,
      z.union([value, list(value, 50, valueSays)], { error: valueSays }),
      () => 'write a map of headers, like `{ authorization: "Bearer {{token}}" }`.',
      () => 'is no name of a header: correct it.',
    ),
  ),
  authorizer: z.optional(
    z.record(z.string(), z.unknown(), {
      error: () => 'write a map, like `{ claims: { sub: "smoke" } }`.',
    }),
  ),
  multiValue: z.optional(z.boolean({ error: () => 'write true or false.' })),
  json: z.optional(z.unknown()),
  text,
  form: z.optional(
    z.record(z.string(), z.union([z.string(), z.array(z.string())], { error: valueSays }), {
      error: () => 'write a map of fields, like `{ user: "smoke" }`.',
    }),
  ),
  base64: z.optional(
    textLike(BASE64, () => 'write the bytes in base64, with its padding and without line breaks.'),
  ),
  secrets: z.optional(
    mapOf(
      NAME,
      secret,
      () => 'write a map, like `{ password: { secret: spillway/checkout-api/smoke } }`.',
      nameSays('a secret'),
    ),
  ),
  capture: z.optional(
    mapOf(
      NAME,
      textLike(CAPTURE, () => 'write what is captured: `$.token`, `header.x-token` or `cookie.session`.'),
      () => 'write a map, like `{ token: $.token }`.',
      nameSays('a captured value'),
    ),
  ),
  retries: z.optional(
    whole(0, RETRIES_MAX, () => `write how often a failure is tried again, from 0 to ${RETRIES_MAX}.`),
  ),
  probe: z.optional(z.boolean({ error: () => 'write true or false.' })),
  expect: z.optional(expected),
}).check(rule(requestFaults));

const error = () =>
  `write a list of at most ${SMOKE_MAX} checks, like \`- { get: /health, expect: { status: 200 } }\`.`;

/** Requests that are sent to the unreleased version. */
export const smokeField = list(check, SMOKE_MAX, error).check(
  z.describe(
    'Requests sent to the new version before any user meets it; one that fails refuses the release.',
  ),
);

type Written = z.output<typeof check>;

/** The hooks that the smoke tests of an accepted file are: one for each test, and one for each chain of tests that use each other's values. */
export function smokeHooksFrom(
  smoke: readonly Written[],
  targets: Record<string, Record<string, unknown>>,
  idOf: (index: number) => string,
): Hook[] {
  const [only = ''] = Object.keys(targets);
  return chainsOf(smoke).map((indexes) => {
    const checks = indexes.flatMap((index) => {
      const written = smoke[index];
      return written === undefined ? [] : [smokeCheckFrom(written, targets, only)];
    });
    const [first] = checks;
    const target = first?.target ?? only;
    return {
      id: idOf(indexes[0] ?? 0),
      point: 'beforeTraffic',
      kind: 'smoke',
      target,
      spec: checks.length === 1 && first !== undefined ? first : { target, chain: checks },
      timeoutSeconds: 30,
      onBroken: 'revert',
    };
  });
}

function smokeCheckFrom(
  written: Written,
  targets: Record<string, Record<string, unknown>>,
  only: string,
): SmokeCheck {
  const { name, route, stage, pathParameters, headers, authorizer, multiValue } = written;
  const { form, base64, capture, secrets, retries } = written;
  const {
    status,
    under,
    text: expectedText,
    length,
    headers: wanted,
    cookies,
    ...json
  } = written.expect ?? {};
  const method = METHODS.find((name) => written[name] !== undefined) ?? 'get';
  const target = written.target ?? only;
  const event = written.event ?? eventIn(targets[target]);
  const underMs = under === undefined ? undefined : millisecondsFrom(under);
  const body = written.json === undefined ? (base64 ?? written.text) : JSON.stringify(written.json);
  return given({
    target,
    name,
    method: method.toUpperCase(),
    path: written[method] ?? '/',
    ...(typeof event === 'object' ? { payload: event } : { event: event as SmokeCheck['event'] }),
    route,
    stage,
    pathParameters,
    headers,
    authorizer,
    multiValue,
    body,
    isBase64: base64 === undefined ? undefined : true,
    form,
    capture,
    secrets: secrets && Object.fromEntries(Object.entries(secrets).map(([key, ref]) => [key, refFrom(ref)])),
    retries,
    expect: given({
      status: status as SmokeStatus | SmokeStatus[] | undefined,
      underMs,
      text: expectedText,
      length: typeof length === 'number' ? { min: length, max: length } : length,
      headers: wanted,
      cookies,
      json,
    }),
  });
}

function refFrom({ secret = '', parameter, path }: NonNullable<Written['secrets']>[string]): SecretRef {
  return given(
    parameter === undefined
      ? { from: 'secret', name: secret, path }
      : { from: 'parameter', name: parameter, path },
  );
}

/** Without what is not there: the journal's room is small. */
function given<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

/** The tests that must be asked together, by their places: those that use values which others capture. */
export function chainsOf(checks: readonly unknown[]): number[][] {
  const chains: number[][] = [];
  for (const [index, item] of checks.entries()) {
    const used = usedIn(item);
    const joined = chains.filter((chain) => chain.some((at) => captures(checks[at], used)));
    const rest = chains.filter((chain) => !joined.includes(chain));
    chains.splice(0, chains.length, ...rest, [...joined.flat().sort((a, b) => a - b), index]);
  }
  return chains.sort(([a = 0], [b = 0]) => a - b);
}

/** True for a test that may be repeated: a GET is expected to change nothing; of others only the user knows. */
export function isProbe(check: unknown): boolean {
  return own(check, 'probe') === undefined
    ? own(check, 'get') !== undefined || own(check, 'head') !== undefined
    : own(check, 'probe') === true;
}

/** Finds what is wrong with smoke tests together with the rest of the file, and what could never work. */
export function smokeFaults(file: unknown): Fault[] {
  const checks = own(file, 'smoke');
  if (!Array.isArray(checks) || checks.length > SMOKE_MAX) return [];
  return [
    ...checks.flatMap((item, index) => [
      ...askedFaults(own(file, 'targets'), ['smoke', index], item),
      ...placed(['smoke', index], [...doorFaults(file, item), ...secretFaults(file, item)]),
    ]),
    ...nameFaults(checks),
    ...chainFaults(checks),
  ];
}

const placed = (at: PropertyKey[], faults: Fault[]) =>
  faults.map(({ path, message }) => ({ path: [...at, ...path], message }));

const usedIn = (check: unknown): string[] => {
  const secrets = own(check, 'secrets');
  const hidden = isMap(secrets) ? Object.keys(secrets) : [];
  return namesIn(check).filter((name) => !hidden.includes(name));
};

const captures = (check: unknown, names: readonly string[]) => {
  const captured = own(check, 'capture');
  return isMap(captured) && names.some((name) => Object.hasOwn(captured, name));
};

/** What a target or its front door could never be asked. */
function doorFaults(file: unknown, item: unknown): Fault[] {
  if (!isMap(item) || typeof own(item, 'event') === 'object') return [];
  const targets = own(file, 'targets');
  const [only = ''] = isMap(targets) ? Object.keys(targets) : [];
  const name = word(own(item, 'target') ?? only);
  const target = own(targets, name);
  if (!isMap(target)) return [];
  const source = sourceOf(target);
  if (!['http', 'invoke'].includes(source))
    return [
      {
        path: [],
        message: `target \`${name}\` has \`source: ${source}\`, and no HTTP request ever reaches it; write the whole event that it gets as \`event: {…}\`, or remove this test.`,
      },
    ];
  const event = own(item, 'event') ?? eventIn(target) ?? 'url';
  const found: Fault[] = [];
  const only_ = (key: string, doors: readonly string[], what: string) => {
    if (own(item, key) !== undefined && !doors.includes(word(event)))
      found.push({
        path: [key],
        message: `an event of \`${word(event)}\` has no ${what}; write \`event: ${doors.join('` or `event: ')}\`, or remove this.`,
      });
  };
  only_('route', ['http', 'rest'], 'route');
  only_('stage', ['http', 'rest'], 'stage');
  only_('pathParameters', ['http', 'rest'], 'path parameters');
  only_('authorizer', ['url', 'http', 'rest'], 'authorizer');
  only_('multiValue', ['alb'], 'multi-value setting');
  return found;
}

/** A service may only have secrets read that are named for it. */
function secretFaults(file: unknown, item: unknown): Fault[] {
  const secrets = own(item, 'secrets');
  if (!isMap(secrets)) return [];
  const prefix = `spillway/${word(own(file, 'service'))}/`;
  return Object.entries(secrets).flatMap(([name, ref]) => {
    if (!isMap(ref)) return [];
    const [secret, parameter] = [own(ref, 'secret'), own(ref, 'parameter')];
    const at = ['secrets', name];
    if ((secret === undefined) === (parameter === undefined))
      return [{ path: at, message: 'write exactly one of `secret` and `parameter`.' }];
    const [key, start] = secret === undefined ? ['parameter', `/${prefix}`] : ['secret', prefix];
    const reference = word(own(ref, key));
    if (reference.startsWith(start) && /^[\w/.@+=-]{1,400}$/.test(reference) && !reference.includes('..'))
      return [];
    const message = reference.startsWith('arn:')
      ? `write the name and no ARN; a service may only have read what is named \`${start}…\`.`
      : `a service may only have read what is named \`${start}…\`; rename it or copy it there.`;
    return [{ path: [...at, key], message }];
  });
}

/** Each name must be captured once, before it is used. */
function nameFaults(checks: unknown[]): Fault[] {
  const found: Fault[] = [];
  const captured = new Map<string, number>();
  for (const [index, item] of checks.entries()) {
    for (const name of usedIn(item)) {
      if (captured.has(name)) continue;
      const later = checks.some((other) => captures(other, [name]));
      const hint = later
        ? 'only this or a later test captures it; put that test before this one'
        : unknownName(name, captured);
      found.push({
        path: ['smoke', index],
        message: `\`{{${name}}}\` stands for a value that no earlier test captures and that is not among its \`secrets\`; ${hint} (write \`\\{{${name}}}\` for the text itself).`,
      });
    }
    const own_ = own(item, 'capture');
    for (const name of isMap(own_) ? Object.keys(own_) : []) {
      const first = captured.get(name);
      if (first !== undefined)
        found.push({
          path: ['smoke', index, 'capture', name],
          message: `smoke[${first}] captures \`${name}\` too; rename one of the two.`,
        });
      captured.set(name, first ?? index);
    }
  }
  return found;
}

function unknownName(name: string, captured: Map<string, number>): string {
  const [best] = nearest(name, [...captured.keys()]);
  return best === undefined
    ? 'add `capture` to the test that learns it'
    : `${didYouMean(name, [best]) || ''}captured are ${[...captured.keys()].join(', ')}`;
}

/** A chain is one asking of one target. */
function chainFaults(checks: unknown[]): Fault[] {
  return chainsOf(checks).flatMap(([first = 0, ...others]) => {
    const target = own(checks[first], 'target');
    return others
      .filter((index) => own(checks[index], 'target') !== target)
      .map((index) => ({
        path: ['smoke', index, 'target'],
        message: `it uses a value of smoke[${first}], which asks another target; tests that share values must ask the same one.`,
      }));
  });
}

function expectedKeyFault(key: string): string | undefined {
  if (Object.hasOwn(known, key) || JSON_PATH.test(key)) return undefined;
  if (key.startsWith('$')) return 'is no JSON path: write it like `$.total` or `$.items[0].id`.';
  return unknownKey(key, [...Object.keys(known), '$.path']);
}

/** What stands in one test and does not go together. */
function requestFaults(value: unknown): Fault[] {
  if (!isMap(value)) return [];
  if (typeof own(value, 'event') === 'object' && own(value, 'event') !== null) return wholeEventFaults(value);
  const methods = METHODS.filter((method) => Object.hasOwn(value, method));
  if (methods.length !== 1)
    return [
      {
        path: [],
        message: `write exactly one of ${METHOD_LIST} with the path of the request, or a whole \`event\`.`,
      },
    ];
  return [
    ...expectFaults(value),
    ...bodyFaults(value, methods[0] ?? ''),
    ...routeFaults(value, methods[0] ?? ''),
  ];
}

function expectFaults(value: Record<string, unknown>): Fault[] {
  const expect = own(value, 'expect');
  if (expect === undefined)
    return [{ path: ['expect'], message: 'write what must come, like `{ status: 200 }`.' }];
  return isMap(expect) && own(expect, 'status') === undefined
    ? [{ path: ['expect', 'status'], message: statusSays() }]
    : [];
}

function bodyFaults(value: Record<string, unknown>, method: string): Fault[] {
  const bodies = BODIES.filter((key) => own(value, key) !== undefined);
  const [first, second] = bodies;
  if (first !== undefined && second !== undefined)
    return [
      { path: [second], message: `only one of \`${first}\` and \`${second}\` can be the body; remove one.` },
    ];
  if (!BODILESS.includes(method)) return [];
  return bodies.map((key) => ({
    path: [key],
    message: `a ${method} request has no body; use \`post\` or \`put\`, or remove this.`,
  }));
}

/** A request that its own route would not match never comes to the function. */
function routeFaults(value: Record<string, unknown>, method: string): Fault[] {
  const [route, path] = [own(value, 'route'), own(value, method)];
  if (typeof route !== 'string' || typeof path !== 'string' || route === '$default' || !ROUTE.test(route))
    return [];
  const [, verb] = /^([A-Z]+) /.exec(route) ?? [];
  if (verb !== undefined && verb !== 'ANY' && verb !== method.toUpperCase())
    return [
      { path: ['route'], message: `a ${method} request is not of this route; correct one of the two.` },
    ];
  const names = Object.fromEntries(namesIn(path).map((name) => [name, 'x']));
  const [plain = ''] = filledText(path, names).split('?');
  return pathParametersOf(templateOf(route), plain) === undefined
    ? [
        {
          path: ['route'],
          message: `the path ${plain.slice(0, 60)} is not of this route; correct one of the two.`,
        },
      ]
    : [];
}

function wholeEventFaults(value: Record<string, unknown>): Fault[] {
  const strange = [
    ...METHODS,
    ...BODIES,
    'route',
    'stage',
    'pathParameters',
    'headers',
    'authorizer',
    'multiValue',
  ];
  const expect = own(value, 'expect');
  return [
    ...strange
      .filter((key) => own(value, key) !== undefined)
      .map((key) => ({
        path: [key],
        message: 'the whole `event` is set here already; remove one of the two.',
      })),
    ...['status', 'headers', 'cookies']
      .filter((key) => own(expect, key) !== undefined)
      .map((key) => ({
        path: ['expect', key],
        message: `a whole event is answered by a payload, which has JSON paths; write \`$.${key === 'status' ? 'statusCode' : key}\`.`,
      })),
  ];
}
