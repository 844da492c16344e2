import { LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod/mini';
import { type Presses, press } from '../controller/press.ts';
import { clickSchema } from '../core/people/slack-click.ts';
import { deployedAccess } from './_access.ts';
import { inputFrom, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { commandsOn, slackRepliesOn, tokensOn } from './_ports.ts';
import { keeping } from './_secrets.ts';

const Signed = z.object({ click: clickSchema });

/** Carries out what somebody pressed a button in Slack for, after Slack got its answer. */
export const slackAction: Task<{ signed: string }, { rolloutId: string }, Presses | 'tokens'> = {
  input: z.object({ signed: z.string() }),
  async run(input, ports) {
    return { rolloutId: await press(input, (claims) => inputFrom(Signed, claims).click, ports) };
  },
};

/** The function on AWS. */
export const handler = lambda(slackAction, () => {
  const host = keeping(LambdaClient);
  const tokens = tokensOn(host);
  return {
    ...{ access: deployedAccess(), clock: host.clock, observer, tokens },
    commands: commandsOn(host, tokens),
    slackReplies: slackRepliesOn(host),
  };
});
