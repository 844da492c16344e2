import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { revertFrozen } from '../adapters/direct-abort.ts';
import { printable } from '../core/plain-text.ts';
import { type FunctionName, startedBy } from '../infra/facts.ts';
import type { World } from '../local/world.ts';

/** Largest body that is taken: a zip may have 50 MB. */
const BODY_BYTES_MAX = 60_000_000;

/** Lets the command line talk to a world: uploads, the functions that people may call, and the revert without them. Listens on this machine only. */
export async function serve(world: World, port: number): Promise<Server> {
  // A request without a Host, or with two, is refused here as well, in words.
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    answer(world, request).then(
      (body) => send(response, 200, body),
      (error: unknown) =>
        send(response, 400, {
          errorType: error instanceof Error ? error.name : 'Error',
          errorMessage: error instanceof Error ? error.message : String(error),
        }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

/** Names by which a program on this machine calls it; a page's own name that was made to lead here (DNS rebinding) is none. */
const OWN_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * A page in a browser of this machine must neither upload nor order anything. Browsers say whose page asks (`Origin`, or
 * `Sec-Fetch-Site` where they leave it out) and by which name (`Host`); the command line sends no such thing but its own Host.
 * @throws Error naming what was refused
 */
function assertOwn({ headersDistinct, socket }: IncomingMessage): void {
  const names = OWN_NAMES.map((name) => `${name}:${socket.localPort}`);
  const { host = [''], origin = [], 'sec-fetch-site': site = [] } = headersDistinct;
  const told = (values: string[]) => `"${printable(values.join(', '))}"`;
  if (!host.every((each) => names.includes(each.toLowerCase())))
    throw refused(`the Host ${told(host)} is not ${names.join(' or ')}; call it by one of these names`);
  if (!origin.every((each) => names.some((name) => each.toLowerCase() === `http://${name}`)))
    throw refused(`a page of ${told(origin)} may not call it; use the command line`);
  if (!site.every((each) => each === 'same-origin' || each === 'none'))
    throw refused(`a page of another site (${told(site)}) may not call it; use the command line`);
}

const refused = (why: string) => new Error(`The embedded world refused this request: ${why}.`);

async function answer(world: World, request: IncomingMessage): Promise<object> {
  assertOwn(request);
  const [, kind = '', ...rest] = new URL(request.url ?? '/', 'http://localhost').pathname.split('/');
  const name = decodeURIComponent(rest.join('/'));
  if (request.method === 'PUT' && kind === 'objects') {
    const { VersionId } = await world.clients.s3.send(
      new PutObjectCommand({
        Bucket: world.bucket,
        Key: name,
        Body: await bodyOf(request),
        IfNoneMatch: '*',
      }),
    );
    return { versionId: VersionId };
  }
  if (request.method === 'POST' && kind === 'functions' && isForPeople(name)) {
    return (await world.invoke(name, JSON.parse((await bodyOf(request)).toString('utf8')))) as object;
  }
  if (request.method === 'POST' && kind === 'revert') {
    const { by = 'somebody' } = JSON.parse((await bodyOf(request)).toString('utf8')) as { by?: string };
    return {
      reverted: await revertFrozen(name, by, world.ports.watchdog, world.ports.kinds, world.ports.router),
    };
  }
  throw new Error(`There is no ${request.method} ${request.url} here.`);
}

function isForPeople(name: string): name is FunctionName {
  return (startedBy('people') as string[]).includes(name);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error(`The body is over ${BODY_BYTES_MAX} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
