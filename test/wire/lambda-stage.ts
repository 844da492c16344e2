import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
  TagResourceCommand,
  type UpdateAliasCommandInput,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
import { virtualClock } from '../../local/clock.ts';
import type { Intercept } from '../../local/sdk.ts';
import { pinNameOf } from '../../targets/lambda-alias/pin.ts';
import { ALIAS, FUNCTION, type LambdaHands, type LambdaStage } from '../contract/lambda-stage.ts';
import { type Account, cloud, connect, freshAccount } from './account.ts';
import { roleNameOf } from './cloud.ts';
import { jsonCall } from './json-call.ts';

const WITHIN = { maxWaitTime: 20, minDelay: 0.05, maxDelay: 0.2 };

/**
 * The function, versions and alias of the simulated stage, made by real calls. Functions take seconds to become active, so
 * the cases of one file share theirs; each gets the alias and the tags anew, and its own clients.
 */
export async function wiredLambda(intercept: Intercept): Promise<LambdaStage> {
  shared ??= withFunction();
  const { account, hands, reset } = await shared;
  await reset();
  const others = connect(LambdaClient, account);
  const alias = { FunctionName: FUNCTION, Name: ALIAS };
  await others.send(
    new DeleteProvisionedConcurrencyConfigCommand({ FunctionName: FUNCTION, Qualifier: ALIAS }),
  );
  await others.send(new DeleteAliasCommand(alias));
  // AWS deletes an alias that is not there without a word; the program refuses.
  await others.send(new DeleteAliasCommand({ ...alias, Name: pinNameOf(ALIAS) })).catch((error: Error) => {
    if (error.name !== 'ResourceNotFoundException') throw error;
  });
  await hands.createAlias(FUNCTION, ALIAS, '1');
  const Resource = `arn:aws:lambda:${account.region}:${account.id}:function:${FUNCTION}`;
  await others.send(new TagResourceCommand({ Resource, Tags: { 'spillway:service': 'checkout' } }));
  const updates: UpdateAliasCommandInput[] = [];
  const client = connect(LambdaClient, account, (command, input, call) => {
    if (command === 'UpdateAliasCommand') updates.push(input as UpdateAliasCommandInput);
    return intercept(command, input, call);
  });
  const clock = virtualClock();
  return {
    ...{ account: account.id, clock, client, others, updates, hands },
    // The wire has its own time: what waits on it must not see the clock run ahead.
    run: (work) => work,
    spend: (ms) => clock.advance(ms),
  };
}

interface Shared {
  account: Account;
  hands: LambdaHands;
  /** Takes back what a case changed of the function itself. */
  reset(): Promise<void>;
}

let shared: Promise<Shared> | undefined;

async function withFunction(): Promise<Shared> {
  const account = freshAccount();
  const client = connect(LambdaClient, account);
  const hands = handsOn(client, account);
  await hands.createFunction({ name: FUNCTION, tags: { 'spillway:service': 'checkout' }, timeout: 10 });
  for (let version = 1; version <= 3; version++) await hands.publishCounted(FUNCTION);
  await hands.createAlias(FUNCTION, ALIAS, '1');
  let isChanged = false;
  let isLimited = false;
  return {
    account,
    hands: {
      ...hands,
      limitConcurrency: (name, max) => {
        isLimited = true;
        return hands.limitConcurrency(name, max);
      },
      configure: (name, changes) => {
        isChanged = true;
        return hands.configure(name, changes);
      },
    },
    async reset() {
      if (isLimited) await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: FUNCTION }));
      isLimited = false;
      if (isChanged) await hands.configure(FUNCTION, { role: roleOf(account) });
      isChanged = false;
    },
  };
}

const roleOf = ({ id }: Account) =>
  `arn:aws:iam::${id}:role/${cloud === undefined ? 'service' : roleNameOf(cloud)}`;

