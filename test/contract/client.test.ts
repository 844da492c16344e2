import type { AddressInfo } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import { awsClient } from '../../client/aws.ts';
import { localClient } from '../../client/local.ts';
import { serve } from '../../demo/server.ts';
import { deploy, publish } from '../../demo/shop.ts';
import { ALIAS } from '../../local/account.ts';
import { virtualClock } from '../../local/clock.ts';
import { createWorld, type World } from '../../local/world.ts';
import { aws } from '../cli/aws-wire.ts';
import { describeClient, FUNCTION, SERVICE } from './client.ts';

/** Virtual time that passes in each turn of this process, in which real requests arrive as well. */
const TURN_MS = 200;

async function deployed(): Promise<World> {
  const clock = virtualClock();
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  // A busy machine makes neither time: no time-out of the world is torn by it.
  const turn = async (): Promise<void> => {
    await clock.advance(TURN_MS);
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const world = createWorld({ clock, seed: 7 });
  onTestFinished(() => world.close());
  await deploy(world, FUNCTION, ALIAS, SERVICE, '7-serving');
  await publish(world, FUNCTION, '8-cheaper-shipping');
  return world;
}

describeClient({
  name: 'HTTP to the embedded world',
  async make() {
    const world = await deployed();
    const server = await serve(world, 0);
    onTestFinished(() => void server.close());
    return { world, client: localClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) };
  },
});

describeClient({
  name: 'the clients of AWS',
  async make() {
    const world = await deployed();
    const wire = await aws(world, 'production');
    onTestFinished(() => void wire.close());
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const [name, value] of Object.entries({
      AWS_ENDPOINT_URL: wire.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_EC2_METADATA_DISABLED: 'true',
    }))
      vi.stubEnv(name, value);
    return { world, client: awsClient('production') };
  },
});
