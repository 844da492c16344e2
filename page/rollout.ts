import { type ComponentChildren, h } from 'preact';
import type { Out } from '../api/answer-shapes.ts';
import { unattendedText } from '../core/people/ahead.ts';
import type { Point, StepShown } from '../core/people/overview.ts';
import { authorOf } from '../core/rollout/actor.ts';
import { number, percent } from '../core/words.ts';
import { Acts } from './act.ts';
import { Chart, type Line } from './chart.ts';
import { Absent, Contact, Fresh } from './contact.ts';
import { remember } from './list.ts';
import { useLive } from './live.ts';
import { clock, lookOf, Moment, rolloutHref, Say, sentence, serviceHref, stopped, Top } from './parts.ts';
import { joined, linear, logarithmic, roundUp } from './scale.ts';

/** What the API says of one rollout. */
export type Shown = Out<'rolloutOverview'>;

/** The page about one rollout, as long as it is looked at. */
export function LiveRollout({ rolloutId }: { rolloutId: string }): ComponentChildren {
  const live = useLive<Shown>(
    `${rolloutHref(rolloutId).replace('/view', '')}/overview`,
    ({ view }) => view.outcome === undefined,
  );
  if (live.body === undefined) return h(Absent, live);
  const { body, lostSince } = live;
  // Whoever comes by a link finds what ended of this service in the list afterwards.
  if (body.link === undefined) remember(body.view.opening.service);
  const isStale = lostSince !== undefined;
  return h(Rollout, {
    ...{ shown: body, isStale, now: live.now },
    fresh: h(Fresh, live),
    contact: h(Contact, live),
    acts: h(Acts, {
      ...{ rolloutId, isStale, choices: body.choices as never, done: live.again },
      may: ({ command, needs }) =>
        body.link === undefined ? body.who.roles?.includes(needs) === true : body.link === command,
    }),
  });
}

/** One rollout, as it is now or as it was saved. */
export function Rollout({
  shown,
  isStale = false,
  now,
  fresh,
  contact,
  acts,
}: {
  shown: Shown;
  isStale?: boolean;
  now?: number | undefined;
  fresh?: ComponentChildren;
  contact?: ComponentChildren;
  acts?: ComponentChildren;
}): ComponentChildren {
  const { view, phase, headline, states, met, share, ahead, call } = shown;
  const { opening, targets, outcome } = view;
  const { sign, tone } = lookOf(phase);
  const isSaved = acts === undefined;
  // Whoever has nothing but a link may see no other page.
  const isAlone = isSaved || shown.link !== undefined;
  document.title = `${phase}: ${opening.service} ${opening.release}`;
  return h(
    'main',
    null,
    h(
      Top,
      {
        crumbs: [
          { label: `Spillway ${opening.environment}`, ...(isAlone ? {} : { href: '/' }) },
          { label: opening.service, ...(isAlone ? {} : { href: serviceHref(opening.service) }) },
        ],
        who: isSaved ? undefined : shown.who.name,
      },
      fresh,
    ),
    h('h1', null, opening.release),
    contact,
    h(
      'div',
      { class: `banner tone-${tone}`, role: 'status' },
      h('span', { 'aria-hidden': 'true' }, `${sign} `),
      outcome === undefined && [h('b', null, phase), ': '],
      stopped(headline),
    ),
    h(
      'div',
      { class: 'first' },
      h(
        'div',
        null,
        call !== undefined && h(Say, { text: `Needs a person: ${call}`, name: 'tone-fail' }),
        h(Say, { text: met }),
        outcome === undefined && h(Say, { text: share }),
        outcome === undefined &&
          h(Say, {
            text: isStale
              ? 'What happens next is not known without contact'
              : ahead && unattendedText(ahead, now),
          }),
        states.map((state) => h('p', { class: 'faint small', key: state }, stopped(state))),
      ),
      acts,
    ),
    h(Charts, { shown, now }),
    h(Evidence, { shown }),
    h('h2', null, 'Steps'),
    h(
      'ol',
      { class: 'steps' },
      shown.steps.map((step) => h(Step, { step, isStale, key: step.name })),
    ),
    view.gates.map(({ before, approvedBy, missing, by, from = [] }) =>
      h(
        'p',
        { key: before },
        `Gate before ${before} %: ${missing} more ${missing === 1 ? 'approval' : 'approvals'} needed`,
        [...by, ...from].length > 0 && ` from ${[...by, ...from].join(', ')}`,
        approvedBy.length > 0 && `; approved by ${approvedBy.join(', ')}`,
        '.',
      ),
    ),
    h('h2', null, 'What happened'),
    h(
      'ol',
      { class: 'story', reversed: true },
      shown.story
        .toReversed()
        .map(({ at, line, importance, by, isUnproven }) =>
          h(
            'li',
            { class: importance, key: `${at} ${line}` },
            h(Moment, { at }),
            line,
            by !== undefined && isUnproven === true && h('span', { class: 'faint' }, ` (${by}: not proven)`),
          ),
        ),
    ),
    h('h2', null, 'What it is'),
    h(
      'table',
      { class: 'facts' },
      h(
        'tbody',
        null,
        fact('Rollout', opening.rolloutId),
        fact('Commit', opening.commit),
        fact('Author', authorOf(opening)),
        targets.map(({ name, noun, stable, canary }) =>
          fact(name, `${noun}: version ${stable} → ${canary || 'one that is published first'}`),
        ),
        fact('Opened', `${new Date(view.openedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`),
        fact('Not proven', view.unproven.join('; ') || undefined),
      ),
    ),
    !isSaved &&
      h(
        'p',
        { class: 'faint small' },
        'Times are UTC. On a terminal: ',
        h('code', null, `spillway status ${opening.rolloutId}`),
      ),
  );
}

