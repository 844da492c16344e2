import * as z from 'zod/mini';
import type { AlarmChange } from '../core/ports.ts';
import { breachedAt, comparisonIn, instantFrom, versionsOf } from './alarm-data.ts';

/** What an alarm reads, as its event says it (CloudWatch user guide, "Alarm events and EventBridge"). */
const reading = z.object({
  expression: z.optional(z.string()),
  metricStat: z.optional(
    z.object({ metric: z.object({ dimensions: z.optional(z.record(z.string(), z.string())) }) }),
  ),
});

/** The parts of a CloudWatch alarm event that count; everything else in it may change. */
const alarmEvent = z.object({
  detail: z.object({
    alarmName: z.string(),
    state: z.object({
      value: z.string(),
      timestamp: z.string(),
      reason: z.optional(z.string()),
      reasonData: z.optional(z.string()),
    }),
    previousState: z.optional(z.object({ value: z.optional(z.string()) })),
    configuration: z.optional(z.object({ metrics: z.optional(z.array(reading)) })),
  }),
});

/** What a CloudWatch alarm event says of its alarm. */
function changeIn({ detail }: z.infer<typeof alarmEvent>): AlarmChange {
  const { state, previousState, configuration } = detail;
  const reads = (configuration?.metrics ?? []).map(({ expression, metricStat }) => ({
    expression,
    dimensions: metricStat?.metric.dimensions,
  }));
  const breached = breachedAt(state.reasonData, comparisonIn(state.reason));
  const versions = versionsOf(reads);
  return {
    alarm: detail.alarmName,
    // CloudWatch also reports that an alarm which is red already is evaluated on a part of its data (user guide, "How partial data is handled"); that is no change.
    wentOff: state.value === 'ALARM' && previousState?.value !== 'ALARM',
    since: instantFrom(state.timestamp),
    ...(breached === undefined ? {} : { breachedAt: breached }),
    ...(versions === undefined ? {} : { versions }),
  };
}

/** Accepts a CloudWatch alarm event, as the change of an alarm that it reports. */
export const alarmChange = z.pipe(alarmEvent, z.transform(changeIn));
