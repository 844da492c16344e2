import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { page as reportPage } from '../../cli/commands/report.ts';
import { iamPrincipal } from '../../core/people/access.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import { viewOf } from '../../core/rollout/view.ts';
import { browserHere } from './chromium.ts';
import { dashboard, MINUTE, opened } from './dashboard.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
beforeAll(async () => {
  browser = await browserHere();
});
afterAll(() => browser.close());

async function staged(...given: Parameters<typeof dashboard>) {
  const stage = await dashboard(...given);
  onTestFinished(() => stage.close());
  return stage;
}

async function looking(...given: Parameters<typeof opened> extends [unknown, ...infer More] ? More : never) {
  const view = await opened(browser, ...given);
  onTestFinished(() => view.context.close());
  return view;
}

const banner = (page: Page) => page.locator('.banner');
const shows = (page: Page, text: string | RegExp) => banner(page).filter({ hasText: text }).waitFor();

/** What axe finds wrong with what is shown. */
async function barriers(page: Page): Promise<string[]> {
  await page.addScriptTag({ content: AXE });
  const { violations } = (await page.evaluate(
    'axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })',
  )) as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

const GOOD = { canaries: {} };

describe('a rollout', () => {
  test('is watched to its completion, without a page being loaded again', async () => {
    const stage = await staged({ ...GOOD, rollout: { steps: [{ weight: 10, bake: '3m' }], verify: '3m' } });
    const id = await stage.world.release({ release: '8-cheaper-shipping' });
    const { page, problems, requests } = await looking(`${stage.url}/view/rollouts/${id}`);
    await shows(page, /running: 8-cheaper-shipping has \d+ % of the traffic/);
    await shows(page, /8-cheaper-shipping completed at .* has all traffic/);
    expect(await page.locator('ol.steps').innerText()).toMatch(/10 % for 3 min\s+passed/);
    expect(requests.filter((url) => /\/view\/|\/assets\/app/.test(url))).toHaveLength(2);
    expect(problems).toEqual([]);
  });

  test('is aborted by a button that says what it will do, with a reason', async () => {
    const stage = await staged(GOOD);
    const id = await stage.world.release({ release: 'r1' });
    const { page, problems } = await looking(`${stage.url}/view/rollouts/${id}`);
    await shows(page, /1 % of the traffic/);
    await page.getByRole('button', { name: 'Abort…' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.innerText()).toContain('Traffic goes back to version 1 at once.');
    await dialog.getByLabel('Reason').fill('orders <b>are</b> missing');
    await dialog.getByRole('button', { name: 'Abort' }).click();
    await shows(page, /r1 reverted at .* all traffic is on version 1/);
    // What somebody wrote is text.
    await page.getByText('orders <b>are</b> missing').first().waitFor();
    expect(stage.world.alias()).toEqual({ primary: '1', weights: {} });
    expect(problems).toEqual([]);
  });

  test('waits at a gate, which two people approve', async () => {
    let who = 'ada';
    const access = { groups: {}, people: {}, believedSessions: [], notify: {} };
    const stage = await staged(
      {
        ...GOOD,
        rollout: {
          steps: [{ weight: 10, bake: '2m' }],
          gates: [{ before: 100, approvers: 2, timeout: '6h', onTimeout: 'revert' }],
        },
      },
      { principal: async () => iamPrincipal(`arn:aws:iam::111122223333:user/${who}`, access) },
    );
    const id = await stage.world.release({ release: 'r1' });
    const approve = async (name: string) => {
      who = name;
      const { page, context } = await opened(browser, `${stage.url}/view/rollouts/${id}`);
      await page.getByRole('button', { name: 'Approve…' }).click({ timeout: 60_000 });
      await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
      await page.getByText('Approve: accepted.').waitFor();
      await context.close();
    };
    await approve('ada');
    await approve('bea');
    const { page } = await looking(`${stage.url}/view/rollouts/${id}`);
    await shows(page, /r1 completed/);
    const story = await page.locator('ol.story').innerText();
    expect(story).toContain('ada approved the gate before 100 %; 1 more approval is needed');
    expect(story).toContain('bea approved the gate before 100 %');
  });

  test('shows nobody what they may not order', async () => {
    const access = {
      groups: {},
      people: {},
      believedSessions: [],
      notify: {},
      roles: { '*': { viewer: ['cem'] } },
    };
    const people = { cem: ['arn:aws:iam::111122223333:user/cem'] };
    const stage = await staged(
      { ...GOOD, access: { ...access, people } },
      { principal: async () => iamPrincipal('arn:aws:iam::111122223333:user/cem', { ...access, people }) },
    );
    const id = await stage.world.release({ release: 'r1' });
    const { page } = await looking(`${stage.url}/view/rollouts/${id}`);
    await shows(page, /1 % of the traffic/);
    expect(await page.getByRole('button').count()).toBe(0);
    await page.getByText('Abort, Pause, Promote: for people with the role operator.').waitFor();
  });
});

test('what is not known is said, and so is who must sign in', async () => {
  let isKnown = true;
  const access = { groups: {}, people: {}, believedSessions: [], notify: {} };
  const who = iamPrincipal('arn:aws:iam::111122223333:user/ada', access);
  const stage = await staged(GOOD, { principal: async () => (isKnown ? who : undefined) });
  const { page } = await looking(`${stage.url}/view/rollouts/checkout-api--nothing--1`);
  await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
  isKnown = false;
  await page.goto(`${stage.url}/view/services/checkout-api`);
  const link = page.getByRole('link', { name: 'Sign in' });
  expect(await link.getAttribute('href')).toBe('/auth/login?to=%2Fview%2Fservices%2Fcheckout-api');
});

test('a link that has expired is refused', async () => {
  const stage = await staged(GOOD);
  const id = await stage.world.release({ release: 'r1' });
  await stage.advance(MINUTE);
  const made = await fetch(`${stage.url}/rollouts/${id}/links`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'abort', seconds: 60 }),
  });
  const { url } = (await made.json()) as { url: string };
  await stage.advance(2 * MINUTE);
  const { page } = await looking(url);
  await page.getByText('The rollout cannot be read').waitFor();
  await page.getByRole('button', { name: 'Abort' }).click();
  await page.getByText(/This failed: .*expired/).waitFor();
  expect((await stage.world.journal.read(id))?.outcome).toBeUndefined();
});

