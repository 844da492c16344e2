/**
 * What fields mean, here those of a smoke test by their path below it, for the reference and the editors' schema. They stand apart from
 * the schema because every function that reads a rollout file would carry them otherwise, and none shows them.
 */
const SMOKE_DESCRIPTIONS: Record<string, string> = {
  name: 'What people read in place of method and path.',
  target: 'The target that is asked; only needed if there are several.',
  get: 'Path and query of a GET request.',
  post: 'Path and query of a POST request.',
  put: 'Path and query of a PUT request.',
  patch: 'Path and query of a PATCH request.',
  delete: 'Path and query of a DELETE request.',
  head: 'Path and query of a HEAD request.',
  options: 'Path and query of an OPTIONS request.',
  event:
    'Whose event it is: `url` (function URL; the default unless the target says otherwise), `http` (HTTP API, payload 2.0), `rest` (REST API, payload 1.0) or `alb` (load balancer). Or the whole event, for functions that no HTTP request calls: then the payload of the answer is checked, by `text`, `length`, `under` and JSON paths.',
  route: 'Route of an HTTP API (`$default` if absent) or resource of a REST API (`/{proxy+}` if absent).',
  stage: 'Stage of the API; `$default` for an HTTP API and `prod` for a REST API if absent.',
  pathParameters: 'Path parameters; read from the path by the route if absent.',
  headers: 'Headers of the request, cookies included: a text or a list of texts each.',
  authorizer:
    'What the authorizer leaves in the event: `{ claims }` of a token, or the whole of `requestContext.authorizer`.',
  multiValue: 'True if the target group of the load balancer has multi-value headers.',
  json: 'JSON body of the request.',
  text: 'Text body of the request.',
  form: 'Fields of a form, sent as application/x-www-form-urlencoded.',
  base64: 'Bytes of the body, in base64.',
  secrets:
    'Secrets that `{{name}}` stands for in this test. Each is read when the test runs, and stands in no manifest, journal, log or reason.',
  'secrets.*.secret': 'Name of a Secrets Manager secret: `spillway/<service>/…`.',
  'secrets.*.parameter': 'Name of a Parameter Store parameter: `/spillway/<service>/…`.',
  'secrets.*.path': 'JSON path within a secret that is JSON; the whole secret if absent.',
  capture:
    'Values of the answer that `{{name}}` stands for in later tests: a JSON path, `header.name` or `cookie.name`. Tests that share values are sent one after the other, within 8 seconds in all.',
  retries:
    'How often a failure is tried again, at most 5 times; the reason says at which try it passed. Probes never retry.',
  probe:
    'Whether it is one of the probes, if the file has `probe`; GET and HEAD requests are, others only with `true`.',
  expect: 'What must come back, all of it. Only a test with a whole `event` may leave it out.',
  'expect.status':
    'The status that must come: `200`, a class (`2xx`), a range (`200-299`) or a list of them. A redirect is not followed.',
  'expect.under': 'Time within which the answer must come, like 800ms; at most 8s.',
  'expect.text': 'Text that must occur in the body, as the caller sees it: base64 and gzip are undone.',
  'expect.length': 'Bytes of the body as the caller sees it: a number, or `{ min, max }`.',
  'expect.headers':
    'Headers that must come, by name in any case: a value (`*` stands for anything), true if it must be there, false if not.',
  'expect.cookies': 'Cookies that must be set, by name; the values are those of `headers`.',
  'expect.$path': 'JSON value that is expected at this path of the body, like `$.items[0].id`.',
};

/** When each hook is asked. */
const POINT_DESCRIPTIONS: Record<string, string> = {
  beforeTraffic: 'Asked before any user meets the new version.',
  beforeStep: 'Asked before the weight rises to each step.',
  afterStep: 'Asked when a step has passed, before the next rise.',
  beforePromotion: 'Asked before the new version takes all traffic.',
  afterPromotion: 'Asked while the new version, at 100 %, is being verified.',
  onRevert: 'Notified when a release has been reverted; the answer changes nothing.',
};

/** What the fields of one hook mean. */
const HOOK_DESCRIPTIONS: Record<string, string> = {
  lambda: 'Name of the Lambda function that is asked; no ARN.',
  http: 'URL that is asked with a signed POST; its host must be allowed by the controller.',
  target: 'The target it is asked about; only needed if there are several.',
  timeout: 'Time within which the answer must come, a callback included: from 1s to 24h.',
  onBroken:
    'What follows if it cannot be asked, even after retries: `revert`, `pause` or `ignore`. At `onRevert` no answer matters.',
};

/** What the fields of one gate mean. */
const GATE_DESCRIPTIONS: Record<string, string> = {
  before: 'The weight that is not reached or passed without approval: a whole percent from 1 to 100.',
  approvers: 'How many different people must approve, from 1 to 10.',
  by: 'Who may approve: people as the settings of the deployment name them, or their identities, such as a mail address or the name or ARN of a user of IAM. If both this and `from` are absent, whoever has the role of an approver may.',
  from: 'Groups of the settings of the deployment whose members may approve as well.',
  notAuthor: 'True if the author of the release does not count; its manifest must then name one.',
  reject:
    'What follows if somebody who may approve rejects it: `ends` reverts the release, `pauses` holds it until a person decides.',
  timeout: 'How long it waits for approval: from 1m to 30d.',
  onTimeout: 'What follows if nobody approved in time: `revert` or `promote`.',
};

interface Node {
  description?: string;
  properties?: Record<string, Node>;
  items?: Node;
  additionalProperties?: Node | boolean;
  patternProperties?: Record<string, Node>;
}

/** Adds the descriptions to the JSON Schema of a rollout file. @throws Error for one of a field that is not there */
export function describeFields(schema: object): void {
  const { hooks, gates, smoke } = (schema as Node).properties ?? {};
  describe(hooks, POINT_DESCRIPTIONS);
  for (const point of Object.values(hooks?.properties ?? {})) describe(point.items, HOOK_DESCRIPTIONS);
  describe(gates?.items, GATE_DESCRIPTIONS);
  describe(smoke?.items, SMOKE_DESCRIPTIONS);
}

function describe(schema: Node | undefined, descriptions: Record<string, string>): void {
  for (const [path, description] of Object.entries(descriptions)) {
    const node = path.split('.').reduce<Node | undefined>((at, key) => {
      if (key === '$path') return at?.patternProperties?.['^\\$'];
      if (key !== '*') return at?.properties?.[key];
      return typeof at?.additionalProperties === 'object' ? at.additionalProperties : undefined;
    }, schema);
    if (node === undefined) throw new Error(`A rollout file has no field ${path}, which is described.`);
    node.description = description;
  }
}
