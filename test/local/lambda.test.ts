import { createHash } from 'node:crypto';
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  GetPolicyCommand,
  InvokeCommand,
  type InvokeCommandInput,
  LambdaClient,
  ListAliasesCommand,
  ListProvisionedConcurrencyConfigsCommand,
  ListTagsCommand,
  type LoggingConfig,
  PreconditionFailedException,
  PublishVersionCommand,
  TagResourceCommand,
  UpdateAliasCommand,
  type UpdateAliasCommandInput,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { attach } from '../../local/sdk.ts';
import {
  type InvocationRecord,
  KilledForMemory,
  SimulatedLambda,
  type SimulatedLambdaOptions,
} from '../../local/services/lambda.ts';
import { EMPTY } from '../empty.ts';

const FN = 'checkout';
const ARN = `arn:aws:lambda:eu-central-1:123456789012:function:${FN}`;
const zipOf = (source: string) => zipSync({ 'index.mjs': strToU8(source) }, { mtime: '2026-01-01' });

/** A function with versions 1, 2 and 3, and the alias `live` on version 1. */
function setUp(options: Partial<SimulatedLambdaOptions> = {}) {
  const clock = virtualClock();
  const invocations: InvocationRecord[] = [];
  const lambda = new SimulatedLambda({
    ...{ clock, random: seededRandom(7), region: 'eu-central-1', account: '123456789012' },
    ...{
      rateLimits: false,
      recordCalls: true,
      onInvocation: (record: InvocationRecord) => invocations.push(record),
    },
    ...options,
  });
  const client = new LambdaClient({ region: 'eu-central-1', cacheMiddleware: true });
  attach(client, lambda.operations, { clock });
  lambda.helpers.createFunction({ name: FN, tags: { 'spillway:service': 'checkout' } });
  for (const answer of ['one', 'two', 'three']) lambda.helpers.publish(FN, () => answer);
  lambda.helpers.createAlias(FN, 'live', '1');
  const update = (input: Partial<UpdateAliasCommandInput>) =>
    client.send(new UpdateAliasCommand({ FunctionName: FN, Name: 'live', ...input }));
  const weigh = (weights: Record<string, number>) =>
    update({ RoutingConfig: { AdditionalVersionWeights: weights } });
  const invoke = (input: Partial<InvokeCommandInput> = {}) =>
    client.send(new InvokeCommand({ FunctionName: FN, Qualifier: 'live', ...input }));
  const live = () => lambda.helpers.routing(FN, 'live');
  return { clock, lambda, client, invocations, update, weigh, invoke, live };
}

const refusal = (name: string, httpStatusCode: number, message?: RegExp) => ({
  name,
  $metadata: { httpStatusCode },
  ...(message && { message: expect.stringMatching(message) }),
});
const invalid = (message?: RegExp) => refusal('InvalidParameterValueException', 400, message);

