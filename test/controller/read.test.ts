import { expect, test } from 'vitest';
import type { Readings } from '../../core/readings.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { viewOf } from '../../core/rollout/view.ts';
import { closeRollout } from '../../functions/close-rollout.ts';
import { command } from '../../functions/command.ts';
import { openRollout } from '../../functions/open-rollout.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { readJournal } from '../../functions/read-rollout.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { SERVICE } from '../../simulation/scenario.ts';
import { longEvent } from '../contract/rollouts.ts';
import { FIRST, setUp, unreachable, withJournal } from './set-up.ts';

test('a rollout is read with all of its events', async () => {
  const stage = setUp();
  await stage.openRaised();
  expect(await stage.call(readJournal, { read: 'rollout', rolloutId: FIRST })).toEqual({
    view: viewOf(await stage.rollout()),
  });
  const answer = await stage.call(readJournal, { read: 'events', rolloutId: FIRST });
  expect(answer).toEqual({ version: 3, events: await stage.ports.journal.events(FIRST) });
  expect(answer).toMatchObject({
    events: [{ type: 'RolloutOpened' }, { type: 'ShiftIntended' }, { type: 'Shifted' }],
  });
});

test('who has seen some of its events gets those that came after', async () => {
  const stage = setUp();
  await stage.openRaised();
  const answer = await stage.call(readJournal, { read: 'events', rolloutId: FIRST, after: 2 });
  expect(answer).toEqual({ version: 3, events: [expect.objectContaining({ type: 'Shifted' })] });
  const none = await stage.call(readJournal, { read: 'events', rolloutId: FIRST, after: 9 });
  expect(none).toEqual({ version: 3, events: [] });
});

test('who has seen everything costs no read of events', async () => {
  const stage = setUp();
  await stage.openRaised();
  const ports = withJournal(stage.ports, { eventsAfter: unreachable, events: unreachable });
  const answer = await stage.call(readJournal, { read: 'events', rolloutId: FIRST, after: 3 }, ports);
  expect(answer).toEqual({ version: 3, events: [] });
});

test('a long rollout is read in pages, none of which is near the 6 MB of an answer', async () => {
  const stage = setUp();
  await stage.openRaised();
  for (let written = 0; written < 40; written++)
    await stage.ports.journal.append(await stage.rollout(), [longEvent()]);
  const read: RolloutEvent[] = [];
  let pages = 0;
  for (let isMore: boolean | undefined = true; isMore; pages++) {
    const answer = (await stage.call(readJournal, {
      read: 'events',
      rolloutId: FIRST,
      after: read.length,
    })) as Readings['events'];
    expect(JSON.stringify(answer).length).toBeLessThan(1.5e6);
    expect(answer.version).toBe(43);
    read.push(...answer.events);
    isMore = answer.isMore;
  }
  expect(pages).toBeGreaterThan(5);
  expect(read).toEqual(await stage.ports.journal.events(FIRST));
});

test('a rollout that nobody knows has no events, and is no error', async () => {
  const stage = setUp();
  expect(await stage.call(readJournal, { read: 'rollout', rolloutId: FIRST })).toEqual({});
  expect(await stage.call(readJournal, { read: 'events', rolloutId: FIRST })).toEqual({ events: [] });
});

test('a release in the queue is read with what it waits for', async () => {
  const stage = setUp();
  await stage.openRaised();
  await stage.call(openRollout, await stage.upload());
  const read = (what: string, release: string) =>
    stage.call(readJournal, { read: what, rolloutId: `${SERVICE}--${release}--1` });
  expect(await read('rollout', 'r2')).toEqual({ waitsFor: [FIRST] });
  expect(await read('events', 'r2')).toEqual({ events: [], waitsFor: [FIRST] });
  expect(await read('events', 'r3')).toEqual({ events: [], waitsFor: undefined });
});

test('those under way are read until they have ended', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const [outline] = (await stage.call(readJournal, { read: 'running' })) as Readings['running'];
  expect(outline).toMatchObject({ opening: { rolloutId: FIRST }, weights: { api: 10 }, isPaused: false });
  // However long its history: the heads of a thousand rollouts would not fit into one answer.
  expect(JSON.stringify(outline).length).toBeLessThan(1_000);
  await stage.call(revertTraffic, { ref, came: {} });
  expect(await stage.call(readJournal, { read: 'running' })).toEqual([]);
  const [ended] = (await stage.call(readJournal, { read: 'recent', service: SERVICE })) as Readings['recent'];
  expect(ended).toMatchObject({ opening: { rolloutId: FIRST }, outcome: 'reverted' });
  expect(ended?.state).toMatch(/^r1 reverted: /);
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

test('a rollout that has ended is read with what completed since, and whether it was rolled back', async () => {
  const stage = setUp({ rollout: { verify: '0s' } });
  const ref = await stage.openRaised();
  await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
  await stage.call(promoteCanary, ref);
  await stage.call(closeRollout, ref);
  const read = async () => {
    const { view } = (await stage.call(readJournal, {
      read: 'rollout',
      rolloutId: FIRST,
    })) as Readings['rollout'];
    const { ended } = (await stage.call(readJournal, {
      read: 'events',
      rolloutId: FIRST,
    })) as Readings['events'];
    expect(view?.state).toBe(ended);
    return ended;
  };
  expect(await read()).toMatch(/^r1 completed: .*; version 2 serves$/);
  await stage.call(command, { command: 'rollback', rolloutId: FIRST, by: 'ada', reason: 'odd' });
  await stage.call(revertTraffic, { ref: stage.started.at(-1), came: {} });
  expect(await read()).toMatch(
    /ada rolled it back: odd; version 2 served then, and version 1 serves now \(checkout-api--before-r1--1\)$/,
  );
});
