import { expect } from 'vitest';
import type { ReleaseStore } from '../../core/ports.ts';
import { contract, type Implementation, refused } from './cases.ts';

type Stored = Parameters<ReleaseStore['read']>[0];

/** A store that others upload to. */
export interface ReleaseStage {
  store: ReleaseStore;
  arrange: {
    put(key: string, bytes: Uint8Array): Promise<Stored>;
    /** Deletes this version. */
    remove(object: Stored): Promise<void>;
    /** From now on the store cannot be reached. */
    disconnect(): void;
    /** From now on answers begin well and break off within the body. */
    breakOff(): void;
  };
  /** How many bodies were read. */
  bodiesRead(): number;
}

const KEY = 'releases/checkout/r1/manifest.json';
const bytes = (text: string) => new TextEncoder().encode(text);

/** What every store of releases promises. */
export function describeReleaseStore(implementation: Implementation<ReleaseStage>): void {
  contract<ReleaseStage>('ReleaseStore', implementation, (keeps) => {
    keeps('answers the bytes as they were uploaded, whatever they are', async ({ store, arrange }) => {
      const odd = Uint8Array.of(0, 255, 10, 13, 0xc3, 0x28);
      expect(Array.from(await store.read(await arrange.put(KEY, odd), 100))).toEqual(Array.from(odd));
      expect(await store.read(await arrange.put(KEY, bytes('')), 100)).toHaveLength(0);
    });

    keeps(
      'answers exactly the version that is asked for, whatever came after it',
      async ({ store, arrange }) => {
        const first = await arrange.put(KEY, bytes('first'));
        const second = await arrange.put(KEY, bytes('second'));
        expect(textOf(await store.read(first, 100))).toBe('first');
        expect(textOf(await store.read(second, 100))).toBe('second');
      },
    );

    keeps('takes what has exactly as many bytes as the limit', async ({ store, arrange }) => {
      const object = await arrange.put(KEY, bytes('x'.repeat(100)));
      expect(await store.read(object, 100)).toHaveLength(100);
    });

    keeps(
      'refuses what is too large before its body is read, with both sizes',
      async ({ store, arrange, bodiesRead }) => {
        const object = await arrange.put(KEY, bytes('x'.repeat(101)));
        await refused(store.read(object, 100), 'ManifestInvalid', KEY, '101', '100');
        expect(bodiesRead()).toBe(0);
      },
    );

    keeps('says that a version is gone, and what to do', async ({ store, arrange }) => {
      const object = await arrange.put(KEY, bytes('first'));
      await arrange.put(KEY, bytes('second'));
      await arrange.remove(object);
      await refused(
        store.read(object, 100),
        'ManifestInvalid',
        KEY,
        object.versionId,
        /gone/,
        /upload it again/,
      );
    });

    keeps('says that an object is gone that never was', async ({ store, arrange }) => {
      const object = await arrange.put(KEY, bytes('first'));
      await refused(
        store.read({ ...object, key: 'releases/checkout/r2/manifest.json' }, 100),
        'ManifestInvalid',
        /gone/,
      );
    });

    keeps('says Unavailable where it cannot be reached', async ({ store, arrange }) => {
      const object = await arrange.put(KEY, bytes('first'));
      arrange.disconnect();
      await refused(store.read(object, 100), 'Unavailable', KEY);
    });

    keeps('says Unavailable where the connection breaks within the body', async ({ store, arrange }) => {
      const object = await arrange.put(KEY, bytes('first'));
      arrange.breakOff();
      await refused(store.read(object, 100), 'Unavailable', KEY);
    });
  });
}

const textOf = (read: Uint8Array) => new TextDecoder().decode(read);
