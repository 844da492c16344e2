import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { WAKING } from '../core/rollout/event.ts';

/** What Lambda hands over from the table's stream; DynamoDB's own deletions have no new image. */
export interface StreamEvent {
  Records: { dynamodb?: { NewImage?: Record<string, AttributeValue> | undefined } | undefined }[];
}

/** What one append means to those who follow the journal. */
export interface AppendRecord {
  rolloutId: string;
  service: string;
  ended: boolean;
  wakes: boolean;
}

/** The appends among a stream's changes that end a rollout or wake its holds; each append is told by its HEAD alone. */
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
