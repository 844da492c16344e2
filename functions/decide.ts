import * as z from 'zod/mini';
import type { Answer } from '../controller/execution.ts';
import { resume } from '../controller/resume.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { journalOn, routersOn } from './_ports.ts';

/** `unmeasured` is the error by which Measure ended, twice in a row. */
const Input = z.union([
  ExecutionRef,
  z.object({
    ref: ExecutionRef,
    unmeasured: z.object({ Error: z.optional(z.string()), Cause: z.optional(z.string()) }),
  }),
]);

/** Says what an execution does first, after it was woken, and after a Measure that could not end. */
export const decide: Task<z.infer<typeof Input>, Answer, 'clock' | 'journal' | 'router'> = {
  input: Input,
  run: (input, ports) =>
    'ref' in input ? resume(input.ref, input.unmeasured, ports) : resume(input, undefined, ports),
};

/** The function on AWS. */
export const handler = lambda(decide, () => ({ clock, journal: journalOn(aws), router: routersOn(aws) }));
