import type { Needs, Opens } from '../ports.ts';
import { FIRST, openRelease } from './release.ts';
import type { Opened } from './repeat.ts';

/** Opens the release of a service that waits, if one does. */
export async function openWaiting(service: string, ports: Needs<Opens>): Promise<Opened> {
  const { waiting } = await ports.journal.service(service);
  if (waiting === undefined)
    return { rolloutId: '', result: 'ignored', reason: `no release of ${service} waits` };
  const opened = await openRelease(waiting.manifest, ports, { ...FIRST, attempt: waiting.attempt });
  // An opening that died after it was recorded had not come to this.
  if (opened.result !== 'waiting') await ports.journal.unwait(service, waiting.release);
  return opened;
}
