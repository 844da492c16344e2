import {
  type AddPermissionCommandInput,
  GetAliasCommand,
  GetFunctionCommand,
  GetPolicyCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionUrlConfigsCommand,
  ListProvisionedConcurrencyConfigsCommand,
} from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { describe, expect, test } from 'vitest';
import type { TargetRequest } from '../../../core/ports.ts';
import { virtualClock } from '../../../local/clock.ts';
import { seededRandom } from '../../../local/random.ts';
import { attach, awsError, type Operations } from '../../../local/sdk.ts';
import { SimulatedLambda } from '../../../local/services/lambda.ts';
import { resolveLambda } from '../../../targets/lambda-alias/resolve.ts';

const FN = 'orders';
const SHA = `${'A'.repeat(43)}=`;
const ZIP = { zip: { key: 'releases/shop/r1/api.zip', versionId: 'v1', sha256: SHA } };
const QUEUE = 'arn:aws:sqs:eu-west-1:111122223333:incoming';
const STREAM = 'arn:aws:kinesis:eu-west-1:111122223333:stream/clicks';
const FREE = { 'spillway:service': 'shop', 'spillway:mode': 'zip' };

/** A function at version 1 behind `live`, with a version 2. */
function stage(tags: Record<string, string> = FREE) {
  const clock = virtualClock();
  const lambda = new SimulatedLambda({
    clock,
    random: seededRandom(1),
    region: 'eu-west-1',
    account: '111122223333',
  });
  const client = new LambdaClient({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  attach(client, lambda.operations as Operations, { clock });
  const { helpers } = lambda;
  helpers.createFunction({ name: FN, tags, timeout: 9 });
  helpers.createAlias(FN, 'live', helpers.publishCounted(FN));
  helpers.publishCounted(FN);
  const resolve = (change: Partial<TargetRequest> = {}, spec: Record<string, string> = {}) =>
    clock.run(
      resolveLambda(client, clock, {
        name: 'api',
        service: 'shop',
        artifact: { version: '2' },
        bucket: 'releases',
        ...change,
        spec: { lambda: FN, alias: 'live', source: 'http', ...spec },
      }),
    );
  return { clock, lambda, helpers, resolve };
}

/** Adds a permission to call the function. */
function permissionsOn({ operations }: SimulatedLambda) {
  return (permission: Partial<AddPermissionCommandInput>) =>
    operations.AddPermissionCommand({
      ...{ FunctionName: FN, StatementId: 'call', Action: 'lambda:InvokeFunction', Principal: undefined },
      ...permission,
    });
}

test('a target is one of its partition, account and region, and an answer without an ARN names none', async () => {
  const { lambda, resolve } = stage();
  const ask = lambda.operations.GetAliasCommand;
  const named = (AliasArn?: string) => {
    lambda.operations.GetAliasCommand = (async (input: Parameters<typeof ask>[0]) => ({
      ...(await ask(input)),
      AliasArn,
    })) as unknown as typeof ask;
    return resolve();
  };
  const { target } = await named('arn:aws-cn:lambda:cn-north-1:444455556666:function:orders:live');
  expect(target.key).toBe('aws-cn:444455556666:cn-north-1:lambda-alias/orders/live');
  for (const arn of [undefined, 'arn:aws:lambda:eu-west-1:111122223333:function:orders'])
    await expect(named(arn)).rejects.toMatchObject({ code: 'TargetInvalid' });
});

describe('a version', () => {
  test('that is Active is the canary, with the time limit of its requests', async () => {
    const { helpers, resolve } = stage();
    expect(await resolve()).toEqual({
      target: {
        name: 'api',
        kind: 'lambda-alias',
        key: 'aws:111122223333:eu-west-1:lambda-alias/orders/live',
        ref: { functionName: FN, alias: 'live' },
        stable: '1',
        canary: '2',
        source: 'http',
        traits: {
          ...{ burst: 1, isSticky: false, counts: ['answers'], limits: {} },
          noun: 'alias live of orders',
          metricName: 'orders',
        },
        revision: helpers.routing(FN, 'live').revisionId,
      },
      digest: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      config: expect.stringMatching(/^[0-9a-f]{16}$/),
      timeoutSeconds: 9,
      notices: [],
    });
  });

  test('that is Pending is taken, and waited for', async () => {
    const { helpers, resolve } = stage();
    helpers.setState(FN, '2', 'Pending');
    expect((await resolve()).target).toMatchObject({ canary: '2', publish: { from: 'await' } });
  });

  test('that failed is refused with the reason', async () => {
    const { helpers, resolve } = stage();
    helpers.setState(FN, '2', 'Failed');
    await expect(resolve()).rejects.toThrow('targets.api: version 2 of orders is Failed; publish one that');
  });

  test.each([
    ['Active', '1', []],
    [
      'Inactive',
      '1',
      [
        'version 1 of api is Inactive: requests to it fail until Lambda has prepared it again, which begins with the first of them',
      ],
    ],
    ...(['Failed', 'Deleting', 'Deactivated', 'ActiveNonInvocable'] as const).map(
      (state) => [state, undefined, []] as const,
    ),
  ] as const)(
    'that completed here last is where a failed check leads back to, or not: %s',
    async (state, before, notices) => {
      const { helpers, lambda, clock, resolve } = stage();
      helpers.setState(FN, '1', state);
      const moved = { FunctionName: FN, Name: 'live', FunctionVersion: '2' };
      await clock.run(Promise.resolve(lambda.operations.UpdateAliasCommand(moved)));
      const found = await resolve({ completed: '1' });
      expect([found.before, found.notices]).toEqual([before, notices]);
    },
  );

  test.each([
    ['execution role', { role: 'arn:aws:iam::111122223333:role/other' }],
    ['dead-letter queue', { deadLetterArn: QUEUE }],
  ])('or code with another %s than stable is refused', async (what, change) => {
    const { helpers, resolve } = stage();
    helpers.configure(FN, change);
    const version = helpers.publishCounted(FN);
    await expect(resolve({ artifact: { version } })).rejects.toThrow(`differ in their ${what}`);
    await expect(resolve({ artifact: ZIP })).rejects.toThrow(`differ in their ${what}`);
  });

  test('that is durable is refused, as canary, as stable and as what a zip would be put on', async () => {
    const { helpers, resolve } = stage();
    helpers.configure(FN, { durable: { ExecutionTimeout: 3600, RetentionPeriodInDays: 14 } });
    await expect(resolve({ artifact: ZIP })).rejects.toThrow('targets.api: $LATEST of orders is durable');
    const version = helpers.publishCounted(FN);
    await expect(resolve({ artifact: { version } })).rejects.toThrow(
      /^targets\.api: version 3 of orders is durable \(DurableConfig\), .* no revert reaches .*; deploy it by other means/,
    );
    helpers.createAlias(FN, 'durable', version);
    await expect(resolve({}, { alias: 'durable' })).rejects.toThrow('version 3 of orders is durable');
  });
});

describe('a zip', () => {
  test('is published from its object, over what $LATEST holds now', async () => {
    const { lambda, resolve } = stage();
    const { RevisionId } = await lambda.operations.GetFunctionConfigurationCommand({ FunctionName: FN });
    expect((await resolve({ artifact: ZIP })).target).toMatchObject({
      stable: '1',
      canary: '',
      publish: { from: 'zip', bucket: 'releases', ...ZIP.zip, revision: RevisionId },
    });
  });

  test('that stable runs already is its canary too', async () => {
    const { lambda, resolve } = stage();
    const { CodeSha256 = '' } = await lambda.operations.GetFunctionConfigurationCommand({
      FunctionName: FN,
      Qualifier: '1',
    });
    const { target } = await resolve({ artifact: { zip: { ...ZIP.zip, sha256: CodeSha256 } } });
    expect(target).toMatchObject({ stable: '1', canary: '1' });
    expect(target.publish).toBeUndefined();
  });

  test.each([
    ['without its owner’s word', { 'spillway:service': 'shop' }, /no tag where spillway:mode=zip is needed/],
    [
      'whose owner said something else',
      { ...FREE, 'spillway:mode': 'image' },
      /carries the tag spillway:mode=image where/,
    ],
    [
      'of CloudFormation',
      { ...FREE, 'aws:cloudformation:stack-name': 'shop' },
      /stack-name=shop\), which would put its own code back/,
    ],
    ['of SST', { ...FREE, 'sst:app': 'shop' }, /infrastructure tool \(sst:app=shop\)/],
    [
      'of another service',
      { ...FREE, 'spillway:service': 'other' },
      /spillway:service=other, where spillway:service=shop/,
    ],
  ])('is refused for a function %s', async (_what, tags, says) => {
    await expect(stage(tags).resolve({ artifact: ZIP })).rejects.toThrow(says);
  });

  test('is refused where an event source or a URL runs $LATEST, and both are named', async () => {
    const { helpers, resolve } = stage();
    helpers.bindEventSource(FN, QUEUE);
    helpers.createUrl(FN);
    await expect(resolve({ artifact: ZIP })).rejects.toThrow(
      'targets.api: $LATEST of orders is in use by queue incoming, function URL https://orders-latest.lambda-url.eu-west-1.on.aws/, and would serve',
    );
  });

  test('is refused where the policy of the function lets anybody call $LATEST, and each is named', async () => {
    const { lambda, resolve } = stage();
    const allow = permissionsOn(lambda);
    await allow({ StatementId: 'uploads', Principal: 's3.amazonaws.com', SourceArn: 'arn:aws:s3:::uploads' });
    await allow({ StatementId: 'partner', Principal: '444455556666', Action: 'lambda:*' });
    await expect(resolve({ artifact: ZIP })).rejects.toThrow(
      'targets.api: $LATEST of orders is in use by s3.amazonaws.com for arn:aws:s3:::uploads (permission uploads), arn:aws:iam::444455556666:root (permission partner), and would serve the new code before any step; bind them to the alias, and move their permissions there',
    );
    expect((await resolve()).target.canary).toBe('2');
  });

  test('is taken where the policy lets them call the alias, read, or come through a URL that is not there', async () => {
    const { lambda, resolve } = stage();
    const allow = permissionsOn(lambda);
    await allow({ Qualifier: 'live', Principal: 'apigateway.amazonaws.com' });
    await allow({ StatementId: 'read', Principal: '444455556666', Action: 'lambda:GetFunction' });
    await allow({ StatementId: 'url', Principal: '*', InvokedViaFunctionUrl: true });
    expect((await resolve({ artifact: ZIP })).target.canary).toBe('');
  });

  test('is taken where they are bound to the alias, or switched off', async () => {
    const { helpers, resolve } = stage();
    helpers.bindEventSource(FN, QUEUE, 'live');
    helpers.bindEventSource(FN, STREAM, undefined, false);
    helpers.createUrl(FN, 'live');
    expect((await resolve({ artifact: ZIP })).target.canary).toBe('');
  });

  test('waits for an update that is just ending, and takes the revision after it', async () => {
    const { clock, lambda, helpers, resolve } = stage();
    const { operations } = lambda;
    helpers.publish(FN, () => 1);
    const { zipSync } = await import('fflate');
    await operations.UpdateFunctionCodeCommand({
      FunctionName: FN,
      ZipFile: zipSync({ a: new Uint8Array(1) }),
    });
    const { target } = await resolve({ artifact: ZIP });
    const { RevisionId } = await operations.GetFunctionConfigurationCommand({ FunctionName: FN });
    expect(clock.now()).toBeGreaterThan(0);
    expect(target.publish).toMatchObject({ revision: RevisionId });
  });

  test('is refused for a function whose code is an image', async () => {
    const { helpers, resolve } = stage();
    helpers.publishImage(FN, `registry.example.com/shop@sha256:${'a'.repeat(64)}`);
    await expect(resolve({ artifact: ZIP })).rejects.toThrow(/package type Image, .* release an image/);
  });
});

describe('counts that are printed', () => {
  const WARN = { LogFormat: 'JSON', ApplicationLogLevel: 'WARN' } as const;

  test('are said to be dropped where a version logs only what is above INFO', async () => {
    const { clock, helpers, resolve } = stage();
    expect((await resolve()).uncounted).toBeUndefined();
    helpers.configure(FN, { logging: WARN });
    expect((await resolve({ artifact: ZIP })).uncounted).toBe('$LATEST logs only WARN and above');
    const version = helpers.publishCounted(FN);
    expect((await resolve({ artifact: { version } })).uncounted).toBe('version 3 logs only WARN and above');
    // Lambda takes 15 control calls a second.
    await clock.advance(1000);
    helpers.createAlias(FN, 'quiet', version);
    helpers.configure(FN, { logging: { ...WARN, ApplicationLogLevel: 'FATAL' } });
    const both = await resolve({ artifact: { version: helpers.publishCounted(FN) } }, { alias: 'quiet' });
    expect(both.uncounted).toBe('version 3 logs only WARN and above, version 4 logs only FATAL');
  });

  test.each([
    [{ LogFormat: 'JSON' }],
    [{ LogFormat: 'JSON', ApplicationLogLevel: 'DEBUG' }],
    [{ LogFormat: 'Text' }],
  ] as const)('are kept with %j', async (logging) => {
    const { helpers, resolve } = stage();
    helpers.configure(FN, { logging });
    const version = helpers.publishCounted(FN);
    expect((await resolve({ artifact: { version } })).uncounted).toBeUndefined();
  });
});

describe('what a canary is made of', () => {
  const IMAGE = `registry.example.com/shop@sha256:${'a'.repeat(64)}`;

  test('is the same for a zip and for the version that was published from it', async () => {
    const { lambda, resolve } = stage();
    const { CodeSha256 = '' } = await lambda.operations.GetFunctionConfigurationCommand({
      ...{ FunctionName: FN, Qualifier: '2' },
    });
    expect((await resolve()).digest).toBe(CodeSha256);
    expect((await resolve({ artifact: { zip: { ...ZIP.zip, sha256: CodeSha256 } } })).digest).toBe(
      CodeSha256,
    );
  });

  test('is the same for an image, wherever it is pulled from, and for its version', async () => {
    const { helpers, resolve } = stage({ ...FREE, 'spillway:mode': 'image' });
    const version = helpers.publishImage(FN, IMAGE);
    const elsewhere = IMAGE.replace('registry', 'other');
    expect((await resolve({ artifact: { version } })).digest).toBe(`sha256:${'a'.repeat(64)}`);
    expect((await resolve({ artifact: { image: elsewhere } })).digest).toBe(`sha256:${'a'.repeat(64)}`);
  });
});

describe('the queues of a target', () => {
  const fed = { source: 'sqs', queue: 'incoming' };

  test('are refused where their numbers cannot be read, for the queue is of another account', async () => {
    const { helpers, resolve } = stage();
    helpers.bindEventSource(FN, QUEUE.replace('111122223333', '999999999999'), 'live');
    await expect(resolve({}, fed)).rejects.toThrow(
      'targets.api.queue: queue incoming belongs to another account, whose metrics cannot be read here; take it and limits.oldestMessage out',
    );
    expect((await resolve({}, { source: 'sqs' })).target.ref.queue).toBeUndefined();
  });

  test('are told of where the dead letters of events go elsewhere than the file says', async () => {
    const { clock, helpers, resolve } = stage();
    const notices = async (dlq?: string) => {
      // Lambda takes 15 control calls a second.
      await clock.advance(1000);
      return (await resolve({}, { source: 'async', ...(dlq === undefined ? {} : { dlq }) })).notices;
    };
    expect(await notices()).toEqual([]);
    expect(await notices('lost')).toEqual([
      'targets.api.dlq: lost is not the dead-letter queue of the function (it has none), so it must be its destination on failure',
    ]);
    helpers.configure(FN, { deadLetterArn: QUEUE });
    helpers.createAlias(FN, 'both', helpers.publishCounted(FN));
    const version = helpers.publishCounted(FN);
    const both = { artifact: { version } };
    const at = async (dlq: string) => {
      await clock.advance(1000);
      return resolve(both, { source: 'async', alias: 'both', dlq });
    };
    expect((await at('incoming')).notices).toEqual([]);
    expect((await at('lost')).notices).toEqual([expect.stringContaining(`(${QUEUE})`)]);
  });
});

describe('an event source', () => {
  test('that does not call the alias is named, and is no refusal for a target that others call', async () => {
    const { helpers, resolve } = stage();
    helpers.bindEventSource(FN, QUEUE);
    helpers.bindEventSource(FN, STREAM, '1');
    helpers.bindEventSource(FN, `${QUEUE}-2`, 'live');
    expect((await resolve()).notices).toEqual([
      'queue incoming calls $LATEST of orders, not alias live: it is no part of this rollout',
      'event source stream/clicks calls 1 of orders, not alias live: it is no part of this rollout',
    ]);
  });

  test.each([
    [
      'sqs',
      'no queue calls alias live of orders (queue incoming calls $LATEST, event source stream/clicks calls 1)',
    ],
    [
      'stream',
      'no stream calls alias live of orders (queue incoming calls $LATEST, event source stream/clicks calls 1)',
    ],
  ])('must call the alias where the source is %s', async (source, says) => {
    const { helpers, resolve } = stage();
    helpers.bindEventSource(FN, QUEUE);
    helpers.bindEventSource(FN, STREAM, '1');
    await expect(resolve({}, { source })).rejects.toThrow(`targets.api: ${says}; bind`);
  });

  test('of the other kind does not feed a target', async () => {
    const { helpers, resolve } = stage();
    helpers.bindEventSource(FN, STREAM, 'live');
    await expect(resolve({}, { source: 'sqs' })).rejects.toThrow('no queue calls alias live');
    expect((await resolve({}, { source: 'stream' })).target.source).toBe('stream');
  });

  test('must be the queue that is named; its name and that of its dead letters are kept', async () => {
    const { helpers, resolve } = stage();
    helpers.bindEventSource(FN, QUEUE, 'live');
    await expect(resolve({}, { source: 'sqs', queue: 'other' })).rejects.toThrow(
      'targets.api: queue other does not call alias live of orders;',
    );
    const { target } = await resolve({}, { source: 'sqs', queue: 'incoming', dlq: 'dead' });
    expect(target.ref).toEqual({ functionName: FN, alias: 'live', queue: 'incoming', dlq: 'dead' });
    expect(target.source).toBe('sqs');
  });

  test('that is switched off feeds nothing', async () => {
    const { helpers, resolve } = stage();
    helpers.bindEventSource(FN, QUEUE, 'live', false);
    await expect(resolve({}, { source: 'sqs' })).rejects.toThrow('no queue calls alias live');
  });
});

describe('over several pages', () => {
  const client = new LambdaClient({ region: 'eu-west-1' });
  const arn = `arn:aws:lambda:eu-west-1:111122223333:function:${FN}`;

  test('event sources and URLs are found on the last one, also where the bare name finds no alias', async () => {
    const mock = mockClient(client);
    mock.on(GetFunctionCommand).resolves({ Configuration: { RevisionId: 'r' }, Tags: FREE });
    mock.on(GetAliasCommand).resolves({
      FunctionVersion: '1',
      AliasArn: `arn:aws:lambda:eu-west-1:111122223333:function:${FN}:live`,
    });
    mock.on(ListProvisionedConcurrencyConfigsCommand).resolves({});
    mock.on(ListEventSourceMappingsCommand).resolves({});
    mock.on(ListEventSourceMappingsCommand, { FunctionName: `${FN}:live` }).resolves({ NextMarker: 'm' });
    mock
      .on(ListEventSourceMappingsCommand, { FunctionName: `${FN}:live`, Marker: 'm' })
      .resolves({ EventSourceMappings: [{ UUID: 'u', EventSourceArn: QUEUE, FunctionArn: `${arn}:live` }] });
    mock.on(ListFunctionUrlConfigsCommand).resolves({ FunctionUrlConfigs: [], NextMarker: 'm' });
    mock
      .on(ListFunctionUrlConfigsCommand, { FunctionName: FN, Marker: 'm' })
      .resolves({ FunctionUrlConfigs: [{ FunctionUrl: 'https://u', FunctionArn: arn } as never] });
    mock.on(GetPolicyCommand).resolves({
      Policy: JSON.stringify({
        Statement: {
          ...{ Sid: 'rule', Effect: 'Allow', Principal: { Service: ['events.amazonaws.com'] } },
          ...{ Action: ['lambda:GetFunction', 'lambda:InvokeFunction'], Resource: [arn] },
          Condition: { ArnLike: { 'aws:SourceArn': ['arn:aws:events:eu-west-1:111122223333:rule/nightly'] } },
        },
      }),
    });
    const request = {
      name: 'api',
      service: 'shop',
      bucket: 'b',
      spec: { lambda: FN, alias: 'live', source: 'sqs' },
    };
    const resolve = (artifact: TargetRequest['artifact']) =>
      resolveLambda(client, virtualClock(), { ...request, artifact });
    expect((await resolve({ version: '2' })).notices).toEqual([]);
    await expect(resolve(ZIP)).rejects.toThrow(
      'in use by function URL https://u, events.amazonaws.com for arn:aws:events:eu-west-1:111122223333:rule/nightly (permission rule), and',
    );
  });
});

test('a function that IAM hides for want of the tag is refused with the fix, and not an error for ever', async () => {
  const mocked = mockClient(LambdaClient);
  mocked.on(GetFunctionCommand).rejects(awsError('AccessDeniedException', 'not authorized', 403));
  const client = new LambdaClient({ region: 'eu-west-1' });
  const request = {
    name: 'api',
    service: 'shop',
    artifact: { version: '2' },
    bucket: 'releases',
    spec: { lambda: FN, alias: 'live', source: 'http' },
  };
  const clock = virtualClock();
  await expect(clock.run(resolveLambda(client, clock, request))).rejects.toMatchObject({
    code: 'TargetInvalid',
    message: expect.stringMatching(/let its owner tag it spillway:service=shop; AWS answered so for 9 s\.$/),
  });
  mocked.restore();
});

test.each([
  ['IAM does not allow to be seen yet', GetFunctionCommand, 'AccessDeniedException', 403],
  ['Lambda does not show yet', GetFunctionCommand, 'ResourceNotFoundException', 404],
  ['Lambda shows without its alias yet', GetAliasCommand, 'ResourceNotFoundException', 404],
])(
  'a function that %s is asked for again before a release is refused for good',
  async (_, command, name, status) => {
    const { clock, lambda, helpers } = stage();
    helpers.publishCounted(FN);
    const client = new LambdaClient({ region: 'eu-west-1', cacheMiddleware: true });
    let refusals = 0;
    attach(client, lambda.operations as Operations, {
      clock,
      intercept: async (asked, _input, call) => {
        if (asked === command.name && clock.now() < 6_000 + startedAt) {
          refusals += 1;
          throw awsError(name, 'not yet', status);
        }
        return call();
      },
    });
    const startedAt = clock.now();
    const request: TargetRequest = {
      ...{ name: 'api', service: 'shop', bucket: 'releases', artifact: { version: '2' } },
      spec: { lambda: FN, alias: 'live', source: 'http' },
    };
    expect((await clock.run(resolveLambda(client, clock, request))).target.canary).toBe('2');
    expect(refusals).toBe(4);
  },
);

describe('a function behind a site', () => {
  const behind = { behind: 'web' };

  test('has an alias for visitors of the release, at its version, and moves by itself if nothing leads it', async () => {
    const { helpers, resolve } = stage();
    helpers.createAlias(FN, 'candidate', '2');
    const { target, alone } = await resolve({}, behind);
    expect(target).toMatchObject({
      ref: { functionName: FN, alias: 'live', behind: 'web', candidate: 'candidate' },
      traits: { follows: 'web', isSticky: true },
    });
    expect(alone?.ref).toEqual({ functionName: FN, alias: 'live' });
    expect(alone?.traits).not.toHaveProperty('follows');
    helpers.createAlias(FN, 'next', '2');
    expect((await resolve({}, { ...behind, candidate: 'next' })).target.ref.candidate).toBe('next');
  });

  test('without a site in front of it has no such thing', async () => {
    const found = await stage().resolve();
    expect(found).not.toHaveProperty('alone');
    expect(found.target.ref).toEqual({ functionName: FN, alias: 'live' });
  });

  test.each<[string, string | undefined, Partial<TargetRequest>, RegExp]>([
    ['has no such alias', undefined, {}, /function orders has no alias candidate/],
    [
      'has it at another version',
      '1',
      {},
      /alias candidate of orders, which visitors of the release call, points at version 1, and the release has version 2; point it at 2/,
    ],
    [
      'is still to be published',
      '2',
      { artifact: ZIP },
      /must be published before; release a version of orders/,
    ],
  ])('is refused if it %s', async (_, version, change, says) => {
    const { helpers, resolve } = stage();
    if (version !== undefined) helpers.createAlias(FN, 'candidate', version);
    await expect(resolve(change, behind)).rejects.toThrow(says);
  });
});
