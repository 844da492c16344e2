import * as z from 'zod/mini';
import { exactlyOne, rule, type Says, strict, textLike } from './check.ts';
import { word } from './plain.ts';

/** What a target is to serve: a version that exists, or what one is to be published from. */
export type Artifact =
  | { version: string }
  | { site: { prefix: string } }
  | { zip: { key: string; versionId: string; sha256: string } }
  | { image: string };

const versionSays: Says = ({ input }) => {
  if (input === '$LATEST') {
    return '`$LATEST` changes under the rollout; publish a version and write its number, like "12".';
  }
  if (typeof input === 'number') return `a version is a text; write "${input}" in quotes.`;
  return 'write the number of a published version in quotes, like "12".';
};

const KEY = /^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[ -~]{1,1024}$/;
const keySays: Says = () =>
  'write the key of the uploaded zip file: at most 1024 printable ASCII characters, with no empty, `.` or `..` part between slashes.';

const versionIdSays: Says = ({ input }) =>
  input === 'null'
    ? 'the bucket keeps no versions, so the file could change under the rollout; turn versioning on and upload it again.'
    : 'write the version id that S3 answered to the upload.';

const HEX = /^[0-9A-Fa-f]{64}$/;
/** 32 bytes in base64: 43 digits, of which the last one carries only four bits, and the filling. */
const BASE64 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const sha256Says: Says = () =>
  'write the SHA-256 of the zip file: 64 hexadecimal digits, or the 32 bytes in base64.';

const zipField = strict({
  key: textLike(KEY, keySays),
  versionId: textLike(/^(?!null$)[!-~]{1,1024}$/, versionIdSays),
  sha256: textLike(new RegExp(`${HEX.source}|${BASE64.source}`), sha256Says).check(
    z.overwrite((text) => (HEX.test(text) ? base64From(text) : text)),
  ),
});

const IMAGE =
  /^(?=.{1,1024}$)[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+@sha256:[0-9a-f]{64}$/;
const imageSays: Says = ({ input }) => {
  const [, name] = /^([^@]*\/[^@:]+):[^@/]*(?:@.*)?$/.exec(word(input)) ?? [];
  if (name !== undefined)
    return `a tag can be moved to another image; write \`${name}@sha256:\` and the 64 hexadecimal digits of its digest.`;
  return 'write an image by its digest, like `123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:` and 64 small hexadecimal digits.';
};

const PREFIX = /^_releases\/(?!\.{1,2}\/)[\w.-]{1,64}\/$/;
const prefixSays: Says = () =>
  "write where the release of the site was uploaded to in the site's bucket, like `_releases/2026-01-05.3/`.";

/** The release of a site, by the folder that it was uploaded to. */
export const releaseIn = (prefix: string): string => prefix.split('/')[1] ?? '';

/** The forms in which a target can be offered a release. */
export const ARTIFACT_FORMS = ['version', 'zip', 'image', 'site'] as const;
/** One of them. */
export type ArtifactForm = (typeof ARTIFACT_FORMS)[number];

/** What one target of a manifest is to serve. */
export const artifactField = strict({
  version: z.optional(textLike(/^[1-9]\d{0,18}$/, versionSays)),
  zip: z.optional(zipField),
  image: z.optional(textLike(IMAGE, imageSays)),
  site: z.optional(strict({ prefix: textLike(PREFIX, prefixSays) })),
}).check(
  rule((value) =>
    exactlyOne(value, ARTIFACT_FORMS, {
      path: [],
      message: 'write exactly one of `version`, `zip`, `image` and `site`, like {"version": "12"}.',
    }),
  ),
);

/** The artifact of an accepted target. @throws Error if it has none, which its schema refuses */
export function artifactFrom({ version, zip, image, site }: z.output<typeof artifactField>): Artifact {
  if (version !== undefined) return { version };
  if (zip !== undefined) return { zip };
  if (image !== undefined) return { image };
  if (site !== undefined) return { site };
  throw new Error('A target has no artifact, although it was accepted.');
}

/** The form in which Lambda tells a version's CodeSha256 (Lambda API reference, FunctionConfiguration). */
function base64From(hex: string): string {
  const bytes = hex.match(/../g) ?? [];
  return btoa(String.fromCharCode(...bytes.map((byte) => Number.parseInt(byte, 16))));
}
