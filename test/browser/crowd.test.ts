import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { times } from '../deep.ts';
import { browserHere, CHROMIUM, WITHOUT } from './chromium.ts';
import { NEW, OLD, servedShop } from './served.ts';
import { inPool, Visitor } from './visitor.ts';

/** A browser profile of its own takes 70 MB, so that most visitors are only kept as what their profile had. */
const VISITORS = times(16, 200);
const AT_A_TIME = 4;

if (CHROMIUM === undefined) console.warn(WITHOUT);

/** A person who comes back: what the profile has kept, and what pages showed. */
interface Person {
  state: BrowserContextOptions['storageState'];
  releases: string[];
}

describe.runIf(CHROMIUM !== undefined)('many visitors who come back', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await browserHere();
  });
  afterAll(() => browser?.close());

  test('are led as the weight says, each always the same way, until the revert', {
    timeout: 900_000,
  }, async () => {
    const { url, begin, weigh, revert, everywhere, close } = await servedShop();
    const people = Array.from({ length: VISITORS }, (): Person => ({ state: undefined, releases: [] }));
    const problems: string[] = [];
    const come = (use: (visitor: Visitor) => Promise<void> = (visitor) => visitor.use()) =>
      inPool(people, AT_A_TIME, async (person) => {
        const { state } = person;
        const visitor = await Visitor.enter(browser, url, state === undefined ? {} : { storageState: state });
        await visitor.open('/');
        await use(visitor);
        person.state = await visitor.context.storageState();
        person.releases.push(...visitor.releases);
        problems.push(...visitor.problems);
        await visitor.leave();
      });
    const share = () => people.filter(({ releases }) => releases.at(-1) === NEW).length / VISITORS;

    await come();
    await begin();
    weigh(50);
    await everywhere();
    await come();
    // Five standard errors on either side.
    expect(Math.abs(share() - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / VISITORS));
    revert();
    // A page of the release may meet the API of the old one now, and has its chunks all the same.
    await come((visitor) => visitor.details());
    await everywhere();
    expect(problems).toEqual([]);
    for (const { releases } of people) expect(releases[0]).toBe(OLD);
    const ids = people.map(
      ({ state }) => JSON.stringify(state).match(/"__Host-spillway","value":"([^"]+)/)?.[1],
    );
    expect(new Set(ids).size).toBe(VISITORS);
    await come();
    expect(share()).toBe(0);
    await close();
  });
});
