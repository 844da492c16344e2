import { PAST_MS } from '../../core/analysis/silence.ts';
import type { Series, WatchRule } from '../../core/analysis/types.ts';
import { HISTORY_MS } from '../../core/analysis/windows.ts';
import { limitsFrom, watchFrom } from '../../core/config/rollout-file.ts';
import type { Completion } from '../../core/ports.ts';
import { digestsOf, type Found } from '../../core/rollout/open.ts';
import { WINDOW_MS } from '../../core/units.ts';
import type { Needs } from '../ports.ts';
import type { Resolved } from './resolve.ts';

/** Everything that an opening rests on. */
export interface Gathered extends Resolved, Found {}

/** Gathers what the world says of the release: how many rollouts run, alarms, completions elsewhere, what its targets did lately. */
export async function gather(
  resolved: Resolved,
  ports: Needs<'alarms' | 'clock' | 'completions' | 'journal' | 'metrics'>,
): Promise<Gathered> {
  const [running, alarms, completion, known] = await Promise.all([
    ports.journal.countRunning(),
    ports.alarms.read(resolved.manifest.rollout.alarms ?? []),
    required(resolved, ports),
    recent(resolved, ports),
  ]);
  return { ...resolved, running, alarms, completion, ...known };
}

/** What the environment that this release must have completed in has told of it. */
async function required(
  { manifest: { requires, service }, targets }: Resolved,
  { completions }: Needs<'completions'>,
): Promise<Completion | undefined> {
  const digests = digestsOf(targets);
  if (requires === undefined || digests === undefined) return undefined;
  return completions.find({ environment: requires.completedIn, service, digests });
}

/** What each target did lately, and in the day before. */
async function recent(
  { manifest, targets }: Resolved,
  ports: Needs<'clock' | 'metrics'>,
): Promise<Pick<Found, 'history' | 'day'>> {
  const to = Math.floor(ports.clock.now() / WINDOW_MS) * WINDOW_MS;
  // Invocations tell a function without response counters from one without traffic.
  const rules: WatchRule[] = [...watchFrom(manifest.rollout), { metric: 'errors', ratio: 1 }];
  // A version that is not published yet has no metrics, and CloudWatch takes no empty dimension.
  const series = targets.map(async ({ target }) => {
    const known = { ...target, canary: target.canary || target.stable };
    const [lately, before] = await Promise.all([
      ports.metrics.read(known, rules, to - HISTORY_MS, to, limitsFrom(manifest.rollout)),
      // What it did in the day before is what is due of it in the rollout, and usual.
      ports.metrics
        .past(known, [...rules, { metric: 'traffic', ratio: 1 }], to - PAST_MS, to)
        .catch((error: Error): Series => ({ traffic: [{ start: to, unknown: error.message }] })),
    ]);
    return [target.name, { lately, before }] as const;
  });
  const each = await Promise.all(series);
  return {
    history: Object.fromEntries(each.map(([name, { lately }]) => [name, lately])),
    day: Object.fromEntries(each.map(([name, { before }]) => [name, before])),
  };
}
