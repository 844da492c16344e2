// `npm run test:wire`: the adapters with real SDK clients against MiniStack, a program by others that speaks AWS's wire
// protocols. Python is needed; everything else it makes itself, in `.cache/wire`.
// `CLOUD=1 CLOUD_ACCOUNT=<account>/<region> npm run test:wire`: the same against that account of AWS, where everything that is
// made has a name of its own and is deleted at the end; CLOUD_SWEEP=<run> only deletes what a run has left, and
// CLOUD_ENDPOINT=ministack rehearses it all on MiniStack.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { delimiter, dirname, join } from 'node:path';
import { handedOn } from './arguments.ts';
import { ensurePlatform } from './infra/platform.ts';
import { freePort, programs, ROOT } from './python.ts';

const given = handedOn({
  name: 'npm run test:wire --',
  takes: ['[ARGUMENT OF VITEST...]'],
  does: 'runs the adapters against MiniStack over the wire, or with CLOUD=1 and CLOUD_ACCOUNT=<account>/<region> against that account; needs Python, and installs MiniStack in .cache/wire once',
});
const REQUIREMENTS = 'test/wire/requirements.txt';
const PYTHON_FLOOR = '3.10';
const STARTS_WITHIN_MS = 30_000;

/** Starts the program on this machine only; its functions run under the Node that runs this. */
async function start(
  bin: string,
  port: number,
  front: number,
): Promise<{ program: ChildProcess; log: () => string }> {
  const program = spawn(join(bin, 'ministack'), [], {
    env: {
      ...process.env,
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_REGION: 'eu-west-1',
      // Where its functions send their calls: the tests stand in between.
      AWS_ENDPOINT_URL: `http://127.0.0.1:${front}`,
      // A stack whose ports nobody needs, and no containers: functions run as processes.
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      DOCKER_HOST: 'unix:///nonexistent',
    },
  });
  let log = '';
  for (const stream of [program.stdout, program.stderr])
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString('utf8')).slice(-20_000);
    });
  const giveUpAt = performance.now() + STARTS_WITHIN_MS;
  while (!(await isUp(port))) {
    if (program.exitCode !== null || performance.now() > giveUpAt)
      throw new Error(`MiniStack did not start within ${STARTS_WITHIN_MS / 1000} s:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { program, log: () => log };
}

async function isUp(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/_ministack/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** What an account of AWS cannot be held to, and why. */
const NOT_ON_AWS: Record<string, string> = {
  'corrections.test.ts': 'it is about MiniStack',
  'metric-source.test.ts': 'nobody but Lambda can write the metrics of Lambda; the rollouts read real ones',
  'hook-runner.test.ts': 'its functions ask the machine that runs the tests',
  'secrets.test.ts': 'it sends its requests to the program',
  'key-value-store.test.ts': 'it sends its requests to the program',
  'openings.test.ts': 'its functions ask the machine that runs the tests',
};

function vitest(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  ensurePlatform();
  const command = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.wire.config.ts', ...args];
  const tests = spawn(process.execPath, command, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return new Promise((resolve) => tests.on('exit', (code) => resolve(code ?? 1)));
}

/** The tests against an account of AWS, or against a program that stands in for it. */
function onAccount(endpoint: NodeJS.ProcessEnv): Promise<number> {
  const run = `cloud${randomBytes(3).toString('hex')}`;
  const isSweep = process.env.CLOUD_SWEEP !== undefined;
  const given = process.argv.slice(2);
  for (const [file, why] of Object.entries(isSweep ? {} : NOT_ON_AWS)) console.log(`without ${file}: ${why}`);
  const left = Object.keys(NOT_ON_AWS).flatMap((file) => ['--exclude', `test/wire/${file}`]);
  return vitest(isSweep ? ['test/wire/cloud.test.ts'] : [...left, ...given], { CLOUD_RUN: run, ...endpoint });
}

async function onProgram(test: (urls: NodeJS.ProcessEnv) => Promise<number>): Promise<number> {
  const bin = programs('wire', REQUIREMENTS, PYTHON_FLOOR, 'THE TESTS OVER THE WIRE');
  if (bin === undefined) return 0;
  const [port, front] = [await freePort(), await freePort()];
  const { program, log } = await start(bin, port, front);
  try {
    const code = await test({
      WIRE_PROGRAM: `http://127.0.0.1:${port}`,
      WIRE_FRONT: `http://127.0.0.1:${front}`,
    });
    if (code !== 0 && process.env.WIRE_LOG === '1') console.error(log());
    return code;
  } finally {
    program.kill('SIGKILL');
  }
}

/** MiniStack takes the number of an account for its credentials. */
const rehearse = (urls: NodeJS.ProcessEnv) =>
  onAccount({
    ...urls,
    CLOUD_ENDPOINT: urls.WIRE_FRONT,
    AWS_ACCESS_KEY_ID: process.env.CLOUD_ACCOUNT?.split('/')[0],
    AWS_SECRET_ACCESS_KEY: 'unused',
    AWS_SESSION_TOKEN: undefined,
    AWS_PROFILE: undefined,
  });

if (process.env.CLOUD !== '1') process.exitCode = await onProgram((urls) => vitest(given, urls));
else
  process.exitCode = await (process.env.CLOUD_ENDPOINT === 'ministack' ? onProgram(rehearse) : onAccount({}));
