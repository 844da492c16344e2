import cf from 'cloudfront';
import { KEY, type Value, valueFrom } from './value.ts';

/** What the store of the site holds; undefined if it cannot be read, is empty or holds something else. */
export async function stored(): Promise<Value | undefined> {
  try {
    const read = await cf.kvs().get(KEY, { format: 'json' });
    return valueFrom(read);
  } catch (error) {
    console.log(`spillway: ${error}`);
    return undefined;
  }
}
