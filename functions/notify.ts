import * as z from 'zod/mini';
import { type Notifies, notify as report } from '../controller/notify.ts';
import { acknowledge, pageForDeath } from '../controller/page.ts';
import { deployedAccess } from './_access.ts';
import { aws, clock } from './_aws.ts';
import { ActorShape, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { agendaOn, journalOn, notesOn, publicUrlOn, sinksOn, tokensOn } from './_ports.ts';

/** What starts it: a transition, an execution that ended otherwise than a rollout ends, its own agenda, or somebody who acknowledges a page. */
const Input = z.union([
  // The parts of each event that count; everything else in it may change.
  z.object({ source: z.literal('spillway'), detail: z.object({ rolloutId: z.string() }) }),
  z.object({
    source: z.literal('aws.states'),
    detail: z.object({
      name: z.string(),
      status: z.string(),
      error: z.optional(z.nullable(z.string())),
    }),
  }),
  z.object({ wake: z.object({ rolloutId: z.string(), tries: z.optional(z.int()) }) }),
  z.object({
    acknowledge: z.object({ rolloutId: z.string(), page: z.optional(z.string()), by: ActorShape }),
  }),
]);

/** What an execution is called: the rollout and its epoch. */
const EXECUTION = /^(.+)-(\d+)$/;

/** Reports what is new about a rollout to people, and repeats what somebody is paged for. */
export const notify: Task<
  z.infer<typeof Input>,
  { delivered: string[]; acknowledged?: boolean },
  Notifies
> = {
  input: Input,
  async run(input, ports) {
    if ('wake' in input) return report(input.wake.rolloutId, ports, input.wake.tries);
    if ('acknowledge' in input) {
      const acknowledged = await acknowledge(input.acknowledge, ports);
      return { ...(await report(input.acknowledge.rolloutId, ports)), acknowledged };
    }
    if (input.source === 'spillway') return report(input.detail.rolloutId, ports);
    const { name, status, error } = input.detail;
    const [, rolloutId = '', epoch = ''] = EXECUTION.exec(name) ?? [];
    if (rolloutId === '') return { delivered: [] };
    const how = [status, error ?? ''].join(' ').trim();
    await pageForDeath({ rolloutId, epoch: Number(epoch), name, how }, ports);
    return report(rolloutId, ports);
  },
};

/** The function on AWS. */
export const handler = lambda(notify, () => ({
  access: deployedAccess(),
  agenda: agendaOn(aws),
  clock,
  journal: journalOn(aws),
  notes: notesOn(aws),
  observer,
  publicUrl: publicUrlOn(aws),
  sinks: sinksOn(aws, notesOn(aws)),
  tokens: tokensOn(aws),
}));
