import * as z from 'zod/mini';
import { type Says, strict, textLike } from '../../core/config/check.ts';
import { word } from '../../core/config/plain.ts';
import type { Traits } from '../../core/target.ts';
import type { TargetKind } from '../../core/target-kind.ts';

/** Names of key value stores (CloudFront API reference, CreateKeyValueStore). */
const STORE = /^[A-Za-z0-9-_]{1,64}$/;

const storeSays: Says = ({ input }) => {
  if (word(input).startsWith('arn:'))
    return "write the store's name, which stands beside its ARN in the console, and no ARN.";
  return "write the name of the site's KeyValueStore: 1 to 64 letters, digits, hyphens and underscores.";
};

const sourceSays: Says = () => 'people visit a site, so its source is `http`; remove this line.';

/** A site behind CloudFront, whose visitors are led by a function that reads a KeyValueStore. */
export const cloudfrontKind: TargetKind = {
  kind: 'cloudfront',
  field: 'site',
  example: '{ site: my-site }',
  spec: strict({
    site: textLike(STORE, storeSays).check(
      z.describe(
        "Name of the site's own KeyValueStore, by which its visitors are led; no ARN. It takes weights down to 0.01.",
      ),
    ),
    source: z
      ._default(z.enum(['http'], { error: sourceSays }), 'http')
      .check(z.describe('What calls it: people do, so it is `http` and can be left out.')),
  }),
  identity: { fields: ['site'], noun: 'site' },
  artifacts: ['site'],
  // Visitors report what failed, and no status.
  answersBy: [],
  // Cohorts are counted in hundredths of a percent (`core/cohort.ts`).
  weightUnit: 0.01,
  hasSegments: true,
  byHand:
    'aws cloudfront-keyvaluestore put-key --kvs-arn ARN --if-match ETAG --key spillway --value \'{"s":"RELEASE"}\'',
  limits: { dlqNew: {}, oldestMessage: {}, iteratorAge: {}, batchFailures: {} },
};

/** Most failures that one cause may make: a visitor whose browser fails comes again, and meets it again (assumed). */
const VISITS = 10;

/** Time until every edge reads what was written: CloudFront promises seconds (CloudFront developer guide, "Amazon CloudFront KeyValueStore"); which is assumed. */
const SPREAD_SECONDS = 10;

/** Traits of a site, for code that need not know the kind. Its requests are visitors, each of whom stays on one release. */
export const traitsOf = (site: string): Traits => ({
  ...{ burst: VISITS, isSticky: true, counts: [], limits: {} },
  noun: `site ${site}`,
  spreadSeconds: SPREAD_SECONDS,
});
