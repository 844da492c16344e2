import type { Instant, Seconds } from '../units.ts';
import type { MetricName } from './metrics.ts';

/** How many of how many were bad. */
export interface Count {
  bad: number;
  total: number;
  /** The same by what answered, where that is counted. */
  ages?: Ages | undefined;
}

/** Answers of one minute by what gave them: environments in their first minute, and the others in groups, of environments or of whose the requests were. */
export interface Ages {
  young: Count;
  /** As many as there are groups; all of them empty if none are counted. */
  groups: readonly Count[];
}

/** One known minute of one metric on both versions of one target. A side without data is absent: missing is not zero, and neither is unknown. */
export interface Window {
  start: Instant;
  /** How many minutes it is the sum of, of which `start` is the last; one if absent. */
  minutes?: number | undefined;
  canary?: Count | undefined;
  stable?: Count | undefined;
  /** So that no unknown minute is taken for a known one without counts. */
  unknown?: undefined;
}

/**
 * One minute of which a source said something that cannot be used, or did not answer: nothing is known of it. It has no
 * counts, so that it cannot be read as a zero or as a minute without data.
 */
export interface UnknownWindow {
  start: Instant;
  unknown: string;
}

/** What a source said of one minute. Only `believable` parts the known minutes from the others. */
export type ReadWindow = Window | UnknownWindow;

/** How slow the requests of one minute were: how many took longer than each of the edges. */
export interface Spread {
  total: number;
  /** Milliseconds, rising. */
  edges: readonly number[];
  /** As many as there are edges, never rising. */
  over: readonly number[];
}

/** One minute of durations on both versions. Whoever can count requests over an edge can fill it, a histogram or `TC(L:)`. */
export interface SpreadWindow {
  start: Instant;
  /** As for `Window`. */
  minutes?: number | undefined;
  canary?: Spread | undefined;
  stable?: Spread | undefined;
  /** True if so few environments have served the canary so far that their own speed may be what is seen. */
  isFew?: boolean | undefined;
}

/** Every metric that both versions are compared by: `latency` is all durations, `p95` a share of slow requests, `custom.orders` counts of the user's own. */
export type Metric = MetricName | 'latency' | `p${number}` | `custom.${string}` | 'traffic' | 'probes';

/** What one minute of a queue or stream showed at its worst: messages, or seconds of age. A minute without data is absent. */
export interface Level {
  start: Instant;
  value: number;
}

/** The windows of each metric of one target, oldest first; a metric that was not read is absent. */
export type Series = Partial<Record<Exclude<Metric, 'latency' | 'traffic'>, ReadWindow[]>> & {
  latency?: SpreadWindow[] | undefined;
  /** Requests of the target as a whole, throttled ones included, as those of stable: what it had before a rollout. */
  traffic?: ReadWindow[] | undefined;
  /** Messages in the dead-letter queue. */
  dlqNew?: Level[] | undefined;
  /** Seconds that the oldest message or event has waited. */
  oldestMessage?: Level[] | undefined;
  /** Seconds that the last record of a batch was old. */
  iteratorAge?: Level[] | undefined;
  /** How many messages or records were handed back as failed, of how many. */
  batchFailures?: ReadWindow[] | undefined;
};

/** How often a target was called before its rollout, read once at the opening; requests a minute. */
export interface Past {
  /** The median of the hour before. */
  lately: number;
  /** The least median of eleven minutes in each of the 24 hours before, oldest first; null if nothing is known of that hour. */
  hours: (number | null)[];
  /** The least share of what its own minutes before made due, within 2 and within 10 minutes in a row, but for falls as rare as one in 20 stretches of verify. */
  falls: number[];
  /** The least of ten minutes in a row; absent if less than a whole day is known, because a night may be missing from it. */
  least?: number | undefined;
}

/** Where the user's own counts stand. */
export interface CustomCounts {
  bad: { namespace: string; name: string };
  total: { namespace: string; name: string };
  /** The dimension that holds the version; FunctionName, Resource and ExecutedVersion if it is absent. */
  versionDimension?: string | undefined;
  /** Further dimensions, by name, with a value that is the same for each version. */
  dimensions?: Readonly<Record<string, string>> | undefined;
}

/** Outcomes of smoke tests that ran against both versions of one target in pairs, at the same moment. */
export interface ProbeCounts {
  /** Ticks in which they ran. */
  ticks: number;
  /** Pairs in which both versions answered, rightly or wrongly, or too late. */
  pairs: number;
  /** Of these the canary failed so many, stable so many, and both so many at once. */
  canary: number;
  stable: number;
  both: number;
  /** Pairs that could not be run, so that nothing is known of them. */
  skipped: number;
  /** What the last one that the canary failed said. */
  failure?: string | undefined;
  skippedWhy?: string | undefined;
}

/** How often smoke tests are repeated through both versions while the canary has traffic, and which. */
export interface Probing {
  /** Time between two pairs of one target, on average: those of a tick are put together. */
  everySeconds: Seconds;
  /** Ids of the smoke tests that may be repeated, in the order of the file. */
  smoke: string[];
}

