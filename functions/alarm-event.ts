import { alarmChange } from '../adapters/alarm-event.ts';
import { reportAlarm } from '../controller/report-alarm.ts';
import type { AlarmChange } from '../core/ports.ts';
import { aws, clock } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { executionsOn, journalOn } from './_ports.ts';

/** Reports an alarm that went off to every rollout that names it, and wakes those it matters to. */
export const alarmEvent: Task<AlarmChange, { told: string[] }, 'clock' | 'executions' | 'journal'> = {
  input: alarmChange,
  run: async (change, ports) => ({ told: await reportAlarm(change, ports) }),
};

/** The function on AWS. */
export const handler = lambda(alarmEvent, () => ({
  clock,
  executions: executionsOn(aws),
  journal: journalOn(aws),
}));
