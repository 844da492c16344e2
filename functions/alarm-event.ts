import * as z from 'zod/mini';
import { breachedAt, comparisonIn, instantFrom, versionsOf } from '../adapters/alarm-data.ts';
import { reportAlarm } from '../controller/report-alarm.ts';
import { aws, clock } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { executionsOn, journalOn } from './_ports.ts';

/** What an alarm reads, as its event says it (CloudWatch user guide, "Alarm events and EventBridge"). */
const Reading = z.object({
  expression: z.optional(z.string()),
  metricStat: z.optional(
    z.object({ metric: z.object({ dimensions: z.optional(z.record(z.string(), z.string())) }) }),
  ),
});

/** The parts of a CloudWatch alarm event that count; everything else in it may change. */
const Input = z.object({
  detail: z.object({
    alarmName: z.string(),
    state: z.object({
      value: z.string(),
      timestamp: z.string(),
      reason: z.optional(z.string()),
      reasonData: z.optional(z.string()),
    }),
    previousState: z.optional(z.object({ value: z.optional(z.string()) })),
    configuration: z.optional(z.object({ metrics: z.optional(z.array(Reading)) })),
  }),
});

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
    // One that cannot be read went off when it is learned of, which is the safe side.
    const since = instantFrom(detail.state.timestamp) ?? ports.clock.now();
    const breached = breachedAt(detail.state.reasonData, comparisonIn(detail.state.reason));
    const breach = breached === undefined ? {} : { breachedAt: breached };
    const { metrics = [] } = detail.configuration ?? {};
    const versions = versionsOf(
      metrics.map(({ expression, metricStat }) => ({
        expression,
        dimensions: metricStat?.metric.dimensions,
      })),
    );
    const counted = versions === undefined ? {} : { versions };
    const report = { type: 'ReportAlarm' as const, alarm: detail.alarmName, since, ...breach, ...counted };
    return { told: await reportAlarm(report, ports) };
  },
};

/** The function on AWS. */
export const handler = lambda(alarmEvent, () => ({
  clock,
  executions: executionsOn(aws),
  journal: journalOn(aws),
}));
