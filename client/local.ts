import { RolloutError } from '../core/errors.ts';
import type { Client } from './client.ts';
import { functionsOf } from './functions.ts';
import { remoteError } from './remote-error.ts';

/** Where `npm run dev` listens. */
export const LOCAL_URL = 'http://127.0.0.1:4747';

/** The embedded world of `npm run dev` on this machine. */
export function localClient(url = LOCAL_URL): Client {
  const call = async (path: string, init: RequestInit): Promise<never> => {
    const response = await fetch(`${url}${path}`, init).catch(() => {
      throw new RolloutError(
        'Unavailable',
        `Nothing listens at ${url}; start the embedded world with "npm run dev".`,
      );
    });
    const answer = (await response.json()) as object;
    if (!response.ok) throw remoteError(answer);
    return answer as never;
  };
  return {
    ...functionsOf((name, payload) =>
      call(`/functions/${name}`, { method: 'POST', body: JSON.stringify(payload) }),
    ),
    async upload(key, body, onProgress) {
      onProgress(0, body.length);
      const { versionId } = (await call(`/objects/${key}`, { method: 'PUT', body: Buffer.from(body) })) as {
        versionId: string;
      };
      onProgress(body.length, body.length);
      return versionId;
    },
    async revertDirectly(rolloutId, by) {
      const body = JSON.stringify({ by });
      return ((await call(`/revert/${rolloutId}`, { method: 'POST', body })) as { reverted: string[] })
        .reverted;
    },
  };
}
