import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { serve } from '../../demo/server.ts';
import { ALIAS } from '../../local/account.ts';
import { type VirtualClock, virtualClock } from '../../local/clock.ts';
import { createScenario, type ScenarioOptions } from '../../simulation/scenario.ts';
import { FREE } from '../api/stage.ts';

export const MINUTE = 60_000;

/** How much time of the world passes in each real moment. */
const [PACE_MS, EACH_MS] = [1_500, 25];

/** A service in the embedded world and its dashboard on this machine. Time passes fast while it is not held. */
export async function dashboard(options: Partial<ScenarioOptions> = {}, changes: object = {}) {
  const clock: VirtualClock = virtualClock();
  const world = createScenario({
    seed: 4,
    requestsPerSecond: 40,
    stable: { errors: 0, faults: 0.0012 },
    canaries: { 2: { errors: 0, faults: 0.031 } },
    others: { errors: 0, faults: 0.0012 },
    ...options,
    clock,
    rollout: {
      steps: [
        { weight: 1, bake: '5m' },
        { weight: 10, bake: '10m' },
        { weight: 50, bake: '5m' },
      ],
      ...options.rollout,
    },
  });
  let isHeld = false;
  let isOver = false;
  const pass = async (): Promise<void> => {
    if (!isHeld) await clock.advance(PACE_MS);
    if (!isOver) setTimeout(pass, EACH_MS);
  };
  await clock.advance(20 * MINUTE);
  const start = async (port = 0) => serve(world, port, { limits: FREE, ...changes });
  let server = await start();
  const { port } = server.address() as AddressInfo;
  void pass();
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    ...{ world, clock, stop, url: `http://127.0.0.1:${port}` },
    async start() {
      server = await start(port);
    },
    hold(is = true) {
      isHeld = is;
    },
    /** Lets time pass at once. */
    advance: (ms: number) => clock.advance(ms),
    /** Deploys further services, and uploads a release of each: their rollouts run at once. */
    async crowd(count: number) {
      const { helpers } = world.lambda;
      for (let at = 1; at <= count; at++) {
        const [service, name] = [`service-${at}`, `fn-${at}`];
        helpers.createFunction({ name, tags: { 'spillway:service': service } });
        helpers.createAlias(name, ALIAS, helpers.publishCounted(name));
        world.addTraffic({
          functionName: name,
          requestsPerSecond: 10,
          errorRate: () => 0.001,
          faultRate: () => 0.001,
        });
        const version = helpers.publishCounted(name);
        await world.upload(`releases/${service}/r1/manifest.json`, {
          ...{ schema: 1, service, environment: world.environment, release: 'r1', order: 1 },
          targets: { api: { version } },
          rollout: {
            service,
            targets: { api: { lambda: name, alias: ALIAS } },
            steps: [{ weight: 10, bake: '1h' }],
          },
        });
      }
    },
    async close() {
      isOver = true;
      await stop();
      await world.close();
    },
  };
}

/** A page of a browser that reports what goes wrong in it. */
export async function opened(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
    ...options,
  });
  const page: Page = await context.newPage();
  const problems: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, context, problems, requests };
}