describe('an alias', () => {
  test('answers without RoutingConfig where it has no weights, and with it where it has', async () => {
    const { client, weigh } = setUp();
    const plain = await client.send(new GetAliasCommand({ FunctionName: FN, Name: 'live' }));
    expect(plain).toMatchObject({
      AliasArn: `${ARN}:live`,
      Name: 'live',
      FunctionVersion: '1',
      Description: '',
    });
    expect(plain).not.toHaveProperty('RoutingConfig');
    expect((await weigh({ '2': 0.1 })).RoutingConfig).toEqual({ AdditionalVersionWeights: { '2': 0.1 } });
    expect(await weigh({})).not.toHaveProperty('RoutingConfig');
  });

  test('refuses a stale RevisionId with 412, and changes nothing', async () => {
    const { update, weigh, live } = setUp();
    const before = live();
    await weigh({ '2': 0.05 });
    const stale = update({ RevisionId: before.revisionId, FunctionVersion: '3', RoutingConfig: {} });
    await expect(stale).rejects.toMatchObject(refusal('PreconditionFailedException', 412, /checkout:live/));
    await expect(stale).rejects.toBeInstanceOf(PreconditionFailedException);
    expect(live()).toMatchObject({ primary: '1', weights: { '2': 5 } });
  });

  test('takes a chain of writes, each with the revision of the one before, and never repeats a revision', async () => {
    const { client, update, live } = setUp();
    const seen = new Set([live().revisionId]);
    let RevisionId: string | undefined = live().revisionId;
    for (const weight of [0.01, 0.1, 0.5]) {
      const answer = await update({
        RevisionId,
        RoutingConfig: { AdditionalVersionWeights: { '2': weight } },
      });
      RevisionId = answer.RevisionId;
      seen.add(RevisionId ?? '');
    }
    expect(seen.size).toBe(4);
    expect(await client.send(new GetAliasCommand({ FunctionName: FN, Name: 'live' }))).toMatchObject({
      RevisionId,
    });
  });

  test('gets a new revision also from a write that changes nothing', async () => {
    const { update, live } = setUp();
    const { revisionId } = live();
    await update({});
    expect(live().revisionId).not.toBe(revisionId);
  });

  test.each([-0.01, 1.01, Number.NaN])(
    'refuses the weight %d, which the API model excludes',
    async (weight) => {
      await expect(setUp().weigh({ '2': weight })).rejects.toMatchObject(refusal('ValidationException', 400));
    },
  );

  test('refuses the weight 1, and takes 0 and what is just below 1', async () => {
    const { weigh, live } = setUp();
    await expect(weigh({ '2': 1 })).rejects.toMatchObject(invalid(/less than 100 %/));
    await weigh({ '2': 0.999 });
    expect(live().weights).toEqual({ '2': 99.9 });
    await weigh({ '2': 0 });
    expect(live().weights).toEqual({ '2': 0 });
  });

  test('refuses a third version', async () => {
    await expect(setUp().weigh({ '2': 0.1, '3': 0.1 })).rejects.toMatchObject(invalid(/more than one entry/));
  });

  test('refuses a weight for its own version', async () => {
    await expect(setUp().weigh({ '1': 0.1 })).rejects.toMatchObject(invalid(/own version/));
  });

  test('refuses $LATEST as either of two versions, and takes it alone', async () => {
    const { update, weigh } = setUp();
    await expect(weigh({ $LATEST: 0.1 })).rejects.toMatchObject(invalid(/\$LATEST/));
    await weigh({ '2': 0.1 });
    await expect(update({ FunctionVersion: '$LATEST' })).rejects.toMatchObject(invalid(/\$LATEST/));
    expect(await update({ FunctionVersion: '$LATEST', RoutingConfig: {} })).toMatchObject({
      FunctionVersion: '$LATEST',
    });
  });

  test('refuses versions that do not exist, as the primary and with a weight', async () => {
    const { update, weigh } = setUp();
    const missing = refusal('ResourceNotFoundException', 404, /checkout:99/);
    await expect(update({ FunctionVersion: '99' })).rejects.toMatchObject(missing);
    await expect(weigh({ '99': 0.1 })).rejects.toMatchObject(missing);
  });

  test.each(['live', 'v2', '-1', ''])('refuses "%s" as a version', async (version) => {
    const { update, weigh } = setUp();
    await expect(update({ FunctionVersion: version })).rejects.toMatchObject(
      refusal('ValidationException', 400),
    );
    await expect(weigh({ [version]: 0.1 })).rejects.toMatchObject(refusal('ValidationException', 400));
  });

  test('refuses two versions with different roles', async () => {
    const { lambda, weigh } = setUp();
    lambda.helpers.configure(FN, { role: 'arn:aws:iam::123456789012:role/other' });
    const version = lambda.helpers.publish(FN);
    await expect(weigh({ [version]: 0.1 })).rejects.toMatchObject(invalid(/execution role/));
  });

  test('refuses two versions with different dead letter queues', async () => {
    const { lambda, weigh } = setUp();
    lambda.helpers.configure(FN, { deadLetterArn: 'arn:aws:sqs:eu-central-1:123456789012:lost' });
    const version = lambda.helpers.publish(FN);
    await expect(weigh({ [version]: 0.1 })).rejects.toMatchObject(invalid(/dead letter/));
  });

  test('with provisioned concurrency refuses weights, and is listed', async () => {
    const { client, lambda, weigh, live } = setUp();
    const list = () => client.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName: FN }));
    expect((await list()).ProvisionedConcurrencyConfigs).toEqual([]);
    lambda.helpers.setProvisionedConcurrency(FN, 'live');
    expect((await list()).ProvisionedConcurrencyConfigs).toMatchObject([
      { FunctionArn: `${ARN}:live`, Status: 'READY' },
    ]);
    await expect(weigh({ '2': 0.1 })).rejects.toMatchObject(invalid(/Provisioned Concurrency/));
    expect(live().weights).toEqual({});
  });

  test('keeps its old weights where RoutingConfig is not sent', async () => {
    const { update, weigh, live } = setUp();
    await weigh({ '2': 0.1 });
    await update({ FunctionVersion: '3' });
    expect(live()).toMatchObject({ primary: '3', weights: { '2': 10 } });
    await expect(update({ FunctionVersion: '2' })).rejects.toMatchObject(invalid(/own version/));
    await update({ FunctionVersion: '2', RoutingConfig: { AdditionalVersionWeights: {} } });
    expect(live()).toMatchObject({ primary: '2', weights: EMPTY });
  });

  test('keeps its description where none is sent, and takes an empty one', async () => {
    const { update, live } = setUp();
    await update({ Description: 'spillway checkout--r1--1 1 0 open' });
    await update({ FunctionVersion: '2' });
    expect(live().description).toBe('spillway checkout--r1--1 1 0 open');
    await update({ Description: '' });
    expect(live().description).toBe('');
  });

  test('refuses a description of more than 256 characters', async () => {
    const { update } = setUp();
    await update({ Description: 'x'.repeat(256) });
    await expect(update({ Description: 'x'.repeat(257) })).rejects.toMatchObject(
      refusal('ValidationException', 400),
    );
  });

  test('that does not exist is reported with function and alias', async () => {
    const { client, update } = setUp();
    const missing = refusal('ResourceNotFoundException', 404, /checkout:blue/);
    await expect(update({ Name: 'blue' })).rejects.toMatchObject(missing);
    await expect(client.send(new GetAliasCommand({ FunctionName: FN, Name: 'blue' }))).rejects.toMatchObject(
      missing,
    );
    const elsewhere = client.send(new GetAliasCommand({ FunctionName: 'other', Name: 'live' }));
    await expect(elsewhere).rejects.toMatchObject(
      refusal('ResourceNotFoundException', 404, /function:other/),
    );
  });

  test.each(['12', 'a b', 'a.b', 'x'.repeat(129)])('cannot be called "%s"', async (Name) => {
    const create = setUp().client.send(
      new CreateAliasCommand({ FunctionName: FN, Name, FunctionVersion: '1' }),
    );
    await expect(create).rejects.toMatchObject(refusal('ValidationException', 400));
  });

  test('is created once, listed page by page, and deleted as often as one likes', async () => {
    const { client } = setUp();
    const create = () =>
      client.send(
        new CreateAliasCommand({
          ...{ FunctionName: FN, Name: '2b', FunctionVersion: '1', Description: 'second' },
          RoutingConfig: { AdditionalVersionWeights: { '3': 0.25 } },
        }),
      );
    expect(await create()).toMatchObject({
      Name: '2b',
      RoutingConfig: { AdditionalVersionWeights: { '3': 0.25 } },
    });
    await expect(create()).rejects.toMatchObject(refusal('ResourceConflictException', 409));
    const first = await client.send(new ListAliasesCommand({ FunctionName: FN, MaxItems: 1 }));
    expect(first.Aliases).toMatchObject([{ Name: 'live' }]);
    const Marker = first.NextMarker ?? '';
    const second = await client.send(new ListAliasesCommand({ FunctionName: FN, MaxItems: 1, Marker }));
    expect(second.Aliases).toMatchObject([{ Name: '2b', Description: 'second' }]);
    expect(second.NextMarker).toBeUndefined();
    for (let times = 0; times < 2; times++)
      await client.send(new DeleteAliasCommand({ FunctionName: FN, Name: '2b' }));
    expect((await client.send(new ListAliasesCommand({ FunctionName: FN }))).Aliases).toHaveLength(1);
  });
});

