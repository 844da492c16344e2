/** What is known of a metric that counts requests, each of them bad or good. */
interface MetricTraits {
  /** What its field in a rollout file tolerates. */
  tolerated: string;
  /** The part of the stake against a release that it shares with the others of the same part. */
  stake: 'failures' | 'refusals' | 'throttles';
  /** `answers` if the handler counts it, and only targets that answer with a status have it; absent if AWS itself counts it of every target. */
  needs?: 'answers';
  /** Whether a rollout file that names no rule is watched by it too. */
  isAssumed: boolean;
  /** Whether its total counts runs of the function; a throttled request is none. */
  isOfRuns: boolean;
  /** Whether both of its counts are sent with each request, 0 included. */
  isSentTogether: boolean;
  /** Whether probes can stand in for it: they see that an answer is wrong, and not what users count or how slow they find it. */
  isSeenByProbes: boolean;
  /** What is said of its bad requests: "3 of 500 failed". */
  verb: string;
  /** What a plan without a rule about it cannot see; absent if that is not worth a notice at each opening. */
  unseen?: string;
}

/** The metrics that a target can be compared by, in the order of the rollout file. A new one is an entry here, and its source in `counts` of `targets/<kind>/metrics.ts`. */
export const METRICS = {
  errors: {
    tolerated: 'errors of the function (it threw or timed out)',
    stake: 'failures',
    isAssumed: true,
    isOfRuns: true,
    isSentTogether: true,
    isSeenByProbes: true,
    verb: 'failed',
    unseen: 'calls that throw or time out',
  },
  http5xx: {
    tolerated: 'answers with a status of 500 to 599',
    stake: 'failures',
    needs: 'answers',
    isAssumed: true,
    isOfRuns: true,
    isSentTogether: true,
    isSeenByProbes: true,
    verb: 'failed',
    unseen: 'answers with a status of 500 or more',
  },
  http4xx: {
    tolerated: 'answers with a status of 400 to 499',
    stake: 'refusals',
    needs: 'answers',
    isAssumed: true,
    isOfRuns: true,
    isSentTogether: true,
    isSeenByProbes: true,
    verb: 'refused',
    unseen: 'answers with a status of 400 to 499',
  },
  throttles: {
    tolerated: 'requests that were throttled',
    stake: 'throttles',
    isAssumed: true,
    isOfRuns: false,
    isSentTogether: false,
    isSeenByProbes: true,
    verb: 'throttled',
    unseen: 'throttled requests',
  },
} as const satisfies Record<string, MetricTraits>;

/** The name of one of them. */
export type MetricName = keyof typeof METRICS;

/** Their names, in the order of the table. */
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

/** The names of those of which something is so. */
export const metricsWith = (isSo: (traits: MetricTraits) => boolean): MetricName[] =>
  METRIC_NAMES.filter((name) => isSo(METRICS[name]));

/** What is known of a metric; undefined of durations, probes and counts of the user's own. */
export const metricTraits = (metric: string): MetricTraits | undefined =>
  Object.hasOwn(METRICS, metric) ? METRICS[metric as MetricName] : undefined;

/** Whether the handler counts it for answers with a status. */
export const isOfAnswers = (metric: string): metric is MetricName =>
  metricTraits(metric)?.needs === 'answers';

/** Whether its bad requests are mostly the doing of clients, such as bots that ask for what is not there: they come in floods that no release causes. */
export const isOfClients = (metric: string): boolean => metricTraits(metric)?.stake === 'refusals';

/** Whether its bad requests are failures of the release. */
export const isOfFailures = (metric: string): metric is MetricName =>
  metricTraits(metric)?.stake === 'failures';
