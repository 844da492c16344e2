import {
  type EventSourceMappingConfiguration,
  type FunctionUrlConfig,
  type LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionUrlConfigsCommand,
} from '@aws-sdk/client-lambda';
import { reach } from './_aws.ts';

/** An event source that calls a function now, and by which name; `$LATEST` is no name at all. */
export interface EventSource {
  /** As a person would say it, such as `queue orders`. */
  what: string;
  /** The queue's name, where it is one. */
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
