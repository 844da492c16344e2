import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, expect, test } from 'vitest';
import { lambdaClicks } from '../../adapters/lambda-clicks.ts';
import type { Click } from '../../core/people/slack-click.ts';
import { factsOf } from '../../infra/facts.ts';

const client = new LambdaClient({ region: 'eu-west-1' });
const lambda = mockClient(client);
const clock = { now: () => 1_000_000, sleep: async () => {} };
const click: Click = {
  ...{
    team: 'T1',
    user: 'U1',
    button: 'abort',
    value: { rolloutId: 'checkout--r1--1' },
    reason: '',
    at: '1',
  },
  responseUrl: 'https://hooks.slack.com/actions/T1/1',
};
let until = 0;
const tokens = {
  async sign(_type: string, _claims: object, expiresAt: number) {
    until = expiresAt;
    return 'signed';
  },
  read: async () => ({}),
};
const clicks = lambdaClicks(client, { tokens, clock }, 'arn:action');

beforeEach(() => void lambda.reset());

test('a click is handed over signed, for longer than Lambda tries to carry it out', async () => {
  lambda.on(InvokeCommand).resolves({ StatusCode: 202 });
  await clicks.hand(click);
  const [call] = lambda.commandCalls(InvokeCommand);
  const { Payload, ...input } = call?.args[0].input ?? {};
  expect(input).toEqual({ FunctionName: 'arn:action', InvocationType: 'Event' });
  expect(JSON.parse(new TextDecoder().decode(Payload as Uint8Array))).toEqual({ signed: 'signed' });
  const { triedForSeconds = 0, seconds } = factsOf('SlackAction');
  expect(until - clock.now()).toBeGreaterThan(1_000 * (triedForSeconds + seconds));
});

test('one that Lambda did not take is unavailable, so that the person hears of it', async () => {
  const busy = Object.assign(new Error('busy'), {
    name: 'TooManyRequestsException',
    $metadata: { httpStatusCode: 429 },
  });
  lambda.on(InvokeCommand).rejects(busy);
  await expect(clicks.hand(click)).rejects.toMatchObject({ code: 'Unavailable' });
});
