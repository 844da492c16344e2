import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserHere } from './chromium.ts';
import { NEW, OLD, servedShop } from './served.ts';
import { inPool, Visitor } from './visitor.ts';

const VISITORS = 20;
const AT_A_TIME = 4;

let browser: Browser;
beforeAll(async () => {
  browser = await browserHere();
});
afterAll(() => browser.close());

/** Visitors with cookies of their own, who have seen the site. */
async function arrived(url: string): Promise<Visitor[]> {
  const visitors: Visitor[] = [];
  await inPool(Array.from({ length: VISITORS }), AT_A_TIME, async () => {
    const visitor = await Visitor.enter(browser, url);
    await visitor.open('/');
    visitors.push(visitor);
  });
  return visitors;
}

/** Each visitor follows a link and uses the page that comes. */
const goOn = (visitors: readonly Visitor[]) =>
  inPool(visitors, AT_A_TIME, async (visitor) => {
    await visitor.follow();
    await visitor.use();
  });

/** Releases of pages in the order in which they came, each once. */
const changes = ({ releases }: Visitor) => releases.filter((release, at) => release !== releases[at - 1]);
const problems = (visitors: readonly Visitor[]) => visitors.flatMap((visitor) => visitor.problems);
const current = (visitors: readonly Visitor[], release: string) =>
  visitors.filter(({ releases }) => releases.at(-1) === release);

describe('while a release goes to all visitors', () => {
  test('no page is of two releases, none misses anything, and nobody goes back', async () => {
    const { url, begin, weigh, promote, everywhere, close } = await servedShop();
    const visitors = await arrived(url);
    // A tab that stays open, and one that has not loaded its chunk yet.
    const [tab, idle] = [await Visitor.enter(browser, url), await Visitor.enter(browser, url)];
    await tab.open('/');
    await idle.open('/');
    await begin();
    const shares: number[] = [];
    for (const percent of [1, 5, 25, 50, 100]) {
      weigh(percent);
      await goOn(visitors);
      await tab.use();
      shares.push(current(visitors, NEW).length);
    }
    await everywhere();
    await goOn(visitors);
    expect(current(visitors, NEW)).toHaveLength(VISITORS);
    expect((await tab.seen()).api).toBe(OLD);
    await promote();
    await goOn(visitors);
    await everywhere();
    await goOn(visitors);

    expect(problems([...visitors, tab])).toEqual([]);
    for (const visitor of visitors) expect(changes(visitor)).toEqual([OLD, NEW]);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares[3]).toBeGreaterThan(0);
    expect(shares[3]).toBeLessThan(VISITORS);

    // The release of this tab serves nobody any more: its chunk is there, and the API answers as it is now.
    await idle.details();
    await idle.stock();
    expect(await idle.seen()).toEqual({ meta: OLD, entry: OLD, lazy: OLD, api: NEW });
    expect(idle.problems).toEqual([]);
    await Promise.all([...visitors, tab, idle].map((visitor) => visitor.leave()));
    await close();
  });
});

