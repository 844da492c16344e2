import { type Manifest, manifestFrom } from '../../core/config/manifest.ts';
import type { Needs } from '../ports.ts';
import type { Asked, Read } from './read.ts';

/** What the manifest says. */
export interface Parsed extends Asked {
  manifest: Manifest;
}

/** Takes the manifest apart. @throws RolloutError ManifestInvalid, RolloutFileInvalid with a line for each problem */
export function parse(
  { bytes, ...asked }: Read,
  { environment, kinds }: Needs<'environment' | 'kinds'>,
): Parsed {
  return { ...asked, manifest: manifestFrom(kinds, bytes, asked.identity, environment) };
}
