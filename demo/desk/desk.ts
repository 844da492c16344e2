import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { OWN_FILES } from '../../api/secure.ts';
import type { Intercept } from '../../local/sdk.ts';
import type { World } from '../../local/world.ts';
import { EXAMPLE, publishFrom } from '../shop.ts';

/** Where it is mounted. */
export const DESK = '/desk';

/** How long CloudWatch is away, in milliseconds of the world. */
const BLIND_MS = 5 * 60_000;

/** What a button releases: its name, and the folder whose code it has. */
const RELEASES: Record<string, { name: string; folder: string }> = {
  good: { name: 'good', folder: `${EXAMPLE}/releases/8-cheaper-shipping` },
  flaky: { name: 'fails-5-percent', folder: `${EXAMPLE}/more/flaky` },
  slow: { name: 'slow', folder: `${EXAMPLE}/more/slow` },
};

/** CloudWatch of a world, which can be broken for a while. */
export function breakable(now: () => number): { intercept: Intercept; breakIt(): void } {
  let until = 0;
  return {
    intercept: async (command, _, call) => {
      if (now() < until && /^(GetMetricData|DescribeAlarms)/.test(command))
        throw Object.assign(new Error('Service is unavailable'), {
          name: 'ServiceUnavailable',
          $fault: 'server',
          $metadata: { httpStatusCode: 503 },
        });
      return call();
    },
    breakIt() {
      until = now() + BLIND_MS;
    },
  };
}

/** What the desk stands on. */
interface Stage {
  world: World;
  lambda: string;
  service: string;
  /** The rollout file, as it stands in a manifest. */
  rollout: object;
  /** The name of the target. */
  target: string;
  breakIt(): void;
  /** Where the web shop answers. */
  shopUrl(): string;
}

const FILES = { 'desk.css': 'text/css', 'desk.js': 'text/javascript' } as const;

/** The page with buttons that release and break. */
export function deskOf({ world, lambda, service, rollout, target, breakIt, shopUrl }: Stage): Hono {
  let count = 0;
  const file = (name: string, type: string) => () =>
    new Response(readFileSync(new URL(name, import.meta.url)), {
      headers: { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': OWN_FILES },
    });
  const app = new Hono().get('/', file('desk.html', 'text/html'));
  for (const [name, type] of Object.entries(FILES)) app.get(`/${name}`, file(name, type));
  app.get('/shop', ({ json }) => json({ url: shopUrl() }));
  app.post('/blind', ({ json }) => {
    breakIt();
    return json({ says: 'CloudWatch answers nothing for 5 minutes of this world.' });
  });
  for (const [act, { name, folder }] of Object.entries(RELEASES))
    app.post(`/${act}`, async ({ json }) => {
      count += 1;
      const version = await publishFrom(world, lambda, folder);
      const order = 1000 + count;
      const release = `${name}-${count}`;
      await world.upload(`releases/${service}/${release}/manifest.json`, {
        ...{ schema: 1, service, environment: world.environment, release, order, author: 'you' },
        targets: { [target]: { version } },
        rollout,
      });
      return json({ rolloutId: `${service}--${release}--1` });
    });
  return app;
}
