import * as z from 'zod/mini';
import { publish, restoreCode } from '../controller/publish.ts';
import { type WaitingState, workAndWake } from '../controller/waiting-state.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { executionsOn, journalOn, publishersOn } from './_ports.ts';

const Input = z.union([
  z.object({ ref: ExecutionRef, version: z.number(), token: z.string() }),
  z.object({ restore: z.object({ rolloutId: z.string(), target: z.string() }) }),
]);

/** Publishes the version that one target is to serve, and wakes its own state. A revert calls it to restore the code of stable. */
export const publishRelease: Task<
  WaitingState | { restore: { rolloutId: string; target: string } },
  object,
  'clock' | 'executions' | 'journal' | 'publisher'
> = {
  input: Input,
  async run(input, ports) {
    if ('restore' in input) await restoreCode(input.restore.rolloutId, input.restore.target, ports);
    else await workAndWake(input, ports, 'publish', (rollout, { target }) => publish(rollout, target, ports));
    return {};
  },
};

/** The function on AWS. */
export const handler = lambda(publishRelease, () => ({
  clock,
  executions: executionsOn(aws),
  journal: journalOn(aws),
  publisher: publishersOn(aws),
}));
