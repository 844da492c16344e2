import {
  GetAliasCommand,
  GetFunctionCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  ListProvisionedConcurrencyConfigsCommand,
  PreconditionFailedException,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { traitsOf } from '../../../targets/lambda-alias/kind.ts';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Clock, Raise } from '../../../core/ports.ts';
import { tokenText } from '../../../core/rollout/fencing-token.ts';
import type { Target } from '../../../core/target.ts';
import { lambdaAlias } from '../../../targets/lambda-alias/router.ts';
import { clockAt, FINAL, OF_ACCOUNT, PASSING, refusal, stubbed } from '../../adapters/stub.ts';
import { EMPTY } from '../../empty.ts';

const busy = () =>
  Object.assign(new Error('An update is in progress'), {
    name: 'ResourceConflictException',
    $metadata: { httpStatusCode: 409 },
  });

const OTHER = FINAL.filter(([, { name }]) => name !== 'AccessDeniedException');

const client = new LambdaClient({ region: 'eu-west-1' });
const lambda = mockClient(client);
const router = lambdaAlias(client, clockAt(1000));

const target: Target = {
  name: 'api',
  kind: 'lambda-alias',
  key: 'aws:111122223333:eu-west-1:lambda-alias/checkout/live',
  ref: { functionName: 'checkout', alias: 'live' },
  stable: '7',
  canary: '8',
  source: 'http',
  traits: traitsOf('http', { functionName: 'checkout', alias: 'live' }),
};
const BY = { rolloutId: 'checkout--r1--1', epoch: 1 };
const token = (seq: number, open = true) => ({ ...BY, seq, open });
const raise = (changes: Partial<Raise> = {}): Raise => ({
  expect: token(1),
  write: token(2),
  from: 10,
  weight: 29,
  expiresAt: 2000,
  ...changes,
});
const alias = (Description: string, share = 0.1, FunctionVersion = '7') => ({
  AliasArn: 'arn:aws:lambda:eu-west-1:111122223333:function:checkout:live',
  FunctionVersion,
  Description,
  RevisionId: 'revision-1',
  ...(share > 0 ? { RoutingConfig: { AdditionalVersionWeights: { '8': share } } } : {}),
});
const request = {
  name: 'api',
  service: 'checkout',
  spec: { lambda: 'checkout', alias: 'live' },
  artifact: { version: '8' },
  bucket: 'releases',
};

beforeEach(() => {
  lambda.reset();
  lambda.on(ListEventSourceMappingsCommand).resolves({});
});

