import { fileURLToPath } from 'node:url';
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  InvokeCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import { seededRandom } from '../local/random.ts';
import { type RequestTraffic, requestTraffic } from '../local/traffic.ts';
import type { World } from '../local/world.ts';
import { packed } from './pack.ts';

/** Where the example service stands. */
export const EXAMPLE = fileURLToPath(new URL('../examples/checkout-api', import.meta.url));

/** Versions before this one are history: the example begins where a real service would be. */
const FIRST_VERSION = 7;

/** What the team's own deploy does: the function, its tag, the version that serves, and the alias on it. */
export async function deploy(
  world: World,
  lambda: string,
  alias: string,
  service: string,
  release: string,
): Promise<void> {
  const { clients } = world;
  const { helpers } = world.lambda;
  await clients.lambda.send(
    new CreateFunctionCommand({
      FunctionName: lambda,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::111122223333:role/checkout',
      Timeout: 5,
      Tags: { 'spillway:service': service, 'spillway:mode': 'zip' },
      Code: { ZipFile: packed(`${EXAMPLE}/app`, `${EXAMPLE}/releases/${release}`) },
    }),
  );
  for (let version = 1; version < FIRST_VERSION; version++) helpers.publishCounted(lambda);
  await clients.lambda.send(
    new CreateAliasCommand({
      FunctionName: lambda,
      Name: alias,
      FunctionVersion: await publish(world, lambda, release),
    }),
  );
}

/** A code update goes on for a moment after its answer, and Lambda takes no other one until then. */
const UPDATE_MS = 2_000;

/** Updates the code from a zip and publishes it, as a deploy does; answers the number of the version. */
export const publish = (world: World, lambda: string, release: string): Promise<string> =>
  publishFrom(world, lambda, `${EXAMPLE}/releases/${release}`);

/** The same with the code of a folder. */
export async function publishFrom(
  { clients, clock }: World,
  lambda: string,
  folder: string,
): Promise<string> {
  const zip = packed(`${EXAMPLE}/app`, folder);
  const { Version = '' } = await clients.lambda.send(
    new UpdateFunctionCodeCommand({ FunctionName: lambda, ZipFile: zip, Publish: true }),
  );
  await clock.sleep(UPDATE_MS);
  return Version;
}

/** People who buy things: every 40th still has last year's coupon in the cart. */
export function shoppers(
  world: World,
  lambda: string,
  alias: string,
  requestsPerSecond: number,
): RequestTraffic {
  const random = seededRandom(1);
  let orders = 0;
  return requestTraffic({
    clock: world.clock,
    random: random.fork('arrivals'),
    requestsPerSecond,
    async request() {
      orders += 1;
      const order = {
        id: orders,
        sku: `T${1 + random.int(3)}`,
        quantity: 1 + random.int(4),
        ...(orders % 40 === 0 ? { coupon: 'SPRING09' } : {}),
      };
      const event = {
        version: '2.0',
        requestContext: { http: { method: 'POST', path: '/checkout' } },
        body: JSON.stringify(order),
      };
      const {
        ExecutedVersion = '',
        FunctionError,
        Payload,
      } = await world.clients.lambda.send(
        new InvokeCommand({
          FunctionName: lambda,
          Qualifier: alias,
          Payload: new TextEncoder().encode(JSON.stringify(event)),
        }),
      );
      const { statusCode = 500 } =
        FunctionError === undefined
          ? (JSON.parse(new TextDecoder().decode(Payload)) as { statusCode?: number })
          : {};
      return { version: ExecutedVersion, statusCode, failed: statusCode >= 500 };
    },
  });
}
