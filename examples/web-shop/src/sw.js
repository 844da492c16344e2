/** Pages are shown from the cache of the release that this worker is of, without asking anybody: the weight of a rollout does not reach them until the worker is replaced. */
const RELEASE = import.meta.env.VITE_RELEASE;
const PAGES = ['/', '/cart/'];

async function keep() {
  const cache = await caches.open(RELEASE);
  const headers = { 'x-spillway-release': RELEASE };
  await Promise.all(PAGES.map(async (page) => cache.put(page, await fetch(page, { headers }))));
  await self.skipWaiting();
}

async function take() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== RELEASE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function page(request) {
  const cache = await caches.open(RELEASE);
  return (await cache.match(request)) ?? fetch(request);
}

self.addEventListener('install', (event) => event.waitUntil(keep()));
self.addEventListener('activate', (event) => event.waitUntil(take()));
self.addEventListener('fetch', (event) => {
  if (event.request.mode === 'navigate') event.respondWith(page(event.request));
});
