import { GetAliasCommand, TagResourceCommand, UpdateAliasCommand } from '@aws-sdk/client-lambda';
import type { TargetRequest } from '../../core/ports.ts';
import { tokenFrom, tokenText } from '../../core/rollout/fencing-token.ts';
import { awsError, type Intercept } from '../../local/sdk.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';
import { pinNameOf } from '../../targets/lambda-alias/pin.ts';
import { lambdaAlias } from '../../targets/lambda-alias/router.ts';
import { ALIAS, FUNCTION, type LambdaStage } from './lambda-stage.ts';
import type { Refusal, TrafficStage } from './traffic-router.ts';

type Stage = TrafficStage & Pick<LambdaStage, 'hands'>;

const request: TargetRequest = {
  name: 'api',
  service: 'checkout',
  spec: { lambda: FUNCTION, alias: ALIAS, source: 'http' },
  artifact: { version: '2' },
  bucket: 'releases',
};

/** A target on the function of the stage that `make` sets up. */
export async function lambdaTraffic(
  make: (intercept: Intercept) => LambdaStage | Promise<LambdaStage>,
): Promise<Stage> {
  const acts = new Map<number | 'each', (nth: number) => unknown>();
  const lost = new Set<number>();
  const throttled = new Set<number>();
  let readMs = 0;
  const intercept: Intercept = async (command, _input, call) => {
    if (command === 'GetAliasCommand' && readMs > 0) await clock.advance(readMs);
    if (command !== 'UpdateAliasCommand') return call();
    const nth = updates.length;
    await (acts.get(nth) ?? acts.get('each'))?.(nth);
    if (throttled.has(nth)) throw awsError('TooManyRequestsException', 'Rate exceeded', 429);
    const answer = await call();
    // What the SDK throws when an answer does not come: it carries no HTTP status.
    if (lost.has(nth)) throw Object.assign(new Error('socket timed out'), { name: 'TimeoutError' });
    return answer;
  };
  const { account, clock, client, others, updates, hands } = await make(intercept);
  return {
    // Nobody else advances the clock while the router waits.
    router: lambdaAlias(client, { now: () => clock.now(), sleep: (ms) => clock.advance(ms) }),
    another: lambdaAlias(others, clock),
    request,
    serving: { ...request, artifact: { version: '1' } },
    target: {
      name: 'api',
      kind: 'lambda-alias',
      key: `aws:${account}:eu-west-1:lambda-alias/${FUNCTION}/${ALIAS}`,
      ref: { functionName: FUNCTION, alias: ALIAS },
      stable: '1',
      canary: '2',
      source: 'http',
      traits: traitsOf('http', { functionName: FUNCTION, alias: ALIAS }),
      revision: (await others.send(new GetAliasCommand({ FunctionName: FUNCTION, Name: ALIAS }))).RevisionId,
    },
    now: () => clock.now(),
    arrange: {
      async set({ primary, weights, token }) {
        await others.send(
          new UpdateAliasCommand({
            FunctionName: FUNCTION,
            Name: ALIAS,
            ...(primary === undefined ? {} : { FunctionVersion: primary }),
            ...(weights === undefined
              ? {}
              : { RoutingConfig: { AdditionalVersionWeights: shares(weights) } }),
            ...(token === undefined
              ? {}
              : { Description: token === null ? 'the team’s own words' : tokenText(token) }),
          }),
        );
      },
      disown: async () =>
        void (await others.send(
          new TagResourceCommand({
            Resource: `arn:aws:lambda:eu-west-1:${account}:function:${FUNCTION}`,
            Tags: { 'spillway:service': 'other' },
          }),
        )),
      interfere: (nth, act) => void acts.set(nth, act),
      loseAnswer: (nth) => void lost.add(nth),
      throttle: (nth) => void throttled.add(nth),
      slowReads: (ms) => {
        readMs = ms;
      },
    },
    async standing() {
      const alias = await others.send(new GetAliasCommand({ FunctionName: FUNCTION, Name: ALIAS }));
      const weights = Object.entries(alias.RoutingConfig?.AdditionalVersionWeights ?? {});
      return {
        primary: alias.FunctionVersion ?? '',
        weights: Object.fromEntries(
          weights.map(([version, share]) => [version, Math.round(share * 1e6) / 1e4]),
        ),
        token: tokenFrom(alias.Description) ?? null,
      };
    },
    async pinOf() {
      try {
        const pin = await others.send(
          new GetAliasCommand({ FunctionName: FUNCTION, Name: pinNameOf(ALIAS) }),
        );
        return pin.FunctionVersion;
      } catch (error) {
        if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
        throw error;
      }
    },
    // A pin moves no traffic.
    writes: () => updates.filter(({ Name }) => Name === ALIAS).length,
    largestWeight: () =>
      Math.max(
        0,
        ...updates.flatMap(({ RoutingConfig }) =>
          Object.values(RoutingConfig?.AdditionalVersionWeights ?? {}).map((share) => share * 100),
        ),
      ),
    hands,
  };
}