describe('what is sent', () => {
  test('a raise names the alias, both versions, the share from 0 to 1, the token and the revision that was read', async () => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).resolves({});
    await router.raise(target, raise());
    expect(lambda).toHaveReceivedCommandOnce(GetAliasCommand);
    expect(lambda.commandCalls(GetAliasCommand)[0]?.args[0].input).toEqual({
      FunctionName: 'checkout',
      Name: 'live',
    });
    expect(lambda.commandCalls(UpdateAliasCommand).map(({ args }) => args[0].input)).toEqual([
      {
        FunctionName: 'checkout',
        Name: 'live',
        FunctionVersion: '7',
        RoutingConfig: { AdditionalVersionWeights: { '8': 0.29 } },
        Description: 'spillway checkout--r1--1 1 2 open',
        RevisionId: 'revision-1',
      },
    ]);
  });

  test('a promotion empties the weights by sending an empty map: left out, the old ones would stay', async () => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).resolves({});
    await router.raise(target, raise({ weight: 100 }));
    expect(lambda).toHaveReceivedCommandWith(UpdateAliasCommand, {
      FunctionVersion: '8',
      RoutingConfig: { AdditionalVersionWeights: {} },
    });
  });

  test('a revert sends the frozen version, no weights, the closed token and the revision that was read', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(2)), 0, '8'))
      .resolves({ ...alias(tokenText(token(3, false)), 0), RevisionId: 'revision-2' });
    lambda.on(UpdateAliasCommand).resolves({});
    expect(await router.revert(target, BY)).toEqual({
      name: 'api',
      primary: '7',
      changed: true,
      drifted: false,
    });
    expect(lambda.commandCalls(UpdateAliasCommand).map(({ args }) => args[0].input)).toEqual([
      {
        FunctionName: 'checkout',
        Name: 'live',
        FunctionVersion: '7',
        RoutingConfig: { AdditionalVersionWeights: {} },
        Description: 'spillway checkout--r1--1 1 3 closed',
        RevisionId: 'revision-1',
      },
    ]);
  });

  test('looking a target up asks for both versions, the alias, its provisioned concurrency and the event sources, and for nothing else', async () => {
    lambda.on(GetFunctionCommand).resolves({
      Configuration: { Version: '8', Timeout: 29, Role: 'role', State: 'Active' },
      Tags: { 'spillway:service': 'checkout' },
    });
    lambda.on(GetAliasCommand).resolves({ ...alias('the team’s own words', 0), RevisionId: 'r' });
    lambda.on(ListProvisionedConcurrencyConfigsCommand).resolves({ ProvisionedConcurrencyConfigs: [] });
    const found = await router.resolve(request);
    expect(found).toEqual({
      ...{ target: { ...target, revision: 'r' }, timeoutSeconds: 29, notices: [] },
      config: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(lambda.calls().map(({ args }) => args[0].input)).toEqual([
      { FunctionName: 'checkout', Qualifier: '8' },
      { FunctionName: 'checkout', Name: 'live' },
      { FunctionName: 'checkout' },
      { FunctionName: 'checkout', Qualifier: '7' },
      { FunctionName: 'checkout' },
      { FunctionName: 'checkout:live' },
    ]);
  });
});

describe('a raise whose answer is an error', () => {
  test.each(PASSING)('is settled by reading the token: %s', async (_what, error) => {
    for (const [standing, result] of [
      [token(1), 'fenced'],
      [token(2), 'raised'],
      [token(2, false), 'fenced'],
    ] as const) {
      lambda.reset();
      lambda
        .on(GetAliasCommand)
        .resolvesOnce(alias(tokenText(token(1))))
        .resolves(alias(tokenText(standing)));
      lambda.on(UpdateAliasCommand).rejects(error);
      expect(await router.raise(target, raise())).toMatchObject({ result });
      expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 1);
    }
  });

  test.each(PASSING)('is Unavailable where the token cannot be read either: %s', async (_what, error) => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(1))))
      .rejects(error);
    lambda.on(UpdateAliasCommand).rejects(error);
    await expect(router.raise(target, raise())).rejects.toMatchObject({ code: 'Unavailable' });
    expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 1);
  });

  test.each(OTHER)('goes on untouched where AWS refused it for good: %s', async (_what, error) => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).rejects(error);
    await expect(router.raise(target, raise())).rejects.toBe(error);
  });

  test.each([['another change of the function', busy()], ...OF_ACCOUNT])(
    'is put off with its reason where the release is not to blame: %s',
    async (_what, error) => {
      lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
      lambda.on(UpdateAliasCommand).rejects(error);
      expect(await router.raise(target, raise())).toMatchObject({
        result: 'fenced',
        why: expect.stringContaining(error.name),
      });
      expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 1);
    },
  );
});

describe('a write that AWS does not take for long', () => {
  test.each(['revert', 'closeFence'] as const)(
    'because of another change: a %s is to come again',
    async (write) => {
      lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
      lambda.on(UpdateAliasCommand).rejects(busy());
      await expect(router[write](target, BY)).rejects.toMatchObject({
        code: 'Unavailable',
        message: expect.stringMatching(/another change of the function is in progress/),
      });
    },
  );

  test.each(OF_ACCOUNT)('because of the account is refused in words: %s', async (_what, error) => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).rejects(error);
    await expect(router.closeFence(target, BY)).rejects.toMatchObject({ code: 'AccountRefused' });
  });
});

