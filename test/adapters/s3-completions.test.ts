import { expect, test } from 'vitest';
import { s3Completions } from '../../adapters/s3-completions.ts';
import type { Objects } from '../../adapters/s3-objects.ts';
import type { Completion } from '../../core/ports.ts';
import { FINAL } from './stub.ts';

/** Objects of which one is read and none was written; `kept` gets what is. */
const objectsWith = (text: () => Promise<string>, kept: string[] = []): Objects => ({
  get: async () => ({
    size: 1,
    bytes: async () => new TextEncoder().encode(await text()),
  }),
  put: async ({ key }) => void kept.push(key),
});
const told: Completion = {
  ...{ environment: 'staging', service: 'checkout', digests: { api: 'abc=' } },
  ...{ rolloutId: 'checkout--r1--1', completed: true, at: 5 },
};

const keyOf = async (change: Partial<Completion> = {}) => {
  const kept: string[] = [];
  await s3Completions(
    objectsWith(async () => '', kept),
    'shared',
  ).tell({ ...told, ...change });
  return kept[0];
};
const holding = (text: string) =>
  s3Completions(
    objectsWith(async () => text),
    'shared',
  ).find(told);

test('the object lies under its environment and service, outside of what any release may write', async () => {
  expect(await keyOf()).toMatch(/^completions\/staging\/checkout\/[0-9a-f]{64}\.json$/);
});

test('the name of an environment cannot lead into the folder of another', async () => {
  expect(await keyOf({ environment: 'staging/checkout' })).toMatch(
    /^completions\/staging%2Fcheckout\/checkout\//,
  );
  expect(await keyOf({ environment: '../releases' })).toMatch(/^completions\/\.\.%2Freleases\/checkout\//);
});

test('without a bucket whoever asks is refused, with the mend', async () => {
  const kept: string[] = [];
  const none = s3Completions(
    objectsWith(async () => '', kept),
    undefined,
  );
  const wanted = { code: 'OpeningRefused', message: expect.stringContaining('must set COMPLETIONS_BUCKET') };
  await expect(none.find(told)).rejects.toMatchObject(wanted);
  await expect(none.tell(told)).rejects.toMatchObject(wanted);
  expect(kept).toEqual([]);
});

test.each([
  ['no JSON', 'hello'],
  ['nothing', ''],
  ['another shape', '{"completed":true}'],
  ['another environment', JSON.stringify({ schema: 1, ...told, environment: 'production' })],
  ['other artifacts', JSON.stringify({ schema: 1, ...told, digests: { api: 'def=' } })],
  ['a newer schema', JSON.stringify({ ...told, schema: 2 })],
])('an object that holds %s tells nothing', async (_what, text) => {
  expect(await holding(text)).toBeUndefined();
});

test('an object that holds what was asked for is believed', async () => {
  expect(await holding(JSON.stringify({ schema: 1, ...told }))).toEqual(told);
});

test.each(FINAL)(
  'a read that meets %s fails with that same error and is never taken for silence',
  async (_what, error) => {
    const completions = s3Completions(
      objectsWith(() => Promise.reject(error)),
      'shared',
    );
    await expect(completions.find(told)).rejects.toBe(error);
  },
);
