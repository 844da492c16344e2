import { expect, test } from 'vitest';
import { openRollout } from '../../functions/open-rollout.ts';
import { readJournal } from '../../functions/read-rollout.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { SERVICE } from '../../local/scenario.ts';
import { FIRST, setUp, unreachable, withJournal } from './set-up.ts';

test('a rollout is read with all of its events', async () => {
  const stage = setUp();
  await stage.openRaised();
  const answer = await stage.call(readJournal, { read: 'rollout', rolloutId: FIRST });
  expect(answer).toEqual({
    rollout: await stage.rollout(),
    events: await stage.ports.journal.events(FIRST),
  });
  expect(answer).toMatchObject({
    events: [{ type: 'RolloutOpened' }, { type: 'ShiftIntended' }, { type: 'Shifted' }],
  });
});

test('who has seen some of its events gets those that came after', async () => {
  const stage = setUp();
  await stage.openRaised();
  const answer = await stage.call(readJournal, { read: 'rollout', rolloutId: FIRST, after: 2 });
  expect(answer).toMatchObject({ rollout: { version: 3 }, events: [{ type: 'Shifted' }] });
  const none = await stage.call(readJournal, { read: 'rollout', rolloutId: FIRST, after: 9 });
  expect(none).toHaveProperty('events', []);
});

test('a rollout that nobody knows has no events, and is no error', async () => {
  const answer = await setUp().call(readJournal, { read: 'rollout', rolloutId: FIRST });
  expect(answer).toEqual({ rollout: undefined, events: [] });
});

test('a release in the queue is read with what it waits for', async () => {
  const stage = setUp();
  await stage.openRaised();
  await stage.call(openRollout, await stage.upload());
  const read = (release: string) =>
    stage.call(readJournal, { read: 'rollout', rolloutId: `${SERVICE}--${release}--1` });
  expect(await read('r2')).toEqual({ events: [], waitsFor: [FIRST] });
  expect(await read('r3')).toEqual({ events: [], waitsFor: undefined });
});

test('those under way are read until they have ended', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  expect(await stage.call(readJournal, { read: 'running' })).toMatchObject([
    { opening: { rolloutId: FIRST } },
  ]);
  await stage.call(revertTraffic, { ref, came: {} });
  expect(await stage.call(readJournal, { read: 'running' })).toEqual([]);
});

test('a service and this controller say what they are', async () => {
  const stage = setUp();
  await stage.ports.journal.wait(SERVICE, {
    release: 'r2',
    attempt: 1,
    order: 2,
    manifest: { bucket: 'b', key: 'k', versionId: 'v' },
  });
  expect(await stage.call(readJournal, { read: 'service', service: SERVICE })).toMatchObject({
    waiting: { release: 'r2' },
  });
  expect(await stage.call(readJournal, { read: 'about' })).toEqual(stage.ports.about);
});

test('a journal that cannot be read is an error, not an empty answer', async () => {
  const stage = setUp();
  const ports = withJournal(stage.ports, { read: unreachable, running: unreachable });
  for (const event of [{ read: 'running' }, { read: 'rollout', rolloutId: FIRST }])
    await expect(stage.call(readJournal, event, ports)).rejects.toMatchObject({ name: 'Unavailable' });
});
