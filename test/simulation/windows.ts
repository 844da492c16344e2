import type { Ports } from '../../controller/ports.ts';
import { METRIC_NAMES } from '../../core/analysis/metrics.ts';
import type { Series } from '../../core/analysis/types.ts';
import { MINUTE } from './stage.ts';

/** How far back a window may still change. */
const RESTATED_MS = 10 * MINUTE;

/** Metrics that are asked for once: a long bake reads all its windows at each tick, which only costs the test its time. */
export function rememberedWindows(ports: Ports): Ports {
  const known = new Map<string, { to: number; series: Series }>();
  return {
    ...ports,
    metrics: {
      ...ports.metrics,
      async read(target, rules, from, to) {
        const old = known.get(target.name) ?? { to: from, series: {} };
        const since = Math.max(from, old.to - RESTATED_MS);
        const fresh = await ports.metrics.read(target, rules, since, to);
        const series: Series = {};
        for (const metric of METRIC_NAMES) {
          const kept = (old.series[metric] ?? []).filter(({ start }) => start >= from && start < since);
          if (fresh[metric] !== undefined) series[metric] = [...kept, ...fresh[metric]];
        }
        known.set(target.name, { to, series });
        return series;
      },
    },
  };
}
