import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { revertFrozen } from '../adapters/direct-abort.ts';
import { CONTROLLER, type ControllerFunction } from './controller.ts';
import { BUCKET, type World } from './world.ts';

/** Largest body that is taken: a zip may have 50 MB. */
const BODY_BYTES_MAX = 60_000_000;

/** Lets the command line talk to a world: uploads, the functions that people may call, and the way out without them. Listens on this machine only. */
export async function serve(world: World, port: number): Promise<Server> {
  const server = createServer((request, response) => {
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

async function answer(world: World, request: IncomingMessage): Promise<object> {
  const [, kind = '', ...rest] = new URL(request.url ?? '/', 'http://localhost').pathname.split('/');
  const name = decodeURIComponent(rest.join('/'));
  if (request.method === 'PUT' && kind === 'objects') {
    const { VersionId } = await world.clients.s3.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: name, Body: await bodyOf(request), IfNoneMatch: '*' }),
    );
    return { versionId: VersionId };
  }
  if (request.method === 'POST' && kind === 'functions' && isController(name)) {
    return (await world.invoke(name, JSON.parse((await bodyOf(request)).toString('utf8')))) as object;
  }
  if (request.method === 'POST' && kind === 'revert') {
    const { by = 'somebody' } = JSON.parse((await bodyOf(request)).toString('utf8')) as { by?: string };
    return { reverted: await revertFrozen(name, by, world.ports.deadMan, world.ports.router) };
  }
  throw new Error(`There is no ${request.method} ${request.url} here.`);
}

function isController(name: string): name is ControllerFunction {
  return (CONTROLLER as readonly string[]).includes(name);
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
