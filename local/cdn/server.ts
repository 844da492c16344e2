import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebServer } from '../web-server.ts';
import type { createCdn } from './cdn.ts';
import { type CdnRequest, textAnswer } from './http.ts';

/** Serves a CDN to browsers of this machine. `edgeOf` says which edge location a request reaches; it listens nowhere else. */
export async function serveCdn(
  cdn: Pick<ReturnType<typeof createCdn>, 'answer'>,
  { port = 0, edgeOf }: { port?: number; edgeOf: (request: CdnRequest) => string },
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    read(incoming)
      .then(async (request) => {
        const { status, headers, cookies, body } = await cdn.answer(edgeOf(request), request);
        const named = Object.entries({ ...headers, 'content-length': String(body.length) });
        outgoing.sendDate = false;
        outgoing.writeHead(status, [...named, ...cookies.map((cookie) => ['set-cookie', cookie])].flat());
        // For HEAD and 304 it is what it would have been, and nothing is sent.
        outgoing.end(status === 304 ? undefined : body);
      })
      .catch((error) => {
        console.error(error);
        const { status, headers, body } = textAnswer(500, 'The embedded CDN failed.');
        outgoing.writeHead(status, headers).end(body);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${own}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The same for whoever asks in the embedded world, such as smoke tests. */
export function webServerOf(
  cdn: Pick<ReturnType<typeof createCdn>, 'answer'>,
  edgeOf: (request: CdnRequest) => string,
): WebServer {
  return async (request) => {
    const { host, pathname, search } = new URL(request.url);
    const asked: CdnRequest = {
      ...{ method: request.method, url: `${pathname}${search}` },
      headers: { ...Object.fromEntries(request.headers), host },
      body: new Uint8Array(await request.arrayBuffer()),
    };
    const { status, headers: own, cookies, body } = await cdn.answer(edgeOf(asked), asked);
    const headers = new Headers(own);
    for (const cookie of cookies) headers.append('set-cookie', cookie);
    return new Response(status === 304 ? null : Buffer.from(body), { status, headers });
  };
}

async function read(incoming: IncomingMessage): Promise<CdnRequest> {
  const { method = 'GET', url = '/', headers } = incoming;
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  const named = Object.entries(headers).map(([name, value = '']) => [name, String(value)]);
  return { method, url, headers: Object.fromEntries(named), body: Buffer.concat(parts) };
}
