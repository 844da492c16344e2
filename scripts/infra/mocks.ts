/**
 * Stands in for Pulumi's engine and AWS within the program's own process. It is bundled with the program and given
 * Pulumi's modules, so that it needs no package of its own.
 */

/** The account and region that the mocked program is deployed to. */
const PLACE = { account: '111122223333', region: 'eu-west-1', partition: 'aws' };

type Json = Record<string, unknown>;

/** Pulumi's modules as far as they are used here; they come without types for their inner parts. */
interface Pulumi {
  pulumi: {
    runtime: { runInPulumiStack(program: () => Promise<unknown>): Promise<unknown> };
    secret(value: unknown): unknown;
  };
  mocks: { default: { MockMonitor: new (mocks: Mocks) => Monitor } };
  settings: {
    default: { setMockOptions(monitor: Monitor, project: string, stack: string, preview: boolean): void };
  };
  state: { default: { getStore(): Json } };
}

interface Mocks {
  call(args: { token: string; inputs: Json }): Json;
  newResource(args: MockedResource): { id: string; state: Json };
}

interface MockedResource {
  type: string;
  name: string;
  inputs: Json;
  id?: string;
}

interface Monitor {
  registerResource(
    request: Request,
    callback: (error: unknown, response: { getUrn(): string }) => void,
  ): Promise<void>;
  registerResourceOutputs(request: Outputs, callback: (error: unknown, response: unknown) => void): void;
}

interface Outputs {
  getUrn(): string;
  getOutputs(): { toJavaScript(): Json };
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject(): { toJavaScript(): Json };
  getProtect(): boolean;
  getRetainondelete(): boolean;
  getIgnorechangesList(): string[];
  getDependenciesList(): string[];
}

interface Seen {
  urn: string;
  type: string;
  name: string;
  parent: string;
  inputs: Json;
  secretInputs: string[];
  /** What a component says of itself once its parts are there. */
  outputs?: Json;
  options: { protect: boolean; retainOnDelete: boolean; ignoreChanges: string[]; dependsOn: string[] };
}

/** By what Pulumi marks a value that is more than JSON, and what it marks as a secret (its SDK, `runtime/rpc`). */
const MARK = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';

/** Runs the program and writes its resources, as JSON, to the fourth descriptor; ends the process either way. */
export async function runMocked(
  { pulumi, mocks, settings, state }: Pulumi,
  app: { name: string; stage: string },
  program: () => Promise<unknown>,
): Promise<void> {
  const { writeSync } = await import('node:fs');
  const fail = (error: unknown) => {
    // A fault of the program needs its place; what the program says by itself stands alone.
    const isFault = error instanceof TypeError || error instanceof ReferenceError;
    console.error(isFault ? error.stack : error instanceof Error ? error.message : String(error));
    process.exit(1);
  };
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);
  const seen: Seen[] = [];
  const monitor = recorded(
    new mocks.default.MockMonitor({ call, newResource: (args) => made(args, pulumi) }),
    seen,
  );
  settings.default.setMockOptions(monitor, app.name, app.stage, false);
  Object.assign(state.default.getStore(), {
    supportsSecrets: true,
    supportsResourceReferences: true,
    supportsOutputValues: false,
    supportsDeletedWith: true,
    supportsReplaceWith: true,
    supportsAliasSpecs: true,
    supportsTransforms: false,
    supportsParameterization: true,
    supportsResourceHooks: true,
  });
  let isThrough = false;
  // Resources are made long after the program has returned, once what they wait for is there: they are all made when
  // nothing is left to happen.
  process.on('beforeExit', () => {
    if (!isThrough) fail('The program stands still: something that it waits for never comes.');
    writeAll(writeSync, JSON.stringify({ resources: named(seen), outputs: outputsOf(seen) }));
    process.exit(0);
  });
  try {
    await pulumi.runtime.runInPulumiStack(program);
    isThrough = true;
  } catch (error) {
    fail(error);
  }
}

/** A pipe takes what it has room for and says EAGAIN for the rest. */
function writeAll(writeSync: (fd: number, bytes: Buffer) => number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(3, rest));
    } catch (error) {
      if ((error as { code?: string }).code !== 'EAGAIN') throw error;
    }
  }
}

