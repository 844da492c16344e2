import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import { keyValueStore, type StoreCalls } from '../adapters/key-value-store.ts';
import { OWNER_KEY, ownerFrom, type SiteOwner, siteFault } from '../core/site/owner.ts';
import { type SiteStanding, standingFrom } from '../core/site/standing.ts';
import { type SiteBucket, siteBucket } from './site-bucket.ts';

/** A site, for whoever uploads to it. */
export interface Site extends Pick<SiteOwner, 'service' | 'environment' | 'url' | 'layout'> {
  bucket: SiteBucket;
  /** What its store says now. @throws RolloutError TargetInvalid if it names no release */
  standing(): Promise<SiteStanding>;
}

/** A site by the name of its KeyValueStore, with the caller's own rights. @throws RolloutError TargetInvalid, or the error of AWS */
export async function siteOf(lambda: LambdaClient, s3: S3Client, name: string): Promise<Site> {
  const { AWS_ENDPOINT_URL_CLOUDFRONT_KEYVALUESTORE: own, AWS_ENDPOINT_URL: any } = process.env;
  const clock = {
    now: () => Date.now() + lambda.config.systemClockOffset,
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  };
  const stores = keyValueStore(lambda.config, { clock, endpoint: own ?? any });
  const { arn, owned } = await named(stores, name);
  const owner = ownerFrom(owned);
  if ('fault' in owner) throw siteFault(name, `has a key ${OWNER_KEY} that ${owner.fault}`);
  const { service, environment, url, layout } = owner;
  return {
    ...{ service, environment, url, layout },
    bucket: siteBucket(s3, owner.bucket),
    async standing() {
      const [value = '', pin] = await Promise.all(
        ['spillway', 'spillway-pin'].map((key) => stores.get(arn, key).catch(unlessAbsent)),
      );
      const found = standingFrom(value, pin);
      if (found === undefined)
        throw siteFault(name, 'has no key spillway that names the release that serves');
      return found;
    },
  };
}

async function named(stores: StoreCalls, name: string): Promise<{ arn: string; owned: string }> {
  try {
    const arn = await stores.find(name);
    return { arn, owned: await stores.get(arn, OWNER_KEY) };
  } catch (error) {
    const { name: code } = error as Error;
    if (code === 'EntityNotFound') throw siteFault(name, 'does not exist in this account');
    if (code === 'ResourceNotFoundException') throw siteFault(name, 'has no owner');
    throw error;
  }
}

function unlessAbsent(error: Error): undefined {
  if (error.name !== 'ResourceNotFoundException') throw error;
}
