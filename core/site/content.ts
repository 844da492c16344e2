/** What browsers are to take a file for, by its extension (IANA media types; RFC 9239 for JavaScript). */
const TYPES: Record<string, string> = {
  ...{ html: 'text/html', htm: 'text/html', xhtml: 'application/xhtml+xml', css: 'text/css' },
  ...{ js: 'text/javascript', mjs: 'text/javascript', cjs: 'text/javascript', wasm: 'application/wasm' },
  ...{ json: 'application/json', map: 'application/json', jsonld: 'application/ld+json' },
  ...{ geojson: 'application/geo+json', webmanifest: 'application/manifest+json', txt: 'text/plain' },
  ...{ md: 'text/markdown', csv: 'text/csv', ics: 'text/calendar', vtt: 'text/vtt', xml: 'application/xml' },
  ...{ xsl: 'application/xslt+xml', rss: 'application/rss+xml', atom: 'application/atom+xml' },
  ...{ yaml: 'application/yaml', yml: 'application/yaml', pdf: 'application/pdf', zip: 'application/zip' },
  ...{ gz: 'application/gzip', svg: 'image/svg+xml', png: 'image/png', jpg: 'image/jpeg' },
  ...{ jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', avif: 'image/avif', apng: 'image/apng' },
  ...{ ico: 'image/vnd.microsoft.icon', bmp: 'image/bmp', jxl: 'image/jxl', heic: 'image/heic' },
  ...{ woff2: 'font/woff2', woff: 'font/woff', ttf: 'font/ttf', otf: 'font/otf' },
  ...{ eot: 'application/vnd.ms-fontobject', mp4: 'video/mp4', webm: 'video/webm', mov: 'video/quicktime' },
  ...{ mp3: 'audio/mpeg', m4a: 'audio/mp4', ogg: 'audio/ogg', opus: 'audio/ogg', wav: 'audio/wav' },
  ...{ flac: 'audio/flac', glb: 'model/gltf-binary', gltf: 'model/gltf+json' },
};

/** Types whose characters are read by an encoding, which is UTF-8. */
const TEXT = /^text\/|(?:json|javascript|xml|yaml)$/;

/** The `Content-Type` of a file; undefined if its extension is unknown. */
export function contentType(name: string): string | undefined {
  const [, extension = ''] = /\.([a-z\d]+)$/i.exec(name) ?? [];
  const key = extension.toLowerCase();
  const type = Object.hasOwn(TYPES, key) ? TYPES[key] : undefined;
  return type === undefined || !TEXT.test(type) ? type : `${type}; charset=utf-8`;
}

/** The `Content-Type` of everything else. */
export const UNKNOWN_TYPE = 'application/octet-stream';

/** How long each file may be kept by others, as `Cache-Control`. */
export const CACHE = {
  /** Its name stands for its bytes. */
  asset: 'public, max-age=31536000, immutable',
  /** A browser asks each time, so that a revert reaches it; CloudFront has it by a path of its release, where it never changes. */
  document: 'public, max-age=0, s-maxage=31536000, must-revalidate',
  /** The copy at the plain path, for when the store cannot be read. */
  plain: 'public, max-age=0, must-revalidate',
} as const;
