import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { Clock } from '../core/ports.ts';
import { isPassing, pauseOf } from './_aws.ts';

type Config = LambdaClient['config'];

/** What is answered over HTTP; header names are in lower case. */
export interface HttpResponse {
  statusCode: number;
  headers: Record<string, string>;
  body?: Parameters<Config['streamCollector']>[0];
}

/** What is taken of the settings of a client whose credentials and connections others use. */
export type Connection = Pick<Config, 'region' | 'credentials' | 'sha256' | 'streamCollector'> & {
  requestHandler: { handle(request: never): Promise<{ response: HttpResponse }> };
};

/** How requests are made, and who hears of each try that failed. */
export interface Sending {
  clock: Clock;
  endpoint?: string | undefined;
  onError?: (error: unknown) => void;
}

/** How often a call is made at most, and how long the second try waits in the mean; Step Functions and EventBridge repeat the rest. */
const TRIES = 2;
const PAUSE_MS = 100;

/** Sends a signed request of `key`, and once more if what went wrong passes by itself. `errorOf` makes an error of an answer that is one. */
export function sender(config: Connection, { clock, onError }: Sending) {
  const once = async (
    sign: () => Promise<object>,
    errorOf: (answer: HttpResponse, text: string) => Error,
  ): Promise<HttpResponse> => {
    const { response } = await config.requestHandler.handle((await sign()) as never);
    if (response.statusCode < 300) return response;
    const text = await config.streamCollector(response.body).catch(() => new Uint8Array());
    throw errorOf(response, new TextDecoder().decode(text));
  };
  return async (key: string, ...request: Parameters<typeof once>): Promise<HttpResponse> => {
    for (let tries = 1; ; tries++) {
      try {
        return await once(...request);
      } catch (error) {
        onError?.(error);
        if (tries === TRIES || !isPassing(error)) throw error;
        await clock.sleep(pauseOf(PAUSE_MS, key, clock.now()));
      }
    }
  };
}

/** Everything but letters, digits and `-._~` is escaped (S3 API reference, "Signature calculations", UriEncode). */
export const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** An error as the clients of AWS throw it. */
export const httpError = (httpStatusCode: number, name: string, message: string): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

/** The text of an element of an XML document; undefined if it has none. */
export const elementOf = (xml: string, tag: string): string | undefined =>
  new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];

/** The error that an XML document names. */
export function xmlError({ statusCode }: HttpResponse, xml: string): Error {
  const name = elementOf(xml, 'Code') ?? `HTTP ${statusCode}`;
  return httpError(statusCode, name, elementOf(xml, 'Message') ?? name);
}
