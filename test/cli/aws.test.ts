import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { main } from '../../cli/main.ts';
import { packed } from '../../demo/pack.ts';
import { deploy, EXAMPLE, publish } from '../../demo/shop.ts';
import { scaledClock } from '../../local/clock.ts';
import { createWorld } from '../../local/world.ts';
import { isDeep } from '../deep.ts';
import { EMPTY } from '../empty.ts';
import { aws, type Denial, type Wire } from './aws-wire.ts';

const CLI = fileURLToPath(new URL('../../cli/spillway.ts', import.meta.url));
const FUNCTION = 'checkout-prod-Api';
const SERVICE = 'checkout-api';
const REGION = 'eu-central-1';

/** Nobody calls the function, so that a rollout stays at its first step until somebody does something. */
const world = createWorld({ clock: scaledClock(60), seed: 7 });
let wire: Wire;
let folder = '';
let file = '';
let [good, other] = ['', ''];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-'));
  file = join(folder, 'rollout.yaml');
  await writeFile(
    file,
    `service: ${SERVICE}
targets:
  api: { lambda: ${FUNCTION}, alias: live, source: http }
steps:
  - { weight: 10, bake: 1h }
watch: { errors: 1.5x }
verify: 10m
`,
  );
  await deploy(world, FUNCTION, 'live', SERVICE, '7-serving');
  good = await publish(world, FUNCTION, '8-cheaper-shipping');
  other = await publish(world, FUNCTION, '10-new-tax-table');
  wire = await aws(world, 'production');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await wire.close();
  await world.close();
});
afterEach(() => {
  wire.deny = () => undefined;
});

interface Ran {
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

/** What the command line is told by its environment: nothing of this machine's AWS settings. */
const environment = () => ({
  HOME: folder,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_ENDPOINT_URL: wire.url,
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
  SPILLWAY_ENVIRONMENT: 'production',
  GITHUB_ACTOR: 'ada',
});

/** Runs the command line in this process; an empty variable is left out. */
async function here(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  for (const [name, value] of Object.entries({ ...environment(), ...env }))
    vi.stubEnv(name, value || undefined);
  const said = { log: '', error: '' };
  for (const kind of ['log', 'error'] as const)
    vi.spyOn(console, kind).mockImplementation((line: unknown) => {
      said[kind] += `${line}\n`;
    });
  try {
    return { code: await main(args), signal: null, out: said.log, err: said.error };
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  }
}

/** Runs it as a process of its own. */
function started(args: string[]) {
  // Later processes load what the first one compiled.
  const set = { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(folder, 'compiled'), ...environment() };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, ...args], {
    env: set,
  });
  const said = { out: '', err: '' };
  let heard = () => {};
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
    heard();
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  const ended = new Promise<Ran>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, ...said })),
  );
  return {
    ended,
    interrupt: () => child.kill('SIGINT'),
    /** Resolves once the process has printed this. */
    says: (text: RegExp) =>
      Promise.race([
        new Promise<void>((resolve) => {
          heard = () => text.test(said.out) && resolve();
          heard();
        }),
        ended.then(({ out, err }) => {
          if (!text.test(out)) throw new Error(`It ended without saying ${text}: ${out}${err}`);
        }),
      ]),
  };
}
const ran = (args: string[]) => started(args).ended;
const release = (id: string, version: string, ...more: string[]) => [
  'release',
  file,
  '--version',
  `api=${version}`,
  '--release',
  id,
  ...more,
];
const idOf = (id: string) => `${SERVICE}--${id}--1`;
const denied = (status: number, name: string, message: string, on = /./) => {
  const denial: Denial = { status, name, message };
  wire.deny = ({ path }) => (on.test(path) ? denial : undefined);
};

