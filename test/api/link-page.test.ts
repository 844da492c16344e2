import { runInNewContext } from 'node:vm';
import type { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import files from '../../api/link/files.json' with { type: 'json' };
import type { World } from '../../local/world.ts';
import { apiOf, ask, deployed, ID, released, WHO } from './stage.ts';

interface Element {
  textContent: string;
  hidden: boolean;
  disabled: boolean;
  value: string;
  children: Element[];
}

/** The page in a browser that has only what its script needs; the requests that it makes reach the app. */
function opened(app: Hono, url: string) {
  const requests: { method: string; path: string; token: string | undefined }[] = [];
  const elements: Record<string, Element & Record<string, unknown>> = {};
  let submit = (_: object) => {};
  const made = (hidden = false) => {
    const element = {
      ...{ textContent: '', hidden, disabled: false, value: '', children: [] as Element[] },
      replaceChildren(...children: Element[]) {
        element.children = children;
      },
      addEventListener: (_: string, listener: (event: object) => void) => {
        submit = listener;
      },
    };
    return element;
  };
  for (const [, id = '', more = ''] of files.html.matchAll(/ id="(\w+)"([^>]*)>/g))
    elements[id] = made(/\bhidden\b/.test(more));
  const { hash, pathname } = new URL(url);
  const address = {
    ...{ hash, pathname },
    replace(to: string) {
      address.pathname = to;
    },
  };
  const timers: (() => void)[] = [];
  runInNewContext(files.js, {
    document: {
      getElementById: (id: string) => elements[id],
      createElement: () => made(),
      title: '',
      hidden: false,
    },
    location: address,
    history: {
      replaceState(_: unknown, __: string, path: string) {
        address.hash = '';
        address.pathname = path;
      },
    },
    ...{ atob, TextDecoder, Uint8Array, Object, JSON, encodeURIComponent },
    setTimeout: (run: () => void) => timers.push(run),
    fetch: (path: string, init: RequestInit & { headers: Record<string, string> }) => {
      const { method = 'GET', headers } = init;
      requests.push({ method, path, token: headers.authorization });
      const { credentials: _, cache: __, ...plain } = init;
      return app.request(`https://api.example${path}`, {
        ...plain,
        headers: { ...headers, [WHO]: 'nobody' },
      });
    },
  });
  const shown = (id: string) => elements[id]?.textContent ?? '';
  return {
    ...{ requests, elements, address, timers, shown },
    facts: () => (elements.facts?.children ?? []).map(({ textContent }) => textContent),
    press: () => submit({ preventDefault() {} }),
  };
}

const settled = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};

async function linkOf(app: Hono, action: string): Promise<string> {
  const { body } = await ask(app, 'POST', `/rollouts/${ID}/links`, { body: { action } });
  return (body as { url: string }).url;
}

async function staged(): Promise<{ world: World; app: Hono }> {
  const world = await deployed();
  await released(world);
  return { world, app: apiOf(world) };
}

describe('the page behind a link', () => {
  test('shows rollout, action and environment, and acts only once its button is pressed', async () => {
    const { world, app } = await staged();
    const page = opened(app, await linkOf(app, 'abort'));
    await settled(() => !page.elements.form?.hidden);
    expect(page.address).toMatchObject({ hash: '', pathname: '/link' });
    expect(page.shown('title')).toBe('Abort this rollout?');
    expect(page.shown('where')).toBe('Environment production');
    expect(page.facts()).toEqual(expect.arrayContaining(['Rollout', ID, 'Service', 'checkout-api']));
    expect(page.facts().join()).toContain('version 8 has 10 % of the traffic, version 7 the rest');
    expect(page.shown('button')).toBe('Abort');
    expect(page.requests.map(({ method }) => method)).toEqual(['GET']);
    expect((await world.journal.read(ID))?.outcome).toBeUndefined();

    if (page.elements.reason !== undefined) page.elements.reason.value = 'odd';
    page.press();
    await settled(() => page.shown('result') !== '');
    expect(page.shown('result')).toMatch(/^It is aborted/);
    expect(page.elements.form?.hidden).toBe(true);
    expect((await world.ended(ID)).outcome).toBe('reverted');
    expect(await world.journal.events(ID)).toContainEqual(
      expect.objectContaining({
        type: 'Aborted',
        reason: 'odd',
        by: expect.objectContaining({ via: 'link' }),
      }),
    );
    while (page.shown('title') !== 'This rollout has ended') {
      page.timers.shift()?.();
      await settled(() => page.timers.length > 0 || page.shown('title') === 'This rollout has ended');
    }
    expect(page.shown('state')).toMatch(/^r1 reverted: link:\S+ aborted: odd/);
    expect(page.facts().join()).not.toContain('of the traffic');
    for (const { path } of page.requests) expect(path).not.toMatch(/[?#]|eyJ/);
  });

  test('says of a link that was used before that it did nothing now', async () => {
    const { app } = await staged();
    const link = await linkOf(app, 'pause');
    const pressed = async () => {
      const page = opened(app, link);
      await settled(() => !page.elements.form?.hidden);
      page.press();
      await settled(() => page.shown('result') !== '');
      return page;
    };
    expect((await pressed()).shown('result')).toBe('It is paused.');
    await ask(app, 'POST', `/rollouts/${ID}/resume`);
    const again = await pressed();
    expect(again.shown('result')).toBe('This link was used before; it has done nothing now.');
    expect(again.elements.form?.hidden).toBe(true);
    expect(again.shown('state')).not.toContain('paused');
  });

  test('of a link that only shows is the dashboard, with the token in the fragment still', async () => {
    const { app } = await staged();
    const url = await linkOf(app, 'view');
    const page = opened(app, url);
    expect(page.address.pathname).toBe(`/view/rollouts/${ID}${new URL(url).hash}`);
    expect(page.requests).toEqual([]);
  });

  test('says what is wrong with a link, and asks nothing with half of one', async () => {
    const { world, app } = await staged();
    for (const hash of ['', '#', '#x', '#a.b.c', '#%00', `#${'a'.repeat(9_000)}`]) {
      const page = opened(app, `https://api.example/link${hash}`);
      expect(page.shown('state')).toMatch(/^This is not a whole link/);
      expect(page.requests).toEqual([]);
    }
    const claims = { rolloutId: ID, action: 'pause' };
    const token = await world.ports.tokens.sign('link', claims, world.clock.now() - 1_000);
    const page = opened(app, `https://api.example/link#${token}`);
    await settled(() => page.shown('state').includes('cannot be read'));
    expect(page.shown('state')).toContain('it has expired');
  });

  test('offers the abort although the rollout cannot be read', async () => {
    const { world } = await staged();
    const down = () => Promise.reject(new Error('down'));
    const reads = { running: down, recent: down, service: down, rollout: down, events: down };
    const app = apiOf(world, { reads, failed() {} });
    const page = opened(app, await linkOf(app, 'abort'));
    await settled(() => !page.elements.form?.hidden);
    expect(page.facts()).toEqual(['Rollout', ID]);
    page.press();
    await settled(() => page.shown('result') !== '');
    expect((await world.ended(ID)).outcome).toBe('reverted');
  });

  test('writes what others wrote as text', () => {
    expect(files.js).not.toMatch(/innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function/);
    expect(files.js).not.toMatch(/localStorage|sessionStorage|document\.cookie/);
  });
});
