import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import { keyValueStore } from '../adapters/key-value-store.ts';
import { OWNER_KEY, ownerFrom, type SiteOwner, siteFault } from '../core/site/owner.ts';
import { type SiteBucket, siteBucket } from './site-bucket.ts';

/** A site, for whoever uploads to it. */
export interface Site extends Pick<SiteOwner, 'url' | 'layout'> {
  bucket: SiteBucket;
}

/** A site by the name of its KeyValueStore, with the caller's own rights. @throws RolloutError TargetInvalid, or the error of AWS */
export async function siteOf(lambda: LambdaClient, s3: S3Client, name: string): Promise<Site> {
  const { AWS_ENDPOINT_URL_CLOUDFRONT_KEYVALUESTORE: own, AWS_ENDPOINT_URL: any } = process.env;
  const clock = {
    now: () => Date.now() + lambda.config.systemClockOffset,
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  };
  const stores = keyValueStore(lambda.config, { clock, endpoint: own ?? any });
  const read = async () => {
    try {
      return await stores.get(await stores.find(name), OWNER_KEY);
    } catch (error) {
      const { name: code } = error as Error;
      if (code === 'EntityNotFound') throw siteFault(name, 'does not exist in this account');
      if (code === 'ResourceNotFoundException') throw siteFault(name, 'has no owner');
      throw error;
    }
  };
  const owner = ownerFrom(await read());
  if ('fault' in owner) throw siteFault(name, `has a key ${OWNER_KEY} that ${owner.fault}`);
  return { url: owner.url, layout: owner.layout, bucket: siteBucket(s3, owner.bucket) };
}
