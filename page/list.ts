import { type ComponentChildren, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Out } from '../api/answer-shapes.ts';
import { nextText } from '../core/people/ahead.ts';
import { Absent, Contact, Fresh } from './contact.ts';
import { useLive } from './live.ts';
import { Bar, Moment, PhaseWord, rolloutHref, serviceHref, stopped, Top } from './parts.ts';

type Body = Out<'overview'>;
type Row = Body['running'][number];

/** Services that somebody has looked at here, the newest first, so that what ended of them is shown too. */
const SEEN = 'spillway-services';
const SEEN_MAX = 10;

/** Remembers that a service was looked at. */
export function remember(...services: readonly string[]): void {
  const before = remembered();
  const seen = [...new Set([...services.slice(0, SEEN_MAX), ...before])].slice(0, SEEN_MAX);
  if (seen.join() !== before.join()) localStorage.setItem(SEEN, seen.join(','));
}

const remembered = (): string[] =>
  (localStorage.getItem(SEEN) ?? '').split(',').filter((each) => each !== '');

/** What is rolling out now: what needs a person first. */
export function LiveList(): ComponentChildren {
  const [services] = useState(remembered);
  const query = services.length === 0 ? '' : `?services=${encodeURIComponent(services.join(','))}`;
  const live = useLive<Body>(`/overview${query}`, ({ running }) => running.length > 0);
  const [filter, setFilter] = useState(filterIn(location.search));
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      search.current?.focus();
    };
    document.addEventListener('keydown', focus);
    return () => document.removeEventListener('keydown', focus);
  }, []);
  if (live.body === undefined) return h(Absent, live);
  const { environment, who, running, ended } = live.body;
  document.title = `${running.length} rolling out: Spillway ${environment}`;
  remember(...new Set(running.slice(0, SEEN_MAX).map(({ opening }) => opening.service)));
  const change = (change: Partial<Filter>) => {
    const next = { ...filter, ...change };
    setFilter(next);
    const said = new URLSearchParams(Object.entries(next).filter(([, value]) => value !== ''));
    history.replaceState(null, '', said.size === 0 ? location.pathname : `?${said}`);
  };
  const shown = running.filter((row) => isMeant(row, filter));
  const needy = shown.filter(({ phase }) => phase === 'needs a person' || phase === 'waiting');
  const others = shown.filter((row) => !needy.includes(row));
  const past = ended.filter((row) => isMeant(row, filter));
  const isStale = live.lostSince !== undefined;
  return h(
    'main',
    null,
    h(Top, { crumbs: [{ label: `Spillway ${environment}` }], who: who.name }, h(Fresh, live)),
    h('h1', null, 'Rollouts'),
    h(Contact, live),
    h(
      'p',
      { role: 'status' },
      running.length === 0
        ? 'Nothing is rolling out now.'
        : `${running.length} rolling out now${needy.length > 0 ? `, ${needy.length} of them ${needy.length === 1 ? 'waits' : 'wait'} for a person` : ''}.`,
    ),
    h(
      'form',
      { class: 'filters', role: 'search', onSubmit: (event: Event) => event.preventDefault() },
      h(
        'label',
        null,
        'Service, release or author ( / )',
        h('input', {
          ...{ ref: search, type: 'search', value: filter.q },
          onInput: (event: Event) => change({ q: (event.target as HTMLInputElement).value }),
        }),
      ),
      h(
        'label',
        null,
        'State',
        h(
          'select',
          {
            value: filter.phase,
            onChange: (event: Event) => change({ phase: (event.target as HTMLSelectElement).value }),
          },
          h('option', { value: '' }, 'any'),
          [...new Set([...running, ...ended].map(({ phase }) => phase).concat(filter.phase as never))]
            .filter((phase) => phase.length > 0)
            .map((phase) => h('option', { key: phase, value: phase }, phase)),
        ),
      ),
    ),
    needy.length > 0 && [h('h2', null, 'Needs a person'), h(Rows, { rows: needy, isStale, now: live.now })],
    others.length > 0 && [h('h2', null, 'Rolling out'), h(Rows, { rows: others, isStale, now: live.now })],
    running.length > 0 &&
      shown.length === 0 &&
      h('p', { class: 'empty' }, 'None of them is what you look for. Clear the search, or choose any state.'),
    running.length === 0 && h(Start, null),
    past.length > 0 && [h('h2', null, 'Ended lately'), h(Rows, { rows: past, isStale, now: live.now })],
    h(OpenService, null),
  );
}

