import { type ComponentChildren, h } from 'preact';
import { useState } from 'preact/hooks';
import type { Out } from '../api/answer-shapes.ts';
import type { Choice } from '../core/people/choice.ts';
import { Acts } from './act.ts';
import { Absent, Contact, Fresh } from './contact.ts';
import { Rows, remember } from './list.ts';
import { useLive } from './live.ts';
import { rolloutHref, serviceHref, Top } from './parts.ts';

type Body = Out<'serviceOverview'>;

/** The page about one service: what serves, what may not come back, how to go back, and its history. */
export function LiveService({ service }: { service: string }): ComponentChildren {
  const before = new URLSearchParams(location.search).get('before');
  const query = before === null ? '' : `?before=${encodeURIComponent(before)}`;
  const live = useLive<Body>(
    `${serviceHref(service).replace('/view', '')}/overview${query}`,
    ({ rollouts }) => rollouts.some(({ outcome }) => outcome === undefined),
  );
  const [outcome, setOutcome] = useState('');
  if (live.body === undefined) return h(Absent, live);
  const { environment, record, rollouts, isMore, who } = live.body;
  const { completed, earlier = [], quarantined = [], waiting } = record;
  document.title = `${service}: Spillway ${environment}`;
  if (rollouts.length > 0) remember(service);
  const isStale = live.lostSince !== undefined;
  const last = rollouts.at(-1)?.opening.rolloutId;
  const shown = rollouts.filter((row) => outcome === '' || row.phase === outcome);
  const may = ({ needs }: Choice) => who.roles?.includes(needs) === true;
  const acts = (rolloutId: string, choice: Omit<Choice, 'needs'>) =>
    h(Acts, {
      ...{ rolloutId, isStale, may, choices: [{ ...choice, needs: 'operator' }], done: live.again },
    });
  const goesTo = earlier[0];
  return h(
    'main',
    null,
    h(
      Top,
      { crumbs: [{ label: `Spillway ${environment}`, href: '/' }, { label: service }], who: who.name },
      h(Fresh, live),
    ),
    h('h1', null, service),
    h(Contact, live),
    h('h2', null, 'What serves'),
    completed === undefined
      ? h('p', null, 'No release of this service has completed here yet.')
      : h(
          'p',
          null,
          h('b', null, completed.release),
          completed.versions.map(({ name, version }) => `, ${name} version ${version}`),
          completed.rolloutId !== undefined && [
            ', by ',
            h('a', { href: rolloutHref(completed.rolloutId) }, completed.rolloutId),
          ],
          '.',
        ),
    waiting !== undefined && h('p', null, `${waiting.release} waits for what is under way.`),
    h('h2', null, 'How to roll back'),
    completed?.rolloutId === undefined || goesTo === undefined
      ? h('p', { class: 'faint' }, 'There is no older good release to go back to.')
      : [
          h(
            'p',
            null,
            'One write takes the service to ',
            h('b', null, goesTo.release),
            ', the newest older release that was good, without steps; ',
            completed.release,
            ' is quarantined. On a terminal: ',
            h('code', null, `spillway rollback ${completed.rolloutId}`),
          ),
          acts(completed.rolloutId, {
            command: 'rollback',
            label: 'Roll back',
            does: `${goesTo.release} serves at once.`,
            style: 'danger',
            hasReason: true,
          }),
        ],
    h('h2', null, 'Quarantine'),
    quarantined.length === 0
      ? h('p', { class: 'faint' }, 'No release is in quarantine.')
      : h(
          'ul',
          null,
          quarantined.map(({ release, rolloutId, reason }) =>
            h(
              'li',
              { key: rolloutId },
              h('a', { href: rolloutHref(rolloutId) }, release),
              `: ${reason}. `,
              acts(rolloutId, {
                command: 'retry',
                label: 'Retry',
                does: `The quarantine of ${release} is lifted, and it is rolled out once more.`,
              }),
            ),
          ),
        ),
    h('h2', null, 'History'),
    rollouts.length === 0
      ? h('p', { class: 'empty' }, 'No rollout of this service is known here. Is its name right?')
      : [
          h(
            'div',
            { class: 'filters' },
            h(
              'label',
              null,
              'State',
              h(
                'select',
                {
                  value: outcome,
                  onChange: (event: Event) => setOutcome((event.target as HTMLSelectElement).value),
                },
                h('option', { value: '' }, 'any'),
                [...new Set(rollouts.map(({ phase }) => phase))].map((phase) =>
                  h('option', { key: phase, value: phase }, phase),
                ),
              ),
            ),
          ),
          h(Rows, { rows: shown, isStale, now: live.now }),
        ],
    h(
      'p',
      null,
      before !== null && [h('a', { href: serviceHref(service) }, 'Newest'), ' '],
      isMore &&
        last !== undefined &&
        h('a', { href: `${serviceHref(service)}?before=${encodeURIComponent(last)}` }, 'Older'),
    ),
  );
}
