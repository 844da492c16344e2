import type { Instant } from '../units.ts';

/** How many of how many were bad. */
export interface Count {
  bad: number;
  total: number;
}

/** One minute of one metric on both versions of one target. A side without data is absent: missing is not zero. */
export interface Window {
  start: Instant;
  canary?: Count | undefined;
  stable?: Count | undefined;
}

/** Every metric that both versions are compared by. */
export const METRICS = ['errors', 'http5xx'] as const;
/** One of the metrics. */
export type Metric = (typeof METRICS)[number];

/** The windows of each metric of one target, oldest first. */
export type Series = Partial<Record<Metric, Window[]>>;

/** What is tolerated: a ratio to the stable version in the same windows, or an absolute share of bad requests (0 to 1). */
export type WatchRule = { metric: Metric } & ({ ratio: number } | { share: number });

/** An alarm as it stands now; `unknown` where CloudWatch could not evaluate it or no longer has it. */
export interface Alarm {
  name: string;
  state: 'ok' | 'alarm' | 'insufficient' | 'unknown';
  /** When it last changed its state. */
  since: Instant;
}

/** Ordered by severity: combining verdicts takes the worst one. */
export type VerdictStatus = 'pass' | 'inconclusive' | 'broken' | 'fail';

/** What one metric of one target says, with the samples it rests on. */
export interface Finding {
  target: string;
  metric: Metric;
  status: VerdictStatus;
  canary: Count;
  stable: Count;
  /** Number of settled windows with data on both sides (on the canary alone, where there is no control). */
  windows: number;
  /** Natural logarithm of the evidence against the canary; the rule fails at ln(1/alpha). */
  evidence: number;
  reason: string;
}

/** What a tick concludes, with the findings it rests on. */
export interface Verdict {
  status: VerdictStatus;
  reason: string;
  findings: Finding[];
  /** The settled stretch the step was judged on. */
  from: Instant;
  to: Instant;
}

/** What a consumer of events may not do, in absolute numbers; each kind is one metric of its adapter. */
export const LIMITS = ['dlqNew', 'oldestMessage', 'iteratorAge', 'batchFailures'] as const;

/** An absolute limit: messages for `dlqNew` and `batchFailures`, seconds for the ages. */
export interface LimitRule {
  limit: (typeof LIMITS)[number];
  max: number;
}

/** One request put to the unreleased version before it meets any user. */
export interface SmokeCheck {
  target: string;
  method: string;
  path: string;
  /** JSON text, present where the check sends a body. */
  body?: string | undefined;
  expect: {
    status: number;
    /** Milliseconds within which the answer must come. */
    underMs?: number | undefined;
    text?: string | undefined;
    /** JSON path (`$.a.b[0]`) to the JSON value that must stand there. */
    json: Record<string, unknown>;
  };
}
