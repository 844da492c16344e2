// `npm start`: three releases of examples/checkout-api on the embedded world, told as they happen.
import { readdirSync } from 'node:fs';
import { readRolloutFile } from '../adapters/rollout-file.ts';
import { RolloutError } from '../core/errors.ts';
import { number } from '../core/words.ts';
import { narrate } from '../demo/narrate.ts';
import { deploy, EXAMPLE, publish, shoppers } from '../demo/shop.ts';
import { scaledClock } from '../local/clock.ts';
import { createWorld } from '../local/world.ts';
import { KINDS } from '../targets/kinds.ts';
import { given } from './arguments.ts';

/** Seconds of the world that pass in one real second: two steps and a verify of minutes each become a few seconds. */
const SCALE = 30;
const REQUESTS_PER_SECOND = 40;
/** Traffic before the first release, so that the version that serves has a history to compare with. */
const HISTORY_MS = 3 * 60_000;

const EXPECTED = ['completed', 'reverted', 'refused'];

given({
  name: 'npm start',
  takes: [],
  does: 'rolls out three releases of examples/checkout-api on the embedded world; exit code 0 only if they end as expected',
  options: {},
});
// Whatever ends this before its end, such as a reader that goes away, is no success.
process.exitCode = 1;
try {
  process.exitCode = await main();
} catch (error) {
  console.error(RolloutError.is(error) ? `\n${error.message}` : error);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const file = await readRolloutFile(KINDS, `${EXAMPLE}/rollout.yaml`);
  const [serving = '', ...releases] = readdirSync(`${EXAMPLE}/releases`).sort(
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
  const { lambda = '', alias = '' }: Record<string, string> = target ?? {};
  await deploy(world, lambda, alias, file.service, serving);
  world.follow(({ rollout, events }) => {
    for (const event of events) narrate(event, rollout);
  });
  const traffic = shoppers(world, lambda, alias, REQUESTS_PER_SECOND);
  await world.clock.sleep(HISTORY_MS);

  const outcomes: (string | undefined)[] = [];
  for (const release of releases) {
    console.log(`\n== ${release} is uploaded ==`);
    const version = await publish(world, lambda, release);
    await world.upload(`releases/${file.service}/${release}/manifest.json`, {
      schema: 1,
      service: file.service,
      environment: world.environment,
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
      ? '\nNow break it yourself: edit examples/checkout-api/releases/8-cheaper-shipping/pricing.mjs, for instance so that every tenth order\nthrows, and run npm start again.\nA release of a static site with its API, to watch in a browser: npm run dev says how.'
      : `\nExpected were ${EXPECTED.join(', ')}. If you edited the example, this is Spillway answering; otherwise it is a bug worth reporting.`,
  );
  return isExpected ? 0 : 1;
}