describe('a revert whose answer is an error', () => {
  test.each(OF_ACCOUNT)(
    'has come to its end if another invocation made it meanwhile: %s',
    async (_, error) => {
      lambda
        .on(GetAliasCommand)
        .resolvesOnce(alias(tokenText(token(2))))
        .resolves(alias(tokenText(token(3, false)), 0));
      lambda.on(UpdateAliasCommand).rejects(error);
      expect(await router.revert(target, BY)).toMatchObject({ primary: '7', changed: false });
      expect(lambda.commandCalls(UpdateAliasCommand)).toHaveLength(1);
    },
  );

  test('because another operation is in progress is made again', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(2))))
      .resolvesOnce(alias(tokenText(token(2))))
      .resolves(alias(tokenText(token(3, false)), 0));
    lambda.on(UpdateAliasCommand).rejectsOnce(busy()).resolves({});
    expect(await router.revert(target, BY)).toMatchObject({ primary: '7', changed: true });
    expect(lambda.commandCalls(UpdateAliasCommand)).toHaveLength(2);
  });

  test('that AWS refuses for good keeps what an earlier one of no known end may have replaced', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(2))))
      .resolvesOnce(alias(tokenText(token(2))))
      .resolves(alias(tokenText(token(3, false)), 0));
    lambda.on(UpdateAliasCommand).rejectsOnce(busy()).rejects(OF_ACCOUNT[0]?.[1]);
    expect(await router.revert(target, BY)).toMatchObject({ primary: '7', changed: true });
    expect(lambda.commandCalls(UpdateAliasCommand)).toHaveLength(2);
  });

  test.each(PASSING)('is written again: %s', async (_what, error) => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(1))))
      .resolvesOnce(alias(tokenText(token(1))))
      .resolves(alias(tokenText(token(2, false)), 0));
    lambda
      .on(UpdateAliasCommand)
      .rejectsOnce(error)
      .resolves(alias(tokenText(token(2, false)), 0));
    expect(await router.revert(target, BY)).toMatchObject({ primary: '7', changed: true });
    expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 2);
  });

  test.each(OTHER)('goes on untouched where AWS refused it for good: %s', async (_what, error) => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).rejects(error);
    await expect(router.revert(target, BY)).rejects.toBe(error);
    expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 1);
  });
});

describe('a revert', () => {
  const none = Object.assign(new Error('Function not found'), {
    name: 'ResourceNotFoundException',
    $metadata: { httpStatusCode: 404 },
  });

  test('says that stable is gone only if the canary serves in its place', async () => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1)), 0.1, '9'));
    lambda.on(UpdateAliasCommand).rejects(none);
    const found = await router.revert(target, BY);
    expect(found).toMatchObject({ primary: '9', drifted: true });
    expect(found).not.toHaveProperty('isStableGone');
  });

  test('whose write was refused has changed nothing, if somebody else took the canary out', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(1))))
      .resolves(alias(tokenText(token(2, false)), 0));
    lambda
      .on(UpdateAliasCommand)
      .rejects(new PreconditionFailedException({ message: 'no', $metadata: { httpStatusCode: 412 } }));
    expect(await router.revert(target, BY)).toMatchObject({ primary: '7', changed: false });
    expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 1);
  });

  test('looks again if another rollout seems to have the alias, since that read may be late', async () => {
    const theirs = tokenText({ ...token(5, false), rolloutId: 'checkout--r0--1' });
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(theirs, 0))
      .resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).resolves(alias(tokenText(token(2, false)), 0));
    expect(await router.revert(target, BY)).toMatchObject({ primary: '7', changed: true });
  });

  test('leaves the alias to another rollout that has it in every look', async () => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText({ ...token(5), rolloutId: 'checkout--r2--1' }), 0.1));
    expect(await router.revert(target, BY)).toMatchObject({ changed: false });
    expect(lambda).not.toHaveReceivedCommand(UpdateAliasCommand);
    expect(lambda.commandCalls(GetAliasCommand).length).toBeGreaterThan(1);
  });
});

