import {
  type EventSourceMappingConfiguration,
  type FunctionUrlConfig,
  GetPolicyCommand,
  type LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionUrlConfigsCommand,
} from '@aws-sdk/client-lambda';
import { nameOf, reach } from '../../adapters/_aws.ts';

/** An event source that calls a function now, and by which name; `$LATEST` is no name at all. */
export interface EventSource {
  /** As a person would say it, such as `queue orders`. */
  what: string;
  /** The queue's name, if it is one. */
  queue: string | undefined;
  /** True if it belongs to another account than the function. */
  isForeign: boolean;
  /** The alias or version that it calls; undefined if it calls `$LATEST`. */
  qualifier: string | undefined;
}

/** States in which a mapping brings nothing. */
const IDLE = ['Disabled', 'Disabling', 'Deleting'];

/**
 * The event sources of a function. It is asked for by its name and by the alias' too, because AWS does not say whether
 * the bare name finds what is bound to an alias.
 */
export async function eventSourcesOf(
  client: LambdaClient,
  name: string,
  alias: string,
): Promise<EventSource[]> {
  const found = [...(await mappingsOf(client, name)), ...(await mappingsOf(client, `${name}:${alias}`))];
  const unique = new Map(found.map((mapping) => [mapping.UUID, mapping]));
  return [...unique.values()].filter(({ State = '' }) => !IDLE.includes(State)).map(eventSource);
}

/** The function URLs that run `$LATEST`. */
export async function urlsOfLatest(client: LambdaClient, name: string): Promise<string[]> {
  const urls: FunctionUrlConfig[] = [];
  let Marker: string | undefined;
  do {
    const page = await reach(`URLs of ${name}`, () =>
      client.send(
        new ListFunctionUrlConfigsCommand({
          FunctionName: name,
          ...(Marker === undefined ? {} : { Marker }),
        }),
      ),
    );
    urls.push(...(page.FunctionUrlConfigs ?? []));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  return urls
    .filter(({ FunctionArn }) => qualifierOf(FunctionArn) === undefined)
    .map(({ FunctionUrl }) => FunctionUrl ?? '');
}

/** Whom the function's own policy lets call `$LATEST`; that of an alias or version is another, and not read. */
export async function allowedOnLatest(client: LambdaClient, name: string): Promise<string[]> {
  return (await policyOf(client, name)).filter(isCallOfLatest).map(({ Sid, Principal, Condition }) => {
    const whose = valuesOf(Principal).join(' and ');
    const sources = conditionOf(Condition, 'aws:sourcearn');
    return `${whose}${sources.length === 0 ? '' : ` for ${sources.join(' and ')}`} (permission ${Sid})`;
  });
}

/** A statement of a resource policy, in which one value and a list of them mean the same. */
interface Statement {
  Sid?: string;
  Effect: string;
  Principal?: unknown;
  Action?: unknown;
  Resource?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

async function policyOf(client: LambdaClient, name: string): Promise<Statement[]> {
  try {
    const { Policy = '{}' } = await reach(`policy of ${name}`, () =>
      client.send(new GetPolicyCommand({ FunctionName: name })),
    );
    return [JSON.parse(Policy).Statement ?? []].flat();
  } catch (error) {
    if (nameOf(error) !== 'ResourceNotFoundException') throw error;
    return [];
  }
}

/** A permission for function URLs alone is passed over: the URLs themselves are listed, and one that is gone may have left it. */
function isCallOfLatest({ Effect, Action, Resource, Condition }: Statement): boolean {
  return (
    Effect === 'Allow' &&
    valuesOf(Action).some((action) => /^(\*|lambda:(\*|invokefunction))$/i.test(action)) &&
    valuesOf(Resource).some((arn) => qualifierOf(arn) === undefined) &&
    !conditionOf(Condition, 'lambda:invokedviafunctionurl').includes('true')
  );
}

/** What the conditions ask of a key, whose case does not matter. */
function conditionOf(conditions: Statement['Condition'] = {}, key: string): string[] {
  return Object.values(conditions)
    .flatMap((each) => Object.entries(each))
    .flatMap(([name, value]) => (name.toLowerCase() === key ? valuesOf(value) : []));
}

function valuesOf(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(valuesOf);
  return value === undefined ? [] : [String(value)];
}

async function mappingsOf(client: LambdaClient, name: string): Promise<EventSourceMappingConfiguration[]> {
  const mappings: EventSourceMappingConfiguration[] = [];
  let Marker: string | undefined;
  do {
    const page = await reach(`event sources of ${name}`, () =>
      client.send(
        new ListEventSourceMappingsCommand({
          FunctionName: name,
          ...(Marker === undefined ? {} : { Marker }),
        }),
      ),
    );
    mappings.push(...(page.EventSourceMappings ?? []));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  return mappings;
}

function eventSource({ EventSourceArn, FunctionArn }: EventSourceMappingConfiguration): EventSource {
  const [, , service, , account, ...rest] = EventSourceArn?.split(':') ?? [];
  const resource = rest.join(':');
  const queue = service === 'sqs' ? resource : undefined;
  const what = queue === undefined ? `event source ${resource || 'outside AWS'}` : `queue ${queue}`;
  const isForeign = account !== undefined && account !== FunctionArn?.split(':')[4];
  return { what, queue, isForeign, qualifier: qualifierOf(FunctionArn) };
}

/** `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]` */
function qualifierOf(arn = ''): string | undefined {
  const qualifier = arn.split(':')[7];
  return qualifier === '$LATEST' ? undefined : qualifier;
}
