import * as z from 'zod/mini';
import type { Death } from '../core/people/errand.ts';

/** The parts of an event of Step Functions that count; everything else in it may change. */
const executionEvent = z.object({
  source: z.literal('aws.states'),
  detail: z.object({
    name: z.string(),
    status: z.string(),
    error: z.optional(z.nullable(z.string())),
  }),
});

/** What the executions of this controller are called: the rollout and its epoch. */
const NAME = /^(.+)-(\d+)$/;

/** The death that the event of an execution reports; undefined for one that carries no rollout. */
function deathIn({ detail: { name, status, error } }: z.infer<typeof executionEvent>): Death | undefined {
  const [, rolloutId, epoch] = NAME.exec(name) ?? [];
  if (rolloutId === undefined) return undefined;
  return { rolloutId, epoch: Number(epoch), name, how: [status, error ?? ''].join(' ').trim() };
}

/** Accepts the event of an execution that ended otherwise than a rollout ends. */
export const executionEnd = z.pipe(
  executionEvent,
  z.transform((event) => ({ ended: deathIn(event) })),
);
