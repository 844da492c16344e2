import { type Instant, type Seconds, WINDOW_MS } from '../units.ts';
import { METRIC_NAMES } from './metrics.ts';
import { knownWindows } from './settled.ts';
import type { Series } from './types.ts';

/** What users met while the canary had traffic, as far as the metrics had arrived when it was counted. */
export interface Exposure {
  requests: number;
  failed: number;
  seconds: Seconds;
}

/** Adds up what users met on the canary, over all targets; of several metrics of one target the worst counts, so that no request counts twice. */
export function exposureOf(targets: Series[], from: Instant, to: Instant): Exposure {
  const each = targets.map((series) => {
    const counts = METRIC_NAMES.map((metric) =>
      knownWindows(series[metric])
        .filter(({ start }) => start + WINDOW_MS > from)
        .map((window) => window.canary ?? { bad: 0, total: 0 }),
    );
    const most = (key: 'bad' | 'total') =>
      Math.max(...counts.map((windows) => windows.reduce((sum, count) => sum + count[key], 0)));
    return { requests: most('total'), failed: most('bad') };
  });
  return {
    requests: each.reduce((sum, { requests }) => sum + requests, 0),
    failed: each.reduce((sum, { failed }) => sum + failed, 0),
    seconds: Math.round((to - from) / 1000),
  };
}