/** What is tolerated: a ratio to the stable version in the same windows, or an absolute share of bad requests (0 to 1). */
export type WatchRule = { metric: Metric; custom?: CustomCounts | undefined } & (
  | { ratio: number }
  | { share: number }
) & {
    /** Of a rule about counts that may be common: the part of stable's good ones, 0 to 1, that the canary may lose. What the ratio allows if absent. */
    lost?: number | undefined;
    /** Targets of which nothing was counted for this rule shortly before the opening: it is judged once stable's is. */
    blind?: string[] | undefined;
  };

/** An alarm as it stands now; `unknown` if CloudWatch could not evaluate it, `gone` if it was deleted or renamed. */
export interface Alarm {
  name: string;
  state: 'ok' | 'alarm' | 'insufficient' | 'unknown' | 'gone';
  /** When it last changed its state; when it was missed, if it is gone. */
  since: Instant;
  /** The end of the first of the breaching data points that turned it red; absent if CloudWatch does not say. */
  breachedAt?: Instant | undefined;
  /** The versions whose requests alone its metrics count, as `function:version`; absent if any metric counts more, or CloudWatch does not say. */
  versions?: string[] | undefined;
  /** Seconds of data that it looks at, its period times its evaluation periods; absent if CloudWatch does not say, as of composite alarms. */
  spanSeconds?: number | undefined;
}

/**
 * Ordered by severity: combining verdicts takes the worst one. `suspect` is a canary that looks worse without proof; only a
 * person's command goes past it. `broken` is above it, because what cannot be measured must be reported even if something
 * else looks worse, and because neither of them ever passes.
 */
export type VerdictStatus = 'pass' | 'inconclusive' | 'suspect' | 'broken' | 'fail';

/** How many times the canary's odds of a bad request are those of stable, as far as the counts can say. */
export interface OddsInterval {
  /** Never above the true ratio but with probability alpha, however often one looks; 0 if nothing is known. */
  low: number;
  /** Absent if nothing is known. */
  high?: number | undefined;
}

/** What one metric of one target says, with the samples it rests on. */
export interface Finding {
  target: string;
  metric: Metric;
  status: VerdictStatus;
  canary: Count;
  stable: Count;
  /** Number of settled windows of this step that were used. */
  windows: number;
  /** Natural logarithm of the evidence against the canary, before it is weighted. */
  evidence: number;
  /** Natural logarithm of the evidence for a suspicion that reverts nothing; absent if there is none to speak of. */
  doubt?: number | undefined;
  /** Absent if the rule compares with no control. */
  odds?: OddsInterval | undefined;
  /** What a pass still needs, in words. */
  needed?: string | undefined;
  /** Of `traffic` below 100 %: the least share of the canary's requests, 0 to 1, whose loss the counts since the first raise show; null if they show none. */
  lossSeen?: number | null | undefined;
  /** Of `traffic`: start of the newest minute in which the canary was counted. */
  newest?: Instant | undefined;
  /** Windows that were not used, with the reason. */
  skipped?: string[] | undefined;
  /** What an earlier reading showed, if this one shows less of it. */
  shown?: Shown | undefined;
  reason: string;
}

/** What a reading counted of one rule of one target. */
export type Counts = Pick<Finding, 'target' | 'metric' | 'canary' | 'stable' | 'shown'>;

/** What a reading showed of a rule in a stretch of time. */
export interface Shown {
  from: Instant;
  to: Instant;
  canary: Count;
  stable: Count;
}

/** What a tick concludes, with the findings it rests on. */
export interface Verdict {
  status: VerdictStatus;
  reason: string;
  findings: Finding[];
  /** The settled stretch the step was judged on. */
  from: Instant;
  to: Instant;
  /** Natural logarithm of all evidence against the canary together; it fails at `limit`, which is ln(1/alpha). */
  evidence?: number | undefined;
  limit?: number | undefined;
  /** What each absolute limit says; absent if the rollout has none. */
  limits?: LimitFinding[] | undefined;
  /** True if the step is proven safe, so that a plan that allows it need not bake to the end. */
  certified?: boolean | undefined;
  /** Why the canary deserves a closer look by what its target did before; absent if it does not, and before verify. */
  doubt?: Doubt | undefined;
  /** Targets whose requests were missing for a reason that is not the canary: in this rollout their silence is a measuring fault from now on. */
  explained?: string[] | undefined;
  /** The first target whose canary was due requests in its newest minutes of which none is counted, though those of stable are. */
  missing?: { target: string; reason: string } | undefined;
  /** True if too few requests came and it passed on probes instead. */
  byProbes?: boolean | undefined;
}

/** Reason to look closer, without proof: the target does what it never did before. Guilt comes from a comparison alone. */
export interface Doubt {
  reason: string;
  /** The rule that it is about; absent if it is about how requests arrive. */
  by?: Pick<Finding, 'target' | 'metric'> | undefined;
  /** True if requests stopped: nothing counts them, so a recall leaves the canary as few as possible. */
  isSilence?: true | undefined;
  /** True if it has lasted so long, so surely, that a target which cannot be recalled is reverted. */
  isSure?: true | undefined;
  /** True if stable has shown as much: an outage that a recall would not explain. Verify and recalls wait for its end. */
  isOutage?: true | undefined;
}