const fact = (name: string, value: string | undefined): ComponentChildren =>
  value === undefined
    ? undefined
    : h('tr', { key: name }, h('th', { scope: 'row' }, name), h('td', null, value));

/** Least length of the axis of time. */
const AXIS_MS = 5 * 60_000;

function Charts({ shown, now }: { shown: Shown; now: number | undefined }): ComponentChildren {
  const { view, points, shares, marks, captions, evidence } = shown;
  const from = view.openedAt;
  const end = view.outcome === undefined ? Math.max(now ?? 0, view.lastEventAt) : view.lastEventAt;
  const to = Math.max(end, from + AXIS_MS);
  if (points.length === 0 && shares.length < 2) return null;
  const time = { from, to, marks };
  const dotsOf = (value: (point: Point) => number | undefined) =>
    joined(points.map((point) => ({ at: point.to, value: value(point as Point) })));
  const both = (value: (point: Point, side: 'canary' | 'stable') => number | undefined): Line[] =>
    (['stable', 'canary'] as const).map((side) => ({
      name: side === 'stable' ? 'old version' : 'new version',
      ...{ side, dots: dotsOf((point) => value(point, side)) },
    }));
  const rates = both(({ minutes, ...point }, side) => {
    const total = point[side]?.total;
    return total === undefined || minutes === 0 ? undefined : total / minutes;
  });
  const failures = both((point, side) => {
    const count = point[side];
    return count === undefined || count.total === 0 ? undefined : (100 * count.bad) / count.total;
  });
  const most = (lines: readonly Line[]) =>
    Math.max(0, ...lines.flatMap(({ dots }) => dots.map(({ value = 0 }) => value)));
  const top = 10 ** Math.ceil(Math.log10(Math.max(10, most(rates))));
  const decades = Array.from({ length: Math.round(Math.log10(top)) + 1 }, (_, at) => 10 ** at);
  const worst = roundUp(Math.max(1, most(failures)));
  const highest = Math.max(...shares.map(({ weight }) => weight), 10);
  const ceiling = highest > 50 ? 100 : highest > 25 ? 50 : highest > 10 ? 25 : 10;
  return h(
    'section',
    { 'aria-label': 'Charts' },
    h(Chart, {
      title: 'Share of traffic on the new version',
      says: captions.shares,
      ...time,
      y: linear(0, ceiling),
      ticks: [0, ceiling / 2, ceiling].map((value) => ({ value, label: `${value} %` })),
      lines: [
        {
          name: 'new version',
          side: 'canary',
          isStepped: true,
          dots: shares.map(({ at, weight }) => ({ at, value: weight })),
        },
      ],
      isLabelled: true,
      height: 6,
      shown: (value) => `${value} %`,
    }),
    h(Chart, {
      title: 'Requests a minute',
      says: captions.requests,
      ...time,
      y: logarithmic(1, top),
      ticks: decades.map((value) => ({ value, label: number(value) })),
      lines: rates,
      height: 6,
      shown: (value) => number(Math.round(value)),
    }),
    h(Chart, {
      title: 'Requests that failed, of 100',
      says: captions.failures,
      ...time,
      y: linear(0, worst),
      ticks: [0, worst / 2, worst].map((value) => ({ value, label: String(value) })),
      lines: failures,
      height: 7,
      shown: (value) => String(Number(value.toPrecision(2))),
    }),
    points.some(({ share }) => share !== undefined) &&
      h(Chart, {
        title: 'Evidence that the new version is worse',
        says: evidence ?? 'Nothing is counted yet',
        ...time,
        y: linear(-0.25, 1.25),
        ticks: [
          { value: 0, label: 'none' },
          { value: 0.5, label: 'half' },
        ],
        lines: [
          {
            name: 'all metrics together',
            side: 'canary',
            dots: dotsOf(({ share }) => share),
          },
        ],
        limit: { value: 1, label: 'reverted from here up' },
        height: 7,
        shown: (value) => percent(Math.max(0, value)),
      }),
  );
}

