/** A moment, in milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

/** A length of time in whole seconds. */
export type Seconds = number;

/** Share of traffic on the canary from 0 to 100, a whole number unless all targets take parts of one. Adapters convert to what their service wants (Lambda: 0 to 1). */
export type Percent = number;

/** One metric window: CloudWatch keeps AWS/Lambda metrics in periods of a minute (CloudWatch user guide, "Metrics retention"). */
export const WINDOW_MS = 60_000;
