import type { RequestEvent } from './event.ts';
import { isOdd, isOfRelease, type Layout, pageOf } from './path.ts';
import { askWhole, releaseFor } from './release.ts';
import { stored } from './store.ts';
import { triedBy } from './try.ts';

declare const LAYOUT: Layout;

/** The same for SST's StaticSite, whose own code runs after it, and finds the files. Paths are led as the site's store says; what is odd stays to SST. */
export async function handler(event: RequestEvent): Promise<void> {
  const request = event.request;
  try {
    if (isOdd(request.uri)) return;
    const page = pageOf(request.uri, LAYOUT);
    const value = await stored();
    if (value === undefined || !isOfRelease(page, value)) return;
    const release = releaseFor(value, request, event.context.requestId, triedBy);
    if (page.endsWith('.html')) askWhole(value, request, release);
    request.uri = `/_releases/${release}${page}`;
  } catch (error) {
    console.log(`spillway: ${error}`);
  }
}