describe('a revert counts its calls', () => {
  test('a read and a write, whose answer is the read-back', async () => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).resolves(alias(tokenText(token(2, false)), 0));
    expect(await router.revert(target, BY)).toMatchObject({ primary: '7', changed: true });
    expect(lambda).toHaveReceivedCommandTimes(GetAliasCommand, 1);
    expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 1);
  });

  test('an answer that shows the canary still is no end', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(1))))
      .resolves(alias(tokenText(token(2, false)), 0));
    lambda
      .on(UpdateAliasCommand)
      .resolvesOnce(alias(tokenText(token(1))))
      .resolves(alias(tokenText(token(2, false)), 0));
    expect(await router.revert(target, BY)).toMatchObject({ primary: '7', changed: true });
    expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 2);
  });

  test('a write that is throttled is made again without another read, and is Unavailable within the time of its function', async () => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).rejects(refusalOf('TooManyRequestsException', 429));
    let time = 1000;
    const clock: Clock = {
      now: () => time,
      sleep: async (ms) => {
        time += ms;
      },
    };
    await expect(lambdaAlias(client, clock).revert(target, BY)).rejects.toMatchObject({
      code: 'Unavailable',
    });
    expect(lambda).toHaveReceivedCommandTimes(GetAliasCommand, 1);
    expect(lambda.commandCalls(UpdateAliasCommand).length).toBeGreaterThan(9);
    expect(time).toBeLessThanOrEqual(8_000);
  });
});

describe('an alias that is gone', () => {
  const gone = Object.assign(new Error('Cannot find alias'), {
    name: 'ResourceNotFoundException',
    $metadata: { httpStatusCode: 404 },
  });
  const NOBODY = { name: 'api', primary: 'none', changed: false, drifted: true };

  test('serves nobody, so a revert leaves it as somebody else’s doing', async () => {
    lambda.on(GetAliasCommand).rejects(gone);
    expect(await router.revert(target, BY)).toEqual(NOBODY);
    expect(lambda).not.toHaveReceivedCommand(UpdateAliasCommand);
  });

  test('between the read and the write of a revert is the same', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(1))))
      .rejects(gone);
    lambda.on(UpdateAliasCommand).rejects(gone);
    expect(await router.revert(target, BY)).toEqual(NOBODY);
  });

  test('is not what a revert says whose version is gone: the alias is there, and serves the canary', async () => {
    const promoted = { ...alias(tokenText(token(1))), FunctionVersion: '8', RoutingConfig: undefined };
    lambda.on(GetAliasCommand).resolves(promoted);
    lambda.on(UpdateAliasCommand).rejects(gone);
    expect(await router.revert(target, BY)).toEqual({
      ...{ name: 'api', primary: '8', changed: false, drifted: false },
      isStableGone: true,
    });
    expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 1);
  });

  test('is not what a raise says whose version is gone', async () => {
    lambda.on(GetAliasCommand).resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).rejects(gone);
    expect(await router.raise(target, raise())).toEqual({
      result: 'gone',
      why: expect.stringMatching(/^version 8 of api does not exist any more.*publish the code again/),
    });
  });

  test('is neither raised nor sealed, and is read as one that serves nobody', async () => {
    lambda.on(GetAliasCommand).rejects(gone);
    const observed = { primary: 'none', weights: {}, token: undefined };
    expect(await router.observe(target)).toEqual(observed);
    expect(await router.raise(target, raise())).toMatchObject({ result: 'fenced', observed });
    expect(await router.closeFence(target, BY)).toEqual(observed);
    expect(lambda).not.toHaveReceivedCommand(UpdateAliasCommand);
  });

  test('between the read and the write of a raise is not a version that is gone', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(1))))
      .rejects(gone);
    lambda.on(UpdateAliasCommand).rejects(gone);
    expect(await router.raise(target, raise())).toMatchObject({
      ...{ result: 'fenced', observed: { primary: 'none' } },
    });
  });
});

