/** Where a controller stands; what its names and ARNs are made of. */
export interface Place {
  partition: string;
  region: string;
  account: string;
  environment: string;
  /** The bucket in which the controllers of several environments tell each other what completed; empty if there is none. */
  completionsBucket: string;
  /** The topics that rollouts are reported to, by their ARNs. */
  topics: string[];
  /** The buckets that the files of sites are in; empty if there are no sites. */
  siteBuckets: string[];
}

/** What every name of a controller begins with. The command line makes the same names. */
export const prefixOf = ({ environment }: Pick<Place, 'environment'>): string => `spillway-${environment}`;

/** The name of a secret of the controller's own, outside of those that smoke tests may name; its functions make the same one. */
export const secretNameOf = (place: Pick<Place, 'environment'>, name: string): string =>
  `${prefixOf(place)}/${name}`;

/** What the group of the agenda's schedules is called, and the role in whose name they call. */
export const agendaOf = (place: Pick<Place, 'environment'>): string => `${prefixOf(place)}-agenda`;

/**
 * The ARNs of a controller's parts, made of names: the state machine names its functions, and they name it, so neither
 * can wait for the other to exist.
 */
export function arnsOf(place: Place) {
  const { partition, region, account } = place;
  const prefix = prefixOf(place);
  const arn = (service: string, resource: string) =>
    `arn:${partition}:${service}:${region}:${account}:${resource}`;
  return {
    function: (name: string) => arn('lambda', `function:${prefix}-${name}`),
    /** Every function of the account and region, its versions and aliases too: what narrows it is the tag. */
    anyFunction: arn('lambda', 'function:*'),
    machine: arn('states', `stateMachine:${prefix}`),
    executions: arn('states', `execution:${prefix}:*`),
    schedules: arn('scheduler', `schedule/${prefix}/*`),
    schedulerRole: `arn:${partition}:iam::${account}:role/${prefix}-scheduler`,
    /** A group of its own: who may write the entries of the agenda may not touch a watchdog. */
    agenda: arn('scheduler', `schedule/${agendaOf(place)}/*`),
    agendaRole: `arn:${partition}:iam::${account}:role/${agendaOf(place)}`,
    table: arn('dynamodb', `table/${prefix}-journal`),
    indexes: arn('dynamodb', `table/${prefix}-journal/index/*`),
    stream: arn('dynamodb', `table/${prefix}-journal/stream/*`),
    bus: arn('events', 'event-bus/default'),
    topics: place.topics,
    /** Every KeyValueStore of the account, which are in no region: nothing narrows them but the key that says whose one is. */
    anyStore: `arn:${partition}:cloudfront::${account}:key-value-store/*`,
    siteBuckets: place.siteBuckets.map((bucket) => `arn:${partition}:s3:::${bucket}`),
    siteObjects: place.siteBuckets.map((bucket) => `arn:${partition}:s3:::${bucket}/*`),
    bucket: `arn:${partition}:s3:::${bucketOf(place)}`,
    completions: `arn:${partition}:s3:::${place.completionsBucket}`,
    /** No controller writes what another environment tells. */
    ownCompletions: `arn:${partition}:s3:::${place.completionsBucket}/completions/${place.environment}/*`,
    objects: `arn:${partition}:s3:::${bucketOf(place)}/releases/*`,
    deadLetters: (name: string) => arn('sqs', `${prefix}-${name}-dead-letters`),
    /** A secret of the controller's own; Secrets Manager adds six characters to the name. */
    ownSecret: (name: string) => arn('secretsmanager', `secret:${secretNameOf(place, name)}-??????`),
    /** Secrets and parameters that services named for their smoke tests. */
    secrets: arn('secretsmanager', 'secret:spillway/*'),
    parameters: arn('ssm', 'parameter/spillway/*'),
    logs: (name: string) => arn('logs', `log-group:/aws/lambda/${prefix}-${name}:log-stream:*`),
  };
}

/** The bucket that releases are uploaded to; bucket names are unique in the world, so the account is part of it. */
export const bucketOf = (place: Omit<Place, 'completionsBucket' | 'topics' | 'siteBuckets'>): string =>
  `${prefixOf(place)}-releases-${place.account}-${place.region}`;

/** Most characters of a bucket's name (S3 user guide, "General purpose bucket naming rules"). */
const BUCKET_MAX = 63;

/** Of all names that a stage is part of, the bucket's has the least room; a test compares every one with what AWS takes. A topic takes messages in its own region alone. @throws Error with the values and the fix */
export function assertFits(place: Place): void {
  const { environment, region, partition } = place;
  const bucket = bucketOf(place);
  if (bucket.length > BUCKET_MAX) {
    const room = BUCKET_MAX - (bucket.length - environment.length);
    throw new Error(
      `The stage "${environment}" has ${environment.length} characters, and in ${region} there is room for ${room}: S3 takes ${BUCKET_MAX} for the name of its bucket, ${bucket}, which has ${bucket.length}; shorten the stage.`,
    );
  }
  const far = place.topics.find((topic) => !topic.startsWith(`arn:${partition}:sns:${region}:`));
  if (far !== undefined)
    throw new Error(
      `infra/stages.json: ${environment}.access.notify names ${far}, and the controller is in ${region}; name a topic there.`,
    );
}
