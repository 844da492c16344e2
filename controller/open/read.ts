import { MANIFEST_BYTES_MAX } from '../../core/config/manifest.ts';
import type { Identity } from '../../core/rollout/event.ts';
import type { Needs } from '../ports.ts';

/** What is to be opened: one attempt of a release, and the releases whose quarantine does not keep it out. */
export interface Asked {
  identity: Identity;
  lifted: readonly string[];
}

/** The manifest as it was uploaded. */
export interface Read extends Asked {
  bytes: Uint8Array;
}

/** Reads the exact object that asked for the rollout. @throws RolloutError ManifestInvalid if it is gone or too large */
export async function read(asked: Asked, { releases }: Needs<'releases'>): Promise<Read> {
  return { ...asked, bytes: await releases.read(asked.identity.manifest, MANIFEST_BYTES_MAX) };
}
