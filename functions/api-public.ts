import { LambdaClient } from '@aws-sdk/client-lambda';
import { SIGN_IN, signIn } from '../api/oidc.ts';
import { sessionPrincipal } from '../api/session.ts';
import { SLACK, slackActions } from '../api/slack.ts';
import { type Answers, answersOn, behindUrl } from './_api.ts';
import { lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { clicksOn, providerOn, slackSecretOn } from './_ports.ts';
import { keeping } from './_secrets.ts';
import type { UrlAnswer, UrlEvent } from './_url.ts';

type More = 'clicks' | 'provider' | 'slackSecret';

/** The API for everybody else. Anybody may call it, so nothing that it is called with names anyone, but for a token of this controller's own and what Slack has signed. */
export const apiPublic: Task<UrlEvent, UrlAnswer, Answers | More> = behindUrl<More>(
  ({ access, clicks, clock, provider, publicUrl, slackSecret, tokens }) => ({
    isPublic: true,
    principal: async (request) => sessionPrincipal(request, access, tokens),
    mount: {
      ...(access.oidc === undefined || publicUrl === undefined
        ? {}
        : {
            [SIGN_IN]: signIn({
              ...{ access, clock, publicUrl, tokens, ...provider },
              failed: (why) => observer.warn('could not sign anybody in', { why }),
            }),
          }),
      ...(access.slack === undefined
        ? {}
        : {
            [SLACK]: slackActions({
              slack: access.slack,
              signingSecret: slackSecret,
              clock,
              hand: clicks.hand,
              refused: (why) => observer.warn('refused what Slack sent', { why }),
            }),
          }),
    },
  }),
);

/** The function on AWS. */
export const handler = lambda(apiPublic, () => {
  const host = keeping(LambdaClient);
  const answers = answersOn(host);
  return {
    ...answers,
    clicks: clicksOn(host, answers.tokens),
    provider: providerOn(host),
    slackSecret: slackSecretOn(host),
  };
});