test('a link that shows a rollout shows all of it to whoever cannot sign in, and nothing else', async () => {
  const access = { groups: {}, people: {}, believedSessions: [], notify: {} };
  const ada = iamPrincipal('arn:aws:iam::111122223333:user/ada', access);
  let isSignedIn = true;
  const stage = await staged(GOOD, { principal: async () => (isSignedIn ? ada : undefined) });
  const id = await stage.world.release({ release: 'r1' });
  await stage.advance(MINUTE);
  const made = await fetch(`${stage.url}/rollouts/${id}/links`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'view' }),
  });
  const { url } = (await made.json()) as { url: string };
  isSignedIn = false;
  const { page, problems } = await looking(url);
  await shows(page, /1 % of the traffic/);
  expect(page.url()).toBe(`${stage.url}/view/rollouts/${id}`);
  expect(await page.getByRole('button').count()).toBe(0);
  expect(await page.getByRole('link').count()).toBe(0);
  expect(problems).toEqual([]);
});

test('a rollout that was saved is shown by its file alone', async () => {
  const stage = await staged();
  stage.hold();
  const id = await stage.world.release({ release: '9-coupons' });
  for (let minutes = 0; minutes < 30; minutes++) await stage.advance(MINUTE);
  const rollout = (await stage.world.journal.read(id)) as Rollout;
  const path = join(mkdtempSync(join(tmpdir(), 'spillway-report-')), 'report.html');
  writeFileSync(path, reportPage(viewOf(rollout), await stage.world.journal.events(id)));
  const { page, problems, requests } = await looking(pathToFileURL(path).href);
  await shows(page, /9-coupons reverted at .* all traffic is on version 1/);
  expect(await page.locator('figure').count()).toBe(4);
  expect(await page.getByRole('button').count()).toBe(0);
  expect({ problems, requests: requests.length }).toEqual({ problems: [], requests: 1 });
});

