import * as z from 'zod/mini';
import type { Journal, ServiceRecord } from '../core/ports.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { rolloutIdParts, waitingIn } from '../core/rollout/service.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { about, awsJournal } from './_aws.ts';
import { lambda, type Task } from './_task.ts';

const Input = z.discriminatedUnion('read', [
  z.strictObject({ read: z.literal('about') }),
  z.strictObject({ read: z.literal('running') }),
  z.strictObject({ read: z.literal('service'), service: z.string() }),
  z.strictObject({
    read: z.literal('rollout'),
    rolloutId: z.string(),
    after: z._default(z.int().check(z.gte(0)), 0),
  }),
]);

/** What can be read of the controller; nothing here changes anything. */
export interface Readings {
  about: { environment: string; bucket: string; scheduleGroup: string };
  running: Rollout[];
  service: ServiceRecord;
  /** The rollout and its events after version `after`; no rollout where there is none of this id. `waitsFor` names what is under way where it waits in the queue. */
  rollout: { rollout?: Rollout | undefined; events: RolloutEvent[]; waitsFor?: string[] | undefined };
}

/** Answers what people, pipelines and pages want to know. */
export const readJournal: Task<z.infer<typeof Input>, Readings[keyof Readings], 'about' | 'journal'> = {
  input: Input,
  async run(input, { about, journal }) {
    switch (input.read) {
      case 'about':
        return about;
      case 'running':
        return journal.running();
      case 'service':
        return journal.service(input.service);
      case 'rollout': {
        const rollout = await journal.read(input.rolloutId);
        if (rollout === undefined) return { events: [], waitsFor: await waitsFor(input.rolloutId, journal) };
        const events = await journal.events(input.rolloutId);
        return { rollout, events: events.slice(input.after) };
      }
    }
  },
};

/** What a release that waits in the queue waits for; undefined where it does not wait. */
async function waitsFor(rolloutId: string, journal: Journal): Promise<string[] | undefined> {
  const { service } = rolloutIdParts(rolloutId) ?? {};
  if (service === undefined || waitingIn(await journal.service(service), rolloutId) === undefined)
    return undefined;
  const running = (await journal.running()).map(({ opening }) => opening);
  return running.filter((each) => each.service === service).map((each) => each.rolloutId);
}

/** The function on AWS. */
export const handler = lambda(readJournal, () => ({ about: about(), journal: awsJournal() }));
