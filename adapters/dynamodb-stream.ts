import * as z from 'zod/mini';
import { BOOKKEEPING } from '../core/people/transition.ts';
import { WAKING } from '../core/rollout/event.ts';
import { PREFIX } from './dynamodb-table.ts';

const text = z.optional(z.object({ S: z.string() }));
const image = z.object({
  sk: text,
  rolloutId: text,
  type: text,
  service: text,
  wrote: z.optional(z.object({ SS: z.array(z.string()) })),
});
const streamEvent = z.object({
  Records: z.array(
    z.object({
      dynamodb: z.optional(z.object({ SequenceNumber: z.optional(z.string()), NewImage: z.optional(image) })),
    }),
  ),
});

/** What Lambda hands over from the table's stream, as far as it is read; DynamoDB's own deletions have no new image. */
type StreamEvent = z.infer<typeof streamEvent>;

/** What one append means to those who follow the journal. */
export interface AppendRecord {
  rolloutId: string;
  service: string;
  ended: boolean;
  wakes: boolean;
}

/** The appends among a stream's changes that end a rollout or wake its holds; each append is known by its HEAD alone. */
export function recordsFromStream({ Records }: StreamEvent): { records: AppendRecord[] } {
  const heads = Records.map(({ dynamodb }) => dynamodb?.NewImage).filter((image) => image?.sk?.S === 'HEAD');
  const records = heads.map((image) => {
    const wrote = image?.wrote?.SS ?? [];
    return {
      rolloutId: image?.rolloutId?.S ?? '',
      service: image?.service?.S ?? '',
      ended: wrote.includes('RolloutClosed'),
      wakes: wrote.some((type) => WAKING.has(type)),
    };
  });
  return { records: records.filter(({ ended, wakes }) => ended || wakes) };
}

/** Accepts what Lambda hands over, as the appends that it reports. */
export const streamRecords = z.pipe(streamEvent, z.transform(recordsFromStream));

/** An event that was written, as far as it is needed to look it up, and where the stream has it. */
export interface WrittenEvent {
  rolloutId: string;
  n: number;
  sequence: string;
}

/** The events among a stream's changes that may be transitions. */
export function eventsFromStream({ Records }: StreamEvent): { events: WrittenEvent[] } {
  const events = Records.flatMap(({ dynamodb: { SequenceNumber = '', NewImage } = {} }) => {
    const { sk, rolloutId, type } = NewImage ?? {};
    if (!sk?.S.startsWith(PREFIX.event) || rolloutId === undefined) return [];
    if (BOOKKEEPING.includes(type?.S ?? '')) return [];
    const n = Number(sk.S.slice(PREFIX.event.length));
    return [{ rolloutId: rolloutId.S, n, sequence: SequenceNumber }];
  });
  return { events };
}

/** Accepts what Lambda hands over, as the events that were written. */
export const eventRecords = z.pipe(streamEvent, z.transform(eventsFromStream));
