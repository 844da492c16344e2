/** What a page has of a browser, as far as the beacon uses it. */
interface Browser {
  document: {
    visibilityState: string;
    currentScript: { dataset: { to?: string; release?: string } } | null;
  };
  location: { origin: string };
  navigator: { webdriver?: boolean; sendBeacon(to: string, text: string): boolean };
  sessionStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void };
  addEventListener(type: string, listener: (event: PageEvent) => void, isCapturing?: boolean): void;
  PerformanceObserver: new (
    listener: (list: { getEntries(): Entry[] }) => void,
  ) => { observe(options: object): void };
}

/** Of an error, and of an element whose file did not load. */
interface PageEvent {
  error?: unknown;
  target?: { tagName?: string; rel?: string; src?: string; href?: string };
}

/** A performance entry of the kinds that are looked at. */
interface Entry {
  startTime: number;
  duration: number;
  value: number;
  hadRecentInput?: boolean;
  interactionId?: number;
}

declare const window: Browser;

/** In which one visitor is counted once, and once more if something failed. */
const WINDOW_MS = 60_000;
/** After which a page that loaded counts, and after which a failure is sent with those that came with it. */
const LOADED_MS = 5_000;
const FAILED_MS = 1_000;

const { document, location, navigator, addEventListener: on } = window;
const { to = '', release = '' } = (document.currentScript || { dataset: {} }).dataset;
const counted: Record<string, string> = {};
const vitals: Record<string, number> = {};
let isFailed = false;

/** 1 once in each window, however many pages a visitor opens. */
function once(what: string): number {
  const now = `${release} ${Math.floor(Date.now() / WINDOW_MS)}`;
  const key = `spillway-${what}`;
  try {
    counted[key] = window.sessionStorage.getItem(key) || '';
    window.sessionStorage.setItem(key, now);
  } catch (_) {
    // A browser that stores nothing counts each page by itself.
  }
  const isNew = counted[key] !== now;
  counted[key] = now;
  return isNew ? 1 : 0;
}

function send(): void {
  const report: Record<string, unknown> = { r: release, n: once('n'), f: isFailed ? once('f') : 0 };
  isFailed = false;
  const isLeft = document.visibilityState === 'hidden';
  for (const name of isLeft ? Object.keys(vitals) : []) {
    report[name] = Math.round(Number(vitals[name]));
    delete vitals[name];
  }
  if (navigator.webdriver) report.w = 1;
  if (report.n || report.f || (isLeft && Object.keys(report).length > 3))
    navigator.sendBeacon(to, JSON.stringify(report));
}

function failed(): void {
  if (!isFailed) setTimeout(send, FAILED_MS);
  isFailed = true;
}

function observe(type: string, take: (entry: Entry) => void): void {
  try {
    new window.PerformanceObserver((list) => list.getEntries().forEach(take)).observe({
      ...{ type, buffered: true, durationThreshold: 40 },
    });
  } catch (_) {
    // This browser does not measure it.
  }
}

on(
  'error',
  ({ error, target = {} }) => {
    const { tagName, rel = '', src, href } = target;
    // A script of somebody else that a blocker holds, or that fails, says nothing of the release.
    const isOwn = String(src || href).startsWith(location.origin);
    if (tagName ? isOwn && (tagName === 'SCRIPT' || /style|preload/.test(rel)) : error) failed();
  },
  true,
);
on('unhandledrejection', failed);
on('vite:preloadError', failed);
on('load', () => setTimeout(send, LOADED_MS));
on('visibilitychange', () => document.visibilityState === 'hidden' && send(), true);
on('pagehide', send);

observe('largest-contentful-paint', ({ startTime }) => {
  vitals.l = startTime;
});
observe('layout-shift', ({ value, hadRecentInput }) => {
  if (!hadRecentInput) vitals.c = (vitals.c || 0) + value * 1_000;
});
observe('event', ({ duration, interactionId }) => {
  if (interactionId) vitals.i = Math.max(vitals.i || 0, duration);
});

export {};
