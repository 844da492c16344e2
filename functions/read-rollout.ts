import * as z from 'zod/mini';
import type { Journal, ServiceRecord } from '../core/ports.ts';
import type { Readings } from '../core/readings.ts';
import { outlineOf } from '../core/rollout/outline.ts';
import { rolloutIdParts, waitingIn } from '../core/rollout/service.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { about, awsJournal } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';

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

/** Answers what people, pipelines and pages want to know. */
export const readJournal: Task<z.infer<typeof Input>, Readings[keyof Readings], 'about' | 'journal'> = {
  input: Input,
  async run(input, { about, journal }) {
    switch (input.read) {
      case 'about':
        return about;
      case 'running':
        return (await journal.running()).map(outlineOf);
      case 'service':
        return journal.service(input.service);
      case 'rollout': {
        const rollout = await journal.read(input.rolloutId);
        if (rollout === undefined) return { events: [], waitsFor: await waitsFor(input.rolloutId, journal) };
        const { version } = rollout;
        // Who polls has seen everything most of the time, and then nothing but the head is read.
        const { events, isMore } =
          version > input.after
            ? await journal.eventsAfter(input.rolloutId, input.after)
            : { events: [], isMore: false };
        const now = await sinceThen(rollout, journal);
        return {
          version,
          ...(input.after === 0 ? { rollout } : {}),
          events,
          ...(isMore ? { isMore } : {}),
          ...(now === undefined ? {} : { now }),
        };
      }
    }
  },
};

/** What has completed since a rollout ended, and whether it was rolled back; nothing if it is the last word. */
async function sinceThen(
  { opening, outcome }: Rollout,
  journal: Journal,
): Promise<ServiceRecord | undefined> {
  if (outcome === undefined) return undefined;
  const { completed, quarantined = [] } = await journal.service(opening.service);
  if (completed === undefined || completed.rolloutId === opening.rolloutId) return undefined;
  return { completed, quarantined: quarantined.filter(({ rolloutId }) => rolloutId === opening.rolloutId) };
}

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
