import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { userInfo } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { Hono } from 'hono';
import * as z from 'zod/mini';
import { revertFrozen } from '../adapters/direct-abort.ts';
import { type ApiDeps, api } from '../api/api.ts';
import { bytesFrom, jsonFrom } from '../api/body.ts';
import { methodFor } from '../api/method.ts';
import { problemResponse, Refusal } from '../api/problems.ts';
import { type StoredObject, siteBucket } from '../client/site-bucket.ts';
import { readingsOf } from '../controller/read.ts';
import { RolloutError } from '../core/errors.ts';
import { iamPrincipal } from '../core/people/access.ts';
import { printable } from '../core/plain-text.ts';
import { OWNER_KEY, ownerFrom, siteFault } from '../core/site/owner.ts';
import { standingFrom } from '../core/site/standing.ts';
import type { World } from '../local/world.ts';
import { streams } from './stream.ts';

/** Codes by which Node says that whoever asked has gone. */
const GONE = ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_UNABLE_TO_PIPE', 'ECONNRESET', 'EPIPE'];

/** Largest object that is taken: a zip may have 50 MB. */
const OBJECT_BYTES_MAX = 60_000_000;

/** What may be otherwise than `npm run dev` has it. */
type Changes = Pick<Partial<ApiDeps>, 'limits' | 'mount' | 'principal'>;

/**
 * The API of a world, as a deployment has it, for the command line and pages of this machine; with uploads, streams, and the
 * revert that needs no controller besides.
 */
export function appOf(world: World, { limits, principal, mount = {} }: Changes = {}): Hono {
  const { about, access, commands, tokens } = world.ports;
  const reads = readingsOf(world.journal);
  const user = iamPrincipal(`arn:aws:iam::${world.account}:user/${userInfo().username}`, access);
  return api({
    ...{ about, access, tokens, reads, limits, clock: world.clock, isPublic: true },
    command: (request) => commands.give(request),
    principal: principal ?? (async () => user),
    failed: (error) => console.error(error),
    mount: {
      '/objects': objects(world),
      '/sites': sites(world),
      '/revert': reverts(world.ports),
      '/': streams(world, reads),
      ...mount,
    },
  });
}