const STATUS: Record<string, { sign: string; tone: string }> = {
  pass: { sign: '✔', tone: 'pass' },
  fail: { sign: '✖', tone: 'fail' },
  suspect: { sign: '⚠', tone: 'suspect' },
  inconclusive: { sign: '◌', tone: 'faint' },
  broken: { sign: '–', tone: 'faint' },
};

function Evidence({ shown: { rules } }: { shown: Shown }): ComponentChildren {
  if (rules.length === 0) return null;
  const targets = new Set(rules.map(({ target }) => target));
  return h(
    'section',
    null,
    h('h2', { id: 'evidence' }, 'What was compared'),
    h(
      'div',
      { class: 'scroll', tabIndex: 0, role: 'region', 'aria-labelledby': 'evidence' },
      h(
        'table',
        { class: 'wider' },
        h(
          'thead',
          null,
          h(
            'tr',
            null,
            ['Metric', 'Verdict', 'New version', 'Old version', 'What it means'].map((name) =>
              h('th', { scope: 'col', key: name }, name),
            ),
          ),
        ),
        h(
          'tbody',
          null,
          rules.map(({ target, metric, status, canary, stable, means, needed }) =>
            h(
              'tr',
              { key: `${target} ${metric}` },
              h('th', { scope: 'row' }, targets.size > 1 ? `${target} ${metric}` : metric),
              h(
                'td',
                { class: `word tone-${STATUS[status]?.tone}` },
                h('span', { 'aria-hidden': 'true' }, `${STATUS[status]?.sign} `),
                status,
              ),
              h('td', null, `${number(canary.bad)} of ${number(canary.total)}`),
              h('td', null, `${number(stable.bad)} of ${number(stable.total)}`),
              h(
                'td',
                null,
                sentence(means),
                needed !== undefined && status !== 'pass' && ` ${sentence(needed)}`,
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

const STEPS: Record<StepShown['status'], { sign: string; tone: string; says: string }> = {
  done: { sign: '✔', tone: 'pass', says: 'passed' },
  now: { sign: '◌', tone: 'canary', says: 'now' },
  ahead: { sign: '○', tone: 'faint', says: 'to come' },
  left: { sign: '✖', tone: 'fail', says: 'ended here' },
  never: { sign: '–', tone: 'faint', says: 'not reached' },
};

function Step({ step, isStale }: { step: Shown['steps'][number]; isStale: boolean }): ComponentChildren {
  const { name, status, from, to, isExpected } = step;
  const { sign, tone, says } = STEPS[status];
  const times =
    isExpected && isStale
      ? ''
      : status === 'ahead' && from !== undefined
        ? `, about ${clock(from)}`
        : from === undefined
          ? ''
          : `, ${clock(from)}${to === undefined ? '' : `–${clock(to)}${isExpected ? ' if it passes' : ''}`}`;
  return h(
    'li',
    { class: `tone-${tone}` },
    h('span', { 'aria-hidden': 'true' }, `${sign} `),
    name,
    h('span', { class: 'small' }, ` ${says}${times}`),
  );
}