describe('a version', () => {
  test('cannot be deleted while an alias refers to it, by primary or by weight', async () => {
    const { client, lambda, update, weigh } = setUp();
    const remove = (Qualifier: string) =>
      client.send(new DeleteFunctionCommand({ FunctionName: FN, Qualifier }));
    await weigh({ '2': 0.1 });
    await expect(remove('1')).rejects.toMatchObject(refusal('ResourceConflictException', 409, /live/));
    await expect(remove('2')).rejects.toMatchObject(refusal('ResourceConflictException', 409, /live/));
    await update({ RoutingConfig: {} });
    await remove('2');
    await expect(remove('2')).rejects.toMatchObject(refusal('ResourceNotFoundException', 404));
    await remove('3');
    expect(lambda.helpers.publish(FN)).toBe('4');
    await expect(remove('$LATEST')).rejects.toMatchObject(invalid());
    await expect(remove('live')).rejects.toMatchObject(invalid());
  });

  test('is the last one again where neither code nor configuration changed', async () => {
    const { client, lambda } = setUp();
    const publish = () => client.send(new PublishVersionCommand({ FunctionName: FN, Description: 'again' }));
    expect(await publish()).toMatchObject({ Version: '3', FunctionArn: `${ARN}:3`, Description: '' });
    lambda.helpers.configure(FN, { role: 'arn:aws:iam::123456789012:role/other' });
    expect(await publish()).toMatchObject({ Version: '4', Description: 'again' });
  });

  test('is published only of the code and the revision that were meant', async () => {
    const { client, lambda } = setUp();
    lambda.helpers.deployModel(FN, () => 'four');
    const { RevisionId, CodeSha256 } = await client.send(
      new GetFunctionConfigurationCommand({ FunctionName: FN }),
    );
    const publish = (guard: object) => client.send(new PublishVersionCommand({ FunctionName: FN, ...guard }));
    await expect(publish({ CodeSha256: 'other' })).rejects.toMatchObject(invalid(/CodeSHA256/));
    await expect(publish({ RevisionId: 'other' })).rejects.toMatchObject(
      refusal('PreconditionFailedException', 412),
    );
    const published = await publish({ RevisionId, CodeSha256 });
    expect(published).toMatchObject({ Version: '4', State: 'Active', CodeSha256 });
    expect(published.RevisionId).not.toBe(RevisionId);
    // Publishing has changed the revision of $LATEST as well.
    await expect(publish({ RevisionId })).rejects.toMatchObject(refusal('PreconditionFailedException', 412));
  });

  test('that is not active cannot be invoked', async () => {
    const { lambda, client, invoke } = setUp();
    lambda.helpers.setState(FN, '1', 'Pending');
    const { Configuration } = await client.send(new GetFunctionCommand({ FunctionName: FN, Qualifier: '1' }));
    expect(Configuration?.State).toBe('Pending');
    await expect(invoke()).rejects.toMatchObject(refusal('ResourceConflictException', 409, /Pending/));
    lambda.helpers.setState(FN, '1', 'Active');
    expect(await invoke()).toMatchObject({ StatusCode: 200 });
  });
});

