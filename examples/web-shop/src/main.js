import './style.css';

/** The release of this file, which is that of the page unless something has mixed two. */
const RELEASE = import.meta.env.VITE_RELEASE;

const said = document.querySelector('#said');
/** What was shown of each part, for people and tests: `data-entry`, `data-lazy`, `data-api`. */
const { dataset } = document.documentElement;
dataset.entry = RELEASE;

const show = (work) => () =>
  work().catch((error) => {
    dataset.failed = String(error);
    said.textContent = 'This did not work.';
  });

document.querySelector('#details').addEventListener(
  'click',
  show(async () => {
    const { details, release } = await import('@release/details.mjs');
    said.textContent = details();
    dataset.lazy = release;
  }),
);

document.querySelector('#stock').addEventListener(
  'click',
  show(async () => {
    // The API of the same release answers, for as long as it is one of the two that serve.
    const answer = await fetch('/api/stock', { headers: { 'x-spillway-release': RELEASE } });
    if (!answer.ok) throw new Error(`The API answers ${answer.status}.`);
    const { stock } = await answer.json();
    said.textContent = `${stock} in stock`;
    dataset.api = answer.headers.get('x-release');
  }),
);

if (import.meta.env.VITE_OFFLINE) navigator.serviceWorker.register('/sw.js');
