import * as z from 'zod/mini';
import { WAKING } from '../core/rollout/event.ts';

const text = z.optional(z.object({ S: z.string() }));
const image = z.object({
  sk: text,
  rolloutId: text,
  service: text,
  wrote: z.optional(z.object({ SS: z.array(z.string()) })),
});
const streamEvent = z.object({
  Records: z.array(z.object({ dynamodb: z.optional(z.object({ NewImage: z.optional(image) })) })),
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
