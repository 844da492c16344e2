// `npm run dev [-- --scale N --port N]`: the embedded world kept running, with the dashboard, buttons that release and break, and for the command line with --local.
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { readRolloutFile } from '../adapters/rollout-file.ts';
import { SLACK } from '../api/slack.ts';
import { LOCAL_URL } from '../client/local.ts';
import { breakable, DESK, deskOf } from '../demo/desk/desk.ts';
import { narrate } from '../demo/narrate.ts';
import { serve } from '../demo/server.ts';
import { deploy, EXAMPLE, publish, shoppers } from '../demo/shop.ts';
import { SIGNING_SECRET, slackAccess, slackOf } from '../demo/slack/workspace.ts';
import {
  BROKEN_RELEASE,
  countedVisitors,
  FIRST_RELEASE,
  GOOD_RELEASE,
  openWebShop,
  SHOP_HOST,
} from '../demo/web-shop.ts';
import { SLACK_TOKEN } from '../local/account.ts';
import { serveCdn, webServerOf } from '../local/cdn/server.ts';
import { scaledClock } from '../local/clock.ts';
import type { WebServer } from '../local/web-server.ts';
import { createWorld } from '../local/world.ts';
import { KINDS } from '../targets/kinds.ts';
import { given, wrong } from './arguments.ts';

const SCALE_MAX = 60;
/** Where the command line looks for it. */
const USUAL_PORT = Number(new URL(LOCAL_URL).port);

const call = {
  name: 'npm run dev --',
  takes: [],
  does: 'keeps the embedded world running, for the command line with --local',
  options: {
    scale: {
      value: 'N',
      does: `how many times as fast as real time, from 1 to ${SCALE_MAX}; without it, 10`,
    },
    port: { value: 'N', does: `where it listens; without it ${USUAL_PORT}, or another one if that is taken` },
  },
} as const;
const { scale: asked = '10', port: wanted } = given(call).options;
const scale = Number(asked);
if (!(scale >= 1 && scale <= SCALE_MAX))
  wrong(call, `--scale takes a number from 1 to ${SCALE_MAX}, not "${asked}"`);
if (
  wanted !== undefined &&
  !(Number.isInteger(Number(wanted)) && Number(wanted) > 0 && Number(wanted) < 65_535)
)
  wrong(call, `--port takes a number from 1 to 65534, not "${wanted}"`);
const port = await freePort(Number(wanted ?? USUAL_PORT));
const url = `http://127.0.0.1:${port}`;
/** How the command line finds this world. */
const spillway = `${port === USUAL_PORT ? '' : `SPILLWAY_LOCAL=${url} `}npm run spillway --`;
const file = await readRolloutFile(KINDS, `${EXAMPLE}/rollout.yaml`);
const { lambda = '', alias = '' }: Record<string, string> = Object.values(file.targets)[0] ?? {};
const access = slackAccess(`arn:aws:iam::111122223333:user/${userInfo().username}`);
const clock = scaledClock(scale);
const { intercept, breakIt } = breakable(() => clock.now());
let answer: WebServer = () => new Response(null, { status: 503 });
const world = createWorld({
  web: { [SHOP_HOST]: (request) => answer(request) },
  clock,
  intercept,
  seed: 7,
  access,
  settings: { PUBLIC_URL: url },
  secrets: { SlackSigningSecret: SIGNING_SECRET, SlackToken: SLACK_TOKEN },
});
await deploy(world, lambda, alias, file.service, '7-serving');
const version = await publish(world, lambda, '8-cheaper-shipping');
const buggy = await publish(world, lambda, '9-coupons');
shoppers(world, lambda, alias, 20);
const shop = await openWebShop(world, FIRST_RELEASE);
answer = webServerOf(shop.cdn, shop.edgeOf);
countedVisitors(world, 500);
/** How the site and its API are released, as a pipeline does it: built, and with the API's version at the alias for visitors of the release. */
const siteCommand = async (release: string) =>
  `  RELEASE=${release} npx vite build examples/web-shop --outDir ${join(tmpdir(), 'web-shop')} --emptyOutDir
  ${spillway} release examples/web-shop/rollout.yaml --site web=${join(tmpdir(), 'web-shop')} --version api=${await shop.pointApi('candidate', release)} --release ${release} --local --wait\n`;
const firstSite = await siteCommand(GOOD_RELEASE);
const command = `${spillway} release examples/checkout-api/rollout.yaml --version api=${version} --release first --local --wait`;
world.follow(({ rollout, events }) => {
  for (const event of events) narrate(event, rollout);
  const isNext = events.some((event) => event.type === 'RolloutClosed' && event.outcome === 'completed');
  if (rollout.opening.rolloutId.startsWith('web-shop--') && isNext)
    siteCommand(BROKEN_RELEASE).then(
      (text) => console.log(`The next release of the site is broken:\n\n${text}`),
      console.error,
    );
});
let site = '';
const [target = ''] = Object.keys(file.targets);
const desk = deskOf({
  ...{ world, lambda, target, service: file.service, breakIt, shopUrl: () => site },
  rollout: { ...file, watch: { ...file.watch, latency: '1.5x' } },
});
try {
  await serve(world, port, { mount: { [SLACK]: slackOf(world, { url, command }), [DESK]: desk } });
  site = (await serveCdn(shop.cdn, { port: await freePort(port + 1), edgeOf: shop.edgeOf })).url;
} catch (error) {
  console.error(`Nothing can listen at ${url}: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
const asWanted = Number(wanted ?? USUAL_PORT);
const isTaken = port === asWanted ? '' : `Port ${asWanted} is taken, so it listens at ${port}.`;
console.log(`${isTaken}

  Open ${url}${DESK}

AWS is simulated here, ${scale} times as fast as real time. Version 7 of ${lambda} serves; ${version} is good and ${buggy} has a bug. In another terminal:

  ${command}
  ${spillway} status --local

A static site with its API, examples/web-shop, answers at ${site} behind a CDN of the embedded world. A release of both:

${firstSite}`);

/** The port, or the next one above it that nobody listens at. */
async function freePort(from: number): Promise<number> {
  for (let at = from; at < from + 100; at++) {
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(at, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return at;
  }
  return from;
}