describe('a function', () => {
  const create = (input: object = {}) =>
    new CreateFunctionCommand({
      ...{ FunctionName: 'new', Runtime: 'nodejs24.x', Role: 'arn:aws:iam::123456789012:role/new' },
      ...{ Handler: 'index.handler', Code: { ZipFile: zipOf('export const handler = () => 1;') } },
      ...input,
    });

  test('is created from a zip, once', async () => {
    const { client } = setUp();
    const zip = zipOf('export const handler = () => 1;');
    const answer = await client.send(create({ Tags: { team: 'a' }, Timeout: 7, Publish: true }));
    expect(answer).toMatchObject({
      Version: '1',
      Timeout: 7,
      MemorySize: 128,
      CodeSize: zip.length,
      State: 'Active',
    });
    expect(answer.CodeSha256).toBe(createHash('sha256').update(zip).digest('base64'));
    await expect(client.send(create())).rejects.toMatchObject(refusal('ResourceConflictException', 409));
  });

  test('refuses what is no zip, a field that is not simulated, and a time limit out of range', async () => {
    const { client } = setUp();
    await expect(client.send(create({ Code: { ZipFile: strToU8('no zip') } }))).rejects.toMatchObject(
      invalid(/unzip/),
    );
    await expect(client.send(create({ VpcConfig: { SubnetIds: [] } }))).rejects.toThrow(
      /VpcConfig.*not simulated/,
    );
    await expect(client.send(create({ Timeout: 901 }))).rejects.toMatchObject(
      refusal('ValidationException', 400),
    );
    await expect(client.send(create({ Runtime: 'python3.14' }))).rejects.toThrow(/not simulated/);
  });

  test('tells its tags, and takes more of them', async () => {
    const { client } = setUp();
    await client.send(new TagResourceCommand({ Resource: ARN, Tags: { team: 'a' } }));
    const Tags = { 'spillway:service': 'checkout', team: 'a' };
    expect((await client.send(new ListTagsCommand({ Resource: ARN }))).Tags).toEqual(Tags);
    expect((await client.send(new GetFunctionCommand({ FunctionName: FN }))).Tags).toEqual(Tags);
    const qualified = client.send(new ListTagsCommand({ Resource: `${ARN}:live` }));
    await expect(qualified).rejects.toMatchObject(invalid(/without a version or alias/));
  });

  test('is found by name, by ARN, and with the qualifier in the name', async () => {
    const { client } = setUp();
    const get = async (FunctionName: string, Qualifier?: string) =>
      (await client.send(new GetFunctionCommand({ FunctionName, Qualifier }))).Configuration;
    expect(await get(FN)).toMatchObject({ FunctionArn: ARN, Version: '$LATEST' });
    expect(await get(`${ARN}:live`)).toMatchObject({ FunctionArn: `${ARN}:live`, Version: '1' });
    expect(await get(`${FN}:2`)).toMatchObject({ FunctionArn: `${ARN}:2`, Version: '2' });
    await expect(get(`${FN}:2`, '3')).rejects.toMatchObject(invalid());
    await expect(get(ARN.replace('eu-central-1', 'eu-west-1'))).rejects.toMatchObject(
      refusal('ResourceNotFoundException', 404),
    );
  });

  test('takes new code from the bucket at the version that is pinned', async () => {
    const code = zipOf('export const handler = () => 2;');
    const asked: unknown[] = [];
    const fetchObject = (...where: unknown[]) => {
      asked.push(where);
      if (where[1] !== 'api.zip') throw new Error('NoSuchKey');
      return code;
    };
    const { client } = setUp({ fetchObject });
    const from = (S3Key: string) =>
      client.send(
        new UpdateFunctionCodeCommand({
          FunctionName: FN,
          S3Bucket: 'releases',
          S3Key,
          S3ObjectVersion: 'v1',
        }),
      );
    const { CodeSha256 } = await from('api.zip');
    expect(asked).toEqual([['releases', 'api.zip', 'v1']]);
    expect(CodeSha256).toBe(createHash('sha256').update(code).digest('base64'));
    const again = setUp({ fetchObject }).client.send(
      new UpdateFunctionCodeCommand({ FunctionName: FN, S3Bucket: 'releases', S3Key: 'gone.zip' }),
    );
    await expect(again).rejects.toMatchObject(invalid(/NoSuchKey/));
  });

  test('is busy while its code is updated, and has another revision afterwards', async () => {
    const { clock, client, invoke } = setUp();
    const latest = () => client.send(new GetFunctionConfigurationCommand({ FunctionName: FN }));
    const ZipFile = zipOf('export const handler = () => 2;');
    const publish = (RevisionId?: string) =>
      client.send(new PublishVersionCommand({ FunctionName: FN, RevisionId }));
    const stale = client.send(
      new UpdateFunctionCodeCommand({ FunctionName: FN, ZipFile, RevisionId: 'other' }),
    );
    await expect(stale).rejects.toMatchObject(refusal('PreconditionFailedException', 412));
    const updated = await client.send(new UpdateFunctionCodeCommand({ FunctionName: FN, ZipFile }));
    expect(updated).toMatchObject({ LastUpdateStatus: 'InProgress', Version: '$LATEST' });
    await expect(publish()).rejects.toMatchObject(refusal('ResourceConflictException', 409));
    await expect(
      client.send(new UpdateFunctionCodeCommand({ FunctionName: FN, ZipFile })),
    ).rejects.toMatchObject(refusal('ResourceConflictException', 409));
    // Until the update is through, $LATEST is the code from before.
    expect((await invoke({ Qualifier: '$LATEST' })).Payload?.transformToString()).toBe('"three"');
    await clock.advance(1_000);
    expect(await latest()).toMatchObject({ LastUpdateStatus: 'Successful', CodeSha256: updated.CodeSha256 });
    await expect(publish(updated.RevisionId)).rejects.toMatchObject(
      refusal('PreconditionFailedException', 412),
    );
    expect(await publish((await latest()).RevisionId)).toMatchObject({ Version: '4' });
  });

  test('is only checked by a dry run, and published in the same call where that is asked', async () => {
    const { client } = setUp();
    const ZipFile = zipOf('export const handler = () => 2;');
    const update = (more: object) =>
      client.send(new UpdateFunctionCodeCommand({ FunctionName: FN, ...more }));
    const before = await client.send(new GetFunctionConfigurationCommand({ FunctionName: FN }));
    await expect(update({ DryRun: true })).rejects.toMatchObject(invalid(/ZipFile or from S3Bucket/));
    await update({ ZipFile, DryRun: true });
    expect(await client.send(new GetFunctionConfigurationCommand({ FunctionName: FN }))).toMatchObject({
      ...{ CodeSha256: before.CodeSha256, RevisionId: before.RevisionId },
    });
    expect(await update({ ZipFile, Publish: true })).toMatchObject({ Version: '4', FunctionArn: `${ARN}:4` });
  });
});

