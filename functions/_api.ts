import { type ApiDeps, api } from '../api/api.ts';
import { SIGN_IN, signIn } from '../api/oidc.ts';
import { sessionPrincipal } from '../api/session.ts';
import { SLACK, slackActions } from '../api/slack.ts';
import type { Needs, Ports } from '../controller/ports.ts';
import { readingsOf } from '../controller/read.ts';
import { iamPrincipal } from '../core/people/access.ts';
import type { Task } from './_lambda.ts';
import { fault } from './_observe.ts';
import { answerFrom, requestFrom, type UrlAnswer, UrlEvent } from './_url.ts';

/** What the API takes. */
type Answers = 'about' | 'access' | 'clock' | 'commands' | 'journal' | 'publicUrl' | 'tokens';

/** How one door of the API differs from the other. */
type Door = Pick<ApiDeps, 'isPublic' | 'mount' | 'principal'>;

/** A function that answers as the API does, behind a function URL. Its app is made once, with what it has read. */
function behindUrl<More extends keyof Ports = never>(
  doorOf: (ports: Needs<Answers> & Needs<More>) => Door,
): Task<UrlEvent, UrlAnswer, Answers | More> {
  const apps = new WeakMap<object, (event: UrlEvent) => Promise<Response>>();
  const made = (ports: Needs<Answers> & Needs<More>) => {
    const { about, access, clock, commands, journal, publicUrl, tokens } = ports;
    const door = doorOf(ports);
    const app = api({
      ...{ about, access, clock, publicUrl, tokens },
      reads: readingsOf(journal),
      command: (request) => commands.give(request),
      failed: fault,
      ...door,
    });
    return async (event: UrlEvent) =>
      app.fetch(requestFrom(event, door.isPublic ? publicUrl : undefined), { event });
  };
  return {
    input: UrlEvent,
    async run(event, ports) {
      const app = apps.get(ports) ?? made(ports);
      apps.set(ports, app);
      return answerFrom(await app(event));
    },
  };
}

/** The API for those who sign with credentials of AWS: IAM has checked the signature, and names who made it. */
export const apiIam = behindUrl(({ access }) => ({
  isPublic: false,
  async principal(_, env) {
    const { event } = env as { event: UrlEvent };
    const arn = event.requestContext.authorizer?.iam?.userArn;
    return arn === undefined ? undefined : iamPrincipal(arn, access);
  },
}));

/** The API for everybody else. Anybody may call it, so nothing that it is called with names anyone, but for a token of this controller's own and what Slack has signed. */
export const apiPublic = behindUrl<'clicks' | 'provider' | 'slackSecret'>(
  ({ access, clicks, clock, provider, publicUrl, slackSecret, tokens }) => ({
    isPublic: true,
    principal: async (request) => sessionPrincipal(request, access, tokens),
    mount: {
      ...(access.oidc === undefined || publicUrl === undefined
        ? {}
        : { [SIGN_IN]: signIn({ access, clock, publicUrl, tokens, ...provider }) }),
      ...(access.slack === undefined || slackSecret === ''
        ? {}
        : {
            [SLACK]: slackActions({
              slack: access.slack,
              signingSecret: slackSecret,
              clock,
              hand: clicks.hand,
            }),
          }),
    },
  }),
);