describe('an alias that somebody deletes and makes again while it is written', () => {
  const gone = Object.assign(new Error('Cannot find alias'), { name: 'ResourceNotFoundException' });
  const anew = (version: string) => ({ ...alias(''), FunctionVersion: version, RevisionId: 'rev-9' });

  test('is reverted all the same: its version need not be gone', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce({ ...alias(tokenText(token(1))), FunctionVersion: '8', RoutingConfig: undefined })
      .resolves({ ...anew('8'), RoutingConfig: undefined });
    lambda
      .on(UpdateAliasCommand)
      .rejectsOnce(gone)
      .resolves(alias(tokenText(token(2, false)), 0));
    lambda.on(GetFunctionCommand).resolves({ Tags: { 'spillway:service': 'checkout' } });
    expect(await router.revert(target, BY)).toEqual({
      ...{ name: 'api', primary: '7', changed: true, drifted: false },
    });
  });

  test('is not raised, which is no word about the version either', async () => {
    lambda
      .on(GetAliasCommand)
      .resolvesOnce(alias(tokenText(token(1))))
      .resolves(anew('7'));
    lambda.on(UpdateAliasCommand).rejects(gone);
    expect(await router.raise(target, raise())).toMatchObject({ result: 'fenced' });
  });
});

describe('a read that is throttled', () => {
  test('is made again before a revert gives up, and a raise is still written once', async () => {
    const throttle = refusalOf('TooManyRequestsException', 429);
    lambda
      .on(GetAliasCommand)
      .rejectsOnce(throttle)
      .rejectsOnce(throttle)
      .resolves(alias(tokenText(token(1))));
    lambda.on(UpdateAliasCommand).resolves({});
    expect(await router.raise(target, raise())).toEqual({ result: 'raised' });
    expect(lambda).toHaveReceivedCommandTimes(GetAliasCommand, 3);
    expect(lambda).toHaveReceivedCommandTimes(UpdateAliasCommand, 1);
  });

  test('is Unavailable after seven tries', async () => {
    lambda.on(GetAliasCommand).rejects(refusalOf('TooManyRequestsException', 429));
    await expect(router.observe(target)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(lambda).toHaveReceivedCommandTimes(GetAliasCommand, 7);
  });

  test('is made no more often than there is time for', async () => {
    lambda.on(GetAliasCommand).rejects(refusalOf('TooManyRequestsException', 429));
    await expect(router.observe(target, 1000)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(lambda).toHaveReceivedCommandTimes(GetAliasCommand, 1);
  });
});

const refusalOf = (name: string, httpStatusCode: number) =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });

describe('a version to go back to', () => {
  test.each<[string | undefined, string]>([
    ...[undefined, 'Active', 'Pending'].map((state): [string | undefined, string] => [state, 'usable']),
    ['Inactive', 'inactive'],
    ['Deleting', 'gone'],
    ...['Failed', 'Deactivating', 'Deactivated', 'ActiveNonInvocable', 'NotYetKnown'].map(
      (state): [string | undefined, string] => [state, 'failed'],
    ),
  ])('that is %s is %s', async (State, state) => {
    lambda.on(GetFunctionCommand).resolves({ Configuration: { State: State as never } });
    expect(await router.has(target, '7')).toBe(state);
  });
});