describe('an invocation', () => {
  test('by alias draws the version for each request from the weights', async () => {
    const { invoke, weigh, invocations } = setUp();
    await weigh({ '2': 0.1 });
    const n = 20_000;
    let canary = 0;
    for (let request = 0; request < n; request++) {
      const { ExecutedVersion, Payload } = await invoke();
      expect(Payload?.transformToString()).toBe(ExecutedVersion === '2' ? '"two"' : '"one"');
      if (ExecutedVersion === '2') canary += 1;
    }
    const sigma = Math.sqrt(n * 0.1 * 0.9);
    expect(Math.abs(canary - n * 0.1)).toBeLessThan(4 * sigma);
    expect(invocations.filter(({ version }) => version === '2')).toHaveLength(canary);
    expect(new Set(invocations.map(({ alias }) => alias))).toEqual(new Set(['live']));
  });

  test('by version, by alias and without a qualifier runs what was asked for', async () => {
    const { lambda, client, invocations } = setUp();
    lambda.helpers.publish(FN, (event, { functionVersion, invokedFunctionArn }) => ({
      ...{ event, functionVersion, invokedFunctionArn },
    }));
    const seen = async (input: object) => {
      const { Payload } = await client.send(
        new InvokeCommand({ FunctionName: FN, Payload: '{"a":1}', ...input }),
      );
      return JSON.parse(Payload?.transformToString() ?? '');
    };
    const event = { a: 1 };
    const four = { event, functionVersion: '4', invokedFunctionArn: `${ARN}:4` };
    expect(await seen({ Qualifier: '4' })).toEqual(four);
    expect(await seen({})).toEqual({ event, functionVersion: '$LATEST', invokedFunctionArn: ARN });
    await client.send(new UpdateAliasCommand({ FunctionName: FN, Name: 'live', FunctionVersion: '4' }));
    expect(await seen({ Qualifier: 'live' })).toEqual({ ...four, invokedFunctionArn: `${ARN}:live` });
    expect(invocations.map(({ alias, version }) => [alias, version])).toEqual([
      [undefined, '4'],
      [undefined, '$LATEST'],
      ['live', '4'],
    ]);
  });

  test('that throws is a function error, with type, message and trace', async () => {
    const { lambda, client, invocations } = setUp();
    const Qualifier = lambda.helpers.publish(FN, (_event, context) => {
      context.log('about to fail');
      throw new RangeError('no stock');
    });
    const answer = await client.send(new InvokeCommand({ FunctionName: FN, Qualifier }));
    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled', ExecutedVersion: Qualifier });
    const payload = JSON.parse(answer.Payload?.transformToString() ?? '');
    expect(payload).toEqual({ errorType: 'RangeError', errorMessage: 'no stock', trace: expect.any(Array) });
    expect(payload.trace[0]).toBe('RangeError: no stock');
    expect(invocations).toMatchObject([{ error: true, throttled: false, logs: ['about to fail'] }]);
  });

  test('that is killed for its memory is a function error, which says so as AWS does', async () => {
    const { lambda, client } = setUp();
    const Qualifier = lambda.helpers.publish(FN, () => {
      throw new KilledForMemory();
    });
    const answer = await client.send(new InvokeCommand({ FunctionName: FN, Qualifier }));
    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
    expect(JSON.parse(answer.Payload?.transformToString() ?? '')).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringMatching(
        /^RequestId: \S+ Error: Runtime exited with error: signal: killed$/,
      ),
    });
  });

  test('that takes longer than the function may, ends at its limit on the clock of the world', async () => {
    const { clock, lambda, client, invocations } = setUp();
    const slow = (ms: number) => lambda.helpers.publish(FN, () => clock.sleep(ms));
    const invoke = (Qualifier: string) =>
      clock.run(client.send(new InvokeCommand({ FunctionName: FN, Qualifier })));
    const start = clock.now();
    const { FunctionError, Payload } = await invoke(slow(10_000));
    expect(FunctionError).toBe('Unhandled');
    expect(JSON.parse(Payload?.transformToString() ?? '')).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 3\.00 seconds$/),
    });
    expect(clock.now()).toBe(start + 3_000);
    expect(await invoke(slow(2_900))).not.toHaveProperty('FunctionError');
    expect(invocations).toMatchObject([
      { at: start, durationMs: 3_000, error: true },
      { at: start + 3_000, durationMs: 2_900, error: false },
    ]);
  });

  test('as a dry run runs nothing', async () => {
    const { invoke, invocations } = setUp();
    expect(await invoke({ InvocationType: 'DryRun' })).toMatchObject({ StatusCode: 204 });
    await expect(invoke({ InvocationType: 'Event' })).rejects.toThrow(/not simulated/);
    await expect(invoke({ InvocationType: 'DryRun', Qualifier: 'blue' })).rejects.toMatchObject(
      refusal('ResourceNotFoundException', 404, /checkout:blue/),
    );
    expect(invocations).toEqual([]);
  });

  test('refuses an event that is no JSON or too large', async () => {
    const { invoke } = setUp();
    await expect(invoke({ Payload: '{' })).rejects.toMatchObject(
      refusal('InvalidRequestContentException', 400),
    );
    const large = JSON.stringify('x'.repeat(6 * 1024 * 1024));
    await expect(invoke({ Payload: large })).rejects.toMatchObject(refusal('RequestTooLargeException', 413));
  });

  test('beyond the concurrency of the function is throttled, and counts as neither call nor error', async () => {
    const { clock, lambda, client, invocations } = setUp();
    const Qualifier = lambda.helpers.publish(FN, () => clock.sleep(100));
    lambda.helpers.limitConcurrency(FN, 1);
    const invoke = () => client.send(new InvokeCommand({ FunctionName: FN, Qualifier }));
    const first = invoke();
    await expect(invoke()).rejects.toMatchObject(refusal('TooManyRequestsException', 429));
    await clock.run(first);
    await clock.run(invoke());
    expect(invocations.map(({ throttled, error }) => [throttled, error])).toEqual([
      [true, false],
      [false, false],
      [false, false],
    ]);
  });

  test('of a version without code is refused, since its traffic is only counted', async () => {
    const { lambda, invoke } = setUp();
    const Qualifier = lambda.helpers.publishCounted(FN);
    expect(Qualifier).toBe('4');
    await expect(invoke({ Qualifier })).rejects.toThrow(/no code/);
  });
});

