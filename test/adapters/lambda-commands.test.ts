import { LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { tokens } from '../../adapters/tokens.ts';
import type { CommandRequest } from '../../core/rollout/command-request.ts';
import { commandsOn, type Host } from '../../functions/_ports.ts';
import { PEOPLE_KEY } from '../../local/controller.ts';
import { refused } from '../contract/cases.ts';
import { clockAt, refusal, stubbed, type Wire } from './stub.ts';

const NOW = Date.UTC(2026, 0, 5, 9);
const clock = clockAt(NOW);
const signs = tokens(async () => JSON.stringify({ current: 'k', keys: { k: PEOPLE_KEY } }), {
  environment: 'production',
  clock,
});
const ABORT: CommandRequest = {
  ...{ command: 'abort', rolloutId: 'checkout-api--r1--1', reason: 'odd' },
  by: { id: 'arn:aws:iam::1:user/ada', via: 'iam', isVerified: true },
};

/** Commands on AWS, which answers this. */
function commands(...wire: [Wire, ...Wire[]]) {
  const { config, sent } = stubbed(...wire);
  const host = {
    clock,
    client: () => new LambdaClient(config),
    setting: (name: string) =>
      `arn:aws:lambda:eu-west-1:1:function:spillway-production-${name === 'ABORT_ARN' ? 'Abort' : 'Command'}`,
  } as unknown as Host;
  return { sent, port: commandsOn(host, signs) };
}

const failed = (errorType: string, errorMessage: string): Wire => ({
  headers: { 'x-amz-function-error': 'Unhandled' },
  body: JSON.stringify({ errorType, errorMessage }),
});

test('a command is handed over in a token that proves who gives it, and nothing beside it', async () => {
  const { port, sent } = commands({ body: JSON.stringify({ rolloutId: ABORT.rolloutId, isRepeated: true }) });
  expect(await port.give(ABORT)).toEqual({ rolloutId: ABORT.rolloutId, isRepeated: true });
  expect(sent).toHaveLength(1);
  const { path, body } = sent[0] as { path: string; body: { signed: string } };
  expect(path).toMatch(/spillway-production-Abort\/invocations$/);
  expect(Object.keys(body)).toEqual(['signed']);
  expect(await signs.read('command', body.signed)).toMatchObject({ request: ABORT });
});

test('a refusal is the one that the function threw', async () => {
  const { port } = commands(failed('CommandRefused', 'it has ended'));
  await refused(port.give(ABORT), 'CommandRefused', /^it has ended$/);
});

test.each<[string, Wire]>([
  ['its fault', failed('TypeError', 'x is not a function')],
  ['a fault of Lambda', refusal(503, 'ServiceException')],
])(
  'after %s nobody can say whether the command was carried out, and it is not given again',
  async (_, wire) => {
    const { port, sent } = commands(wire);
    await refused(
      port.give(ABORT),
      'Unavailable',
      /^Abort did not answer .*give the command again if not\.$/,
    );
    expect(sent).toHaveLength(1);
  },
);

test('what Lambda has no room for is given again', async () => {
  const { port, sent } = commands(refusal(429, 'TooManyRequestsException'), {
    body: JSON.stringify({ rolloutId: 'r' }),
  });
  expect(await port.give(ABORT)).toEqual({ rolloutId: 'r' });
  expect(sent).toHaveLength(2);
});

test('an abort goes to a function of its own, and everything else to the other', async () => {
  const { port, sent } = commands({ body: JSON.stringify({ rolloutId: 'r' }) });
  for (const command of ['abort', 'pause', 'retry'] as const) await port.give({ ...ABORT, command });
  expect(sent.map(({ path }) => /-(\w+)\/invocations$/.exec(path)?.[1])).toEqual([
    'Abort',
    'Command',
    'Command',
  ]);
});

test('what opens a rollout waits for no room: whoever waits holds room of the API', async () => {
  const { port, sent } = commands(refusal(429, 'TooManyRequestsException'), {
    body: JSON.stringify({ rolloutId: 'r' }),
  });
  await refused(
    port.give({ ...ABORT, command: 'retry' }),
    'Unavailable',
    /^Command has no room .* did nothing; try again/,
  );
  expect(sent).toHaveLength(1);
});