describe('looking a target up', () => {
  test.each(PASSING)('is no refusal where AWS cannot be asked just now: %s', async (_what, error) => {
    lambda.on(GetFunctionCommand).rejects(error);
    await expect(router.resolve(request)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  // What IAM hides is refused, since nobody can tell it from what is not there.
  test.each(OTHER)('goes on untouched where AWS refused it for good: %s', async (_what, error) => {
    lambda.on(GetFunctionCommand).rejects(error);
    await expect(router.resolve(request)).rejects.toBe(error);
  });

  test('names what Lambda says of a version that failed', async () => {
    lambda.on(GetFunctionCommand).resolves({
      Configuration: { Version: '8', State: 'Failed', StateReason: 'the image is gone' },
      Tags: { 'spillway:service': 'checkout' },
    });
    lambda.on(GetAliasCommand).resolves(alias('', 0));
    lambda.on(ListProvisionedConcurrencyConfigsCommand).resolves({});
    await expect(router.resolve(request)).rejects.toThrow(/is Failed \(the image is gone\)/);
  });

  test('takes three seconds for a time limit that Lambda does not tell', async () => {
    lambda.on(GetFunctionCommand).resolves({ Configuration: {}, Tags: { 'spillway:service': 'checkout' } });
    lambda.on(GetAliasCommand).resolves(alias('', 0));
    lambda.on(ListProvisionedConcurrencyConfigsCommand).resolves({});
    expect((await router.resolve(request)).timeoutSeconds).toBe(3);
  });

  test('does not take the provisioned concurrency of another alias for that of this one', async () => {
    lambda.on(GetFunctionCommand).resolves({ Configuration: {}, Tags: { 'spillway:service': 'checkout' } });
    lambda.on(GetAliasCommand).resolves(alias('', 0));
    lambda.on(ListProvisionedConcurrencyConfigsCommand).resolves({
      ProvisionedConcurrencyConfigs: [
        { FunctionArn: 'arn:aws:lambda:eu-west-1:1:function:checkout:not-live' },
      ],
    });
    expect((await router.resolve(request)).target).toEqual({ ...target, revision: 'revision-1' });
  });
});

describe('over the wire', () => {
  const standing = JSON.stringify(alias(tokenText(token(1))));

  test('a raise is one PUT whose share is a number', async () => {
    const { config, sent } = stubbed({ body: standing }, { body: '{}' });
    await lambdaAlias(new LambdaClient(config), clockAt(1000)).raise(target, raise({ weight: 7 }));
    expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /2015-03-31/functions/checkout/aliases/live',
      'PUT /2015-03-31/functions/checkout/aliases/live',
    ]);
    expect(sent[1]?.body).toEqual({
      FunctionVersion: '7',
      RoutingConfig: { AdditionalVersionWeights: { '8': 0.07 } },
      Description: 'spillway checkout--r1--1 1 2 open',
      RevisionId: 'revision-1',
    });
  });

  test('an empty map of weights is sent as an empty map', async () => {
    const { config, sent } = stubbed({ body: standing }, { body: '{}' });
    await lambdaAlias(new LambdaClient(config), clockAt(1000)).raise(target, raise({ weight: 100 }));
    expect(sent[1]?.body).toMatchObject({ RoutingConfig: { AdditionalVersionWeights: EMPTY } });
  });

  test('a 412 comes back as PreconditionFailedException, and fences', async () => {
    const stale = refusal(412, 'PreconditionFailedException');
    const client = new LambdaClient(stubbed(stale).config);
    const update = client.send(new UpdateAliasCommand({ FunctionName: 'checkout', Name: 'live' }));
    await expect(update).rejects.toBeInstanceOf(PreconditionFailedException);
    const { config, sent } = stubbed({ body: standing }, stale, { body: standing });
    const raising = lambdaAlias(new LambdaClient(config), clockAt(1000)).raise(target, raise());
    expect(await raising).toMatchObject({
      result: 'fenced',
      why: expect.stringContaining('PreconditionFailedException'),
    });
    expect(sent.map(({ method }) => method)).toEqual(['GET', 'PUT', 'GET']);
  });

  test('what is not there comes back as a refusal with the field and the fix', async () => {
    const gone = refusal(404, 'ResourceNotFoundException');
    const { config } = stubbed(gone, ...Array.from({ length: 7 }, () => gone));
    await expect(lambdaAlias(new LambdaClient(config), clockAt(0)).resolve(request)).rejects.toThrow(
      /^targets\.api: there is no function checkout/,
    );
  });
});
