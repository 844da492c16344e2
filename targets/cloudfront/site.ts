import type { StoreCalls } from '../../adapters/key-value-store.ts';
import type { S3Calls } from '../../adapters/s3-client.ts';
import type { SiteOwner } from '../../core/site/owner.ts';

/** What reaches the stores of sites, and the buckets that their files are in. */
export interface SiteClients {
  stores: StoreCalls;
  s3: S3Calls;
}

/** What the owner wants to stand in the value that the edge reads. */
export const ownOf = ({ api, id }: SiteOwner): { a?: string; i?: string } => ({
  ...(api === undefined ? {} : { a: api }),
  ...(id === undefined ? {} : { i: id }),
});