test('lines without a level are dropped where the log keeps only what is above INFO', async () => {
  const { lambda, invocations, invoke } = setUp();
  const said = async (logging: LoggingConfig) => {
    lambda.helpers.configure(FN, { logging });
    const version = lambda.helpers.publish(FN, (_event, { log }) => {
      log('{"Responses":1}');
      log('{"level":"error"}');
    });
    await invoke({ Qualifier: version });
    return invocations.at(-1)?.logs;
  };
  expect(await said({ LogFormat: 'JSON', ApplicationLogLevel: 'WARN' })).toEqual(['{"level":"error"}']);
  for (const logging of [{ LogFormat: 'JSON' }, { LogFormat: 'Text', ApplicationLogLevel: 'WARN' }] as const)
    expect(await said(logging)).toHaveLength(2);
});

describe('a policy', () => {
  const allow = { StatementId: 's', Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com' };

  test('is kept for the function and for each alias apart, and is not there before the first permission', async () => {
    const { client } = setUp();
    const read = (Qualifier?: string) => client.send(new GetPolicyCommand({ FunctionName: FN, Qualifier }));
    await expect(read()).rejects.toMatchObject(refusal('ResourceNotFoundException', 404));
    await client.send(new AddPermissionCommand({ FunctionName: FN, Qualifier: 'live', ...allow }));
    await expect(read()).rejects.toMatchObject(refusal('ResourceNotFoundException', 404));
    await client.send(new AddPermissionCommand({ FunctionName: FN, ...allow, SourceArn: 'arn:aws:s3:::b' }));
    expect(JSON.parse((await read()).Policy ?? '').Statement).toEqual([
      {
        ...{ Sid: 's', Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' } },
        ...{ Action: 'lambda:InvokeFunction', Resource: ARN },
        Condition: { ArnLike: { 'AWS:SourceArn': 'arn:aws:s3:::b' } },
      },
    ]);
    expect(JSON.parse((await read('live')).Policy ?? '').Statement[0].Resource).toBe(`${ARN}:live`);
  });

  test('takes a statement id once, and nothing for $LATEST by that name', async () => {
    const { client } = setUp();
    const add = (Qualifier?: string) =>
      client.send(new AddPermissionCommand({ FunctionName: FN, Qualifier, ...allow }));
    await add();
    await expect(add()).rejects.toMatchObject(refusal('ResourceConflictException', 409));
    await expect(add('$LATEST')).rejects.toMatchObject(
      invalid(/do not support adding policies for \$LATEST/),
    );
    await expect(add('nobody')).rejects.toMatchObject(refusal('ResourceNotFoundException', 404));
  });
});

describe('the control plane', () => {
  test('takes 15 calls a second, and GetFunction 100, and refuses more', async () => {
    const { clock, client, invoke } = setUp({ rateLimits: true });
    const alias = () => client.send(new GetAliasCommand({ FunctionName: FN, Name: 'live' }));
    const refused = { ...refusal('TooManyRequestsException', 429), Reason: 'CallerRateLimitExceeded' };
    for (let call = 0; call < 15; call++) await alias();
    await expect(alias()).rejects.toMatchObject(refused);
    for (let call = 0; call < 100; call++) await client.send(new GetFunctionCommand({ FunctionName: FN }));
    await expect(client.send(new GetFunctionCommand({ FunctionName: FN }))).rejects.toMatchObject(refused);
    for (let call = 0; call < 200; call++) await invoke();
    await clock.advance(200);
    for (let call = 0; call < 3; call++) await alias();
    await expect(alias()).rejects.toMatchObject(refused);
  });

  test('keeps a list of calls with how they ended', async () => {
    const { clock, lambda, weigh } = setUp();
    await weigh({ '2': 0.1 });
    await weigh({ '2': 2 }).catch(() => {});
    const at = clock.now();
    expect(lambda.calls).toEqual([
      { at, command: 'UpdateAliasCommand', ok: true },
      { at, command: 'UpdateAliasCommand', ok: false, error: 'ValidationException' },
    ]);
  });

  test('throws on a call or a field that is not simulated', async () => {
    const { client } = setUp();
    await expect(client.send(new GetAccountSettingsCommand({}))).rejects.toThrow(
      /GetAccountSettings.*not simulated/,
    );
    const filtered = client.send(new ListAliasesCommand({ FunctionName: FN, FunctionVersion: '1' }));
    await expect(filtered).rejects.toThrow(/ListAliasesCommand was sent with FunctionVersion/);
  });
});

describe('a simulated client', () => {
  test('takes half its latency before the effect and half after it', async () => {
    const { clock, lambda, live } = setUp();
    const client = new LambdaClient({ region: 'eu-central-1', cacheMiddleware: true });
    attach(client, lambda.operations, { clock, latencyMs: () => 100 });
    const start = clock.now();
    let answeredAt = 0;
    const sent = client
      .send(new UpdateAliasCommand({ FunctionName: FN, Name: 'live', FunctionVersion: '2' }))
      .then(() => (answeredAt = clock.now()));
    await clock.advance(49);
    expect(live().primary).toBe('1');
    await clock.advance(1);
    expect(live().primary).toBe('2');
    await clock.run(sent);
    expect(answeredAt).toBe(start + 100);
  });

  test('lets faults stand around a call: sent twice, and its answer lost', async () => {
    const { clock, lambda, live } = setUp();
    const client = new LambdaClient({ region: 'eu-central-1', cacheMiddleware: true });
    attach(client, lambda.operations, {
      clock,
      intercept: async (command, _input, call) => {
        await call();
        await call();
        throw new Error(`${command} timed out`);
      },
    });
    const sent = client.send(
      new UpdateAliasCommand({ FunctionName: FN, Name: 'live', FunctionVersion: '2' }),
    );
    await expect(sent).rejects.toThrow('UpdateAliasCommand timed out');
    expect(live().primary).toBe('2');
    expect(lambda.calls).toHaveLength(2);
  });

  test('shares nothing with the service that it asked', async () => {
    const { client, live, update } = setUp();
    const RoutingConfig = { AdditionalVersionWeights: { '2': 0.1 } };
    const answer = await update({ RoutingConfig });
    RoutingConfig.AdditionalVersionWeights['2'] = 0.9;
    if (answer.RoutingConfig?.AdditionalVersionWeights)
      answer.RoutingConfig.AdditionalVersionWeights['2'] = 0.9;
    expect(live().weights).toEqual({ '2': 10 });
    const { Tags } = await client.send(new ListTagsCommand({ Resource: ARN }));
    expect(Tags).toBeDefined();
    delete Tags?.['spillway:service'];
    expect((await client.send(new ListTagsCommand({ Resource: ARN }))).Tags).toHaveProperty(
      'spillway:service',
    );
  });

  test('says how the call went, as the SDK does', async () => {
    const { $metadata } = await setUp().update({});
    expect($metadata).toMatchObject({ httpStatusCode: 200, attempts: 1, totalRetryDelay: 0 });
    expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('chance', () => {
  test('repeats itself for the same seed, and its branches do not disturb each other', () => {
    const draws = (seed: number) => Array.from({ length: 5 }, seededRandom(seed).next);
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
    const root = seededRandom(1);
    const before = root.fork('traffic').next();
    root.next();
    expect(root.fork('traffic').next()).toBe(before);
    expect(root.fork('faults').next()).not.toBe(before);
  });

  test.each([0.5, 8, 99, 101, 4_000])('draws counts with the mean and the variance %d of Poisson', (mean) => {
    const random = seededRandom(3);
    expect(moments(20_000, () => random.poisson(mean))).toEqual(near(mean, mean, 20_000));
  });

  test.each([
    [20, 0.3],
    [1_000, 0.002],
    [100_000, 0.05],
    [500, 0.9],
    [1_000_000, 0.00005],
  ])('draws the successes of %d tries at %d with the mean and the variance of the binomial', (n, p) => {
    const random = seededRandom(4);
    expect(moments(20_000, () => random.binomial(n, p))).toEqual(near(n * p, n * p * (1 - p), 20_000));
  });

  test('keeps counts within what can be', () => {
    const random = seededRandom(5);
    expect([
      random.binomial(10, 0),
      random.binomial(10, 1),
      random.binomial(0, 0.5),
      random.poisson(0),
    ]).toEqual([...[0, 10, 0, 0]]);
    const faces = new Set(Array.from({ length: 200 }, () => random.int(6)));
    expect([...faces].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

function moments(draws: number, draw: () => number) {
  const values = Array.from({ length: draws }, draw);
  expect(values.every((value) => Number.isInteger(value) && value >= 0)).toBe(true);
  const mean = values.reduce((sum, value) => sum + value, 0) / draws;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (draws - 1) };
}

/** Four standard errors around the mean, and ten percent around the variance (its standard error is about one). */
function near(mean: number, variance: number, draws: number) {
  const within = (value: number, by: number) => ({
    asymmetricMatch: (got: number) => Math.abs(got - value) <= by,
    toString: () => `${value} +- ${by}`,
  });
  return { mean: within(mean, 4 * Math.sqrt(variance / draws)), variance: within(variance, variance * 0.1) };
}
