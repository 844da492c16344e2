import { cohortShares } from './edge-cohorts.ts';
import { edgeFunctions } from './edge-functions.ts';
import { siteRollout } from './edge-rollout.ts';
import { siteUpload } from './edge-upload.ts';
import type { Figures } from './figures.ts';

/** What is measured of sites, in order. */
const PARTS: readonly (() => Figures | Promise<Figures>)[] = [
  edgeFunctions,
  cohortShares,
  siteUpload,
  siteRollout,
];

/** The code of the edge, the visitors that it picks, and the upload, the cost and the abort of a site. */
export async function edge(): Promise<Figures> {
  const figures: Figures = {};
  for (const part of PARTS) Object.assign(figures, await part());
  return figures;
}
