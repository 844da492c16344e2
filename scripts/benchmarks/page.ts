import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { serve } from '../../demo/server.ts';
import { virtualClock } from '../../local/clock.ts';
import { createScenario } from '../../simulation/scenario.ts';
import type { Figures } from './figures.ts';

const MINUTE = 60_000;
/** Where Debian, and others, put Chromium. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** How much time of the world passes in each real moment. */
const [PACE_MS, EACH_MS] = [500, 25];
/** A phone of the middle range on a mobile network. */
const PHONE = { cpu: 4, latencyMs: 150, bytesPerSecond: (1.6 * 1e6) / 8 };
/** Readings of an hour at 2 seconds, and the rollouts that are listed meanwhile. */
const [UPDATES, LISTED] = [1_800, 40];
const MANY = 1_000;
/** How much two figures of memory may differ by chance alone, in bytes. */
const GROWTH_MAX = 1_000_000;

/** What the dashboard costs whoever opens it: bytes, requests, time on a phone, and memory over an hour of updates. */
export async function page(): Promise<Figures> {
  const clock = virtualClock();
  const world = createScenario({ seed: 4, clock, requestsPerSecond: 40, canaries: { 2: { faults: 0.03 } } });
  await clock.advance(20 * MINUTE);
  // Time passes while it is asked: nothing of the world answers without.
  let isOver = false;
  const pass = async (): Promise<void> => {
    await clock.advance(PACE_MS);
    if (!isOver) setTimeout(pass, EACH_MS);
  };
  void pass();
  const id = await world.release({ release: '9-coupons' });
  for (let minutes = 0; minutes < 6; minutes++) await clock.advance(MINUTE);
  const server = await serve(world, 0);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const executablePath = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path)) ?? '';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const list = await firstView(browser, `${url}/`, false);
    const rollout = await firstView(browser, `${url}/view/rollouts/${id}`, false);
    const phone = await firstView(browser, `${url}/view/rollouts/${id}`, true);
    const memory = await hourOf(browser, url);
    const many = await listOf(browser, url);
    return {
      'bytes of the first view, as they travel': list.bytes,
      'requests of the first view': list.requests,
      'of these for data': list.data,
      'bytes of a rollout': rollout.bytes,
      'ms until a rollout is shown on a phone (4x CPU, 1.6 Mbit/s, 150 ms)': phone.ms,
      'bytes of memory before': memory[0] ?? 0,
      [`bytes of memory more after ${UPDATES} readings of ${LISTED} rollouts`]:
        (memory[1] ?? 0) - (memory[0] ?? 0),
      [`ms to draw ${MANY} rollouts, on a phone`]: many.ms,
      [`ms to the end of ${MANY} rollouts by scrolling, on a phone`]: many.scrollMs,
      'goal: the first view is under 35,000 bytes': list.bytes < 35_000,
      'goal: one request for data': list.data === 1 && rollout.data === 1,
      'goal: memory does not grow': (memory[1] ?? 0) - (memory[0] ?? 0) < GROWTH_MAX,
    };
  } finally {
    isOver = true;
    await browser.close();
    server.closeAllConnections();
    server.close();
    await world.close();
  }
}

async function throttled(view: Page): Promise<void> {
  const session = await view.context().newCDPSession(view);
  await session.send('Emulation.setCPUThrottlingRate', { rate: PHONE.cpu });
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: PHONE.latencyMs,
    downloadThroughput: PHONE.bytesPerSecond,
    uploadThroughput: PHONE.bytesPerSecond,
  });
}

/** What comes until the first view is shown. */
async function firstView(browser: Browser, url: string, isPhone: boolean) {
  const context = await browser.newContext({ viewport: { width: isPhone ? 375 : 1280, height: 800 } });
  const view = await context.newPage();
  if (isPhone) await throttled(view);
  const session = await context.newCDPSession(view);
  await session.send('Network.enable');
  let bytes = 0;
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  const asked: string[] = [];
  view.on('request', (request) => asked.push(request.url()));
  const began = performance.now();
  await view.goto(url, { waitUntil: 'commit' });
  await view.locator('main h1').waitFor();
  const ms = Math.round(performance.now() - began);
  await view.waitForTimeout(300);
  const data = asked.filter((each) => each.includes('/overview')).length;
  await context.close();
  return { bytes, ms, data, requests: asked.length };
}

/** Answers lists of rollouts in place of the API, each other than the one before. */
async function listing(view: Page, count: number): Promise<void> {
  let reading = 0;
  await view.route('**/overview*', (route) => {
    reading += 1;
    const running = Array.from({ length: count }, (_, at) => ({
      opening: {
        rolloutId: `service-${at}--r1--1`,
        service: `service-${at}`,
        release: 'r1',
        attempt: 1,
        order: 1,
      },
      ...{
        version: reading,
        openedAt: 0,
        lastEventAt: reading,
        step: 0,
        weights: { api: 10 },
        isPaused: false,
      },
      ...{
        state: `canary ${reading} of ${10 * reading} failed`,
        environment: 'production',
        phase: 'running',
      },
      ...{ weight: (reading + at) % 100, stage: 'step 1 of 4', author: 'ada' },
    }));
    return route.fulfill({
      headers: { etag: `"${reading}"` },
      json: { environment: 'production', who: { name: 'ada' }, running, ended: [] },
    });
  });
}

/** Memory in use before and after as many readings as an hour has, in bytes. */
async function hourOf(browser: Browser, url: string): Promise<number[]> {
  const context = await browser.newContext();
  const view = await context.newPage();
  await listing(view, LISTED);
  await view.goto(url);
  await view.locator('.rows li').first().waitFor();
  const session = await context.newCDPSession(view);
  const read = async (times: number) => {
    for (let at = 0; at < times; at++) {
      const answered = view.waitForResponse('**/overview*');
      await view.evaluate('window.dispatchEvent(new Event("online"))');
      await answered;
    }
  };
  const used = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    return usedSize;
  };
  await read(100);
  const before = await used();
  await read(UPDATES);
  const figures = [before, await used()];
  await context.close();
  return figures;
}

/** How long a long list takes to be drawn and scrolled through. */
async function listOf(browser: Browser, url: string): Promise<{ ms: number; scrollMs: number }> {
  const context = await browser.newContext({ viewport: { width: 375, height: 800 } });
  const view = await context.newPage();
  await listing(view, MANY);
  const session = await context.newCDPSession(view);
  await session.send('Emulation.setCPUThrottlingRate', { rate: PHONE.cpu });
  const began = performance.now();
  await view.goto(url);
  await view.locator('.rows li').first().waitFor();
  const ms = Math.round(performance.now() - began);
  const scrolled = performance.now();
  await view.evaluate(`(async () => {
    for (let at = 0; at < document.body.scrollHeight; at += 2000) {
      window.scrollTo(0, at);
      await new Promise(requestAnimationFrame);
    }
  })()`);
  const scrollMs = Math.round(performance.now() - scrolled);
  await context.close();
  return { ms, scrollMs };
}
