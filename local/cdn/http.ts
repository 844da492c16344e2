/** A request as an edge location gets it; its path is as it was sent, which the Request of fetch would tidy up. */
export interface CdnRequest {
  method: string;
  /** With its query. */
  url: string;
  /** Names in lower case; cookies as one header. */
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array | undefined;
}

/** An answer, with its cookies apart, since each is a header of its own. */
export interface CdnAnswer {
  status: number;
  headers: Record<string, string>;
  cookies: string[];
  body: Uint8Array;
}

/** A plain text as an answer. */
export const textAnswer = (status: number, text: string): CdnAnswer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  cookies: [],
  body: new TextEncoder().encode(text),
});

/** Pairs of a Cookie header; of a name that comes twice, the first. */
export function cookiesIn(header = ''): Record<string, string> {
  const pairs = header.split('; ').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at > 0 ? [[pair.slice(0, at).trim(), pair.slice(at + 1)]] : [];
  });
  return Object.fromEntries(pairs.reverse());
}
