import { LambdaClient, type UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { attach, type Intercept } from '../../local/sdk.ts';
import { SimulatedLambda } from '../../local/services/lambda.ts';

const REGION = 'eu-west-1';
const ACCOUNT = '111122223333';
export const FUNCTION = 'checkout-prod-Api';
export const ALIAS = 'live';

type Awaitable<T> = T | Promise<T>;

/** What the owner of functions does to them. */
export interface LambdaHands {
  createFunction(spec: { name: string; tags?: Record<string, string>; timeout?: number }): Awaitable<void>;
  createAlias(name: string, alias: string, version: string): Awaitable<void>;
  /** Publishes the code as it is, or anew; answers the number of the version. */
  publishCounted(name: string): Awaitable<string>;
  /** Publishes code that does this, or the code as it is. */
  publish(
    name: string,
    code?: (event: unknown, context: { functionVersion: string }) => Promise<unknown>,
  ): Awaitable<string>;
  limitConcurrency(name: string, max: number): Awaitable<void>;
  configure(name: string, changes: { role?: string; deadLetterArn?: string }): Awaitable<void>;
  setProvisionedConcurrency(name: string, alias: string): Awaitable<void>;
  setState(name: string, version: string, state: 'Failed'): Awaitable<void>;
}

export interface LambdaStage {
  account: string;
  clock: VirtualClock;
  hands: LambdaHands;
  /** Runs something that takes time on the clock. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Lets time pass within something that runs. */
  spend(ms: number): Promise<void>;
  /** The client of the adapter under test; `intercept` stands around its calls alone. */
  client: LambdaClient;
  /** The hand of somebody else, whose calls nothing stands around. */
  others: LambdaClient;
  /** What the adapter under test wanted to write, refused or not. */
  updates: UpdateAliasCommandInput[];
}

/** A function of service `checkout` with versions 1, 2 and 3 and the alias `live` on version 1. */
export function lambdaStage(
  intercept: Intercept = (_command, _input, call) => call(),
): LambdaStage & { lambda: SimulatedLambda } {
  const clock = virtualClock();
  const world = { clock, random: seededRandom(7), region: REGION, account: ACCOUNT };
  const lambda = new SimulatedLambda({ ...world, rateLimits: false });
  const updates: UpdateAliasCommandInput[] = [];
  const client = attached(lambda, clock, (command, input, call) => {
    if (command === 'UpdateAliasCommand') updates.push(input as UpdateAliasCommandInput);
    return intercept(command, input, call);
  });
  lambda.helpers.createFunction({ name: FUNCTION, tags: { 'spillway:service': 'checkout' }, timeout: 10 });
  for (let version = 1; version <= 3; version++) lambda.helpers.publishCounted(FUNCTION);
  lambda.helpers.createAlias(FUNCTION, ALIAS, '1');
  return {
    account: ACCOUNT,
    clock,
    run: (work) => clock.run(work),
    spend: (ms) => clock.sleep(ms),
    hands: lambda.helpers,
    lambda,
    client,
    others: attached(lambda, clock),
    updates,
  };
}

function attached(lambda: SimulatedLambda, clock: VirtualClock, intercept?: Intercept): LambdaClient {
  const client = new LambdaClient({ region: REGION, cacheMiddleware: true });
  attach(client, lambda.operations, { clock, intercept });
  return client;
}
