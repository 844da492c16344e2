import type { LambdaClient } from '@aws-sdk/client-lambda';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Clock } from '../core/ports.ts';

const TIMEOUT_MS = 2_500;

/** What a signature takes of a client. */
export type Signing = Pick<LambdaClient['config'], 'credentials' | 'region' | 'sha256'>;

/** Whose credentials sign, and what sends; `endpoint` stands in for the addresses of AWS. */
export interface Signer {
  config: Signing;
  fetch: typeof globalThis.fetch;
  endpoint?: string | undefined;
}

/** Makes one call of a service that speaks JSON, in the version of AWS' JSON protocol that it speaks. */
type SignedCall = (service: string, action: string, input: object, json?: '1.0' | '1.1') => Promise<Response>;

/** Calls services by signed requests, with the credentials of a client that is there already: a client of their own would make a bundle far larger. */
export function signedCalls({ config, fetch, endpoint }: Signer, clock: Clock): SignedCall {
  return async (service, action, input, json = '1.1') => {
    const region = await config.region();
    const hostname = `${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
    const signer = new SignatureV4({
      service,
      region,
      credentials: config.credentials,
      sha256: config.sha256,
    });
    const body = JSON.stringify(input);
    const signed = await signer.sign(
      {
        method: 'POST',
        protocol: 'https:',
        hostname,
        path: '/',
        headers: {
          host: hostname,
          'content-type': `application/x-amz-json-${json}`,
          'x-amz-target': action,
        },
        body,
      },
      { signingDate: new Date(clock.now()) },
    );
    const { host: _, ...headers } = signed.headers;
    return fetch(endpoint ?? `https://${hostname}/`, {
      method: 'POST',
      headers,
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  };
}
