import { describe, expect, test } from 'vitest';
import type { Objects } from '../../adapters/s3-objects.ts';
import { s3Releases } from '../../adapters/s3-releases.ts';
import { FINAL, PASSING } from './stub.ts';

const object = { bucket: 'releases', key: 'releases/checkout/r1/manifest.json', versionId: 'v1' };
const storeWith = (get: Objects['get']) => s3Releases({ get, put: async () => {} });
const failing = (error: Error) => storeWith(() => Promise.reject(error));

describe('an object', () => {
  test('is asked for by its exact version', async () => {
    const asked: unknown[] = [];
    const store = storeWith(async (named) => {
      asked.push(named);
      return { size: 0, bytes: async () => new Uint8Array() };
    });
    expect(await store.read(object, 100)).toHaveLength(0);
    expect(asked).toEqual([object]);
  });

  test.each(['NoSuchKey', 'NoSuchVersion'])('of which S3 says %s is refused with the mend', async (name) => {
    const store = failing(Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 404 } }));
    await expect(store.read(object, 100)).rejects.toMatchObject({ code: 'ManifestInvalid' });
    await expect(store.read(object, 100)).rejects.toThrow(/v1.*gone from bucket releases; upload it again/);
  });

  test.each(PASSING)('that meets %s is Unavailable', async (_what, error) => {
    await expect(failing(error).read(object, 100)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test.each(FINAL)('that meets %s fails with that same error', async (_what, error) => {
    await expect(failing(error).read(object, 100)).rejects.toBe(error);
  });
});
