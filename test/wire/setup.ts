import { createServer, type IncomingMessage } from 'node:http';
import { cloudAccount } from './account.ts';
import { assertAccount, cloudFrom, makeRoles, sweep } from './cloud.ts';
import { type Call, corrections } from './corrections.ts';

/** Headers that belong to one connection, or to a body before it was read whole. */
const OF_THE_CONNECTION = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'expect',
];

/**
 * Prepares what the tests are run against. An account of AWS is looked at before anything is made there, and swept when all is
 * over, whatever came of the tests.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const cloud = cloudFrom(process.env);
  if (cloud === undefined) return standBetween();
  const closeFront = cloud.endpoint === undefined ? async () => {} : await standBetween();
  const account = cloudAccount(cloud, '');
  const leave = async () => {
    await sweep(cloud, account).finally(closeFront);
    console.log(`Nothing of ${cloud.run} is left in ${cloud.id}/${cloud.region}.`);
  };
  await assertAccount(cloud, account);
  if (process.env.CLOUD_SWEEP !== undefined) return leave;
  console.log(`Everything that is made is named spillway-${cloud.run}… in ${cloud.id}/${cloud.region}.`);
  await makeRoles(cloud, account).catch(async (error: unknown) => {
    await leave();
    throw error;
  });
  return leave;
}

/** Stands between clients and the program, and puts right what is known wrong. */
async function standBetween(): Promise<() => Promise<void>> {
  const { WIRE_PROGRAM: program, WIRE_FRONT: front } = process.env;
  if (program === undefined || front === undefined)
    throw new Error('WIRE_PROGRAM and WIRE_FRONT are not set; start these tests with npm run test:wire.');
  const forward = ({ method, path, headers, body }: Call) =>
    fetch(`${program}${path}`, {
      method,
      headers: { ...headers, 'accept-encoding': 'identity' },
      ...(body.length > 0 ? { body } : {}),
    });
  const server = createServer((request, response) => {
    void callOf(request)
      .then((call) => {
        const correction = corrections.find(({ calls }) => calls?.takes(call));
        return correction?.calls?.answer(call, forward) ?? forward(call);
      })
      .then(async (answer) => {
        const length = answer.headers.get('content-length');
        response.writeHead(answer.status, {
          ...headersOf(answer.headers),
          ...(length === null ? {} : { 'content-length': length }),
        });
        response.end(new Uint8Array(await answer.arrayBuffer()));
      })
      .catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(new URL(front).port), '127.0.0.1', resolve);
  });
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}

async function callOf(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value));
  return {
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: headersOf(headers, request.headers.host),
    body: new Uint8Array(Buffer.concat(chunks)),
  };
}

function headersOf(headers: Headers, host?: string): Record<string, string> {
  const kept = [...headers].filter(([name]) => !OF_THE_CONNECTION.includes(name));
  // S3 tells a bucket in the host's name from one in the path.
  return { ...Object.fromEntries(kept), ...(host === undefined ? {} : { 'x-forwarded-host': host }) };
}
