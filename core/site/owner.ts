import * as z from 'zod/mini';
import { RolloutError } from '../errors.ts';

/** The key of a site's store under which its owner says whose it is; no rollout writes it. */
export const OWNER_KEY = 'spillway-site';

/** What a site's owner says of it, in a key of its store that no rollout writes. */
const ownerSchema = z.object({
  service: z.string(),
  // Of the controller that moves it.
  environment: z.optional(z.string()),
  bucket: z.string().check(z.minLength(3)),
  // Secrets of smoke tests go there.
  url: z.string().check(z.regex(/^(https:\/\/[^/\s?#@]+|http:\/\/localhost(:\d+)?)$/)),
  layout: z.enum(['dir', 'html', 'spa']),
  api: z.optional(z.string().check(z.regex(/^\//))),
  id: z.optional(z.string().check(z.regex(/^(j|[hc]:.+)$/))),
  segments: z.optional(z.array(z.string().check(z.regex(/^(c|y|h:[a-z0-9-]+)$/)))),
});

/** Whose a site is, where its files lie, and where it answers. */
export type SiteOwner = z.output<typeof ownerSchema>;

/** What each field must be, for who wrote another thing. */
const WANTED: Record<string, string> = {
  service: 'the name of the service that may move it',
  environment: 'the name of the environment whose controller moves it, or nothing',
  bucket: 'the name of the bucket with its files',
  url: 'its address with https and without a slash at the end, like https://www.example.com',
  layout: 'dir, html or spa',
  api: 'the beginning of the paths of its functions, like /api/, or nothing',
  id: 'what visitors are known by: h: and a header, c: and a cookie, or j; or nothing',
  segments:
    'what its functions and its reports can tell visitors apart by: a list of c for cookies, y for countries, and h: with the name of a header; or nothing',
};

/** What the text of the key says, or what is wrong with it. */
export function ownerFrom(text: string): SiteOwner | { fault: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: 'is no JSON' };
  }
  const { data, error } = ownerSchema.safeParse(value);
  if (data !== undefined) return data;
  const field = String(error?.issues[0]?.path[0] ?? '');
  const wanted = WANTED[field];
  return {
    fault: wanted === undefined ? 'is no JSON object' : `has a wrong \`${field}\`, which must be ${wanted}`,
  };
}

/** The refusal of a site that is not there, or does not say what an upload needs. */
export const siteFault = (name: string, why: string): RolloutError =>
  new RolloutError(
    'TargetInvalid',
    `The site ${name} ${why}; its KeyValueStore needs the key ${OWNER_KEY} with its service, bucket, url and layout.`,
  );
