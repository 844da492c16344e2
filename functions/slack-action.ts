import { press } from '../controller/press.ts';
import { type Click, clickSchema } from '../core/people/slack-click.ts';
import { deployedAccess } from './_access.ts';
import { aws, clock } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { commandsOn, pagesOn, slackRepliesOn, tokensOn } from './_ports.ts';

/** Carries out what somebody pressed a button in Slack for, after Slack got its answer. */
export const slackAction: Task<
  Click,
  { rolloutId: string },
  'access' | 'clock' | 'commands' | 'observer' | 'pages' | 'slackReplies'
> = {
  input: clickSchema,
  async run(click, ports) {
    await press(click, ports);
    return { rolloutId: click.value.rolloutId };
  },
};

/** The function on AWS. */
export const handler = lambda(slackAction, () => ({
  access: deployedAccess(),
  clock,
  commands: commandsOn(aws, tokensOn(aws)),
  observer,
  pages: pagesOn(aws),
  slackReplies: slackRepliesOn(aws),
}));
