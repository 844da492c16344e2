import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRolloutFile } from '../../adapters/rollout-file.ts';
import {
  BROKEN_RELEASE,
  countedVisitors,
  FIRST_RELEASE,
  openWebShop,
  SHOP_HOST,
} from '../../demo/web-shop.ts';
import { serveCdn, webServerOf } from '../../local/cdn/server.ts';
import { scaledClock } from '../../local/clock.ts';
import type { WebServer } from '../../local/web-server.ts';
import { createWorld } from '../../local/world.ts';
import { KINDS } from '../../targets/kinds.ts';
import { browserHere } from './chromium.ts';
import { NEW } from './served.ts';
import { inPool, Visitor } from './visitor.ts';

/** How much faster than real time: a step takes some ten seconds. */
const SCALE = 60;
const VISITORS = 8;
const AT_A_TIME = 4;

let browser: Browser;
beforeAll(async () => {
  browser = await browserHere();
});
afterAll(() => browser.close());

/** The world with the controller, the example site and its API in it, and people who are only counted besides. */
async function controlled() {
  let answer: WebServer = () => new Response(null, { status: 503 });
  const world = createWorld({
    ...{ clock: scaledClock(SCALE), seed: 7 },
    web: { [SHOP_HOST]: (request) => answer(request) },
  });
  const shop = await openWebShop(world, FIRST_RELEASE);
  answer = webServerOf(shop.cdn, shop.edgeOf);
  const { url, close } = await serveCdn(shop.cdn, { edgeOf: shop.edgeOf });
  const counted = countedVisitors(world, 500);
  const rollout = await readRolloutFile(KINDS, 'examples/web-shop/rollout.yaml');
  return {
    url,
    /** Uploads a release as a pipeline does, and answers when its rollout has ended. */
    async release(release: string, order: number) {
      await shop.upload(release);
      const version = await shop.pointApi('candidate', release);
      await world.upload(`releases/web-shop/${release}/manifest.json`, {
        ...{ schema: 1, service: 'web-shop', environment: world.environment, release, order, rollout },
        targets: { web: { site: { prefix: `_releases/${release}/` } }, api: { version } },
      });
      return world.ended(`web-shop--${release}--1`);
    },
    async close(): Promise<void> {
      counted.stop();
      await close();
      await world.close();
    },
  };
}

test('the controller takes a good release to all visitors and takes a bad one back, and no page is of two releases', async () => {
  const { url, release, close } = await controlled();
  const visitors: Visitor[] = [];
  await inPool([...Array(VISITORS).keys()], AT_A_TIME, async () => {
    const visitor = await Visitor.enter(browser, url);
    await visitor.open('/');
    visitors.push(visitor);
  });
  /** Visitors go on as long as a rollout does, and once more. */
  const during = async (rollout: ReturnType<typeof release>, use: (visitor: Visitor) => Promise<void>) => {
    let outcome: string | undefined;
    const ended = rollout.then((found) => {
      outcome = found.outcome;
    });
    const goOn = () =>
      inPool(visitors, AT_A_TIME, async (visitor) => {
        await visitor.follow();
        await use(visitor);
      });
    while (outcome === undefined) await goOn();
    await ended;
    await goOn();
    return outcome;
  };
  const changes = ({ releases }: Visitor) => releases.filter((each, at) => each !== releases[at - 1]);
  const problems = () => visitors.flatMap((visitor) => visitor.problems);

  expect(await during(release(NEW, 42), (visitor) => visitor.use())).toBe('completed');
  // A page that was open before the promotion calls the new version afterwards; a minute of the world is one second here.
  const openBefore = `a page of ${FIRST_RELEASE} has a script of ${FIRST_RELEASE}, a chunk of ${FIRST_RELEASE} and an API of ${NEW}`;
  const isOther = (each: string) => each !== openBefore;
  expect(problems().filter(isOther)).toEqual([]);
  for (const visitor of visitors) expect(changes(visitor)).toEqual([FIRST_RELEASE, NEW]);

  // Whoever gets this one meets its fault, and nothing else.
  expect(await during(release(BROKEN_RELEASE, 43), (visitor) => visitor.details())).toBe('reverted');
  expect(problems().filter((each) => isOther(each) && !/^lazy of .*TypeError/.test(each))).toEqual([]);
  for (const visitor of visitors) expect(visitor.releases.at(-1)).toBe(NEW);
  const before = problems().length;
  for (const visitor of visitors) {
    await visitor.follow();
    await visitor.use();
  }
  expect(problems()).toHaveLength(before);
  await Promise.all(visitors.map((visitor) => visitor.leave()));
  await close();
});
