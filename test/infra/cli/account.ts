import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An account as SST's command line meets it: its parameters, and the bucket that it keeps its state in. */
export interface Account {
  url: string;
  parameters: Map<string, string>;
  /** Objects of all buckets, by `/bucket/key`. */
  objects: Map<string, Buffer>;
  /** Calls that it does not know, and refused. */
  refused: string[];
  close(): void;
}

interface Answer {
  status: number;
  body?: string | Buffer;
}

/** How SST's command line finds its buckets; with version 5 it has nothing left to make (`pkg/project/provider/aws.go`). */
const BOOTSTRAP = { version: 5, asset: 'sst-asset-bootstrap', state: 'sst-state-bootstrap' };

const STATE = `/${BOOTSTRAP.state}/`;

/** Listens on this machine; every call but those of SST's command line is refused. */
export async function openAccount(): Promise<Account> {
  const account = {
    parameters: new Map([['/sst/bootstrap', JSON.stringify(BOOTSTRAP)]]),
    objects: new Map<string, Buffer>(),
    refused: [] as string[],
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const target = request.headers['x-amz-target'];
    const { status, body: text = '' } =
      typeof target === 'string' ? ssm(target, body, account) : s3(request, body, account);
    response.writeHead(status, {
      'content-type': typeof target === 'string' ? 'application/x-amz-json-1.1' : 'application/xml',
    });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { ...account, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

type Inner = Pick<Account, 'parameters' | 'objects' | 'refused'>;

function ssm(target: string, body: Buffer, { parameters, refused }: Inner): Answer {
  const input = JSON.parse(body.toString('utf8')) as { Name: string; Value?: string };
  if (target === 'AmazonSSM.PutParameter' && input.Value !== undefined) {
    parameters.set(input.Name, input.Value);
    return { status: 200, body: '{"Version":1}' };
  }
  if (target === 'AmazonSSM.GetParameter') {
    const Value = parameters.get(input.Name);
    if (Value === undefined) return { status: 400, body: '{"__type":"ParameterNotFound"}' };
    return { status: 200, body: JSON.stringify({ Parameter: { Name: input.Name, Value } }) };
  }
  refused.push(target);
  return { status: 400, body: JSON.stringify({ __type: 'NotSimulated', message: target }) };
}

function s3({ method = '', url = '' }: IncomingMessage, body: Buffer, { objects, refused }: Inner): Answer {
  const { pathname: key, searchParams: query } = new URL(url, 'http://s3');
  const call = `${method} ${url}`;
  if (`${key}/`.startsWith(STATE)) {
    const isObject = key.startsWith(STATE) && [...query.keys()].every((name) => name === 'x-id');
    if (method === 'GET' && isObject) {
      const found = objects.get(key);
      return found === undefined ? { status: 404, body: problem('NoSuchKey') } : { status: 200, body: found };
    }
    if (method === 'PUT' && isObject) {
      objects.set(key, body);
      return { status: 200 };
    }
    if (method === 'DELETE' && isObject) {
      objects.delete(key);
      return { status: 204 };
    }
    const prefix = query.get('prefix');
    if (method === 'GET' && query.get('list-type') === '2' && prefix !== null) {
      const found = [...objects.keys()].filter((each) => each.startsWith(STATE + prefix));
      const contents = found.map((each) => `<Contents><Key>${each.slice(STATE.length)}</Key></Contents>`);
      const head = `<IsTruncated>false</IsTruncated><KeyCount>${found.length}</KeyCount>`;
      return { status: 200, body: `<ListBucketResult>${head}${contents.join('')}</ListBucketResult>` };
    }
    if (method === 'POST' && query.has('delete')) {
      for (const [, each = ''] of body.toString('utf8').matchAll(/<Key>([^<]*)<\/Key>/g))
        objects.delete(STATE + each);
      return { status: 200, body: '<DeleteResult></DeleteResult>' };
    }
  }
  refused.push(call);
  return { status: 400, body: problem('NotSimulated') };
}

const problem = (code: string) => `<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
