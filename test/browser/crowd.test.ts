import type { Browser, Cookie } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { times } from '../deep.ts';
import { browserHere, CHROMIUM, WITHOUT } from './chromium.ts';
import { NEW, OLD, servedShop } from './served.ts';
import { Visitor } from './visitor.ts';

/** A browser profile of its own takes 70 MB and half a second, so that these share a few, and only their cookies are their own. */
const VISITORS = times(16, 200);
const AT_A_TIME = 4;

if (CHROMIUM === undefined) console.warn(WITHOUT);

/** A person who comes back: the cookies, and what pages showed. */
interface Person {
  cookies: Cookie[];
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
    const people = Array.from({ length: VISITORS }, (): Person => ({ cookies: [], releases: [] }));
    const profiles = await Promise.all(Array.from({ length: AT_A_TIME }, () => Visitor.enter(browser, url)));
    const come = async (use: (visitor: Visitor) => Promise<void> = (visitor) => visitor.use()) => {
      const left = people.values();
      const each = async (visitor: Visitor) => {
        for (const person of left) {
          await visitor.context.clearCookies();
          await visitor.context.addCookies(person.cookies);
          await visitor.open('/');
          await use(visitor);
          person.cookies = await visitor.context.cookies();
          person.releases.push(visitor.releases.at(-1) ?? '');
        }
      };
      await Promise.all(profiles.map(each));
    };
    const share = () => people.filter(({ releases }) => releases.at(-1) === NEW).length / VISITORS;

    await come();
    await begin();
    weigh(25);
    await everywhere();
    await come();
    weigh(50);
    await everywhere();
    await come();
    // Five standard errors on either side.
    expect(Math.abs(share() - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / VISITORS));
    revert();
    // A page of the release may meet the API of the old one now, and has its chunks all the same.
    await come((visitor) => visitor.details());
    await everywhere();
    expect(profiles.flatMap(({ problems }) => problems)).toEqual([]);
    for (const { releases } of people) {
      expect(releases[0]).toBe(OLD);
      // Whoever had it at the lower weight has it at the higher one.
      expect([releases[1], releases[2]]).not.toEqual([NEW, OLD]);
    }
    const ids = people.map(({ cookies }) => cookies.find(({ name }) => name === '__Host-spillway')?.value);
    expect(new Set(ids).size).toBe(VISITORS);
    await come();
    expect(share()).toBe(0);
    await close();
  });
});
