import { RolloutError } from '../core/errors.ts';
import { apiClient, errorFrom, type Problem } from './api.ts';
import type { Client } from './client.ts';

/** Where `npm run dev` listens. */
export const LOCAL_URL = 'http://127.0.0.1:4747';

/** The embedded world of `npm run dev` on this machine. */
export function localClient(url = LOCAL_URL): Client {
  const call = async (path: string, init: RequestInit): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${url}${path}`, init).catch(() => {
      throw new RolloutError(
        'Unavailable',
        `Nothing listens at ${url}; start the embedded world with "npm run dev".`,
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
    async revertDirectly(rolloutId, by) {
      const post = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ by }) };
      return (await own<{ reverted: string[] }>(`/revert/${rolloutId}`, post)).reverted;
    },
  };
}
