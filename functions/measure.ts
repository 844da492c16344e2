import { isThrottle } from '../adapters/_aws.ts';
import { judge, type Reading, stretch } from '../core/analysis/judge.ts';
import { rulesFor } from '../core/analysis/weights.ts';
import { readsBack } from '../core/budget.ts';
import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { awsAlarms, awsJournal, awsMetrics, awsProbes, awsRouters, clock } from './_aws.ts';
import { recordJudgement } from './_journal.ts';
import { putProbes } from './_probes.ts';
import { reconcileTargets } from './_targets.ts';
import { type Answer, ExecutionRef, lambda, type Needs, type Task, turn } from './_task.ts';

/** One tick: the targets are read back, then metrics and alarms while the probes are put, and the verdict is written down for the version it was made for. */
export const measure: Task<
  ExecutionInput,
  Answer,
  'alarms' | 'clock' | 'hooks' | 'journal' | 'metrics' | 'router'
> = {
  input: ExecutionRef,
  run: (ref, ports) =>
    turn(ref, ports, 'measure', async (rollout) => {
      const seen = await look(rollout, ports);
      if ('changed' in seen) return seen.changed;
      const [found, probes] = await Promise.all([read(rollout, ports), putProbes(rollout, ports)]);
      const reading = { ...found, probes, ...(seen.broken === undefined ? {} : { broken: seen.broken }) };
      const verdict = judge(rollout, reading, ports.clock.now());
      const measured = { type: 'RecordMeasure' as const, verdict, alarms: reading.alarms };
      return recordJudgement(rollout, probes === undefined ? measured : { ...measured, probes }, ports);
    }),
};

/** Reads the targets back: what they show may change the rollout; where they cannot be read, this tick is broken. Where there is no room for it among many, a later tick does. */
async function look(
  rollout: Rollout,
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<{ changed: Rollout } | { broken?: string }> {
  if (!readsBack(rollout)) return {};
  try {
    const present = await reconcileTargets(rollout, ports);
    return present.version === rollout.version ? {} : { changed: present };
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable')) throw error;
    return isThrottle(error) ? {} : { broken: error.message };
  }
}

/**
 * What cannot be read is a broken reading, not an error: a blind moment must not end a good release by itself. Each target
 * and the alarms are read on their own, since what one of them shows counts whatever became of the others.
 */
async function read(
  rollout: Rollout,
  ports: Needs<'alarms' | 'clock' | 'journal' | 'metrics' | 'router'>,
): Promise<Reading> {
  const { from, to } = stretch(rollout, ports.clock.now());
  const { targets, watch, limits, alarms } = rollout.opening;
  const [states, ...series] = await Promise.all([
    attempt(ports.alarms.read(alarms.map((alarm) => alarm.name)), ports),
    ...targets.map((target) =>
      attempt(ports.metrics.read(target, rulesFor(target, watch), from, to, limits), ports),
    ),
  ]);
  const broken = series.flatMap(({ error }) => (error === undefined ? [] : [error]));
  return {
    series: Object.fromEntries(targets.map(({ name }, index) => [name, series[index]?.value ?? {}])),
    alarms: states.value ?? [],
    ...(broken.length > 0 ? { broken: [...new Set(broken)].join('; ') } : {}),
    ...(states.error === undefined ? {} : { alarmsBroken: states.error }),
  };
}

/** Well under the function's 10 s, so that what comes late is a broken tick and not a death that takes the canary back. */
const READ_MS = 6_000;

async function attempt<T>(
  reading: Promise<T>,
  { clock }: Needs<'clock'>,
): Promise<{ value?: T; error?: string }> {
  const late = clock.sleep(READ_MS).then(() => ({ error: `no answer came within ${READ_MS / 1000} s` }));
  const read = reading.then(
    (value) => ({ value }),
    (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
  );
  return Promise.race([read, late]);
}

/** The function on AWS. */
export const handler = lambda(measure, () => ({
  alarms: awsAlarms(),
  clock,
  hooks: awsProbes(),
  journal: awsJournal(),
  metrics: awsMetrics(),
  router: awsRouters(),
}));
