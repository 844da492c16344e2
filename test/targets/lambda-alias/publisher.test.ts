import {
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  PublishVersionCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Publishing, Target } from '../../../core/target.ts';
import { virtualClock } from '../../../local/clock.ts';
import { traitsOf } from '../../../targets/lambda-alias/kind.ts';
import { lambdaPublisher } from '../../../targets/lambda-alias/publisher.ts';
import { whatStands } from '../../../targets/lambda-alias/versions.ts';
import { FINAL, OF_ACCOUNT, PASSING } from '../../adapters/stub.ts';

const OTHER = FINAL.filter(([, { name }]) => name !== 'AccessDeniedException');

const client = new LambdaClient({ region: 'eu-west-1' });
const lambda = mockClient(client);
const clock = virtualClock();

const zip: Publishing = {
  from: 'zip',
  bucket: 'releases',
  key: 'releases/shop/r1/api.zip',
  versionId: 'v1',
  sha256: 'ours',
  revision: 'r1',
};
const target: Target = {
  name: 'api',
  kind: 'lambda-alias',
  key: 'aws:111122223333:eu-west-1:lambda-alias/shop/live',
  ref: { functionName: 'shop', alias: 'live' },
  stable: '1',
  canary: '',
  source: 'http',
  traits: traitsOf('http', { functionName: 'shop-Api', alias: 'live' }),
  publish: zip,
};
const downloaded: string[] = [];
const download: typeof fetch = async (url) => {
  downloaded.push(String(url));
  return new Response(Uint8Array.from([1, 2, 3]));
};
const publisher = lambdaPublisher(client, clock, download);
const publish = (change: Partial<Target> = {}) => clock.run(publisher.publish({ ...target, ...change }));
const latest = (CodeSha256: string, RevisionId: string, more: object = {}) => ({
  Configuration: { CodeSha256, RevisionId, LastUpdateStatus: 'Successful' as const, ...more },
});
const failure = (name: string, httpStatusCode = 400) =>
  Object.assign(new Error(`said ${name}`), { name, $metadata: { httpStatusCode } });
const inputs = (command: Parameters<typeof lambda.commandCalls>[0]) =>
  lambda.commandCalls(command).map(({ args }) => args[0].input);

beforeEach(() => {
  lambda.reset();
  downloaded.length = 0;
  lambda.on(GetFunctionConfigurationCommand).resolves({ State: 'Active' });
  lambda.on(PublishVersionCommand).resolves({ Version: '2' });
  lambda.on(UpdateFunctionCodeCommand).resolves({});
});

