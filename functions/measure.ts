import { judge, type Reading, stretch } from '../core/analysis/judge.ts';
import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { awsAlarms, awsJournal, awsMetrics, awsRouters, clock } from './_aws.ts';
import { recordJudgement } from './_journal.ts';
import { reconcileTargets } from './_targets.ts';
import { type Answer, ExecutionRef, lambda, type Needs, type Task, turn } from './_task.ts';

/** One tick: the targets are read back, then metrics and alarms, and the verdict is written down for the version it was made for. */
export const measure: Task<ExecutionInput, Answer, 'alarms' | 'clock' | 'journal' | 'metrics' | 'router'> = {
  input: ExecutionRef,
  run: (ref, ports) =>
    turn(ref, ports, 'measure', async (rollout) => {
      const seen = await look(rollout, ports);
      if ('changed' in seen) return seen.changed;
      const present = rollout;
      const reading =
        seen.broken === undefined
          ? await read(present, ports)
          : { series: {}, alarms: [], broken: seen.broken };
      const verdict = judge(present, reading, ports.clock.now());
      return recordJudgement(present, { type: 'RecordMeasure', verdict, alarms: reading.alarms }, ports);
    }),
};

/** Reads the targets back: what they show may change the rollout; where they cannot be read, this tick is broken. */
async function look(
  rollout: Rollout,
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<{ changed: Rollout } | { broken?: string }> {
  try {
    const present = await reconcileTargets(rollout, ports);
    return present.version === rollout.version ? {} : { changed: present };
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable')) throw error;
    return { broken: error.message };
  }
}

/** What cannot be read is a broken reading, not an error: a blind moment must not end a good release by itself. */
async function read(
  rollout: Rollout,
  ports: Needs<'alarms' | 'clock' | 'journal' | 'metrics' | 'router'>,
): Promise<Reading> {
  const { from, to } = stretch(rollout, ports.clock.now());
  const { targets, watch, alarms } = rollout.opening;
  try {
    const [series, states] = await Promise.all([
      Promise.all(
        targets.map(
          async (target) => [target.name, await ports.metrics.read(target, watch, from, to)] as const,
        ),
      ),
      ports.alarms.read(alarms.map((alarm) => alarm.name)),
    ]);
    return { series: Object.fromEntries(series), alarms: states };
  } catch (error) {
    return { series: {}, alarms: [], broken: error instanceof Error ? error.message : String(error) };
  }
}

/** The function on AWS. */
export const handler = lambda(measure, () => ({
  alarms: awsAlarms(),
  clock,
  journal: awsJournal(),
  metrics: awsMetrics(),
  router: awsRouters(),
}));
