import { SNSClient } from '@aws-sdk/client-sns';
import * as z from 'zod/mini';
import { executionEnd } from '../adapters/execution-event.ts';
import { type Notifies, notify as report } from '../controller/notify.ts';
import type { Errand } from '../core/people/errand.ts';
import { deployedAccess } from './_access.ts';
import { lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { agendaOn, journalOn, notesOn, publicUrlOn, sinksOn, tokensOn } from './_ports.ts';
import { keeping } from './_secrets.ts';

const Wake: z.ZodMiniType<Errand> = z.object({
  rolloutId: z.string(),
  tries: z.optional(z.int()),
  died: z.optional(z.object({ rolloutId: z.string(), epoch: z.int(), name: z.string(), how: z.string() })),
});

/** What starts it: a transition, an execution that ended otherwise than a rollout ends, its own agenda, or who has it report at once. */
const Input = z.union([
  // The parts of the event that count; everything else in it may change.
  z.object({ source: z.literal('spillway'), detail: z.object({ rolloutId: z.string() }) }),
  executionEnd,
  z.object({ wake: Wake }),
]);

/** Reports what is new about a rollout to people, and repeats what somebody is paged for. */
export const notify: Task<z.infer<typeof Input>, { delivered: string[] }, Notifies> = {
  input: Input,
  async run(input, ports) {
    if ('wake' in input) return report(input.wake, ports);
    if ('source' in input) return report(input.detail, ports);
    const { ended } = input;
    return ended === undefined
      ? { delivered: [] }
      : report({ rolloutId: ended.rolloutId, died: ended }, ports);
  },
};

/** The function on AWS. */
export const handler = lambda(notify, () => {
  const host = keeping(SNSClient);
  const notes = notesOn(host);
  return {
    ...{ access: deployedAccess(), clock: host.clock, notes, observer },
    agenda: agendaOn(host),
    journal: journalOn(host),
    publicUrl: publicUrlOn(host),
    sinks: sinksOn(host, notes, observer),
    tokens: tokensOn(host),
  };
});