/** Serves it. Whoever reaches it is the user of this machine: it listens nowhere else. */
export async function serve(world: World, port: number, changes: Changes = {}): Promise<Server> {
  const app = appOf(world, changes);
  // A request without a Host, or with two, is refused here as well, in words.
  const server = createServer({ requireHostHeader: false }, (incoming, outgoing) => {
    answer(app, incoming)
      .then((response) => send(response, outgoing))
      .catch((error: NodeJS.ErrnoException) => {
        if (!GONE.includes(error.code ?? '')) console.error(error);
        outgoing.destroy();
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

/** Uploads as to the bucket of releases, each once. */
function objects(world: World): Hono {
  return new Hono().put('/*', async ({ req, json }) => {
    const Key = decodeURIComponent(new URL(req.url).pathname.slice('/objects/'.length));
    const Body = await bytesFrom(req.raw, OBJECT_BYTES_MAX);
    try {
      const put = { Bucket: world.bucket, Key, Body, IfNoneMatch: '*' };
      const { VersionId } = await world.clients.s3.send(new PutObjectCommand(put));
      return json({ versionId: VersionId });
    } catch (error) {
      const { name: code, message: detail } = error as Error;
      if (code !== 'PreconditionFailed') throw error;
      return json({ code, detail }, 412);
    }
  });
}

/** What is said of an object of a site's bucket. */
const ObjectIn = z.strictObject({
  ...{ contentType: z.string(), cacheControl: z.string(), sha256: z.string() },
  release: z.optional(z.string()),
  redirect: z.optional(z.strictObject({ to: z.string(), status: z.number() })),
  replaces: z.optional(z.literal(true)),
});

/** The buckets of sites, as the command line asks S3 and the stores of sites themselves on AWS. */
function sites({ kvs, clients }: World): Hono {
  const ownerOf = (name: string) => {
    const isStore = kvs.helpers.isStore(name);
    const owner = isStore ? ownerFrom(kvs.helpers.value(name, OWNER_KEY) ?? '') : undefined;
    if (owner === undefined) throw siteFault(name, 'is not in this world');
    if ('fault' in owner) throw siteFault(name, `has a key ${OWNER_KEY} that ${owner.fault}`);
    return owner;
  };
  const bucketOf = (name: string) => siteBucket(clients.s3, ownerOf(name).bucket);
  const keyIn = (request: Request) =>
    decodeURIComponent(new URL(request.url).pathname.split('/objects/').slice(1).join('/objects/'));
  return new Hono()
    .get('/:site', ({ req, json }) => {
      const { service, environment, url, layout } = ownerOf(req.param('site'));
      return json({ service, environment, url, layout });
    })
    .get('/:site/standing', ({ req, json }) => {
      const name = req.param('site');
      ownerOf(name);
      const [value = '', pin] = ['spillway', 'spillway-pin'].map((key) => kvs.helpers.value(name, key));
      const found = standingFrom(value, pin);
      if (found === undefined)
        throw siteFault(name, 'has no key spillway that names the release that serves');
      return json(found);
    })
    .get('/:site/objects', async ({ req, json }) => {
      const { prefix = '', after = '' } = req.query();
      const found: StoredObject[] = [];
      for await (const object of bucketOf(req.param('site')).list(prefix, after)) found.push(object);
      return json(found);
    })
    .delete('/:site/objects', async ({ req, json }) => {
      const keys = (await jsonFrom(req.raw, z.array(z.string()))) as string[];
      await bucketOf(req.param('site')).remove(keys);
      return json({});
    })
    .get('/:site/objects/*', async ({ req, json }) => {
      const [bucket, key] = [bucketOf(req.param('site')), keyIn(req.raw)];
      return json(
        req.query('text') === undefined
          ? { sha256: await bucket.sha256(key) }
          : { text: await bucket.read(key) },
      );
    })
    .put('/:site/objects/*', async ({ req, json }) => {
      const body = await bytesFrom(req.raw, OBJECT_BYTES_MAX);
      const { release, ...said } = z.parse(ObjectIn, JSON.parse(req.header('x-object') ?? '{}'));
      try {
        const object = { key: keyIn(req.raw), body, bytes: body.length, ...said };
        await bucketOf(req.param('site')).put({ ...object, ...(release === undefined ? {} : { release }) });
        return json({});
      } catch (error) {
        const { name: code, message: detail } = error as Error;
        if (code !== 'PreconditionFailed') throw error;
        return json({ code, detail }, 412);
      }
    })
    .onError((error, { json }) => {
      if (!RolloutError.is(error, 'TargetInvalid')) throw error;
      return json({ code: error.code, detail: error.message }, 404);
    });
}

const RevertIn = z.strictObject({ by: z.string() });

/** The revert without functions and journal, as --direct does it on AWS by the caller's own rights. */
function reverts({ kinds, watchdog, router }: Pick<World['ports'], 'kinds' | 'watchdog' | 'router'>): Hono {
  return new Hono().post('/:rolloutId', async ({ req, json }) => {
    const { by } = (await jsonFrom(req.raw, RevertIn)) as z.output<typeof RevertIn>;
    return json({ reverted: await revertFrozen(req.param('rolloutId'), by, watchdog, kinds, router) });
  });
}

/** Names by which a program on this machine calls it; a page's own name that was made to lead here (DNS rebinding) is none. */
const OWN_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * A page in a browser of this machine must neither upload nor give a command. Browsers say whose page asks (`Origin`, or
 * `Sec-Fetch-Site` where they leave it out) and by which name (`Host`); the command line sends no such thing but its own Host.
 * @throws RolloutError NotAllowed naming what was refused
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

const refused = (why: string) =>
  new Refusal('NotAllowed', `The embedded world refused this request: ${why}.`);

async function answer(app: Hono, incoming: IncomingMessage): Promise<Response> {
  try {
    assertOwn(incoming);
    return await app.fetch(requestFrom(incoming));
  } catch (error) {
    if (!RolloutError.is(error)) console.error(error);
    return problemResponse(error, `http://${OWN_NAMES[0]}:${incoming.socket.localPort}`);
  }
}

/** The request as fetch has it, at the name that it was checked to be for; a target with a host of its own is read without it. */
function requestFrom(incoming: IncomingMessage): Request {
  const { method = 'GET', url = '/', headersDistinct } = incoming;
  const { host: [host] = [] } = headersDistinct;
  const target = url.startsWith('/') ? url : url.replace(/^[a-z]+:\/\/[^/]*/i, '');
  const headers = Object.entries(headersDistinct).map(([name, values = []]): [string, string] => [
    name,
    values.join(name === 'cookie' ? '; ' : ', '),
  ]);
  const isRead = method === 'GET' || method === 'HEAD';
  return new Request(`http://${host}${target}`, {
    method: methodFor(method),
    headers,
    ...(isRead ? {} : { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' as const }),
  });
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) return void outgoing.end();
  await pipeline(Readable.fromWeb(response.body as never), outgoing);
}
