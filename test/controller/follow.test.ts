import { expect, test } from 'vitest';
import { journalStream } from '../../functions/journal-stream.ts';
import { SERVICE } from '../../simulation/scenario.ts';
import { FIRST, type Stage, setUp, unreachable } from './set-up.ts';

const record = (change: { ended?: boolean; wakes?: boolean }) => ({
  records: [{ rolloutId: FIRST, service: SERVICE, ended: false, wakes: false, ...change }],
});

/** Ends the first rollout while the second release waits. */
async function endedWithWaiting(stage: Stage, changes?: Parameters<Stage['upload']>[0]): Promise<void> {
  await stage.open();
  const event = (await stage.upload(changes)) as {
    detail: { bucket: { name: string }; object: Record<string, string> };
  };
  const { name: bucket } = event.detail.bucket;
  const { key = '', 'version-id': versionId = '' } = event.detail.object;
  await stage.ports.journal.wait(SERVICE, {
    release: 'r2',
    order: 2,
    attempt: 1,
    manifest: { bucket, key, versionId },
  });
  const at = stage.clock.now();
  await stage.ports.journal.append(await stage.rollout(), [
    { type: 'RolloutClosed', at, outcome: 'reverted', reason: 'odd' },
  ]);
  await stage.meddle({ Description: `spillway ${FIRST} 1 1 closed` });
}

test('a wake that was lost is repeated', async () => {
  const stage = setUp();
  await stage.openRaised();
  await stage.ports.journal.putToken(FIRST, { version: 3, token: 'hold' });
  await stage.call(journalStream, record({ wakes: true }));
  expect(stage.woken).toEqual(['hold']);
  await stage.call(journalStream, record({ wakes: true }));
  expect(stage.woken).toEqual(['hold']);
});

test('a record that wakes nobody takes no token', async () => {
  const stage = setUp();
  await stage.openRaised();
  await stage.ports.journal.putToken(FIRST, { version: 3, token: 'hold' });
  await stage.call(journalStream, record({}));
  expect(stage.woken).toEqual([]);
  expect(await stage.ports.journal.takeTokens(FIRST)).toHaveLength(1);
});

test('the end of a rollout opens the release that waited for it, once', async () => {
  const stage = setUp();
  await endedWithWaiting(stage);
  const second = `${SERVICE}--r2--1`;
  expect(await stage.call(journalStream, record({ ended: true }))).toEqual({ opened: [second] });
  expect(stage.started.map(({ rolloutId }) => rolloutId)).toEqual([FIRST, second]);
  expect((await stage.ports.journal.service(SERVICE)).waiting).toBeUndefined();
  expect(await stage.call(journalStream, record({ ended: true }))).toEqual({ opened: [] });
  expect(stage.started).toHaveLength(2);
});

test('an opening that fails is not done with: the batch fails, and sent again it opens the release', async () => {
  const stage = setUp();
  await endedWithWaiting(stage);
  const batch = record({ ended: true });
  const deaf = { ...stage.ports, openings: { open: unreachable } };
  await expect(stage.call(journalStream, batch, deaf)).rejects.toMatchObject({ name: 'Unavailable' });
  expect((await stage.ports.journal.service(SERVICE)).waiting).toMatchObject({ release: 'r2' });
  expect(await stage.call(journalStream, batch)).toEqual({ opened: [`${SERVICE}--r2--1`] });
});

test('an opening that fails keeps no wake back, not even of a later record', async () => {
  const stage = setUp();
  await endedWithWaiting(stage);
  await stage.ports.journal.putToken(FIRST, { version: 3, token: 'hold' });
  const records = [...record({ ended: true }).records, ...record({ wakes: true }).records];
  const deaf = { ...stage.ports, openings: { open: unreachable } };
  await expect(stage.call(journalStream, { records }, deaf)).rejects.toMatchObject({ name: 'Unavailable' });
  expect(stage.woken).toEqual(['hold']);
});

test('a waiting release that turns out bad is refused in the journal and does not wait for ever', async () => {
  const stage = setUp();
  await endedWithWaiting(stage, { manifest: { targets: { api: { version: '77' } } } });
  await stage.call(journalStream, record({ ended: true }));
  expect(await stage.rollout(`${SERVICE}--r2--1`)).toMatchObject({ outcome: 'refused' });
  expect((await stage.ports.journal.service(SERVICE)).waiting).toBeUndefined();
});

test('the end of a rollout for which nobody waits opens nothing', async () => {
  const stage = setUp();
  await stage.open();
  expect(await stage.call(journalStream, record({ ended: true }))).toEqual({ opened: [] });
});
