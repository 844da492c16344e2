import * as z from 'zod/mini';
import { type Found, watch } from '../controller/watchdog.ts';
import type { WatchdogInput } from '../core/ports.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { executionsOn, journalOn, routersOn, watchdogOn } from './_ports.ts';

const Input = z.intersection(
  ExecutionRef,
  z.object({ deadline: z.number(), armedAt: z.number(), unreadableSince: z.optional(z.number()) }),
);

/** Looks after a rollout whose execution may be dead. */
export const watchdog: Task<
  WatchdogInput,
  { found: Found },
  'clock' | 'executions' | 'journal' | 'observer' | 'router' | 'watchdog'
> = {
  input: Input,
  run: async (input, ports) => ({ found: await watch(input, ports) }),
};

/** The function on AWS. */
export const handler = lambda(watchdog, () => ({
  clock,
  watchdog: watchdogOn(aws),
  executions: executionsOn(aws),
  journal: journalOn(aws),
  observer,
  router: routersOn(aws),
}));
