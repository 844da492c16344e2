import { RolloutError } from '../core/errors.ts';
import type { SiteStanding } from '../core/site/standing.ts';
import { apiClient, errorFrom, type Problem } from './api.ts';
import type { Client } from './client.ts';
import type { Site } from './site.ts';
import type { StoredObject } from './site-bucket.ts';

/** Where `npm run dev` listens, unless another port was asked for or that one is taken. */
export const LOCAL_URL = 'http://127.0.0.1:4747';

/** The embedded world of `npm run dev` on this machine; SPILLWAY_LOCAL is its address, if it took another port. */
export function localClient(url = process.env.SPILLWAY_LOCAL || LOCAL_URL): Client {
  const call = async (path: string, init: RequestInit): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${url}${path}`, init).catch(() => {
      throw new RolloutError(
        'Unavailable',
        `Nothing listens at ${url}; start the embedded world with "npm run dev", or say in SPILLWAY_LOCAL which address it printed.`,
      );
    });
    return { status: response.status, body: await response.json() };
  };
  const JSON_TYPE = { 'content-type': 'application/json' };
  /** What only this world has. */
  const own = async <Answer>(path: string, init: RequestInit): Promise<Answer> => {
    const { status, body } = await call(path, init);
    if (status < 300) return body as Answer;
    throw errorFrom(body as Problem);
  };
  return {
    ...apiClient(({ method, path, body }) =>
      call(path, { method, headers: JSON_TYPE, ...(body === undefined ? {} : { body }) }),
    ),
    async upload(key, body, onProgress) {
      onProgress(0, body.length);
      const put = { method: 'PUT', body: Buffer.from(body) };
      const { versionId } = await own<{ versionId: string }>(`/objects/${encodeURI(key)}`, put);
      onProgress(body.length, body.length);
      return versionId;
    },
    async site(store) {
      const at = `/sites/${encodeURIComponent(store)}`;
      const objectAt = (key: string) => `${at}/objects/${key.split('/').map(encodeURIComponent).join('/')}`;
      const owner = await own<Pick<Site, 'service' | 'environment' | 'url' | 'layout'>>(at, {});
      return {
        ...owner,
        bucket: {
          async *list(prefix, after = '') {
            const query = new URLSearchParams({ prefix, after });
            yield* await own<StoredObject[]>(`${at}/objects?${query}`, {});
          },
          async put({ key, body, contentType, cacheControl, sha256, release, redirect, replaces }) {
            // Whoever uploads may know more of a file than what is stored with it.
            const told = {
              'x-object': JSON.stringify({ contentType, cacheControl, sha256, release, redirect, replaces }),
            };
            const init = { method: 'PUT', body, headers: told, duplex: 'half' };
            await own(objectAt(key), init as never);
          },
          async sha256(key) {
            return (await own<{ sha256?: string }>(objectAt(key), {})).sha256;
          },
          async read(key) {
            return (await own<{ text: string }>(`${objectAt(key)}?text`, {})).text;
          },
          async remove(keys) {
            await own(`${at}/objects`, { method: 'DELETE', body: JSON.stringify(keys), headers: JSON_TYPE });
          },
        },
        standing: () => own<SiteStanding>(`${at}/standing`, {}),
      };
    },
    async revertDirectly(rolloutId, by) {
      const post = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ by }) };
      return (await own<{ reverted: string[] }>(`/revert/${rolloutId}`, post)).reverted;
    },
  };
}
