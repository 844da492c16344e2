import { expect, test } from 'vitest';
import { cohortOf } from '../../core/cohort.ts';
import { SERVICE } from '../../simulation/scenario.ts';
import { addSite, SITE, SITE_BUCKET, SITE_RELEASE } from '../../simulation/site.ts';
import { urlEvent } from '../functions/url-event.ts';
import { MINUTE, type Plot, play, type Stage } from './stage.ts';

const KEY = 'a-key-of-the-site';

/** A service with a site, whose pages report a visitor every few seconds; `fails` says which release's pages fail. */
function plot(fails?: (release: string) => boolean): Plot {
  return {
    beside: { web: SITE_RELEASE },
    rollout: { steps: [{ weight: 50, bake: '6m' }], verify: '2m' },
    before(stage) {
      addSite(stage, { seed: 1, release: { kind: 'good' }, requestsPerSecond: 0, stableErrors: 0 });
      const owner = { service: SERVICE, bucket: SITE_BUCKET, url: 'https://web-shop.example', layout: 'dir' };
      stage.kvs.helpers.put(SITE, { 'spillway-site': JSON.stringify({ ...owner, beacon: KEY }) });
      if (fails !== undefined) visit(stage, fails).catch(() => {});
    },
    hours: 0.5,
  };
}

async function visit(stage: Stage, fails: (release: string) => boolean): Promise<void> {
  const end = stage.clock.now() + 40 * MINUTE;
  for (let visitor = 0; stage.clock.now() < end; visitor++) {
    await stage.clock.sleep(2_000);
    const { s, c, w = 0, t = '' } = JSON.parse(stage.kvs.helpers.atEdge(SITE, 'spillway') ?? '{}');
    const id = `visitor-${visitor}`;
    const release = c !== undefined && cohortOf(t, id) < w ? c : s;
    const report = { r: release, n: 1, f: fails(release) ? 1 : 0 };
    const headers = { 'x-spillway-site': SITE, 'x-spillway-key': KEY };
    const cookies = [`__Host-spillway=${id}`];
    await stage.invoke('Beacon', urlEvent('POST', '/', { headers, cookies, body: JSON.stringify(report) }));
  }
}

// What the checkers know of visitors is what the world's own traffic has, so that they are not asked.
test('a site whose pages report failures is reverted for them', async () => {
  const { rollout } = await play(plot((release) => release === '2'));
  expect(rollout).toMatchObject({ outcome: 'reverted', reason: expect.stringContaining('web') });
});

test('a site that nobody reports of, on either side, is blamed for nothing and waits for a person', async () => {
  const { events } = await play(plot());
  const verdicts = events.flatMap((event) => (event.type === 'Measured' ? [event.verdict.status] : []));
  expect(new Set(verdicts)).toEqual(new Set(['inconclusive']));
  expect(events.some(({ type }) => type === 'Paused')).toBe(true);
});
