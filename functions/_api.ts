import type { Hono } from 'hono';
import { type ApiDeps, api } from '../api/api.ts';
import { sessionPrincipal } from '../api/session.ts';
import type { Needs } from '../controller/ports.ts';
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
function behindUrl(doorOf: (ports: Needs<Answers>) => Door): Task<UrlEvent, UrlAnswer, Answers> {
  const apps = new WeakMap<Needs<Answers>, Hono>();
  const appOf = (ports: Needs<Answers>): Hono => {
    const { about, access, clock, commands, journal, publicUrl, tokens } = ports;
    const known = apps.get(ports);
    if (known !== undefined) return known;
    const made = api({
      ...{ about, access, clock, publicUrl, tokens },
      reads: readingsOf(journal),
      command: (request) => commands.give(request),
      failed: fault,
      ...doorOf(ports),
    });
    apps.set(ports, made);
    return made;
  };
  return {
    input: UrlEvent,
    run: async (event, ports) => answerFrom(await appOf(ports).fetch(requestFrom(event), { event })),
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

/** The API for everybody else. Anybody may call it, so nothing that it is called with names anyone, but for a token of this controller's own. */
export const apiPublic = behindUrl(({ tokens }) => ({
  isPublic: true,
  principal: async (request) => sessionPrincipal(request, tokens),
}));
