// `npm start`: three releases of examples/checkout-api on the embedded world, told as they happen.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  InvokeCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import { readRolloutFile } from '../adapters/rollout-file.ts';
import { RolloutError } from '../core/errors.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { describe } from '../core/rollout/story.ts';
import { number } from '../core/words.ts';
import { scaledClock } from '../local/clock.ts';
import { packed } from '../local/pack.ts';
import { seededRandom } from '../local/random.ts';
import { requestTraffic } from '../local/traffic.ts';
import { createWorld, ENVIRONMENT, type World } from '../local/world.ts';

/** Seconds of the world that pass in one real second: two steps and a verify of minutes each become a few seconds. */
const SCALE = 30;
const REQUESTS_PER_SECOND = 40;
/** Traffic before the first release, so that the version that serves has a history to compare with. */
const HISTORY_MS = 3 * 60_000;
/** Versions before this one are history: the example begins where a real service would be. */
const FIRST_VERSION = 7;

const example = fileURLToPath(new URL('../examples/checkout-api', import.meta.url));
const EXPECTED = ['completed', 'reverted', 'refused'];

try {
  process.exitCode = await main();
} catch (error) {
  console.error(RolloutError.is(error) ? `\n${error.message}` : error);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const file = await readRolloutFile(`${example}/rollout.yaml`);
  const [serving = '', ...releases] = readdirSync(`${example}/releases`).sort(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  );
  const began = performance.now();
  console.log(
    `AWS is simulated here: Lambda, CloudWatch, S3, EventBridge, Step Functions, in this process, ${SCALE} times as fast as real time.\n` +
      'The code is real: the handlers, adapters and state machine that would run in your account, and a Node service from real zip files\n' +
      `that ${REQUESTS_PER_SECOND} simulated users a second are buying from.\n`,
  );
  const world = createWorld({ clock: scaledClock(SCALE), seed: 7 });
  const [name = '', target] = Object.entries(file.targets)[0] ?? [];
  const { lambda = '', alias = '' } = target ?? {};
  await deploy(world, lambda, alias, file.service, serving);
  world.follow(({ rollout, events }) => {
    for (const event of events) tell(event, rollout);
  });
  const traffic = shoppers(world, lambda, alias);
  await world.clock.sleep(HISTORY_MS);

  const outcomes: (string | undefined)[] = [];
  for (const release of releases) {
    console.log(`\n== ${release} is uploaded ==`);
    const version = await publish(world, lambda, release);
    await world.upload(`releases/${file.service}/${release}/manifest.json`, {
      schema: 1,
      service: file.service,
      environment: ENVIRONMENT,
      release,
      order: Number.parseInt(release, 10),
      targets: { [name]: { version } },
      rollout: file,
    });
    outcomes.push((await world.ended(`${file.service}--${release}--1`)).outcome);
    const met = traffic.tally[version];
    console.log(
      `   the simulated users say: ${met === undefined ? `none of them met version ${version}` : `${number(met.requests)} of their requests met version ${version}, ${number(met.failed)} of them failed`}`,
    );
  }
  await traffic.stop();
  await world.close();
  return verdict(releases, outcomes, (performance.now() - began) / 1000);
}

function verdict(releases: string[], outcomes: (string | undefined)[], seconds: number): number {
  const isExpected = outcomes.join() === EXPECTED.join();
  console.log(
    `\n${releases.map((release, index) => `${release}: ${outcomes[index]}`).join(' · ')} · ${seconds.toFixed(0)} s`,
  );
  console.log(
    isExpected
      ? '\nNow break it yourself: edit examples/checkout-api/releases/8-cheaper-shipping/pricing.mjs, for instance so that every tenth order\nthrows, and run npm start again.'
      : `\nExpected were ${EXPECTED.join(', ')}. If you edited the example, this is Spillway answering; otherwise it is a bug worth reporting.`,
  );
  return isExpected ? 0 : 1;
}

/** What the team's own deploy does: the function, its tag, the version that serves, and the alias on it. */
async function deploy(
  world: World,
  lambda: string,
  alias: string,
  service: string,
  release: string,
): Promise<void> {
  const { clients } = world;
  const { helpers } = world.lambda;
  await clients.lambda.send(
    new CreateFunctionCommand({
      FunctionName: lambda,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::111122223333:role/checkout',
      Timeout: 5,
      Tags: { 'spillway:service': service },
      Code: { ZipFile: zipOf(release) },
    }),
  );
  for (let version = 1; version < FIRST_VERSION; version++) helpers.publishCounted(lambda);
  await clients.lambda.send(
    new CreateAliasCommand({
      FunctionName: lambda,
      Name: alias,
      FunctionVersion: await publish(world, lambda, release),
    }),
  );
}

/** Updates the code from a zip and publishes it, as a deploy does; answers the number of the version. */
async function publish({ clients }: World, lambda: string, release: string): Promise<string> {
  const { Version = '' } = await clients.lambda.send(
    new UpdateFunctionCodeCommand({ FunctionName: lambda, ZipFile: zipOf(release), Publish: true }),
  );
  return Version;
}

function zipOf(release: string): Uint8Array {
  return packed(`${example}/app`, `${example}/releases/${release}`);
}

/** People who buy things: every 40th still has last year's coupon in the cart. */
function shoppers(world: World, lambda: string, alias: string) {
  const random = seededRandom(1);
  let orders = 0;
  return requestTraffic({
    clock: world.clock,
    random: random.fork('arrivals'),
    requestsPerSecond: REQUESTS_PER_SECOND,
    async request() {
      orders += 1;
      const order = {
        id: orders,
        sku: `T${1 + random.int(3)}`,
        quantity: 1 + random.int(4),
        ...(orders % 40 === 0 ? { coupon: 'SPRING09' } : {}),
      };
      const event = {
        requestContext: { http: { method: 'POST', path: '/checkout' } },
        body: JSON.stringify(order),
      };
      const {
        ExecutedVersion = '',
        FunctionError,
        Payload,
      } = await world.clients.lambda.send(
        new InvokeCommand({
          FunctionName: lambda,
          Qualifier: alias,
          Payload: new TextEncoder().encode(JSON.stringify(event)),
        }),
      );
      const { statusCode = 500 } =
        FunctionError === undefined
          ? (JSON.parse(new TextDecoder().decode(Payload)) as { statusCode?: number })
          : {};
      return { version: ExecutedVersion, statusCode, failed: statusCode >= 500 };
    },
  });
}

/** Prints one event, with a bar of where the traffic is whenever it moves or is measured. */
function tell(event: RolloutEvent, rollout: Rollout): void {
  const line = describe(event, rollout);
  if (line === undefined) return;
  const time = new Date(event.at).toISOString().slice(11, 19);
  const weight =
    rollout.left === undefined
      ? Math.max(0, ...Object.values(rollout.traffic).map((traffic) => traffic.weight))
      : 0;
  for (const text of line.split('\n')) console.log(`${time} ${bar(weight)} ${text}`);
}

function bar(weight: number): string {
  const filled = Math.ceil(weight / 10);
  return `${'█'.repeat(filled)}${'░'.repeat(10 - filled)} ${String(weight).padStart(3)} %`;
}