test('a restart of the server is survived, and until then nothing old is shown as live', async () => {
  const stage = await staged(GOOD);
  const id = await stage.world.release({ release: 'r1' });
  const { page } = await looking(`${stage.url}/view/rollouts/${id}`);
  await page.getByText('If nobody does anything').waitFor();
  await stage.stop();
  await page.getByText(/No contact since \d\d:\d\d:\d\d UTC/).waitFor();
  expect(await page.getByText('If nobody does anything').count()).toBe(0);
  expect(await page.getByText(/read \d+ s ago/).count()).toBe(0);
  await stage.start();
  await page.getByText('No contact since').waitFor({ state: 'detached' });
  await page.getByText(/read \d+ s ago/).waitFor();
});

test('of 40 rollouts at once each has its line, and the search and its address find one', async () => {
  const stage = await staged(GOOD);
  await stage.crowd(40);
  const { page, problems } = await looking(stage.url);
  await page.getByText('40 rolling out now').waitFor();
  expect(await page.locator('.rows li').count()).toBe(40);
  await page.keyboard.press('/');
  await page.keyboard.type('service-17');
  await expect.poll(() => page.locator('.rows li').count()).toBe(1);
  await page.reload();
  await page.getByText('40 rolling out now').waitFor();
  await expect.poll(() => page.locator('.rows li').count()).toBe(1);
  expect(problems).toEqual([]);
});

describe('whoever looks', () => {
  const SCHEMES = ['light', 'dark'] as const;

  test('meets no barrier on any view, light or dark, and no page is wider than a phone', async () => {
    const stage = await staged({ rollout: { steps: [{ weight: 20, bake: '5m' }] } });
    const id = await stage.world.release({ release: '9-coupons' });
    await stage.advance(3 * MINUTE);
    stage.hold();
    const paths = ['/', `/view/rollouts/${id}`, '/view/services/checkout-api', '/view/rollouts/no--such--1'];
    const look = async (at: readonly string[]) => {
      for (const colorScheme of SCHEMES)
        for (const path of at) {
          const { page, context } = await opened(browser, stage.url + path, {
            ...{ colorScheme, bypassCSP: true, viewport: { width: 375, height: 800 } },
          });
          await page.locator('main').waitFor();
          for (const summary of await page.locator('summary').all()) await summary.click();
          expect([path, colorScheme, await barriers(page)]).toEqual([path, colorScheme, []]);
          const width = await page.evaluate('document.documentElement.scrollWidth');
          expect([path, width]).toEqual([path, 375]);
          await context.close();
        }
    };
    await look(paths);
    for (let minutes = 0; minutes < 20; minutes++) await stage.advance(MINUTE);
    expect((await stage.world.journal.read(id))?.outcome).toBe('reverted');
    await look(paths.slice(0, 3));
  });

  test('can do everything by keyboard', async () => {
    const stage = await staged(GOOD);
    const id = await stage.world.release({ release: 'r1' });
    const { page } = await looking(`${stage.url}/view/rollouts/${id}`);
    await shows(page, /1 % of the traffic/);
    const focused = () => page.evaluate('document.activeElement.textContent');
    for (let tabs = 0; tabs < 20 && (await focused()) !== 'Pause…'; tabs++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused()).toBe('Pause…');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type('lunch');
    await page.keyboard.press('Enter');
    await shows(page, /paused/);
  });
});
