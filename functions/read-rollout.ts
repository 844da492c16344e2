import * as z from 'zod/mini';
import type { Journal, ServiceRecord } from '../core/ports.ts';
import type { Readings } from '../core/readings.ts';
import { outlineOf } from '../core/rollout/outline.ts';
import { rolloutIdParts, waitingIn } from '../core/rollout/service.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { summary } from '../core/rollout/story.ts';
import { viewOf } from '../core/rollout/view.ts';
import { about, awsJournal } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';

const Input = z.discriminatedUnion('read', [
  z.strictObject({ read: z.literal('about') }),
  z.strictObject({ read: z.literal('running') }),
  z.strictObject({
    read: z.literal('recent'),
    service: z.string(),
    before: z.optional(z.string()),
    limit: z._default(z.int().check(z.gte(1), z.lte(100)), 20),
  }),
  z.strictObject({ read: z.literal('service'), service: z.string() }),
  z.strictObject({ read: z.literal('rollout'), rolloutId: z.string() }),
  z.strictObject({
    read: z.literal('events'),
    rolloutId: z.string(),
    after: z._default(z.int().check(z.gte(0)), 0),
    limit: z.optional(z.int().check(z.gte(1))),
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
      case 'recent':
        return (await journal.recent(input)).map(outlineOf);
      case 'service':
        return journal.service(input.service);
      case 'rollout': {
        const rollout = await journal.read(input.rolloutId);
        if (rollout === undefined) return { waitsFor: await waitsFor(input.rolloutId, journal) };
        return { view: viewOf(rollout, await sinceThen(rollout, journal)) };
      }
      case 'events': {
        const { rolloutId, after, limit } = input;
        const rollout = await journal.read(rolloutId);
        if (rollout === undefined) return { events: [], waitsFor: await waitsFor(rolloutId, journal) };
        const { version, outcome } = rollout;
        // Who polls has seen everything most of the time, and then nothing but the head is read.
        const { events, isMore } =
          version > after
            ? await journal.eventsAfter(rolloutId, after, limit)
            : { events: [], isMore: false };
        return {
          version,
          events,
          ...(isMore ? { isMore } : {}),
          ...(outcome === undefined ? {} : { ended: summary(rollout, await sinceThen(rollout, journal)) }),
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
