import type { Observe } from '../local/witness.ts';
import { observeSites } from './cloudfront/simulated.ts';
import { observeAliases } from './lambda-alias/simulated.ts';

/** Who sees what happens to the targets of each kind in the embedded world. */
export const SIMULATED_KINDS: readonly Observe[] = [observeAliases, observeSites];
