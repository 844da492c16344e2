import * as z from 'zod/mini';
import { awsExecutions, awsJournal, clock } from './_aws.ts';
import { recordEffect, wake } from './_journal.ts';
import { lambda, type Task } from './_task.ts';

/** The parts of a CloudWatch alarm event that count; everything else in it may change. */
const Input = z.object({
  detail: z.object({
    alarmName: z.string(),
    state: z.object({ value: z.string(), timestamp: z.string() }),
    previousState: z.optional(z.object({ value: z.optional(z.string()) })),
  }),
});

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)$/;

/**
 * When an alarm went off; undefined where that cannot be read, and then it did when it is heard of, which is the safe side.
 * CloudWatch writes `+0000` where Date.parse wants `+00:00`; by itself Date.parse would take "1" for a day in 2001.
 */
function instantFrom(timestamp: string): number | undefined {
  const at = ISO.test(timestamp) ? Date.parse(timestamp.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** Tells every rollout that names the alarm, and wakes those it matters to. */
export const alarmEvent: Task<
  z.infer<typeof Input>,
  { told: string[] },
  'clock' | 'executions' | 'journal'
> = {
  input: Input,
  async run({ detail }, ports) {
    // CloudWatch also reports that an alarm which is red already is evaluated on a part of its data (user guide, "How partial data is handled"); that is no change.
    if (detail.state.value !== 'ALARM' || detail.previousState?.value === 'ALARM') return { told: [] };
    const since = instantFrom(detail.state.timestamp) ?? ports.clock.now();
    const concerned = (await ports.journal.running()).filter(({ opening }) =>
      opening.alarms.some(({ name }) => name === detail.alarmName),
    );
    await Promise.all(
      concerned.map(async (rollout) => {
        await recordEffect(rollout, { type: 'ReportAlarm', alarm: detail.alarmName, since }, ports);
        await wake(rollout.opening.rolloutId, ports);
      }),
    );
    return { told: concerned.map(({ opening }) => opening.rolloutId) };
  },
};

/** The function on AWS. */
export const handler = lambda(alarmEvent, () => ({
  clock,
  executions: awsExecutions(),
  journal: awsJournal(),
}));
