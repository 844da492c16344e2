import { type ComponentChildren, h } from 'preact';
import type { Phase } from '../core/people/standing.ts';

/** What each phase looks like: never a colour alone. */
const LOOKS: Record<Phase, { sign: string; tone: string }> = {
  running: { sign: '◌', tone: 'canary' },
  waiting: { sign: '॥', tone: 'suspect' },
  paused: { sign: '॥', tone: 'suspect' },
  'needs a person': { sign: '⚠', tone: 'fail' },
  reverting: { sign: '✖', tone: 'fail' },
  completed: { sign: '✔', tone: 'pass' },
  reverted: { sign: '✖', tone: 'fail' },
  refused: { sign: '–', tone: 'faint' },
  superseded: { sign: '–', tone: 'faint' },
  halted: { sign: '⚠', tone: 'fail' },
};

/** The look of a phase. */
export const lookOf = (phase: Phase): { sign: string; tone: string } => LOOKS[phase];

/** A phase as a sign and a word. */
export function PhaseWord({ phase }: { phase: Phase }): ComponentChildren {
  const { sign, tone } = lookOf(phase);
  return h('b', { class: `tone-${tone}` }, h('span', { 'aria-hidden': 'true' }, `${sign} `), phase);
}

const two = (part: number): string => String(part).padStart(2, '0');

/** The time of day in UTC. */
export function clock(at: number, hasSeconds = false): string {
  const date = new Date(at);
  const minutes = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  return hasSeconds ? `${minutes}:${two(date.getUTCSeconds())}` : minutes;
}

/** A moment, with its day and the reader's own time beside it. */
export function Moment({ at, hasDay = false }: { at: number; hasDay?: boolean }): ComponentChildren {
  const iso = new Date(at).toISOString();
  return h(
    'time',
    { dateTime: iso, title: new Date(at).toLocaleString() },
    hasDay ? `${iso.slice(0, 10)} ${clock(at)}` : clock(at, true),
  );
}

/** The address of a rollout's page. */
export const rolloutHref = (rolloutId: string): string => `/view/rollouts/${encodeURIComponent(rolloutId)}`;
/** The address of a service's page. */
export const serviceHref = (service: string): string => `/view/services/${encodeURIComponent(service)}`;

/** How much of the traffic the canary has. */
export function Bar({ weight }: { weight: number }): ComponentChildren {
  return h(
    'span',
    { class: 'bar', 'aria-hidden': 'true' },
    h('i', { style: { width: `${Math.min(100, weight)}%` } }),
  );
}

/** A sentence with its full stop; names at its beginning keep their letters. */
export function stopped(text: string): string {
  const said = text.trimEnd();
  return /[.!?…]$/.test(said) ? said : `${said}.`;
}

/** A sentence as it stands on a page: with a capital and a full stop. */
export const sentence = (text: string): string => stopped(`${text.charAt(0).toUpperCase()}${text.slice(1)}`);

/** A paragraph, unless there is nothing to say. */
export function Say({ text, name }: { text: string | undefined; name?: string }): ComponentChildren {
  return text === undefined ? null : h('p', { class: name }, sentence(text));
}

/** What stands above every page. */
export function Top({
  crumbs,
  who,
  children,
}: {
  crumbs: readonly { label: string; href?: string }[];
  who?: string | undefined;
  children?: ComponentChildren;
}): ComponentChildren {
  return h(
    'header',
    { class: 'top' },
    h(
      'nav',
      { 'aria-label': 'Where this is' },
      crumbs.map(({ label, href }, at) => [
        at > 0 && ' / ',
        href === undefined ? label : h('a', { href }, label),
      ]),
    ),
    h('span', { class: 'live' }, children, who !== undefined && ` · ${who}`),
  );
}