const shares = (weights: Record<string, number>) =>
  Object.fromEntries(Object.entries(weights).map(([version, weight]) => [version, weight / 100]));

/** What is refused when a Lambda alias is looked up. */
export const lambdaRefusals: Refusal<Stage>[] = [
  {
    what: 'a function that does not exist',
    arrange: () => ({ ...request, spec: { lambda: 'checkout-prod-Apo', alias: ALIAS } }),
    says: ['targets.api', 'no function checkout-prod-Apo', 'check lambda'],
  },
  {
    what: 'a version that was not published',
    arrange: () => ({ ...request, artifact: { version: '9' } }),
    says: ['targets.api', 'has no version 9', 'publish it'],
  },
  {
    what: 'an alias that does not exist',
    arrange: () => ({ ...request, spec: { lambda: FUNCTION, alias: 'prod' } }),
    says: ['targets.api', 'no alias prod', 'create it'],
  },
  {
    what: 'a function of another service',
    arrange: async ({ arrange }) => {
      await arrange.disown();
      return request;
    },
    says: [
      'targets.api',
      'spillway:service=other',
      'spillway:service=checkout is needed',
      'its owner must set it',
    ],
  },
  {
    what: 'a function without a tag',
    arrange: async ({ hands }) => {
      await hands.createFunction({ name: 'untagged' });
      await hands.createAlias('untagged', ALIAS, await hands.publishCounted('untagged'));
      return { ...request, spec: { lambda: 'untagged', alias: ALIAS }, artifact: { version: '1' } };
    },
    says: ['targets.api', 'no tag', 'spillway:service=checkout is needed', 'its owner must set it'],
  },
  {
    what: 'an alias on $LATEST',
    arrange: async ({ arrange }) => {
      await arrange.set({ primary: '$LATEST' });
      return request;
    },
    says: ['targets.api', /points at \$LATEST/, 'point it at a published version'],
  },
  {
    what: 'an alias that shares traffic already',
    arrange: async ({ arrange }) => {
      await arrange.set({ weights: { '3': 20 } });
      return request;
    },
    says: ['targets.api', 'between versions 1 and 3', 'finish or undo'],
  },
  {
    what: 'an alias that another rollout is moving',
    arrange: async ({ arrange }) => {
      await arrange.set({ token: { rolloutId: 'checkout--r0--1', epoch: 1, seq: 3, open: true } });
      return request;
    },
    says: ['targets.api', 'checkout--r0--1', /wait for it to end or abort it/],
  },
  {
    what: 'an alias with provisioned concurrency',
    arrange: async ({ hands }) => {
      await hands.setProvisionedConcurrency(FUNCTION, ALIAS);
      return request;
    },
    says: ['targets.api', 'provisioned concurrency', 'remove it'],
  },
  {
    what: 'a version with another execution role',
    arrange: async ({ hands }) => {
      await hands.configure(FUNCTION, { role: 'arn:aws:iam::111122223333:role/other' });
      return { ...request, artifact: { version: await hands.publish(FUNCTION) } };
    },
    says: [
      'targets.api',
      'execution role',
      /role\/service and arn:aws:iam::\d{12}:role\/other/,
      'publish with the same',
    ],
  },
  {
    what: 'a version with another dead-letter queue',
    arrange: async ({ hands }) => {
      await hands.configure(FUNCTION, { deadLetterArn: 'arn:aws:sqs:eu-west-1:111122223333:dead' });
      return { ...request, artifact: { version: await hands.publish(FUNCTION) } };
    },
    says: ['targets.api', 'dead-letter queue', 'none and arn:aws:sqs', 'publish with the same'],
  },
  {
    what: 'a version that failed',
    arrange: async ({ hands }: Stage) => {
      await hands.setState(FUNCTION, '2', 'Failed');
      return request;
    },
    says: ['targets.api', `version 2 of ${FUNCTION} is Failed`, 'publish one that becomes Active'],
  },
];
