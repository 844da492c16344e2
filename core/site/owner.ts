import { own } from '../config/plain.ts';
import { RolloutError } from '../errors.ts';
import type { Layout } from './types.ts';

/** Where the files of a site lie, where it answers, and what its edge makes of a route, as its owner says. */
export interface SiteOwner {
  bucket: string;
  url: string;
  layout: Layout;
}

/** The key of a site's store under which its owner says so. */
export const OWNER_KEY = 'spillway-site';

/** What the text of that key says, as far as an upload needs it; undefined if something of it is missing. */
export function ownerFrom(text: string): SiteOwner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const [bucket, url, layout] = ['bucket', 'url', 'layout'].map((field) => own(value, field));
  const isLayout = layout === 'dir' || layout === 'html' || layout === 'spa';
  if (typeof bucket !== 'string' || bucket === '' || typeof url !== 'string' || !isLayout) return undefined;
  return { bucket, url, layout };
}

/** The refusal of a site that is not there, or does not say what an upload needs. */
export const siteFault = (name: string, why: string): RolloutError =>
  new RolloutError(
    'TargetInvalid',
    `The site ${name} ${why}; its KeyValueStore needs the key ${OWNER_KEY} with its service, bucket, url and layout.`,
  );
