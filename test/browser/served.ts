import { FIRST_RELEASE, GOOD_RELEASE, openWebShop } from '../../demo/web-shop.ts';
import { createAccount } from '../../local/account.ts';
import { serveCdn } from '../../local/cdn/server.ts';
import { scaledClock } from '../../local/clock.ts';
import { LATENCY_MS } from '../../local/latency.ts';

/** How much faster than real time: an edge location sees a new value within half a second. */
const SCALE = 10;

export const OLD = FIRST_RELEASE;
export const NEW = GOOD_RELEASE;
const SALT = 'web-shop--42--1';

/** The example site at its first release on a CDN of this machine, and what was asked of it. */
export async function servedShop(release = OLD, options: Parameters<typeof openWebShop>[2] = {}) {
  const clock = scaledClock(SCALE);
  const account = createAccount({ clock });
  const shop = await openWebShop(account, release, options);
  const asked: { url: string; headers: Readonly<Record<string, string>>; status: number }[] = [];
  const answer: typeof shop.cdn.answer = async (edge, request) => {
    const said = await shop.cdn.answer(edge, request);
    asked.push({ url: request.url, headers: request.headers, status: said.status });
    return said;
  };
  const { url, close } = await serveCdn({ answer }, { edgeOf: shop.edgeOf });
  const everywhere = () => clock.sleep(LATENCY_MS.kvsPropagation);
  return {
    ...{ shop, url, asked, everywhere },
    /** Opens a rollout: nobody gets the release yet, and every edge location knows of it. */
    async begin(): Promise<void> {
      await shop.upload(NEW);
      await shop.pointApi('candidate', NEW);
      shop.lead({ s: OLD, c: NEW, w: 0, t: SALT });
      await everywhere();
    },
    /** A weight in percent; edge locations see it one after the other. */
    weigh: (percent: number) => shop.lead({ s: OLD, c: NEW, w: percent * 100, t: SALT }),
    /** Ends the rollout, whose release has all visitors. */
    async promote(): Promise<void> {
      await everywhere();
      await shop.pointApi('live', NEW);
      shop.lead({ s: NEW });
    },
    revert: () => shop.lead({ s: OLD }),
    async close(): Promise<void> {
      await close();
      await account.close();
    },
  };
}
