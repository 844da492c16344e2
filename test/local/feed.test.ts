import { expect, test } from 'vitest';
import { createAccount } from '../../local/account.ts';
import { virtualClock } from '../../local/clock.ts';

const MINUTE = 60_000;

test('a batch of a stream is undelivered until its function has taken it, each copy by itself, or it is given up', async () => {
  const clock = virtualClock();
  const account = createAccount({ clock, copies: () => [0, 90_000] });
  let isAway = true;
  account.deploy('Reader', async () => {
    if (isAway) throw new Error('It has no room.');
  });
  account.feed('stream', 'Reader', {}, 60 * MINUTE);
  await clock.advance(20 * MINUTE);
  expect(account.undelivered()).toBe(2);
  isAway = false;
  await clock.advance(2 * MINUTE);
  expect(account.undelivered()).toBe(0);
  isAway = true;
  account.feed('stream', 'Reader', {}, 10 * MINUTE);
  await clock.advance(15 * MINUTE);
  expect(account.undelivered()).toBe(0);
});
