import { InvokeCommand } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { lambdaCommands } from '../../adapters/lambda-commands.ts';
import type { Ports } from '../../controller/ports.ts';
import type { Commands } from '../../core/ports.ts';
import type { UrlAnswer } from '../../functions/_url.ts';
import { factsOf } from '../../infra/facts.ts';
import { ALIAS } from '../../local/account.ts';
import { ADA, deployed, FUNCTION, ID, released } from '../api/stage.ts';
import { EMPTY } from '../empty.ts';
import { iam, urlEvent } from './url-event.ts';

/** A world whose API and whoever takes its commands have the room that they have on AWS; an opening never ends. */
async function crowded(aborts: 'Abort' | 'Command') {
  let commands: Commands | undefined;
  let opening = 0;
  const world = await deployed({
    changePorts: (ports: Ports) => ({
      ...ports,
      commands: { give: (request) => (commands as Commands).give(request) },
      openings: {
        open: () => {
          opening += 1;
          return new Promise<never>(() => {});
        },
      },
    }),
  });
  const { helpers } = world.lambda;
  for (const name of ['Abort', 'ApiIam', 'Command'] as const) {
    helpers.createFunction({ name, timeout: 900 });
    helpers.deployModel(name, (event) => world.invoke(name, event));
    helpers.limitConcurrency(name, factsOf(name).reserved ?? 0);
  }
  commands = lambdaCommands(world.clients.lambda, world.ports, { Abort: aborts, Command: 'Command' });
  await released(world);
  const ask = async (command: string): Promise<UrlAnswer> => {
    const event = urlEvent('POST', `/rollouts/${ID}/${command}`, {
      ...{ authorizer: iam(ADA), headers: { 'content-type': 'application/json' }, body: '{}' },
    });
    const Payload = new TextEncoder().encode(JSON.stringify(event));
    const answer = await world.clients.lambda.send(new InvokeCommand({ FunctionName: 'ApiIam', Payload }));
    return JSON.parse(new TextDecoder().decode(answer.Payload));
  };
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await world.clock.sleep(100);
  };
  return {
    ...{ ask, until, opening: () => opening },
    weights: () => helpers.routing(FUNCTION, ALIAS)?.weights,
  };
}

test('an abort gets through while retries hang in every execution of Command', async () => {
  const { ask, until, opening, weights } = await crowded('Abort');
  const room = factsOf('Command').reserved ?? 0;
  for (let nth = 0; nth < room; nth++) void ask('retry');
  await until(() => opening() === room);
  // What comes now is refused at once, so that the API keeps room.
  const refused = await Promise.all([ask('retry'), ask('rollback'), ask('retry')]);
  expect(refused.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503]);
  expect((await ask('abort')).statusCode).toBe(202);
  expect(weights()).toEqual(EMPTY);
  expect(opening()).toBe(room);
});

test('it would not, if Command took it', async () => {
  const { ask, until, opening, weights } = await crowded('Command');
  const room = factsOf('Command').reserved ?? 0;
  for (let nth = 0; nth < room; nth++) void ask('retry');
  await until(() => opening() === room);
  expect((await ask('abort')).statusCode).toBe(503);
  expect(weights()).not.toEqual(EMPTY);
});

test('the API has room for more calls than Command can make wait', () => {
  for (const door of ['ApiIam', 'ApiPublic'] as const)
    expect(factsOf(door).reserved).toBeGreaterThan(factsOf('Command').reserved ?? 0);
});