describe('publishing', () => {
  test('sends the object version over the revision of the opening, waits, and publishes what it reads then', async () => {
    lambda
      .on(GetFunctionCommand)
      .resolvesOnce(latest('before', 'r1'))
      .resolvesOnce(latest('ours', 'r2', { LastUpdateStatus: 'InProgress' }))
      .resolves(latest('ours', 'r3'));
    expect(await publish()).toEqual({ version: '2' });
    expect(inputs(UpdateFunctionCodeCommand)).toEqual([
      {
        FunctionName: 'shop',
        S3Bucket: 'releases',
        S3Key: 'releases/shop/r1/api.zip',
        S3ObjectVersion: 'v1',
        RevisionId: 'r1',
      },
    ]);
    expect(inputs(PublishVersionCommand)).toEqual([{ FunctionName: 'shop', RevisionId: 'r3' }]);
    expect(inputs(GetFunctionConfigurationCommand)).toEqual([{ FunctionName: 'shop', Qualifier: '2' }]);
  });

  test('of an image names it by its digest, and tells it by its digest', async () => {
    const uri = `registry/shop@sha256:${'b'.repeat(64)}`;
    lambda
      .on(GetFunctionCommand)
      .resolvesOnce({ ...latest('x', 'r1'), Code: { ImageUri: 'registry/shop:tag' } })
      .resolves({ ...latest('y', 'r2'), Code: { ResolvedImageUri: uri } });
    expect(await publish({ publish: { from: 'image', uri, revision: 'r1' } })).toEqual({ version: '2' });
    expect(inputs(UpdateFunctionCodeCommand)).toEqual([
      { FunctionName: 'shop', ImageUri: uri, RevisionId: 'r1' },
    ]);
    expect(inputs(PublishVersionCommand)).toMatchObject([{ RevisionId: 'r2' }]);
  });

  test('does not send code that is there already', async () => {
    lambda.on(GetFunctionCommand).resolves(latest('ours', 'r9'));
    expect(await publish()).toEqual({ version: '2' });
    expect(inputs(UpdateFunctionCodeCommand)).toEqual([]);
  });

  test('sends nothing over code that is neither from before nor its own', async () => {
    lambda.on(GetFunctionCommand).resolves(latest('theirs', 'r9'));
    // The release may come again, so it is not to blame.
    await expect(publish()).rejects.toMatchObject({
      code: 'AccountRefused',
      message: expect.stringMatching(/^Somebody else changed \$LATEST of shop/),
    });
    expect(inputs(UpdateFunctionCodeCommand)).toEqual([]);
  });

  test('goes on after a permission changed the revision alone, and sends nothing over a variable that somebody changed too', async () => {
    const was = whatStands({ configuration: latest('before', 'r1').Configuration, code: {}, tags: {} });
    expect(was).toBeDefined();
    const ours = { publish: { ...zip, was } } as Partial<Target>;
    const theirs = latest('before', 'r9', { Environment: { Variables: { FLAG: 'theirs' } } });
    lambda.on(GetFunctionCommand).resolvesOnce(latest('before', 'r9')).resolves(latest('ours', 'r10'));
    expect(await publish(ours)).toEqual({ version: '2' });
    expect(inputs(UpdateFunctionCodeCommand)).toMatchObject([{ RevisionId: 'r9' }]);
    lambda.on(GetFunctionCommand).resolves(theirs);
    await expect(publish(ours)).rejects.toMatchObject({ code: 'AccountRefused' });
    expect(inputs(UpdateFunctionCodeCommand)).toHaveLength(1);
  });

  test.each(['PreconditionFailedException', 'ResourceConflictException'])(
    'looks again where Lambda says %s',
    async (name) => {
      lambda.on(GetFunctionCommand).resolves(latest('ours', 'r9'));
      lambda.on(PublishVersionCommand).rejectsOnce(failure(name, 409)).resolves({ Version: '2' });
      expect(await publish()).toEqual({ version: '2' });
      expect(inputs(PublishVersionCommand)).toHaveLength(2);
    },
  );

  test('refuses with the words of Lambda what will be the same the next time', async () => {
    lambda.on(GetFunctionCommand).resolves(latest('before', 'r1'));
    lambda.on(UpdateFunctionCodeCommand).rejects(failure('InvalidParameterValueException'));
    await expect(publish()).rejects.toMatchObject({
      code: 'TargetInvalid',
      message:
        'Lambda refused the code of shop: said InvalidParameterValueException (InvalidParameterValueException).',
    });
  });

  test('does not blame a release for a function that somebody deleted', async () => {
    lambda.on(GetFunctionCommand).resolves(latest('before', 'r1'));
    lambda.on(UpdateFunctionCodeCommand).rejects(failure('ResourceNotFoundException', 404));
    await expect(publish()).rejects.toMatchObject({
      code: 'AccountRefused',
      message: expect.stringMatching(/^Function shop does not exist any more/),
    });
  });

  test('refuses where the update itself failed, with its reason', async () => {
    const failed = { LastUpdateStatus: 'Failed', LastUpdateStatusReason: 'the image is gone' };
    lambda.on(GetFunctionCommand).resolves(latest('ours', 'r2', failed));
    await expect(publish()).rejects.toThrow(/could not take the code of shop \(the image is gone\)/);
    lambda.on(GetFunctionCommand).resolves(latest('before', 'r2', failed));
    await expect(publish()).rejects.toThrow(/its last update failed: the image is gone/);
  });

  test('says pending after six seconds, whatever is not through', async () => {
    const began = clock.now();
    lambda.on(GetFunctionCommand).resolves(latest('ours', 'r2', { LastUpdateStatus: 'InProgress' }));
    expect(await publish()).toBe('pending');
    expect(clock.now() - began).toBe(6_000);
    lambda.on(GetFunctionConfigurationCommand).resolves({ State: 'Pending' });
    expect(await publish({ canary: '2', publish: { from: 'await' } })).toBe('pending');
    expect(clock.now() - began).toBe(12_000);
  });

  test.each(PASSING)('is Unavailable where AWS cannot be asked just now: %s', async (_what, error) => {
    lambda.on(GetFunctionCommand).resolves(latest('before', 'r1'));
    lambda.on(UpdateFunctionCodeCommand).rejects(error);
    await expect(publish()).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test.each(OF_ACCOUNT)('blames the account and not the release: %s', async (_what, error) => {
    lambda.on(GetFunctionCommand).resolves(latest('before', 'r1'));
    lambda.on(UpdateFunctionCodeCommand).rejects(error);
    await expect(publish()).rejects.toMatchObject({ code: 'AccountRefused' });
    lambda.on(GetFunctionCommand).rejects(error);
    await expect(publish()).rejects.toMatchObject({ code: 'AccountRefused' });
  });

  test.each([
    ['EniLimitExceeded', 'AccountRefused'],
    ['KMSKeyAccessDenied', 'AccountRefused'],
    ['SubnetOutOfIPAddresses', 'AccountRefused'],
    ['InternalError', 'AccountRefused'],
    ['FunctionError.RuntimeInitError', 'TargetInvalid'],
    ['InvalidImage', 'TargetInvalid'],
  ])('of a version that failed tells whose fault it is by the code: %s', async (code, said) => {
    lambda.on(GetFunctionCommand).resolves(
      latest('ours', 'r2', {
        LastUpdateStatus: 'Failed',
        LastUpdateStatusReason: 'it failed',
        LastUpdateStatusReasonCode: code as 'InternalError',
      }),
    );
    await expect(publish()).rejects.toMatchObject({ code: said });
  });

  test.each(OTHER)('lets go on untouched what nobody expected: %s', async (_what, error) => {
    lambda.on(GetFunctionCommand).resolves(latest('before', 'r1'));
    lambda.on(UpdateFunctionCodeCommand).rejects(error);
    await expect(publish()).rejects.toBe(error);
  });
});

describe('restoring', () => {
  const restore = (change: Partial<Target> = {}) =>
    clock.run(publisher.restore({ ...target, canary: '2', publish: undefined, ...change }));
  const stable = (more: object = {}) => ({
    Configuration: { CodeSha256: 'before', CodeSize: 3, ...more },
    Code: { Location: 'https://code/1' },
  });
  beforeEach(() => {
    lambda.on(GetFunctionCommand).resolves(latest('ours', 'r5'));
    lambda.on(GetFunctionCommand, { FunctionName: 'shop', Qualifier: '2' }).resolves(latest('ours', 'x'));
    lambda.on(GetFunctionCommand, { FunctionName: 'shop', Qualifier: '1' }).resolves(stable());
  });

  test('sends the code of stable over the revision that was read', async () => {
    await restore();
    expect(downloaded).toEqual(['https://code/1']);
    expect(inputs(UpdateFunctionCodeCommand)).toEqual([
      { FunctionName: 'shop', ZipFile: Uint8Array.from([1, 2, 3]), RevisionId: 'r5' },
    ]);
  });

  test('never sends a download that failed as the code of stable', async () => {
    const refused: typeof fetch = async () =>
      new Response('<Error>Request has expired</Error>', { status: 403 });
    const to = { ...target, canary: '2', publish: undefined };
    await clock.run(lambdaPublisher(client, clock, refused).restore(to));
    expect(inputs(UpdateFunctionCodeCommand)).toEqual([]);
  });

  test('ends only once Lambda has taken the code, so that what comes next finds it there', async () => {
    let reads = 0;
    lambda.on(GetFunctionCommand, { FunctionName: 'shop' }).callsFake(() => {
      reads += 1;
      const isUnderWay = reads > 1 && reads < 4;
      return latest('ours', 'r5', isUnderWay ? { LastUpdateStatus: 'InProgress' } : {});
    });
    lambda.on(GetFunctionCommand, { FunctionName: 'shop', Qualifier: '2' }).resolves(latest('ours', 'x'));
    lambda.on(GetFunctionCommand, { FunctionName: 'shop', Qualifier: '1' }).resolves(stable());
    await restore();
    expect(inputs(UpdateFunctionCodeCommand)).toHaveLength(1);
    expect(reads).toBe(4);
  });

  test('knows what was about to be published by its artifact', async () => {
    await restore({ canary: '', publish: zip });
    expect(inputs(UpdateFunctionCodeCommand)).toHaveLength(1);
    await restore({ canary: '', publish: { ...zip, sha256: 'another' } });
    expect(inputs(UpdateFunctionCodeCommand)).toHaveLength(1);
  });

  test('sends an image by the name that Lambda resolved it to', async () => {
    lambda
      .on(GetFunctionCommand, { FunctionName: 'shop', Qualifier: '1' })
      .resolves({ ...stable(), Code: { ResolvedImageUri: 'registry/shop@sha256:a' } });
    await restore();
    expect(inputs(UpdateFunctionCodeCommand)).toMatchObject([{ ImageUri: 'registry/shop@sha256:a' }]);
  });

  test.each([
    ['somebody else has changed the code', latest('theirs', 'r5'), stable()],
    [
      'the code of stable is larger than one call can carry',
      latest('ours', 'r5'),
      stable({ CodeSize: 50 * 1024 * 1024 + 1 }),
    ],
  ])('leaves $LATEST as it is where %s', async (_what, now, then) => {
    lambda.on(GetFunctionCommand, { FunctionName: 'shop' }).resolves(now);
    lambda.on(GetFunctionCommand, { FunctionName: 'shop', Qualifier: '2' }).resolves(latest('ours', 'x'));
    lambda.on(GetFunctionCommand, { FunctionName: 'shop', Qualifier: '1' }).resolves(then);
    await restore();
    expect(inputs(UpdateFunctionCodeCommand)).toEqual([]);
  });
});
