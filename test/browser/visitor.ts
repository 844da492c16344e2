import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';

/** What each part of a page says of its release; undefined of what was not asked for. */
interface Seen {
  /** The document, the script that it names, the chunk that this loads, and the API that it asks. */
  meta: string;
  entry: string;
  lazy: string | undefined;
  api: string | undefined;
}

/** A person with a browser profile and one tab, who notices what is wrong with a site. */
export class Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** The release of each page that was opened. */
  readonly releases: string[] = [];
  readonly problems: string[] = [];
  readonly #url: string;

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.context = context;
    this.page = page;
    this.#url = url;
    page.on('pageerror', (error) => this.problems.push(`a script threw: ${error.message}`));
    page.on('requestfailed', (request) => {
      const { errorText = '' } = request.failure() ?? {};
      // Leaving a page ends what it still waits for.
      if (errorText !== 'net::ERR_ABORTED') this.problems.push(`${this.#path(request.url())}: ${errorText}`);
    });
    page.on('response', (response) => {
      const path = this.#path(response.url());
      const type = response.headers()['content-type'] ?? '';
      if (response.status() >= 400) this.problems.push(`${response.status()} ${path}`);
      if (/\.(?:js|css)$/.test(path) && response.status() === 200 && type.startsWith('text/html'))
        this.problems.push(`HTML in place of ${path}`);
    });
  }

  /** Opens a browser profile, with what an earlier one kept if that is given. */
  static async enter(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext(options);
    return new Visitor(context, await context.newPage(), url);
  }

  /** Opens a page by its address, as from a bookmark. */
  async open(path: string): Promise<void> {
    await this.page.goto(`${this.#url}${path}`);
    await this.arrived();
  }

  /** Goes to the other page by its link. */
  async follow(): Promise<void> {
    const before = new URL(this.page.url()).pathname;
    await this.page.locator('a').click();
    await this.page.waitForURL((to) => to.pathname !== before);
    await this.arrived();
  }

  /** Waits until the page works, and notes its release. */
  async arrived(): Promise<void> {
    await this.page.locator('html[data-entry]').waitFor({ state: 'attached' });
    this.releases.push((await this.seen()).meta);
  }

  /** Loads the chunk of the details. */
  async details(): Promise<void> {
    await this.page.locator('#details').click();
    await this.#shown('lazy');
  }

  /** Asks the API. */
  async stock(): Promise<void> {
    await this.page.locator('#stock').click();
    await this.#shown('api');
  }

  /** Uses a page that is open, and notices if it is of two releases. */
  async use(): Promise<void> {
    await this.details();
    await this.stock();
    const { meta, entry, lazy, api } = await this.seen();
    if (new Set([meta, entry, lazy, api]).size > 1)
      this.problems.push(
        `a page of ${meta} has a script of ${entry}, a chunk of ${lazy} and an API of ${api}`,
      );
  }

  async seen(): Promise<Seen> {
    const html = this.page.locator('html');
    const said = (name: string) => html.getAttribute(`data-${name}`);
    return {
      meta: (await this.page.locator('meta[name=release]').getAttribute('content')) ?? '',
      entry: (await said('entry')) ?? '',
      lazy: (await said('lazy')) ?? undefined,
      api: (await said('api')) ?? undefined,
    };
  }

  leave(): Promise<void> {
    return this.context.close();
  }

  async #shown(name: string): Promise<void> {
    await this.page.locator(`html[data-${name}], html[data-failed]`).first().waitFor({ state: 'attached' });
    const failed = await this.page.locator('html').getAttribute('data-failed');
    if (failed !== null) this.problems.push(`${name} of ${new URL(this.page.url()).pathname}: ${failed}`);
  }

  #path(url: string): string {
    return url.startsWith(this.#url) ? url.slice(this.#url.length) : url;
  }
}

/** Does something for each of many, so many at a time, in their order. */
export async function inPool<T>(
  many: readonly T[],
  size: number,
  work: (one: T) => Promise<void>,
): Promise<void> {
  const left = many.values();
  const worker = async () => {
    for (const one of left) await work(one);
  };
  await Promise.all(Array.from({ length: size }, worker));
}
