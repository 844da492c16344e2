import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import type { Target } from '../../../core/target.ts';
import { virtualClock } from '../../../local/clock.ts';
import { seededRandom } from '../../../local/random.ts';
import { attach, type Operations } from '../../../local/sdk.ts';
import { SimulatedLambda } from '../../../local/services/lambda.ts';
import { traitsOf } from '../../../targets/lambda-alias/kind.ts';
import { describedBy, descriptionOf } from '../../../targets/lambda-alias/led.ts';
import { lambdaMetrics } from '../../../targets/lambda-alias/metrics.ts';
import { lambdaAlias } from '../../../targets/lambda-alias/router.ts';
import { EMPTY } from '../../empty.ts';

const BY = { rolloutId: 'shop--r1--1', epoch: 1 };
const token = (seq: number, open = true) => ({ ...BY, seq, open });
const ref = { functionName: 'orders', alias: 'live', behind: 'web', candidate: 'candidate' };
const target: Target = {
  ...{ name: 'api', kind: 'lambda-alias', key: 'aws:111122223333:eu-west-1:lambda-alias/orders/live', ref },
  ...{ stable: '1', canary: '2', source: 'http', traits: traitsOf('http', ref) },
};

function stage() {
  const clock = virtualClock();
  const place = { clock, region: 'eu-west-1', account: '111122223333' };
  const lambda = new SimulatedLambda({ ...place, random: seededRandom(1) });
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = new LambdaClient({ region: 'eu-west-1', credentials });
  attach(client, lambda.operations as Operations, { clock });
  const { helpers, operations } = lambda;
  helpers.createFunction({ name: 'orders', tags: { 'spillway:service': 'shop' } });
  helpers.createAlias('orders', 'live', helpers.publishCounted('orders'));
  helpers.publishCounted('orders');
  const router = lambdaAlias(client, clock);
  const run = <T>(promise: Promise<T>) => clock.run(promise);
  return {
    real: () => helpers.routing('orders', 'live'),
    write: (Description: string) =>
      operations.UpdateAliasCommand({ FunctionName: 'orders', Name: 'live', Description }),
    observe: () => run(router.observe(target)),
    claim: () => run(router.claim(target, token(0))),
    raise: (from: number, weight: number, seq: number) =>
      run(
        router.raise(target, {
          ...{ expect: token(seq - 1), write: token(seq), from, weight },
          expiresAt: clock.now() + 10_000,
        }),
      ),
    revert: () => run(router.revert(target, { ...BY, seq: 9 } as never)),
  };
}

describe('an alias behind a site', () => {
  test('has no weights of its own, and carries those of its callers after the token', async () => {
    const { real, observe, claim, raise } = stage();
    await claim();
    expect(await raise(0, 12.5, 1)).toEqual({ result: 'raised' });
    expect(real()).toMatchObject({ primary: '1', weights: EMPTY });
    expect(await observe()).toEqual({ primary: '1', weights: { 2: 12.5 }, token: token(1) });
    expect(await raise(12.5, 50, 2)).toEqual({ result: 'raised' });
    expect(await observe()).toMatchObject({ weights: { 2: 50 } });
    expect(await raise(50, 100, 3)).toEqual({ result: 'raised' });
    expect(real()).toMatchObject({ primary: '2', weights: EMPTY });
    expect(await observe()).toEqual({ primary: '2', weights: {}, token: token(3) });
  });

  test('is fenced as any other', async () => {
    const { claim, raise, observe, revert } = stage();
    await claim();
    await raise(0, 50, 1);
    await revert();
    expect(await observe()).toMatchObject({ primary: '1', weights: EMPTY, token: { open: false } });
    expect(await raise(50, 100, 2)).toMatchObject({ result: 'fenced' });
  });

  test('that somebody else describes leads nobody any more', async () => {
    const { claim, raise, observe, write } = stage();
    await claim();
    await raise(0, 50, 1);
    await write('the team’s own words');
    expect(await observe()).toEqual({ primary: '1', weights: {}, token: undefined });
  });

  test('has the counts of the release under the alias that its visitors call', () => {
    const alias = (version?: string) => lambdaMetrics.dimensionsOf(target, version)[1]?.Value;
    expect([alias('2'), alias('1'), alias()]).toEqual(['orders:candidate', 'orders:live', 'orders:live']);
    const alone = { ...target, ref: { functionName: 'orders', alias: 'live' } };
    expect(lambdaMetrics.dimensionsOf(alone, '2')[1]?.Value).toBe('orders:live');
  });

  test('is called by visitors, each of whom may fail more than once', () => {
    expect(traitsOf('http', ref)).toMatchObject({ burst: 10, isSticky: true, follows: 'web' });
  });
});

describe('the Description of an alias', () => {
  test('says what was written, within the 256 characters that Lambda takes', () => {
    const longest = {
      ...{
        rolloutId: 'x'.repeat(60),
        epoch: 999_999_999,
        seq: 999_999_999,
        open: false,
        by: 'y'.repeat(100),
      },
    };
    const text = descriptionOf(longest, { [`${10 ** 15}`]: 12.34 });
    expect(text.length).toBeLessThanOrEqual(256);
    expect(describedBy(text)).toEqual({ token: longest, led: { [`${10 ** 15}`]: 12.34 } });
    expect(describedBy(descriptionOf(token(1), undefined))).toEqual({ token: token(1), led: {} });
  });

  test.each([undefined, '', 'led 2 50', 'the team led 2 50', 'spillway shop--r1--1 1 1 open led two 50'])(
    'of somebody else is nobody’s token: %s',
    (text) => {
      expect(describedBy(text).token).toBeUndefined();
    },
  );

  test('of a person who is called so is a name', () => {
    const by = { ...token(1, false), by: 'who led 2 50' };
    expect(describedBy(descriptionOf(by, {})).token).toMatchObject(token(1, false));
  });
});
