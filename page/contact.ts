import { type ComponentChildren, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Live } from './live.ts';
import { clock, Top } from './parts.ts';

/** How fresh it is, by the second; no screen reader is interrupted for it. */
export function Fresh({ readAt, lostSince }: Pick<Live<unknown>, 'readAt' | 'lostSince'>): ComponentChildren {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  if (readAt === undefined || lostSince !== undefined) return null;
  const age = Math.max(0, Math.round((now - readAt) / 1000));
  return h('span', null, h('span', { 'aria-hidden': 'true' }, '● '), `read ${age} s ago`);
}

/** Says since when there is no contact, by the controller's clock as every time here, and if this machine's clock is wrong. */
export function Contact({ lostSince, clockOff, body, now }: Live<unknown>): ComponentChildren {
  const off = clockOff === undefined ? undefined : Math.round(Math.abs(clockOff) / 1000);
  return h(
    'div',
    { role: 'alert' },
    lostSince !== undefined &&
      body !== undefined &&
      h(
        'p',
        { class: 'stale' },
        `⚠ No contact since ${clock(now ?? lostSince, true)} UTC. What you see may be old; a command still acts on what the controller knows.`,
      ),
    off !== undefined &&
      h(
        'p',
        { class: 'stale' },
        `⚠ The clock of this machine is ${off} s off; times here are those of the controller.`,
      ),
  );
}

/** What is shown in place of what cannot be: that it loads, or why not and what to do. */
export function Absent({ refused }: Pick<Live<unknown>, 'refused'>): ComponentChildren {
  const to = encodeURIComponent(location.pathname + location.search);
  if (refused === undefined) return h('p', { class: 'wait', role: 'status' }, 'Loading…');
  const { status, message } = refused;
  return h(
    'main',
    null,
    h(Top, { crumbs: [{ label: 'All rollouts', href: '/' }] }),
    h('h1', null, TITLES[status] ?? 'This cannot be shown'),
    h(
      'div',
      { class: 'empty', role: 'alert' },
      h('p', null, message),
      status === 401
        ? h('p', null, h('a', { href: `/auth/login?to=${to}` }, 'Sign in'))
        : h('p', { class: 'faint' }, status === 0 || status >= 500 ? 'It is tried again by itself.' : HINT),
    ),
  );
}

const TITLES: Record<number, string> = {
  0: 'No contact',
  401: 'Who are you?',
  403: 'Not for you',
  404: 'Nothing here',
};

const HINT = 'Check the address, or look for it from the list of all rollouts.';
