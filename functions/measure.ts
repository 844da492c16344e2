import { type Answer, whenDirected } from '../controller/execution.ts';
import { tick } from '../controller/measure.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { alarmsOn, journalOn, metricsOn, probesOn, routersOn } from './_ports.ts';

/** One tick of a rollout. */
export const measure: Task<
  ExecutionInput,
  Answer,
  'alarms' | 'clock' | 'hooks' | 'journal' | 'metrics' | 'observer' | 'router'
> = {
  input: ExecutionRef,
  run: (ref, ports) => whenDirected(ref, ports, 'measure', (rollout) => tick(rollout, ports)),
};

/** The function on AWS. */
export const handler = lambda(measure, () => ({
  alarms: alarmsOn(aws),
  clock,
  hooks: probesOn(aws),
  journal: journalOn(aws),
  metrics: metricsOn(aws),
  observer,
  router: routersOn(aws),
}));
