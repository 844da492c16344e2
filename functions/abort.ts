import { LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod/mini';
import type { Aborts } from '../controller/abort.ts';
import { type Obeyed, obeyAbort, type SignedRequest } from '../controller/obey.ts';
import type { AbortRequest, UnsignedAbort } from '../core/rollout/command-request.ts';
import { aws, clock } from './_aws.ts';
import { inputFrom, lambda, type Task } from './_lambda.ts';
import { environmentOn, executionsOn, journalOn, routersOn, tokensOn, watchdogOn } from './_ports.ts';
import { keeping } from './_secrets.ts';
import { BySignature, Proven, Reason, Said } from './_wishes.ts';

const wish = { command: z.literal('abort'), reason: Reason };
const Input: z.ZodMiniType<UnsignedAbort | SignedRequest> = z.discriminatedUnion('command', [
  z.strictObject({ ...Said, ...wish }),
  BySignature,
]);
const Signed: z.ZodMiniType<{ request: AbortRequest }> = z.object({
  request: z.strictObject({ ...Proven, ...wish }),
});

/** Carries out aborts and nothing else, so that none waits for room behind a command that takes long. */
export const abort: Task<z.infer<typeof Input>, Obeyed & { accepted: true }, Aborts | 'tokens'> = {
  input: Input,
  async run(input, ports) {
    const obeyed = await obeyAbort(input, (claims) => inputFrom(Signed, claims).request, ports);
    return { ...obeyed, accepted: true };
  },
};

/** The function on AWS. */
export const handler = lambda(abort, () => ({
  clock,
  watchdog: watchdogOn(aws),
  environment: environmentOn(aws),
  executions: executionsOn(aws),
  journal: journalOn(aws),
  router: routersOn(aws),
  tokens: tokensOn(keeping(LambdaClient)),
}));