export function handsOn(
  client: LambdaClient,
  account: Account,
): LambdaHands & { publishSource(name: string, source: string): Promise<string> } {
  const { id } = account;
  /** The contract names things of an account of its own. */
  const ours = (arn: string | undefined) => arn?.replace(/:\d{12}:/, `:${id}:`);
  let codes = 0;
  const deploy = async (FunctionName: string, source?: string) => {
    await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: zipOf(source ?? counted()) }));
    await settled(FunctionName);
  };
  const counted = () => {
    codes += 1;
    return `export const handler = async () => ({ code: ${codes} });\n`;
  };
  const settled = (FunctionName: string) =>
    waitUntilFunctionUpdatedV2({ client, ...WITHIN }, { FunctionName });
  const publish = async (FunctionName: string) => {
    const { Version = '' } = await client.send(new PublishVersionCommand({ FunctionName }));
    await waitUntilFunctionActiveV2({ client, ...WITHIN }, { FunctionName, Qualifier: Version });
    return Version;
  };
  return {
    async createFunction({ name, tags, timeout }) {
      await client.send(
        new CreateFunctionCommand({
          FunctionName: name,
          Runtime: 'nodejs22.x',
          Handler: 'index.handler',
          Role: roleOf(account),
          Code: { ZipFile: zipOf(counted()) },
          Timeout: timeout,
          Tags: tags,
        }),
      );
      await waitUntilFunctionActiveV2({ client, ...WITHIN }, { FunctionName: name });
    },
    createAlias: async (FunctionName, Name, FunctionVersion) =>
      void (await client.send(new CreateAliasCommand({ FunctionName, Name, FunctionVersion }))),
    async publishCounted(FunctionName) {
      await deploy(FunctionName);
      return publish(FunctionName);
    },
    async publishSource(FunctionName, source) {
      await deploy(FunctionName, source);
      return publish(FunctionName);
    },
    async publish(FunctionName, code) {
      if (code !== undefined) await deploy(FunctionName, sourceAsking(await served(code)));
      return publish(FunctionName);
    },
    limitConcurrency: async (FunctionName, max) =>
      void (await client.send(
        new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: max }),
      )),
    async configure(FunctionName, { role, deadLetterArn }) {
      // The program takes no dead-letter queue that does not exist.
      if (deadLetterArn !== undefined)
        await jsonCall(account, 'AmazonSQS.CreateQueue', {
          QueueName: `${account.prefix}${deadLetterArn.split(':').at(-1)}`,
        });
      await client.send(
        new UpdateFunctionConfigurationCommand({
          FunctionName,
          Role: ours(role),
          DeadLetterConfig: deadLetterArn === undefined ? undefined : { TargetArn: ours(deadLetterArn) },
        }),
      );
      await settled(FunctionName);
    },
    setProvisionedConcurrency: async (FunctionName, Qualifier) =>
      void (await client.send(
        new PutProvisionedConcurrencyConfigCommand({
          FunctionName,
          Qualifier,
          ProvisionedConcurrentExecutions: 1,
        }),
      )),
    setState: () => Promise.reject(new Error('No call makes a version fail.')),
  };
}

const zipOf = (source: string) => zipSync({ 'index.mjs': strToU8(source) });

type Code = NonNullable<Parameters<LambdaHands['publish']>[1]>;

/** Lets deployed code ask the test what it does; answers where. */
async function served(code: Code): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { event, functionVersion } = JSON.parse(body) as { event: unknown; functionVersion: string };
    const said = await code(event, { functionVersion }).then(
      (value) => ({ value }),
      ({ name, message }: Error) => ({ name, message }),
    );
    response.end(JSON.stringify(said));
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const sourceAsking = (url: string) => `
export async function handler(event, { functionVersion }) {
  const answer = await fetch('${url}', { method: 'POST', body: JSON.stringify({ event, functionVersion }) });
  const { name, message, value } = await answer.json();
  if (name !== undefined) throw Object.assign(new Error(message), { name });
  return value;
}
`;
