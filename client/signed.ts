import { SignatureV4 } from '@smithy/signature-v4';

/** A request to a function URL, as it is sent. */
interface UrlRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** With whose credentials a request is signed, and for where. */
type Signer = Pick<ConstructorParameters<typeof SignatureV4>[0], 'credentials' | 'region' | 'sha256'>;

/** The headers of a request to a function URL with a signature of IAM (Signature Version 4), which covers all of them and the body. */
export async function signed({ method, url, headers, body }: UrlRequest, by: Signer, at: Date) {
  const { protocol, hostname, port, host, pathname, searchParams } = new URL(url);
  const signer = new SignatureV4({ ...by, service: 'lambda' });
  const request = await signer.sign(
    {
      ...{ method, protocol, hostname, path: pathname, body, query: Object.fromEntries(searchParams) },
      ...(port === '' ? {} : { port: Number(port) }),
      headers: { ...headers, host },
    },
    { signingDate: at },
  );
  const { host: _, ...all } = request.headers;
  return all;
}