/** Keeps of each registration what Pulumi's own mocks drop: its options, which inputs are secret, and the outputs of components. */
function recorded(monitor: Monitor, seen: Seen[]): Monitor {
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      if (!error) {
        const raw = request.getObject().toJavaScript();
        seen.push({
          urn: response.getUrn(),
          type: request.getType(),
          name: request.getName(),
          parent: request.getParent(),
          inputs: plain(raw) as Json,
          secretInputs: Object.keys(raw).filter((key) => isSecret(raw[key])),
          options: {
            protect: request.getProtect(),
            retainOnDelete: request.getRetainondelete(),
            ignoreChanges: request.getIgnorechangesList(),
            dependsOn: request.getDependenciesList(),
          },
        });
      }
      callback(error, response);
    });
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, callback) => {
    const outputs = plain(request.getOutputs().toJavaScript()) as Json;
    for (const each of seen) if (each.urn === request.getUrn()) each.outputs = outputs;
    registerOutputs(request, callback);
  };
  return monitor;
}

function isSecret(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isSecret);
  if (typeof value !== 'object' || value === null) return false;
  return (value as Json)[MARK] === SECRET || Object.values(value).some(isSecret);
}

/** Secrets as their values; files and archives as their paths. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const { [MARK]: mark, ...rest } = value as Json;
  if (mark === undefined)
    return Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, plain(each)]));
  return mark === SECRET ? plain(rest.value) : (rest.path ?? rest.text ?? rest.uri ?? rest.urn ?? null);
}

/** Addresses of the mock engine as `type name`, and everything in an order that does not depend on timing. */
function named(seen: Seen[]) {
  const names = new Map(seen.map(({ urn, type, name }) => [urn, `${type} ${name}`]));
  const nameOf = (urn: string) => names.get(urn) ?? urn;
  const key = ({ type, name }: Seen) => `${type} ${name}`;
  return seen
    .filter(({ type }) => type !== 'pulumi:pulumi:Stack')
    .sort((a, b) => (key(a) < key(b) ? -1 : 1))
    .map(({ urn: _, parent, options, ...each }) => ({
      ...each,
      ...(names.has(parent) && !parent.includes('pulumi:pulumi:Stack') ? { parent: nameOf(parent) } : {}),
      options: { ...options, dependsOn: [...new Set(options.dependsOn.map(nameOf))].sort() },
    }));
}

/** What the whole program answers; what SST adds for itself begins with `_`. */
function outputsOf(seen: Seen[]): Json {
  const { outputs = {} } = seen.find(({ type }) => type === 'pulumi:pulumi:Stack') ?? {};
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => !name.startsWith('_')));
}

/** What a provider would answer: the inputs, and whatever AWS would have made up. */
function made(
  { type, name, inputs, id }: MockedResource,
  pulumi: Pulumi['pulumi'],
): { id: string; state: Json } {
  const physical = String(inputs.name ?? inputs.bucket ?? (id || name));
  const invented = INVENTED[type]?.(physical, inputs) ?? {};
  // The real provider marks these as secret (RandomBytes, "additionalSecretOutputs").
  const secrets =
    type === 'random:index/randomBytes:RandomBytes'
      ? {
          base64: pulumi.secret(Buffer.from(name.padEnd(32).slice(0, 32)).toString('base64')),
          hex: pulumi.secret('00'),
        }
      : {};
  return { id: String(invented.id ?? physical), state: { ...inputs, ...invented, ...secrets } };
}

const arn = (service: string, resource: string, global = false) =>
  `arn:${PLACE.partition}:${service}:${global ? '' : PLACE.region}:${service === 's3' ? '' : PLACE.account}:${resource}`;

