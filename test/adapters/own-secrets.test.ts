import { expect, test } from 'vitest';
import { ownSecrets } from '../../adapters/own-secrets.ts';
import { RolloutError } from '../../core/errors.ts';

const AWAY = new RolloutError('Unavailable', 'the store is away');
const MINUTE = 60_000;

/** A store that answers as its script says, its last word for ever; what it was asked. */
function setUp(...answers: (string | Error)[]) {
  let now = Date.UTC(2026, 0, 5, 9);
  const asked: string[] = [];
  const read = async (name: string) => {
    asked.push(name);
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? '';
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const secrets = ownSecrets(read, { now: () => now, sleep: async () => {} });
  return { keys: secrets('PeopleKeys'), secrets, asked, pass: (ms: number) => (now += ms) };
}

test('a secret is read when it is first needed, and not again for five minutes', async () => {
  const { keys, asked, secrets, pass } = setUp('one', 'two');
  expect(asked).toEqual([]);
  expect(await Promise.all([keys(), keys(), secrets('PeopleKeys')()])).toEqual(['one', 'one', 'one']);
  pass(5 * MINUTE - 1);
  expect(await keys()).toBe('one');
  expect(asked).toEqual(['PeopleKeys']);
  pass(1);
  expect(await keys()).toBe('two');
  expect(asked).toHaveLength(2);
});

test('one that is doubted is read again at once, but not for everybody who sends what does not fit', async () => {
  const { keys, asked, pass } = setUp('one', 'two');
  await keys();
  for (let time = 0; time < 100; time++) expect(await keys(true)).toBe('one');
  expect(asked).toHaveLength(1);
  pass(5_000);
  expect(await keys(true)).toBe('two');
  for (let time = 0; time < 100; time++) await keys(true);
  expect(asked).toHaveLength(2);
});

test('what was read once is used for as long as the store is away', async () => {
  const { keys, asked, pass } = setUp('one', AWAY);
  await keys();
  for (let minute = 0; minute < 60; minute++) {
    pass(MINUTE);
    expect([await keys(), await keys(true)]).toEqual(['one', 'one']);
  }
  // Once a minute at most: each try may take seconds.
  expect(asked.length).toBeLessThan(65);
});

test('a store that is away before anything was read is asked once more, and then it is said', async () => {
  expect(await setUp(AWAY, 'one').keys()).toBe('one');
  const { keys, asked } = setUp(AWAY, AWAY, 'one');
  await expect(keys()).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringMatching(/PeopleKeys .* cannot be read now; .*abort --direct/),
  });
  expect(asked).toHaveLength(2);
  expect(await keys()).toBe('one');
});

test('a secret that was taken away, or that this function may not read any more, is used no longer', async () => {
  const { keys, pass } = setUp('one', new Error('does not exist'));
  await keys();
  pass(5 * MINUTE);
  for (let time = 0; time < 2; time++) await expect(keys()).rejects.toThrow('does not exist');
});