/** What a consumer of events may not do, in absolute numbers; each kind is one metric of its adapter. */
export const LIMITS = ['dlqNew', 'oldestMessage', 'iteratorAge', 'batchFailures'] as const;

/** One of the limits. */
export type Limit = (typeof LIMITS)[number];

/** An absolute limit: messages for `dlqNew` and `batchFailures`, seconds for the ages. */
export interface LimitRule {
  limit: Limit;
  max: number;
}

/** What one limit of one target says. */
export interface LimitFinding extends LimitRule {
  target: string;
  status: VerdictStatus;
  /** The greatest value since the first raise that counts for this limit, in the unit of `max`. */
  value: number;
  reason: string;
}

/** Whose event a smoke test sends: a function URL, an HTTP API (payload 2.0), a REST API (payload 1.0) or a load balancer. */
export const SMOKE_EVENTS = ['url', 'http', 'rest', 'alb'] as const;
/** One of the four. */
export type SmokeEvent = (typeof SMOKE_EVENTS)[number];

/** Where a secret stands that a smoke test needs; only the reference is ever kept, never the value. */
export interface SecretRef {
  /** Name of a Secrets Manager secret or of a Parameter Store parameter. */
  from: 'secret' | 'parameter';
  name: string;
  /** JSON path within a value that is JSON; the whole value if absent. */
  path?: string | undefined;
}

/** One request sent to the unreleased version before it meets any user. `{{name}}` in its texts stands for a captured value or a secret. */
export interface SmokeCheck {
  target: string;
  /** What people read in place of method and path. */
  name?: string | undefined;
  method: string;
  path: string;
  /** A function URL's event if absent. */
  event?: SmokeEvent | undefined;
  /** The whole event, for functions that no HTTP request calls; the payload itself is then checked. */
  payload?: unknown;
  /** Route of an HTTP API (`GET /orders/{id}`) or resource of a REST API (`/orders/{id}`). */
  route?: string | undefined;
  stage?: string | undefined;
  pathParameters?: Record<string, string> | undefined;
  headers?: Record<string, string | string[]> | undefined;
  /** `requestContext.authorizer` as the authorizer of an API leaves it. */
  authorizer?: Record<string, unknown> | undefined;
  /** True for a load balancer whose target group has multi-value headers. */
  multiValue?: boolean | undefined;
  /** JSON or other text, present if the check sends a body. */
  body?: string | undefined;
  /** True if `body` is base64 of bytes. */
  isBase64?: boolean | undefined;
  /** Fields of a form, which becomes the body. */
  form?: Record<string, string | string[]> | undefined;
  /** Values for later checks of the same chain: `$.path`, `header.name` or `cookie.name`, by name. */
  capture?: Record<string, string> | undefined;
  secrets?: Record<string, SecretRef> | undefined;
  /** How often a failure is tried again. */
  retries?: number | undefined;
  expect: {
    /** A status, a class (`2xx`), a range (`200-299`) or several of them; absent for a payload. */
    status?: SmokeStatus | SmokeStatus[] | undefined;
    /** Milliseconds within which the answer must come. */
    underMs?: number | undefined;
    text?: string | undefined;
    /** Bytes of the body as the caller sees it. */
    length?: { min?: number | undefined; max?: number | undefined } | undefined;
    /** By name: true if it must be there, false if not, or its value, in which `*` stands for anything. */
    headers?: Record<string, string | boolean> | undefined;
    cookies?: Record<string, string | boolean> | undefined;
    /** JSON path (`$.a.b[0]`) to the JSON value that must stand there. */
    json: Record<string, unknown>;
  };
}

/** `200`, `2xx` or `200-299`. */
export type SmokeStatus = number | string;

/** Checks that are asked together, in order, because later ones use what earlier ones captured. */
export interface SmokeChain {
  target: string;
  chain: SmokeCheck[];
}

/** What a target's minutes before its rollout showed of one rule, with both versions of each minute together. */
export interface FailurePast {
  /** Share of bad requests, 0 to 1. */
  mean: number;
  /** Requests that the mean stands for in a share: many if the minutes were alike, none if nothing is known. */
  strength: number;
  /** The usual worst share of each of the lengths that are compared (`DOUBT_MINUTES`) in a stretch as long as verify, 0 to 1. */
  worst: number[];
  /** The worst share of one minute in all of them, 0 to 1. */
  ever: number;
  /**
   * What half of the stretches as long as verify do not exceed, 0 to 1: the share of all of their minutes, and of what is left
   * without the worst third of them (`TYPICAL_PARTS`). Absent if no minute had a request.
   */
  typical?: number[] | undefined;
}

/** Which minutes a part of the evidence against a canary rests on: all with a control, those since verify began, or those of recalls. */
export type PartName = 'steps' | 'verify' | 'recall';
