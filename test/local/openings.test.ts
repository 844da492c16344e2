import { expect, test } from 'vitest';
import { ALIAS } from '../../local/account.ts';
import { virtualClock } from '../../local/clock.ts';
import { createWorld } from '../../local/world.ts';

const HOUR = 3_600_000;
const SERVICES = Array.from({ length: 12 }, (_, index) => `svc-${index}`);

/** Twelve releases that are uploaded in the same moment, and a thirteenth opening that somebody hands over meanwhile. */
async function stormed(accountConcurrency: number) {
  const clock = virtualClock();
  let running = 0;
  let most = 0;
  const world = createWorld({
    clock,
    accountConcurrency,
    async around(name, event, call) {
      if (name !== 'OpenRollout') return call(event);
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(2_000);
      return call(event).finally(() => {
        running -= 1;
      });
    },
  });
  const { helpers } = world.lambda;
  for (const name of SERVICES) {
    helpers.createFunction({ name, tags: { 'spillway:service': name } });
    helpers.createAlias(name, ALIAS, helpers.publishCounted(name));
    helpers.publishCounted(name);
  }
  const upload = (service: string) =>
    world.upload(`releases/${service}/r1/manifest.json`, {
      ...{ schema: 1, service, environment: world.environment, release: 'r1', order: 1 },
      targets: { api: { version: '2' } },
      rollout: { service, targets: { api: { lambda: service, alias: ALIAS } }, steps: 'allAtOnce' },
    });
  await clock.run(Promise.all(SERVICES.map(upload)));
  await clock.advance(1_500);
  const asked = clock.now();
  const handed = await clock
    .run(world.ports.openings.open({ open: 'waiting', service: 'nobody' }))
    .then(() => 'taken', String);
  const handedMs = clock.now() - asked;
  await clock.advance(HOUR);
  const opened = await clock.run(
    Promise.all(SERVICES.map((service) => world.journal.read(`${service}--r1--1`))),
  );
  await world.close();
  return { most, opened: opened.filter((rollout) => rollout !== undefined).length, handed, handedMs };
}

test('an account with room for it opens three rollouts at once, and the others within the hour', async () => {
  const { most, opened, handed, handedMs } = await stormed(1_000);
  expect({ most, opened, handed }).toEqual({ most: 3, opened: SERVICES.length, handed: 'taken' });
  // It was refused at first, and tried again.
  expect(handedMs).toBeGreaterThan(2_100);
});

test('a new account has no room to reserve any, so as many are opened at once as it may run', async () => {
  const { most, opened, handed } = await stormed(10);
  expect({ most, opened, handed }).toEqual({
    most: 10,
    opened: SERVICES.length,
    handed: 'taken',
  });
});
