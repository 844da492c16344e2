// `npm run test:api`: the document about the API, which two programs that others wrote check by itself, and the API of an
// embedded world with running rollouts, which a third one holds to it. Python is needed; everything else it makes itself, in `.cache/api`.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { iamPrincipal } from '../core/people/access.ts';
import { serve } from '../demo/server.ts';
import { deploy, publish } from '../demo/shop.ts';
import { scaledClock } from '../local/clock.ts';
import { createWorld, type World } from '../local/world.ts';
import { handedOn } from './arguments.ts';
import { freePort, programs, ROOT } from './python.ts';

const given = handedOn({
  name: 'npm run test:api --',
  takes: ['[ARGUMENT OF SCHEMATHESIS...]'],
  does: 'holds the document about the API and the API to each other by Schemathesis; needs Python, and installs it in .cache/api once',
});
const DOCUMENT = join(ROOT, 'docs/reference/openapi.json');
const SETTINGS = join(ROOT, 'test/api/schemathesis.toml');
/** Schemathesis makes so many requests to each address, besides those of its own lists. */
const EXAMPLES = 15;
/** The services that its settings name. */
const SERVICES = [1, 2, 3, 4];
/** Stands for a signature of IAM, which nobody checks here. */
const SIGNATURE = 'AWS4-HMAC-SHA256 tests';

/** Everything is let through: what is limited would be no answer to what was asked. */
const FREE = { burst: 1e9, everyMs: 1 };
const LIMITS = { each: { read: FREE, command: FREE, abort: FREE }, all: { read: FREE, command: FREE } };

const bin = programs('api', 'test/api/requirements.txt', '3.11', 'THE TESTS OF THE API');
// The rollouts would go on for a day.
if (bin !== undefined) process.exit(await check(bin));

async function check(bin: string): Promise<number> {
  const valid = await run(join(bin, 'openapi-spec-validator'), [DOCUMENT]);
  if (valid !== 0) return valid;
  const clean = await run(process.execPath, [
    ...[join(ROOT, 'node_modules/@redocly/cli/bin/cli.js'), 'lint', DOCUMENT, '--format', 'stylish'],
    ...['--config', join(ROOT, 'test/api/redocly.yaml')],
  ]);
  if (clean !== 0) return clean;
  const world = createWorld({ clock: scaledClock(60), seed: 7 });
  for (const number of SERVICES) await release(world, number);
  const port = await freePort();
  await serve(world, port, {
    limits: LIMITS,
    principal: async (request) =>
      request.headers.get('authorization') === SIGNATURE
        ? iamPrincipal('arn:aws:iam::111122223333:user/ada', world.ports.access)
        : undefined,
  });
  return run(join(bin, 'schemathesis'), [
    ...['--config-file', settings(), 'run', DOCUMENT],
    ...['--url', `http://127.0.0.1:${port}`, '--header', `Authorization: ${SIGNATURE}`],
    ...['--checks', 'all', '--max-examples', String(EXAMPLES), '--seed', '1'],
    ...['--continue-on-failure', '--suppress-health-check', 'all'],
    ...given,
  ]);
}

/** The settings with the files of the dashboard, whose names change with what is in them. */
function settings(): string {
  const { assets } = JSON.parse(readFileSync(join(ROOT, 'page/built.json'), 'utf8'));
  const path = join(ROOT, '.cache/api/schemathesis.toml');
  const files = `"path.file" = { dictionary = "files", probability = 0.8 }

[dictionaries.files]
values = ${JSON.stringify(Object.keys(assets))}
`;
  writeFileSync(path, readFileSync(SETTINGS, 'utf8') + files);
  return path;
}

/** A service whose rollout is at its first step. */
async function release(world: World, number: number): Promise<void> {
  const [service, lambda] = [`checkout-${number}`, `checkout-${number}-Api`];
  await deploy(world, lambda, 'live', service, '7-serving');
  const version = await publish(world, lambda, '8-cheaper-shipping');
  await world.upload(`releases/${service}/r1/manifest.json`, {
    ...{ schema: 1, service, environment: world.environment, release: 'r1', order: 1 },
    targets: { api: { version } },
    rollout: {
      ...{ service, targets: { api: { lambda, alias: 'live', source: 'http' } } },
      ...{ steps: [{ weight: 10, bake: '12h' }], verify: '10m' },
    },
  });
  while ((await world.journal.read(`${service}--r1--1`))?.traffic.api?.weight !== 10)
    await world.clock.sleep(1_000);
}

function run(program: string, args: string[]): Promise<number> {
  // They leave what they found where they run.
  const child = spawn(program, args, {
    cwd: join(ROOT, '.cache', 'api'),
    stdio: 'inherit',
    env: {
      ...process.env,
      SCHEMATHESIS_HOOKS: 'hooks',
      // It asks nobody for anything, and tells nobody.
      REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
      REDOCLY_TELEMETRY: 'off',
      PYTHONPATH: join(ROOT, 'test', 'api'),
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
