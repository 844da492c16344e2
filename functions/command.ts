import { LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod/mini';
import { type Obeyed, type Obeys, obeyCaller, type SignedRequest } from '../controller/obey.ts';
import type { CommandRequest, UnsignedRequest } from '../core/rollout/command-request.ts';
import { aws, clock } from './_aws.ts';
import { inputFrom, lambda, type Task } from './_lambda.ts';
import {
  environmentOn,
  executionsOn,
  journalOn,
  notesOn,
  openingsOn,
  reportsOn,
  routersOn,
  tokensOn,
  watchdogOn,
} from './_ports.ts';
import { keeping } from './_secrets.ts';
import { BySignature, Proven, Said, wishes } from './_wishes.ts';

const Input: z.ZodMiniType<UnsignedRequest | SignedRequest> = z.discriminatedUnion('command', [
  ...wishes(Said),
  BySignature,
]);

const Signed: z.ZodMiniType<{ request: CommandRequest }> = z.object({
  request: z.discriminatedUnion('command', [...wishes(Proven)]),
});

/** Carries out what a person, or a hook that answers late, wants of a rollout. */
export const command: Task<z.infer<typeof Input>, Obeyed & { accepted: true }, Obeys | 'tokens'> = {
  input: Input,
  async run(input, ports) {
    const obeyed = await obeyCaller(input, (claims) => inputFrom(Signed, claims).request, ports);
    return { ...obeyed, accepted: true };
  },
};

/** The function on AWS. */
export const handler = lambda(command, () => ({
  clock,
  watchdog: watchdogOn(aws),
  environment: environmentOn(aws),
  executions: executionsOn(aws),
  journal: journalOn(aws),
  notes: notesOn(aws),
  openings: openingsOn(aws),
  reports: reportsOn(aws),
  router: routersOn(aws),
  tokens: tokensOn(keeping(LambdaClient)),
}));
