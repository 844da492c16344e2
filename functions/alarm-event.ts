import * as z from 'zod';
import { awsExecutions, awsJournal, clock } from './_aws.ts';
import { recordEffect, wake } from './_journal.ts';
import { lambda, type Task } from './_task.ts';

/** The parts of a CloudWatch alarm event that count; everything else in it may change. */
const Input = z.object({
  detail: z.object({ alarmName: z.string(), state: z.object({ value: z.string(), timestamp: z.string() }) }),
});

/** Tells every rollout that names the alarm, and wakes those it matters to. */
export const alarmEvent: Task<
  z.infer<typeof Input>,
  { told: string[] },
  'clock' | 'executions' | 'journal'
> = {
  input: Input,
  async run({ detail }, ports) {
    if (detail.state.value !== 'ALARM') return { told: [] };
    const since = Date.parse(detail.state.timestamp.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
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
