import * as kvsApi from '@aws-sdk/client-cloudfront-keyvaluestore';
import * as lambdaApi from '@aws-sdk/client-lambda';
import type { WorldClock } from './clock.ts';
import { LATENCY_MS } from './latency.ts';
import type { Operations } from './sdk.ts';

/** Stands around every call of a service that Step Functions makes itself, by the name of its command; what it throws is an error as that service names it, or `States.Timeout`. */
export type AroundStep = (command: string, input: unknown, call: () => Promise<unknown>) => Promise<unknown>;

const capital = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

/** Services that Step Functions calls for the product, by their names in a resource: how its errors name them, which errors their APIs model, and how long a call takes. */
const SERVICES: Record<string, { name: string; api: object; ms: number }> = {
  lambda: { name: 'Lambda', api: lambdaApi, ms: LATENCY_MS.lambdaControlPlane },
  cloudfrontkeyvaluestore: { name: 'CloudFrontKeyValueStore', api: kvsApi, ms: LATENCY_MS.kvs },
};

/** Does what a Task state asks for: a function of the controller, or a call of a service by Step Functions itself. */
export async function runTask(
  resource: string,
  args: unknown,
  world: {
    clock: WorldClock;
    /** Calls a function by its name. */
    call(name: string, event: unknown): Promise<unknown>;
    /** What it may call itself, by the service's name in a resource. */
    services: Readonly<Record<string, Operations>>;
    aroundStep: AroundStep | undefined;
  },
): Promise<unknown> {
  const [, service = '', action] = /^arn:aws:states:::aws-sdk:(\w+):(\w+)$/.exec(resource) ?? [];
  if (action === undefined) {
    const { FunctionName, Payload } = args as { FunctionName: string; Payload: unknown };
    try {
      const answer = await world.call(FunctionName, Payload);
      return { StatusCode: 200, ExecutedVersion: '$LATEST', Payload: answer };
    } catch (error) {
      throw asTaskError(error);
    }
  }
  await world.clock.sleep(SERVICES[service]?.ms ?? LATENCY_MS.lambdaControlPlane);
  const command = `${capital(action)}Command`;
  const operation = world.services[service]?.[command];
  if (operation === undefined) throw new Error(`${resource} is not simulated.`);
  const call = async () => operation(args as never);
  try {
    return await (world.aroundStep === undefined ? call() : world.aroundStep(command, args, call));
  } catch (error) {
    throw asStepError(error, service);
  }
}

/**
 * A handler's error as Step Functions sees it: its name, and a JSON text as the cause. If Lambda did not run the
 * function, the cause is a text of another form (recorded from AWS, LocalStack snapshot tests, 2024).
 */
function asTaskError(error: unknown): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name.startsWith('States.')) return Object.assign(new Error(''), { name });
  const code = /^Lambda\.(\w+)$/.exec(name)?.[1];
  const cause =
    code === undefined || code === 'Unknown'
      ? JSON.stringify({ errorType: name, errorMessage: message })
      : `${message} (Service: AWSLambda; Status Code: ${statusOf(code)}; Error Code: ${code}; Request ID: 00000000-0000-4000-8000-000000000000; Proxy: null)`;
  return Object.assign(new Error(cause), { name });
}

const statusOf = (code: string) => (code === 'TooManyRequestsException' ? 429 : 500);

/**
 * An error as an SDK integration names it: by its own name if the service's API models it, else by the client's
 * (recorded from AWS for DynamoDB and Secrets Manager, LocalStack snapshot tests, 2023; for the others by that rule).
 */
function asStepError(error: unknown, resource: string): Error {
  const { name: service, api } = SERVICES[resource] ?? { name: capital(resource), api: undefined };
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name.startsWith('States.')) return Object.assign(new Error(''), { name });
  const isModelled = api === undefined || Object.hasOwn(api, name);
  return Object.assign(
    new Error(`${message} (Service: ${service}, Request ID: simulated) (SDK Attempt Count: 1)`),
    {
      name: `${service}.${isModelled ? name : `${service}Exception`}`,
    },
  );
}