/** What AWS makes up, by type; a resource whose computed attributes are not here shows `undefined` where they are used. */
const INVENTED: Record<string, (name: string, inputs: Json) => Json> = {
  'aws:s3/bucket:Bucket': (name) => ({
    bucket: name.toLowerCase(),
    id: name.toLowerCase(),
    arn: arn('s3', name.toLowerCase(), true),
    bucketRegionalDomainName: `${name.toLowerCase()}.s3.${PLACE.region}.amazonaws.com`,
  }),
  'aws:cloudfront/keyValueStore:KeyValueStore': (name) => ({
    arn: arn('cloudfront', `key-value-store/${name}`, true),
  }),
  'aws:cloudfront/function:Function': (name) => ({ arn: arn('cloudfront', `function/${name}`, true) }),
  'aws:cloudfront/distribution:Distribution': (name) => ({
    arn: arn('cloudfront', `distribution/${name}`, true),
    domainName: `${name.toLowerCase()}.cloudfront.net`,
  }),
  'aws:dynamodb/table:Table': (name) => ({
    name,
    arn: arn('dynamodb', `table/${name}`),
    streamArn: arn('dynamodb', `table/${name}/stream/2026-01-01T00:00:00.000`),
  }),
  'aws:sqs/queue:Queue': (name) => ({
    name,
    arn: arn('sqs', name),
    url: `https://sqs.${PLACE.region}.amazonaws.com/${PLACE.account}/${name}`,
    id: `https://sqs.${PLACE.region}.amazonaws.com/${PLACE.account}/${name}`,
  }),
  'aws:sns/topic:Topic': (name) => ({ arn: arn('sns', name), id: arn('sns', name) }),
  'aws:iam/role:Role': (name) => ({ name, arn: arn('iam', `role/${name}`, true) }),
  'aws:lambda/function:Function': (name, { publish }) => ({
    name,
    arn: arn('lambda', `function:${name}`),
    version: publish ? '7' : '$LATEST',
    qualifiedArn: arn('lambda', `function:${name}:${publish ? '7' : '$LATEST'}`),
    invokeArn: arn(
      'apigateway',
      `lambda:path/2015-03-31/functions/${arn('lambda', `function:${name}`)}/invocations`,
    ),
  }),
  'aws:lambda/alias:Alias': (name, { functionName }) => {
    const of = String(functionName).split(':function:').at(-1);
    return {
      name,
      arn: arn('lambda', `function:${of}:${name}`),
      id: arn('lambda', `function:${of}:${name}`),
    };
  },
  'aws:lambda/functionUrl:FunctionUrl': (_, { functionName, qualifier = 'latest' }) => ({
    functionUrl: `https://${String(functionName).split(':').at(-1)?.toLowerCase()}-${qualifier}.lambda-url.${PLACE.region}.on.aws/`,
  }),
  'aws:sfn/stateMachine:StateMachine': (name) => ({
    arn: arn('states', `stateMachine:${name}`),
    id: arn('states', `stateMachine:${name}`),
  }),
  'aws:cloudwatch/logGroup:LogGroup': (name) => ({ name, arn: arn('logs', `log-group:${name}`) }),
  'aws:cloudwatch/eventRule:EventRule': (name) => ({ name, arn: arn('events', `rule/${name}`) }),
  'aws:cloudwatch/metricAlarm:MetricAlarm': (name) => ({ arn: arn('cloudwatch', `alarm:${name}`) }),
  'aws:scheduler/scheduleGroup:ScheduleGroup': (name) => ({
    name,
    arn: arn('scheduler', `schedule-group/${name}`),
  }),
  'aws:apigatewayv2/api:Api': (name) => ({
    apiEndpoint: `https://${name}.execute-api.${PLACE.region}.amazonaws.com`,
    executionArn: arn('execute-api', name),
  }),
};

/** Answers of provider functions. @throws Error for one that nobody mocked */
function call({ token, inputs }: { token: string; inputs: Json }): Json {
  const answer = CALLS[token];
  if (answer === undefined) throw new Error(`The call ${token} is not mocked.`);
  return answer(inputs);
}

const CALLS: Record<string, (inputs: Json) => Json> = {
  'aws:index/getPartition:getPartition': () => ({
    partition: PLACE.partition,
    dnsSuffix: 'amazonaws.com',
    id: PLACE.partition,
  }),
  'aws:index/getRegion:getRegion': () => ({ region: PLACE.region, name: PLACE.region, id: PLACE.region }),
  'aws:index/getCallerIdentity:getCallerIdentity': () => ({
    accountId: PLACE.account,
    id: PLACE.account,
    arn: arn('iam', 'root', true),
  }),
  // Of the buckets that others have made there is that of one controller.
  'aws:s3/getBucket:getBucket': ({ bucket }) => {
    if (bucket !== `spillway-production-releases-${PLACE.account}-${PLACE.region}`)
      throw new Error(`couldn't find resource ${String(bucket)}`);
    return { bucket, id: bucket };
  },
  'aws:iam/getPolicyDocument:getPolicyDocument': ({ statements }) => {
    const document = {
      Version: '2012-10-17',
      Statement: ((statements ?? []) as PolicyStatement[]).map(statement),
    };
    return { json: JSON.stringify(document), statements: statements ?? [] };
  },
};

interface PolicyStatement {
  effect?: string;
  actions?: string[];
  resources?: string[];
  principals?: { type: string; identifiers: string[] }[];
  conditions?: { test: string; variable: string; values: string[] }[];
}

/** A statement as the provider renders it. */
function statement({ effect = 'Allow', actions, resources, principals, conditions }: PolicyStatement): Json {
  const operators: Record<string, Json> = {};
  for (const { test, variable, values } of conditions ?? []) {
    operators[test] = { ...operators[test], [variable]: values };
  }
  return {
    Effect: effect,
    ...(actions === undefined ? {} : { Action: actions }),
    ...(resources === undefined ? {} : { Resource: resources }),
    ...(principals === undefined
      ? {}
      : {
          Principal: principals.some(({ type }) => type === '*')
            ? '*'
            : Object.fromEntries(principals.map(({ type, identifiers }) => [type, identifiers])),
        }),
    ...(conditions === undefined ? {} : { Condition: operators }),
  };
}