describe('the command line on real AWS clients', () => {
  test('signs for the region and identity of the environment it runs in', async () => {
    expect(await ran(['status'])).toMatchObject({ code: 0, out: 'nothing is under way\n', err: '' });
    expect(wire.arrived.at(-1)).toEqual({
      method: 'GET',
      path: '/rollouts',
      region: REGION,
      key: 'AKIDEXAMPLE',
    });
  });

  test('takes region and identity from a named profile', async () => {
    const config = join(folder, 'config');
    await writeFile(
      config,
      '[profile prod]\nregion = us-west-2\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n',
    );
    const env = {
      AWS_CONFIG_FILE: config,
      AWS_PROFILE: 'prod',
      AWS_REGION: '',
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
    };
    expect(await here(['status'], env)).toMatchObject({ code: 0 });
    expect(wire.arrived.at(-1)).toMatchObject({ region: 'us-west-2', key: 'AKIDPROFILE' });
  });

  const nobody = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
  test.each<[what: string, env: Record<string, string>, says: RegExp]>([
    ['credentials', nobody, /^There are no AWS credentials here .*AWS_PROFILE.*aws sso login/],
    ['the profile', { ...nobody, AWS_PROFILE: 'nope' }, /^There are no AWS credentials here .*nope/],
    ['a region', { AWS_REGION: '' }, /^No AWS region can be used \(Region is missing\); set AWS_REGION/],
    [
      'a network',
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
      /^AWS could not be reached in eu-central-1 \(.*ECONNREFUSED.*check the network/,
    ],
  ])('without %s says what to set, asks nobody, and shows no stack', async (_, env, says) => {
    const before = wire.arrived.length;
    for (const args of [['status'], ['abort', idOf('r1'), '--direct']]) {
      const { code, out, err } = await here(args, env);
      expect(err).toMatch(says);
      expect(err.trim().split('\n')).toHaveLength(1);
      expect({ code, out }).toEqual({ code: 1, out: '' });
    }
    expect(wire.arrived).toHaveLength(before);
  });

  test.each([
    [
      403,
      'AccessDeniedException',
      'User ada is not authorized',
      'The present AWS identity may not do this (User ada is not authorized); it needs lambda:InvokeFunction on spillway-production-ReadRollout.',
    ],
    [
      403,
      'ExpiredTokenException',
      'The security token is expired',
      'AWS does not accept these credentials (ExpiredTokenException: The security token is expired); sign in again, or set AWS_PROFILE to another one.',
    ],
    [
      403,
      'UnrecognizedClientException',
      'The token is invalid.',
      'AWS does not accept these credentials (UnrecognizedClientException: The token is invalid.); sign in again, or set AWS_PROFILE to another one.',
    ],
  ])('that is answered %s %s says so with the fix', async (status, name, message, says) => {
    denied(status, name, message);
    expect(await here(['status'])).toMatchObject({ code: 1, out: '', err: `${says}\n` });
  });

  test('says where it looked for a controller that is not there', async () => {
    expect(await here(['status', '--environment', 'staging'])).toMatchObject({
      code: 1,
      out: '',
      err: `There is no controller of environment "staging" in this account and region (${REGION}): Function not found: spillway-staging-ReadRollout; deploy it there, or say which one is meant with --environment, AWS_PROFILE and AWS_REGION.\n`,
    });
  });

  test('that may not upload says which right it needs, and has uploaded nothing', async () => {
    denied(403, 'AccessDenied', 'Access Denied', /^\/releases\//);
    expect(await here(release('denied', good))).toMatchObject({
      code: 1,
      out: '',
      err: 'The present AWS identity may not do this (Access Denied); it needs s3:PutObject on releases/releases/checkout-api/denied/manifest.json.\n',
    });
    expect(await world.journal.read(idOf('denied'))).toBeUndefined();
  });

  test('is refused where the bucket would tell nobody of it, with the fix, and has uploaded nothing', async () => {
    wire.isHeard = false;
    const { code, out, err } = await here(release('unheard', good));
    wire.isHeard = true;
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      'The bucket releases sends no events to EventBridge, so no release would be opened; its notifications were replaced. Deploy the controller again, or set EventBridge in them.\n',
    );
    expect(wire.arrived.some(({ method, path }) => method === 'PUT' && path.includes('unheard'))).toBe(false);
  });

  test('shows what the controller refuses, in its own words', async () => {
    expect(await here(['pause', idOf('unknown')])).toMatchObject({
      code: 1,
      out: '',
      err: `Rollout ${idOf('unknown')} is not in the journal; check its id.\n`,
    });
  });
});

describe('a release that is waited for on real AWS clients', { timeout: 90_000 }, () => {
  test('exits 0 for what serves already, 11 for what is refused, and is uploaded once', async () => {
    const [serving, refused] = await Promise.all([
      ran(release('same', '7', '--wait')),
      // The second is asked for in the same second, and must not be taken for the older one.
      ran(release('none', '77', '--wait', '--order', '9000000000')),
    ]);
    expect(serving).toMatchObject({ code: 0, err: '' });
    expect(serving.out).toContain('same completed: unproven: api served version 7 before this release came');
    const own = await ran(release('once-more', '7', '--wait'));
    expect(own).toMatchObject({ code: 0, err: '' });
    expect(own.out).toContain('already serving: api is at version 7');
    expect(refused).toMatchObject({ code: 11, err: '' });
    expect(refused.out).toContain('no version 77; publish it');
    const again = await ran(release('none', '77', '--wait'));
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.err).toContain('none/manifest.json was uploaded already, and a release never changes');
  });

  // Most of its time is waiting for queues and ticks.
  test.runIf(isDeep)(
    'exits 12 superseded, 11 aborted in the queue, and 10 after an abort past the controller, which the journal learns of',
    async () => {
      const first = started(release('q1', good, '--wait'));
      await first.says(/api raised to 10 %/);
      const second = started(release('q2', other, '--wait'));
      await second.says(/q2--1 waits for checkout-api--q1--1 to end/);
      const third = started(release('q3', other, '--wait'));
      await third.says(/q3--1 waits for checkout-api--q1--1 to end/);
      const superseded = await second.ended;
      expect(superseded.code).toBe(12);
      expect(superseded.out).toContain('q2 is superseded: q3 was uploaded while it waited');
      expect((await ran(['status'])).out.split('\n')).toEqual([
        expect.stringContaining(`${idOf('q1')}: api at 10 %`),
        `${idOf('q3')} waits for ${idOf('q1')} to end`,
        '',
      ]);
      expect((await ran(['status', idOf('q3')])).out).toBe(`${idOf('q3')} waits for ${idOf('q1')} to end\n`);
      expect(await ran(['abort', idOf('q3'), '--reason', 'wrong'])).toMatchObject({ code: 0, err: '' });
      expect(await third.ended).toMatchObject({ code: 11 });
      denied(500, 'ServiceException', 'it is down', /-Command\//);
      expect(await ran(['abort', idOf('q1'), '--direct', '--by', 'Grace Hopper'])).toMatchObject({
        code: 0,
        out: `api: version 7 serves\n${idOf('q1')} is aborted by Grace Hopper without the controller (no reason given); its journal says so at the next tick\n`,
        err: '',
      });
      expect(world.lambda.helpers.routing(FUNCTION, 'live')).toMatchObject({ primary: '7', weights: EMPTY });
      const reverted = await first.ended;
      expect(reverted).toMatchObject({ code: 10, err: '' });
      expect(reverted.out).toContain('q1 reverted: Grace Hopper aborted without the journal');
    },
  );

  test('exits 14 where a person must look: a stranger serves', async () => {
    const zip = join(folder, 'api.zip');
    await writeFile(zip, packed(`${EXAMPLE}/app`, `${EXAMPLE}/releases/9-coupons`));
    const before = wire.arrived.length;
    const args = ['release', file, '--zip', `api=${zip}`, '--release', 'z1', '--wait'];
    const rollout = started(args);
    await rollout.says(/api raised to 10 %/);
    const puts = wire.arrived.slice(before).filter(({ method }) => method === 'PUT');
    expect(puts.map(({ path }) => path.split('/z1/')[1]?.split('?')[0])).toEqual([
      'api.zip',
      'manifest.json',
    ]);
    await world.clients.lambda.send(
      new UpdateAliasCommand({ FunctionName: FUNCTION, Name: 'live', FunctionVersion: '6' }),
    );
    const { code, out } = await rollout.ended;
    expect(code).toBe(14);
    expect(out).toMatch(/z1\/api\.zip: 0 of [\d,]+ bytes\n.*z1\/api\.zip: ([\d,]+) of \1 bytes\n/);
    expect(out).toMatch(/api published as version \d+/);
    expect(out).toContain('z1 halted: ');
  });

  test('and is interrupted says that the rollout goes on, and how to look at it and revert it', async () => {
    const watch = started(release('left', other, '--wait'));
    await watch.says(/left--1 is uploaded/);
    watch.interrupt();
    const { signal, err } = await watch.ended;
    expect(signal).toBe('SIGINT');
    expect(err).toBe(
      `This watch ends; ${idOf('left')} continues. "spillway status ${idOf('left')}" says where it is, "spillway abort ${idOf('left')}" reverts it.\n`,
    );
  });
});
