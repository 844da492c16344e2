import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { serve } from '../../../demo/server.ts';
import { deploy, publish } from '../../../demo/shop.ts';
import { SIGNING_SECRET, slackAccess, slackOf } from '../../../demo/slack/workspace.ts';
import { ALIAS, SLACK_TOKEN } from '../../../local/account.ts';
import { scaledClock } from '../../../local/clock.ts';
import { createWorld, type World } from '../../../local/world.ts';
import { FUNCTION, ID, released, SERVICE } from '../../api/stage.ts';
import { EMPTY } from '../../empty.ts';

const STEPS = {
  steps: [
    { weight: 10, bake: '1h' },
    { weight: 50, bake: '1h' },
  ],
};

/** A world with its simulated Slack, served as `npm run dev` serves it, and a person who reads the page. */
async function opened(more: object = {}) {
  const world = createWorld({
    clock: scaledClock(10),
    seed: 7,
    access: slackAccess('arn:aws:iam::111122223333:user/ada'),
    settings: { PUBLIC_URL: 'http://127.0.0.1:1' },
    secrets: { SlackSigningSecret: SIGNING_SECRET, SlackToken: SLACK_TOKEN },
  });
  onTestFinished(() => world.close());
  const here = { url: '', command: 'npm run …' };
  const server = await serve(world, 0, { mount: { '/slack': slackOf(world, here) } });
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  here.url = url;
  await deploy(world, FUNCTION, ALIAS, SERVICE, '7-serving');
  await publish(world, FUNCTION, '8-cheaper-shipping');
  await released(world, 'r1', { ...STEPS, ...more });

  const read = async (person = 'U0ADA') => (await fetch(`${url}/slack/messages?person=${person}`)).text();
  const until = async (text: string | RegExp, person?: string) => {
    for (let tries = 0; tries < 400; tries++) {
      const html = await read(person);
      if (typeof text === 'string' ? html.includes(text) : text.test(html)) return html;
      await sleep(10);
    }
    return expect.fail(`The page never said ${text}: ${await read(person)}`);
  };
  const press = async (action: string, person = 'U0ADA', reason = '', headers: object = {}) => {
    const [, ts = ''] =
      new RegExp(`data-ts="([\\d.]+)" data-action="${action}"`).exec(await read(person)) ?? [];
    const { status } = await fetch(`${url}/slack/press`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ person, ts, action, inputs: { reason } }),
    });
    return status;
  };
  return { world, url, read, until, press };
}

const routing = (world: World) => world.lambda.helpers.routing(FUNCTION, ALIAS);

test('a newcomer reads of a rollout, and aborts it with a reason', async () => {
  const { world, until, press } = await opened();
  const html = await until('data-action="abort"');
  expect(html).toContain('<code>checkout-api</code>');
  expect(html).toContain('name="reason"');
  expect(await press('abort', 'U0ADA', 'coupons fail <!channel>')).toBe(200);
  await until(`Your abort of ${ID} was accepted.`);
  expect(routing(world)).toMatchObject({ primary: '7', weights: EMPTY });
  await until('ada aborted: coupons fail &lt;!channel&gt;');
  // What can be pressed no more is gone.
  await until(/^(?![\s\S]*data-action="abort")/);
  expect(await press('abort')).toBe(404);
});

test('the message changes in place, and what happened is in its thread', async () => {
  const { until, press } = await opened();
  await until('data-action="pause"');
  expect(await press('pause', 'U0BEA', 'lunch')).toBe(200);
  const html = await until('data-action="resume"');
  expect(html).not.toContain('data-action="pause"');
  expect(html.match(/<article class="message">/g)?.length).toBeLessThan(3);
  await until(/<div class="reply">[\s\S]*paused by bea: lunch/);
  expect(await press('resume')).toBe(200);
  await until('data-action="pause"');
});

test.each([
  ['U0CEM', 'cem may not abort rollouts of checkout-api'],
  ['U0DAN', 'The Slack workspace T0OTHER may not give'],
])('%s is refused, and alone sees why', async (person, why) => {
  const { world, read, until, press } = await opened();
  await until('data-action="abort"');
  expect(await press('abort', person)).toBe(200);
  await until(why, person);
  expect(await read('U0ADA')).not.toContain(why);
  expect(routing(world)).toMatchObject({ weights: { 8: 10 } });
});

test('a page of another site presses nothing', async () => {
  const { world, until, press } = await opened();
  await until('data-action="abort"');
  for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
    expect(await press('abort', 'U0ADA', '', headers)).toBe(403);
  expect(routing(world)).toMatchObject({ weights: { 8: 10 } });
});

test('reading presses nothing, and what changes nothing is not sent again', async () => {
  const { world, url, until } = await opened();
  await until('data-action="abort"');
  for (const path of [
    '',
    '/page.css',
    '/page.js',
    '/workspace',
    '/messages?person=U0ADA',
    '/press',
    '/actions',
  ])
    for (const method of ['GET', 'HEAD']) await fetch(`${url}/slack${path}`, { method });
  expect(routing(world)).toMatchObject({ weights: { 8: 10 } });
  // The world runs on, so that something new may be said between two readings.
  await vi.waitFor(async () => {
    const { headers } = await fetch(`${url}/slack/messages?person=U0ADA`);
    const tag = headers.get('etag') ?? '';
    const again = await fetch(`${url}/slack/messages?person=U0ADA`, { headers: { 'if-none-match': tag } });
    expect(again.status).toBe(304);
  }, 20_000);
  expect((await fetch(`${url}/slack/messages?person=U0EVE`)).status).toBe(422);
});

test('the page runs its own script alone', async () => {
  const { url } = await opened();
  const answer = await fetch(`${url}/slack`);
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  const html = await answer.text();
  expect(html).not.toMatch(/<script(?![^>]*src=)|\son\w+=|style=/);
  const types = ['/page.js', '/page.css'].map(async (path) =>
    (await fetch(`${url}/slack${path}`)).headers.get('content-type'),
  );
  expect(await Promise.all(types)).toEqual(['text/javascript; charset=utf-8', 'text/css; charset=utf-8']);
});

test('an abort in Slack does not wait for Slack', async () => {
  const { world, until, press } = await opened();
  await until('data-action="abort"');
  world.slack.trouble = () => 'down';
  world.slack.onAnswer = () => new Promise<Response>(() => {});
  expect(await press('abort')).toBe(200);
  expect((await world.ended(ID)).outcome).toBe('reverted');
  world.slack.trouble = () => undefined;
  await until('reverted');
});