describe('when a release is reverted in the middle', () => {
  test('everybody is on the old one again, and pages that are open go on', async () => {
    const { url, asked, begin, weigh, revert, everywhere, close } = await servedShop();
    const visitors = await arrived(url);
    await begin();
    weigh(25);
    await goOn(visitors);
    weigh(75);
    await everywhere();
    await goOn(visitors);
    const canaries = current(visitors, NEW);
    expect(canaries.length).toBeGreaterThan(3);
    const [reloads, hard, back, opened] = canaries.slice(0, 4) as [Visitor, Visitor, Visitor, Visitor];
    const [special, others] = [
      [reloads, hard, back, opened],
      visitors.filter((each) => !canaries.slice(0, 4).includes(each)),
    ];
    // Each of these has a page of the canary that has not loaded its chunk yet.
    await Promise.all(special.map((visitor) => visitor.open('/')));
    await back.follow();

    const half = others.slice(0, others.length / 2);
    await goOn(half);
    revert();
    // Edge locations see it one after the other, while visitors go on.
    await inPool(others, AT_A_TIME, (visitor) => visitor.follow());
    await everywhere();

    // A chunk of the page that is open, and the API, which is the old one's now.
    await opened.details();
    await opened.stock();
    expect(await opened.seen()).toEqual({ meta: NEW, entry: NEW, lazy: NEW, api: OLD });

    // The browser asks whether its page is still the same. It is not, also by no date of its file.
    const since = asked.length;
    await reloads.page.reload();
    await reloads.arrived();
    const document = asked.slice(since).find((each) => each.url === '/');
    expect(document?.headers['if-none-match']).toMatch(/^(?:W\/)?"/);
    expect(document?.status).toBe(200);

    const session = await hard.context.newCDPSession(hard.page);
    const loaded = hard.page.waitForEvent('load');
    await session.send('Page.reload', { ignoreCache: true });
    await loaded;
    await hard.arrived();

    // Its history has the page of the canary, whose chunk is still there.
    await back.page.goBack();
    await back.arrived();
    await back.details();
    const { meta, entry, lazy } = await back.seen();
    expect(new Set([meta, entry, lazy]).size).toBe(1);

    await goOn(visitors);
    expect(problems(visitors)).toEqual([]);
    expect(current(visitors, OLD)).toHaveLength(VISITORS);
    for (const visitor of [...others, reloads, hard])
      expect([[OLD], [OLD, NEW, OLD]]).toContainEqual(changes(visitor));
    await Promise.all(visitors.map((visitor) => visitor.leave()));
    await close();
  });
});

describe('a service worker', () => {
  /** Pages come from the worker from now on. */
  const controlled = async (visitor: Visitor) => {
    await visitor.page.waitForFunction('navigator.serviceWorker.controller !== null');
    await visitor.open('/');
  };

  /** Opens pages until one is of a release: Chromium looks for a new worker once no page was opened for a second. */
  const until = async (visitor: Visitor, release: string) => {
    for (let tries = 0; tries < 20 && visitor.releases.at(-1) !== release; tries++) {
      await visitor.page.waitForTimeout(1_500);
      await visitor.open(tries % 2 === 0 ? '/cart/' : '/');
    }
    expect(visitor.releases.at(-1)).toBe(release);
  };

  test('of the old release keeps it whole while that is live, and is replaced after the promotion', async () => {
    const { url, begin, weigh, promote, everywhere, close } = await servedShop(OLD, { isOffline: true });
    const visitor = await Visitor.enter(browser, url);
    await visitor.open('/');
    await controlled(visitor);
    await begin();
    weigh(100);
    await everywhere();
    for (let page = 0; page < 4; page++) {
      await visitor.follow();
      await visitor.use();
    }
    expect(changes(visitor)).toEqual([OLD]);
    await promote();
    await everywhere();
    await until(visitor, NEW);
    await visitor.use();
    expect(visitor.problems).toEqual([]);
    await visitor.leave();
    await close();
  });

  test('of a release that is reverted is replaced, and its pages have their chunks until then', async () => {
    const { url, begin, weigh, revert, everywhere, close } = await servedShop(OLD, { isOffline: true });
    await begin();
    weigh(100);
    await everywhere();
    const visitor = await Visitor.enter(browser, url);
    await visitor.open('/');
    await controlled(visitor);
    revert();
    await everywhere();
    await visitor.follow();
    await visitor.details();
    const { meta, entry, lazy } = await visitor.seen();
    expect([entry, lazy]).toEqual([meta, meta]);
    await until(visitor, OLD);
    await visitor.use();
    expect(visitor.problems).toEqual([]);
    expect(changes(visitor)).toEqual([NEW, OLD]);
    await visitor.leave();
    await close();
  });
});

describe('a visitor notices', () => {
  const usedAt = async (...given: Parameters<typeof servedShop>) => {
    const { url, close } = await servedShop(...given);
    const visitor = await Visitor.enter(browser, url);
    await visitor.open('/');
    await visitor.use();
    await visitor.leave();
    await close();
    return visitor.problems.join('\n');
  };

  test('a chunk that is missing', async () => {
    expect(await usedAt('44-lost-chunk')).toContain('404 /assets/stars-1b2c3d4e.js');
  });

  test('a page in place of a chunk, which a rule for apps of one page would answer', async () => {
    const files: NonNullable<Parameters<typeof servedShop>[1]>['files'] = (bucket) => async (request) => {
      const said = await bucket(request);
      return said.status === 404 ? bucket({ ...request, url: '/_releases/44-lost-chunk/index.html' }) : said;
    };
    expect(await usedAt('44-lost-chunk', { files })).toContain('HTML in place of /assets/stars-1b2c3d4e.js');
  });

  test('a chunk that throws', async () => {
    expect(await usedAt('43-broken-details')).toContain('lazy of /: TypeError');
  });

  test('a page of two releases', async () => {
    const { shop, url, begin, weigh, everywhere, close } = await servedShop();
    await begin();
    await shop.pointApi('candidate', OLD);
    weigh(100);
    await everywhere();
    const visitor = await Visitor.enter(browser, url);
    await visitor.open('/');
    await visitor.use();
    expect(visitor.problems).toEqual([
      `a page of ${NEW} has a script of ${NEW}, a chunk of ${NEW} and an API of ${OLD}`,
    ]);
    await visitor.leave();
    await close();
  });
});
