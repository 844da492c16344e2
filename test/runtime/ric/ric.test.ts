import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Came } from '../cases.mjs';
import { cameOf, countedIn, ENVIRONMENTS, type Environment, expectedOf } from '../run.ts';

const INSTALLED = fileURLToPath(new URL('../../../.cache/runtime/node_modules', import.meta.url));
const NATIVE = fileURLToPath(new URL('./native-client.mjs', import.meta.url));

/** Which Node and which runtime client a runtime of Lambda has. That nodejs22.x has the third is assumed from its callbacks (Lambda developer guide, "Callback-based function handlers": until Node.js 22). */
const RUNTIMES = {
  'nodejs20.x': { node: join(INSTALLED, 'node-20/bin/node'), client: join(INSTALLED, 'ric-3') },
  'nodejs22.x': { node: join(INSTALLED, 'node-22/bin/node'), client: join(INSTALLED, 'ric-3') },
  'nodejs24.x': { node: process.execPath, client: join(INSTALLED, 'ric-4') },
};
type Runtime = keyof typeof RUNTIMES;

/** Errors at load are posted to Lambda's API over HTTP; the last one said is kept. */
let initError: string | undefined;
const api = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    initError = JSON.parse(body).errorType;
    response.end();
  });
});
beforeAll(() => new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => api.close(resolve)));

/** Runs an environment until it ends or has answered all; Lambda starts another for what is left. */
async function run({ files }: Environment, events: object[], runtime: Runtime): Promise<Came[]> {
  const { node, client } = RUNTIMES[runtime];
  const folder = mkdtempSync(join(tmpdir(), 'spillway-ric-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, 'invocations.json'), JSON.stringify(events));
  const main = existsSync(join(client, 'bin/index.mjs')) ? 'bin/index.mjs' : 'index.mjs';
  const printed = join(folder, 'printed.txt');
  const output = openSync(printed, 'a');
  initError = undefined;
  const child = spawn(node, ['--import', NATIVE, join(client, main), 'index.handler'], {
    cwd: folder,
    // A file takes all of a line at once, whoever writes it.
    stdio: ['ignore', output, 'ignore'],
    env: {
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`,
      ...{ LAMBDA_TASK_ROOT: folder, _HANDLER: 'index.handler', AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}` },
      ...{ AWS_LAMBDA_FUNCTION_NAME: 'checkout', AWS_LAMBDA_FUNCTION_VERSION: '7' },
      ...{
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
        AWS_LAMBDA_LOG_GROUP_NAME: 'g',
        AWS_LAMBDA_LOG_STREAM_NAME: 's',
      },
      INVOCATIONS: join(folder, 'invocations.json'),
    },
  });
  await new Promise((resolve) => child.on('close', resolve));
  closeSync(output);
  const text = readFileSync(printed, 'utf8');
  rmSync(folder, { recursive: true });
  return cameFrom(text, events);
}

/** What a process printed, by invocation; one that was not answered ended the process. */
function cameFrom(printed: string, events: object[]): Came[] {
  const began = printed.split(/^#ric \{"begins".*\n/m).slice(1);
  if (began.length === 0)
    return events.map(() => ({
      error: initError ?? `nothing was said: ${printed}`,
      counts: countedIn([printed]),
    }));
  return began.map((part) => {
    const lines = part.split('\n');
    const said = lines
      .filter((line) => line.startsWith('#ric '))
      .map((line) => JSON.parse(line.slice('#ric '.length)))
      .filter(({ over }) => over === undefined);
    const [came = { error: 'Runtime.ExitError' }] = said;
    if (said.length > 1) throw new Error(`Answered more than once: ${JSON.stringify(said)}`);
    return { ...came, counts: countedIn(lines) };
  });
}

async function asked(environment: Environment, runtime: Runtime): Promise<Came[]> {
  const came: Came[] = [];
  while (came.length < environment.events.length)
    came.push(...(await run(environment, environment.events.slice(came.length), runtime)));
  return came;
}

describe.each(Object.keys(RUNTIMES) as Runtime[])("under Lambda's runtime client of %s", (runtime) => {
  test.each(ENVIRONMENTS.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
    expect(cameOf(each, await asked(each, runtime))).toEqual(expectedOf(each, runtime));
  });
});
