import * as z from 'zod/mini';

/** The parts of S3's "Object Created" event that count; everything else in it may change. */
const objectCreated = z.object({
  open: z.optional(z.undefined()),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({
      key: z.string(),
      'version-id': z.string({
        error: () => 'it is missing: turn versioning on for the bucket of releases.',
      }),
    }),
  }),
});

/** Accepts S3's event of an upload, as the manifest that it names. */
export const uploadedManifest = z.pipe(
  objectCreated,
  z.transform(({ open, detail: { bucket, object } }) => ({
    open,
    manifest: { bucket: bucket.name, key: object.key, versionId: object['version-id'] },
  })),
);
