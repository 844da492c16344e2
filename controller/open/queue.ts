import { rolloutIdFrom } from '../../core/config/manifest.ts';
import { checkOrder } from '../../core/rollout/open.ts';
import { isEnded } from '../../core/rollout/state.ts';
import type { Needs } from '../ports.ts';
import { declined, lift } from './decline.ts';
import type { Parsed } from './parse.ts';
import type { Opened } from './repeat.ts';

/** The newest release waits; the one that waited before is superseded. Undefined if the lock went in between, so that it is to be tried again. */
export async function queue(
  { identity, manifest, lifted }: Parsed,
  by: string,
  ports: Needs<'clock' | 'journal'>,
): Promise<Opened | undefined> {
  const { service, release, rolloutId, attempt } = identity;
  const { order } = manifest;
  const holder = await ports.journal.read(by);
  checkOrder(manifest, await ports.journal.service(service), holder?.opening);
  const { superseded } = await ports.journal.wait(service, {
    release,
    order,
    manifest: identity.manifest,
    attempt,
  });
  await lift(service, lifted, ports);
  if (superseded !== undefined) {
    const old = {
      ...identity,
      attempt: superseded.attempt,
      release: superseded.release,
      rolloutId: rolloutIdFrom(service, superseded.release, superseded.attempt),
      manifest: superseded.manifest,
    };
    await ports.journal.open([declined(old, 'superseded', `${release} was uploaded while it waited`, ports)]);
  }
  const present = await ports.journal.read(by);
  if (present !== undefined && !isEnded(present))
    return { rolloutId, result: 'waiting', reason: `${by} is under way` };
  return undefined;
}
