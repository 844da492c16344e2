import * as z from 'zod/mini';
import type { ErrorCode } from '../core/errors.ts';
import { ANSWERS, NAMED, ProblemOut } from './answer-shapes.ts';
import { pageOf, STATUS, type Status, TITLES } from './problems.ts';
import { PARAMETERS, ROUTES, type Route, type RouteName } from './routes.ts';
import { IdempotencyKey } from './schemas.ts';
import { SESSION } from './session.ts';

type Json = Record<string, unknown>;

/** The document about the API (OpenAPI 3.1), out of its routes and schemas. */
export function openApi(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries<Route>(ROUTES) as [RouteName, Route][])
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(name, route) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Spillway',
      version,
      summary: 'Rollouts of one environment: what people may see of them, and every command.',
      description:
        'One environment has one API behind two addresses: one for signatures of IAM (SigV4, service lambda), one for sign-in and links. Nothing acts on GET or HEAD.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas(),
      securitySchemes: {
        iam: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'AWS Signature Version 4' },
        session: { type: 'apiKey', in: 'cookie', name: SESSION },
        link: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token of a link: one rollout, and one command.',
        },
      },
    },
  };
}

/** The two kinds of routes. */
const TAGS = {
  reading: 'What can be seen. Nothing here acts.',
  commands: 'What can be done. Each needs a role for the service, or a link that is for it.',
};

/** What each parameter says. */
const SAYS: Record<string, string> = {
  rolloutId: 'The id of a rollout: `<service>--<release>--<attempt>`.',
  service: 'The name of a service.',
  target: 'The name of a target, as the rollout file has it.',
  metric: 'The name of a metric, as verdicts have it.',
  code: 'The code of a problem.',
  after: 'The number of the last event that is known; 0 for all.',
  before: 'The id of the last rollout of the page before.',
  limit: 'The most that is answered at once.',
  services: 'Names of services, with commas between.',
  file: 'Name of a file, with its digest.',
};

/** What the files of the dashboard are. */
const ASSET_TYPES = ['text/javascript', 'text/css', 'image/svg+xml'];

const REF = '#/components/schemas/';

function schemas(): Json {
  const { schemas: all } = z.toJSONSchema(NAMED, { uri: (id) => `${REF}${id}` });
  return Object.fromEntries(Object.entries(all).map(([id, schema]) => [id, withoutHead(schema as Json)]));
}

/** A schema as it can stand within the document; a named one is referred to. */
function schemaOf(schema: z.ZodMiniType, io: 'input' | 'output' = 'output'): Json {
  const named = NAMED.get(schema);
  if (named !== undefined) return { $ref: `${REF}${named.id}` };
  const whole = JSON.stringify(withoutHead(z.toJSONSchema(schema, { metadata: NAMED, io }) as Json));
  const { $defs: _, ...rest } = JSON.parse(whole.replaceAll('"#/$defs/', `"${REF}`)) as Json;
  return rest;
}

const withoutHead = ({ $schema: _, $id: __, id: ___, ...schema }: Json): Json => schema;

function operation(name: RouteName, route: Route): Json {
  const { says, body, status, isOpen, isTagged, acts } = route;
  const shape = ANSWERS[name];
  const tag = { ETag: { schema: { type: 'string' }, description: 'Names what this answer shows.' } };
  const content =
    typeof shape === 'string'
      ? Object.fromEntries(
          (name === 'asset' ? ASSET_TYPES : [shape]).map((each) => [each, { schema: { type: 'string' } }]),
        )
      : { 'application/json': { schema: schemaOf(shape) } };
  return {
    operationId: name,
    summary: says,
    tags: [(acts ? 'commands' : 'reading') satisfies keyof typeof TAGS],
    security: isOpen ? [] : [{ iam: [] }, { session: [] }, { link: [] }],
    parameters: parametersOf(route),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: isNeeded(body),
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }),
    responses: {
      [status]: { description: 'All is well.', content, ...(isTagged ? { headers: tag } : {}) },
      ...(isTagged ? { 304: { description: 'Nothing has changed since the tag.', headers: tag } } : {}),
      ...problemsOf(route),
    },
  };
}

const isNeeded = (body: z.ZodMiniType) => !body.safeParse({}).success;

function parametersOf({ path, query, problems, isTagged }: Route): Json[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    ...{ in: 'path', required: true, description: SAYS[name] },
    // A page answers whatever it is asked about, and says so where that cannot be.
    schema: path.startsWith('/view/')
      ? { type: 'string' }
      : schemaOf(PARAMETERS[name as keyof typeof PARAMETERS]),
  }));
  const { properties = {} } = query === undefined ? {} : (schemaOf(query, 'input') as { properties?: Json });
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: 'query', description: SAYS[name], schema },
  }));
  const header = (name: string, description: string, schema: Json = { type: 'string' }) => ({
    ...{ name, in: 'header', description, schema },
  });
  return [
    ...inPath,
    ...inQuery,
    ...(isTagged ? [header('If-None-Match', 'The tag of the answer that is known.')] : []),
    ...(problems.includes('CommandRepeated')
      ? [header('Idempotency-Key', 'The same for each try of one command.', schemaOf(IdempotencyKey))]
      : []),
  ];
}

/** What each route may answer besides, by its kind. */
function problemsOf({ isOpen, body, query, path, problems }: Route): Json {
  const invalid = (status: Status): [Status, ErrorCode] => [status, 'RequestInvalid'];
  const byCode = (code: ErrorCode): [Status, ErrorCode] => [STATUS[code], code];
  const all = [
    ...problems.map(byCode),
    ...(path.includes('{') ? [invalid(404)] : []),
    ...(query === undefined && isOpen ? [] : [invalid(422)]),
    ...(body === undefined ? [] : ([400, 413, 415, 422] as const).map(invalid)),
    ...(isOpen ? [] : [[401, 'NotAllowed'] as [Status, ErrorCode]]),
    ...(isOpen ? [] : (['TokenInvalid', 'NotAllowed', 'RateLimited', 'Unavailable'] as const).map(byCode)),
    ...(problems.includes('CommandRepeated') ? [[409, 'CommandRepeated'] as [Status, ErrorCode]] : []),
  ];
  const statuses = [...new Set(all.map(([status]) => status))].sort((a, b) => a - b);
  return Object.fromEntries(
    [...statuses, ...(isOpen ? [] : [500 as const])].map((status) => {
      const codes = [...new Set(all.flatMap(([each, code]) => (each === status ? [code] : [])))];
      const pages = codes.map((code) => `[${code}](${pageOf(code)})`).join(', ');
      return [
        status,
        {
          description: `${TITLES[status]}${pages === '' ? '' : `: ${pages}`}.`,
          content: { 'application/problem+json': { schema: schemaOf(ProblemOut) } },
        },
      ];
    }),
  );
}
