import type { Handed } from '../../core/ports.ts';
import type { Opening } from '../../core/rollout/event.ts';
import { readRollout } from '../execution.ts';
import type { Needs, Opens } from '../ports.ts';
import { openRelease } from './release.ts';
import type { Opened } from './repeat.ts';
import { retry } from './retry.ts';
import { rollBack } from './roll-back.ts';
import { openWaiting } from './waiting.ts';

/** What starts an opening: an upload, or what was handed over. */
export type Asks = Handed | { open?: undefined; manifest: Opening['manifest'] };

/** Opens the rollout that an uploaded manifest asks for, or that was handed over. A duplicate repeats every step and changes nothing. */
export async function openAsAsked(asked: Asks, ports: Needs<Opens>): Promise<Opened> {
  switch (asked.open) {
    case undefined:
      return openRelease(asked.manifest, ports);
    case 'waiting':
      return openWaiting(asked.service, ports);
    case 'retry':
      return retry(await readRollout(asked.rolloutId, ports), ports);
    case 'rollback': {
      const rolloutId = await rollBack(await readRollout(asked.rolloutId, ports), asked, ports);
      return { rolloutId, result: 'opened', reason: asked.reason };
    }
  }
}
