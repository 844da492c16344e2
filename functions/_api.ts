import { type ApiDeps, api } from '../api/api.ts';
import type { Needs, Ports } from '../controller/ports.ts';
import { readingsOf } from '../controller/read.ts';
import { deployedAccess } from './_access.ts';
import type { Task } from './_lambda.ts';
import { fault } from './_observe.ts';
import { aboutOn, commandsOn, journalOn, type Keeper, publicUrlOn, tokensOn } from './_ports.ts';
import { answerFrom, requestFrom, type UrlAnswer, UrlEvent } from './_url.ts';

/** What the API takes. */
export type Answers = 'about' | 'access' | 'clock' | 'commands' | 'journal' | 'publicUrl' | 'tokens';

/** What both doors of the API get on AWS. */
export function answersOn(host: Keeper): Needs<Answers> {
  const tokens = tokensOn(host);
  return {
    ...{ about: aboutOn(host), access: deployedAccess(), clock: host.clock, journal: journalOn(host) },
    ...{ commands: commandsOn(host, tokens), publicUrl: publicUrlOn(host), tokens },
  };
}

/** How one door of the API differs from the other. */
type Door = Pick<ApiDeps, 'isPublic' | 'mount' | 'principal'>;

/** A function that answers as the API does, behind a function URL. Its app is made once, with what it has read. */
export function behindUrl<More extends keyof Ports = never>(
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
