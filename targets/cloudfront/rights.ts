const stores = ({ anyStore }: { anyStore: string }) => [anyStore];

/**
 * What may be done to sites, by purpose. A store has neither tags nor narrower resources by which its owner could say whose it is (Service
 * Authorization Reference, "Amazon CloudFront KeyValueStore"), so the code asks its key `spillway-site` before it writes.
 */
export const rights = {
  'find sites': { actions: ['cloudfront:DescribeKeyValueStore'], on: stores },
  'see versions of sites': { actions: ['cloudfront-keyvaluestore:DescribeKeyValueStore'], on: stores },
  'read sites': { actions: ['cloudfront-keyvaluestore:GetKey'], on: stores },
  'move sites': { actions: ['cloudfront-keyvaluestore:UpdateKeys'], on: stores },
  'read files of sites': {
    actions: ['s3:GetObject'],
    on: ({ siteObjects }: { siteObjects: string[] }) => siteObjects,
  },
  // Without ListBucket, S3 answers a missing key with 403 instead of 404 (S3 API reference, HeadObject).
  'see missing files of sites': {
    actions: ['s3:ListBucket'],
    on: ({ siteBuckets }: { siteBuckets: string[] }) => siteBuckets,
  },
};

const read = ['see versions of sites', 'read sites'] as const;
const files = ['read files of sites', 'see missing files of sites'] as const;

/** Which function of the controller, or which service that acts for it, may do what of it. */
export const grants = {
  'states.amazonaws.com': [...read, 'move sites'],
  Decide: [...read],
  ShiftTraffic: [...read, 'move sites'],
  Measure: [...read, ...files],
  PromoteCanary: [...read, 'move sites', ...files],
  CloseRollout: [...read, 'move sites'],
  RunHook: ['read sites'],
  RevertTraffic: [...read, 'move sites'],
  Beacon: ['find sites', 'read sites'],
  OpenRollout: ['find sites', ...read, 'move sites', ...files],
  Abort: [...read, 'move sites'],
  Command: [...read, 'move sites'],
  Watchdog: [...read, 'move sites', ...files],
} satisfies Record<string, (keyof typeof rights)[]>;
