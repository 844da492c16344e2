import { handOver } from '../controller/continue-as-new.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { executionsOn, journalOn, watchdogOn } from './_ports.ts';

/** Goes on in a fresh execution. */
export const continueAsNew: Task<
  ExecutionInput,
  object,
  'clock' | 'executions' | 'journal' | 'observer' | 'watchdog'
> = {
  input: ExecutionRef,
  async run(ref, ports) {
    await handOver(ref, ports);
    return {};
  },
};

/** The function on AWS. */
export const handler = lambda(continueAsNew, () => ({
  clock,
  watchdog: watchdogOn(aws),
  executions: executionsOn(aws),
  journal: journalOn(aws),
  observer,
}));
