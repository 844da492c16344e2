import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import built from '../../edge/built.json' with { type: 'json' };

const ORIGIN = 'https://shop.example';

/** A page with the beacon in it, and what it sent. */
function page({ storage = new Map<string, string>(), stores = true, webdriver = false } = {}) {
  const listeners = new Map<string, ((event: object) => void)[]>();
  const timers: { at: number; act: () => void }[] = [];
  const observers = new Map<string, (list: object) => void>();
  const sent: { to: string; report: Record<string, unknown> }[] = [];
  let now = 600_000;
  const document = {
    visibilityState: 'visible',
    currentScript: { dataset: { to: '/_s/0f9c2e4a', release: 'r42' } },
  };
  const window = {
    ...{ document, location: { origin: ORIGIN } },
    navigator: {
      webdriver,
      sendBeacon(to: string, text: string) {
        sent.push({ to, report: JSON.parse(text) });
        return true;
      },
    },
    get sessionStorage() {
      if (!stores) throw new Error('SecurityError');
      return {
        getItem: (key: string) => storage.get(key) ?? null,
        setItem: (key: string, value: string) => storage.set(key, value),
      };
    },
    addEventListener: (type: string, listener: (event: object) => void) =>
      listeners.set(type, [...(listeners.get(type) ?? []), listener]),
    PerformanceObserver: class {
      readonly #take: (list: object) => void;
      constructor(take: (list: object) => void) {
        this.#take = take;
      }
      observe({ type }: { type: string }) {
        if (type === 'event') throw new TypeError('unsupported');
        observers.set(type, this.#take);
      }
    },
  };
  const context = createContext({
    window,
    setTimeout: (act: () => void, ms: number) => timers.push({ at: now + ms, act }),
    Date: { now: () => now },
  });
  runInContext(built.beacon, context);
  const pass = (ms: number) => {
    now += ms;
    for (const timer of timers.splice(0))
      if (timer.at <= now) timer.act();
      else timers.push(timer);
  };
  const happens = (type: string, event: object = {}) => {
    for (const listener of listeners.get(type) ?? []) listener(event);
  };
  return {
    ...{ sent, happens, pass },
    measures: (type: string, ...entries: object[]) => observers.get(type)?.({ getEntries: () => entries }),
    leave() {
      document.visibilityState = 'hidden';
      happens('visibilitychange');
      happens('pagehide');
    },
    open() {
      happens('load');
      pass(5_000);
    },
  };
}

const reports = ({ sent }: ReturnType<typeof page>) => sent.map(({ report }) => report);

describe('the beacon', () => {
  test('is small', () => {
    expect(gzipSync(built.beacon).length).toBeLessThan(1_000);
  });

  test('counts a visitor once in a window, whatever is opened in it', () => {
    const storage = new Map<string, string>();
    const first = page({ storage });
    first.open();
    expect(first.sent).toEqual([{ to: '/_s/0f9c2e4a', report: { r: 'r42', n: 1, f: 0 } }]);
    first.leave();
    const second = page({ storage });
    second.open();
    expect(reports(second)).toEqual([]);
    second.pass(60_000);
    second.leave();
    expect(reports(second)).toEqual([{ r: 'r42', n: 1, f: 0 }]);
  });

  const FAILURES: [what: string, type: string, event: object][] = [
    ['an error of a script', 'error', { error: new Error('x') }],
    ['a script that is missing', 'error', { target: { tagName: 'SCRIPT', src: `${ORIGIN}/a.js` } }],
    [
      'a style sheet that is missing',
      'error',
      { target: { tagName: 'LINK', rel: 'stylesheet', href: `${ORIGIN}/a.css` } },
    ],
    ['a rejection', 'unhandledrejection', {}],
    ['a chunk that Vite misses', 'vite:preloadError', {}],
  ];
  test.each(FAILURES)('reports %s soon, once', (_what, type, event) => {
    const shown = page();
    for (let times = 0; times < 50; times++) shown.happens(type, event);
    shown.pass(1_000);
    expect(reports(shown)).toEqual([{ r: 'r42', n: 1, f: 1 }]);
    shown.happens(type, event);
    shown.pass(1_000);
    shown.leave();
    expect(reports(shown)).toHaveLength(1);
  });

  test.each<[what: string, event: object]>([
    ['a script of somebody else', { target: { tagName: 'SCRIPT', src: 'https://cdn.example/a.js' } }],
    ['an image', { target: { tagName: 'IMG', src: `${ORIGIN}/a.png` } }],
    ['an icon', { target: { tagName: 'LINK', rel: 'icon', href: `${ORIGIN}/a.ico` } }],
    ['an error without a cause', { error: null }],
  ])('takes %s for no failure', (_what, event) => {
    const shown = page();
    shown.happens('error', event);
    shown.open();
    expect(reports(shown)).toEqual([{ r: 'r42', n: 1, f: 0 }]);
  });

  test('sends what it measured when the page is left', () => {
    const shown = page();
    shown.open();
    shown.measures('largest-contentful-paint', { startTime: 800 }, { startTime: 1_234.5 });
    shown.measures('layout-shift', { value: 0.05 }, { value: 0.5, hadRecentInput: true }, { value: 0.07 });
    shown.leave();
    shown.leave();
    expect(reports(shown).slice(1)).toEqual([{ r: 'r42', n: 0, f: 0, l: 1_235, c: 120 }]);
  });

  test('says that a program drives the browser', () => {
    const shown = page({ webdriver: true });
    shown.open();
    expect(reports(shown)).toEqual([{ r: 'r42', n: 1, f: 0, w: 1 }]);
  });

  test('counts a page by itself in a browser that stores nothing', () => {
    const shown = page({ stores: false });
    shown.open();
    shown.leave();
    expect(reports(shown)).toEqual([{ r: 'r42', n: 1, f: 0 }]);
  });
});