interface Filter {
  q: string;
  phase: string;
}

const filterIn = (search: string): Filter => {
  const said = new URLSearchParams(search);
  return { q: said.get('q') ?? '', phase: said.get('phase') ?? '' };
};

function isMeant({ opening, author = '', phase }: Row, { q, phase: wanted }: Filter): boolean {
  const text = `${opening.service} ${opening.release} ${author}`.toLowerCase();
  return (wanted === '' || phase === wanted) && text.includes(q.trim().toLowerCase());
}

/** Rollouts, one below the other. */
export function Rows({
  rows,
  isStale,
  now,
}: {
  rows: readonly Row[];
  isStale: boolean;
  now?: number | undefined;
}): ComponentChildren {
  return h(
    'ul',
    { class: 'rows' },
    rows.map(({ opening, phase, weight, inside, stage, ahead, author, state, outcome, lastEventAt }) =>
      h(
        'li',
        { key: opening.rolloutId },
        h('span', null, h(PhaseWord, { phase: phase as never }), outcome === undefined && h(Bar, { weight })),
        h(
          'span',
          null,
          h('a', { class: 'name', href: rolloutHref(opening.rolloutId) }, opening.release),
          h('br', null),
          h('a', { href: serviceHref(opening.service) }, opening.service),
          h('span', { class: 'faint small' }, author === undefined ? '' : ` by ${author}`),
        ),
        outcome === undefined
          ? h(
              'span',
              { class: 'small' },
              `${inside ?? `${weight} %`}, ${stage}`,
              ahead !== undefined && !isStale && `; ${nextText(ahead, now)}`,
              '.',
              h('br', null),
              h('span', { class: 'faint' }, stopped(short(state))),
            )
          : h(
              'span',
              { class: 'small' },
              h(Moment, { at: lastEventAt, hasDay: true }),
              ' UTC ',
              h('span', { class: 'faint' }, stopped(short(state))),
            ),
      ),
    ),
  );
}

/** Longest text about a rollout in a list. */
const SHORT = 220;

const short = (text: string): string => (text.length <= SHORT ? text : `${text.slice(0, SHORT).trimEnd()}…`);

function Start(): ComponentChildren {
  return h(
    'div',
    { class: 'empty' },
    h('p', null, 'A rollout begins when a release is uploaded, from a pipeline or by hand:'),
    h(
      'pre',
      null,
      h('code', null, 'spillway release rollout.yaml --version api=8 --release my-release --wait'),
    ),
    h('p', { class: 'faint small' }, 'It is listed here a second later.'),
  );
}

function OpenService(): ComponentChildren {
  const name = useRef<HTMLInputElement>(null);
  const services = remembered();
  return h(
    'section',
    null,
    h('h2', null, 'Services'),
    services.length > 0 &&
      h(
        'p',
        null,
        services.map((each, at) => [at > 0 && ' · ', h('a', { href: serviceHref(each), key: each }, each)]),
      ),
    h(
      'form',
      {
        class: 'filters',
        onSubmit: (event: Event) => {
          event.preventDefault();
          const value = name.current?.value.trim() ?? '';
          if (value !== '') location.assign(serviceHref(value));
        },
      },
      h(
        'label',
        null,
        'History of another service',
        h('input', { ref: name, autoComplete: 'off', placeholder: 'checkout-api' }),
      ),
      h('button', { type: 'submit' }, 'Open'),
    ),
  );
}
