import { NO_PROBES } from '../analysis/probe-counts.ts';
import { checksOf } from '../analysis/smoke.ts';
import type { SmokeCheck } from '../analysis/types.ts';
import type { Instant } from '../units.ts';
import { hasCanaryTraffic } from './due.ts';
import type { Hook } from './event.ts';
import type { Rollout } from './state.ts';

/** Most pairs of one target in a tick, however long the last one is ago. */
const PAIRS_MAX = 60;

/** The smoke tests that are repeated on a target; none if the file asks for no probes. */
export function probesOf({ opening }: Pick<Rollout, 'opening'>, target: string): Hook[] {
  const { probe, hooks } = opening;
  return hooks.filter((hook) => hook.target === target && probe?.smoke.includes(hook.id)).map(withoutRetries);
}

/** A retry would hide the failures that probes count. */
function withoutRetries(hook: Hook): Hook {
  const once = ({ retries: _, ...check }: SmokeCheck) => check;
  const checks = checksOf(hook.spec).map(once);
  return {
    ...hook,
    spec: 'chain' in hook.spec ? { target: hook.target, chain: checks } : (checks[0] ?? hook.spec),
  };
}

/** The probes of a target that are due at `now`, one after the other; each is for a pair. */
export function probesDue(rollout: Rollout, target: string, now: Instant): Hook[] {
  const { probe } = rollout.opening;
  if (probe === undefined || !hasCanaryTraffic(rollout)) return [];
  const probes = probesOf(rollout, target);
  const last = Math.max(rollout.measuredAt ?? 0, rollout.moves.at(-1) ?? 0, rollout.raisedAt ?? 0);
  const due = Math.floor((now - last) / (probe.everySeconds * 1000));
  const { pairs, skipped } = rollout.probes?.[target]?.all ?? NO_PROBES;
  return Array.from(
    { length: Math.min(PAIRS_MAX, Math.max(0, due)) },
    (_, index) => probes[(pairs + skipped + index) % probes.length],
  ).filter((hook) => hook !== undefined);
}
