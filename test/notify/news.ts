import type { News, Notice, Paged } from '../../core/people/notice.ts';
import { aheadOf, phaseOf } from '../../core/people/standing.ts';
import { transitionOf } from '../../core/people/transition.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { evolve, type Rollout } from '../../core/rollout/state.ts';
import { viewOf } from '../../core/rollout/view.ts';

/** All that is to be said of a rollout, as if nothing had been reported before. */
export function newsOf(
  events: RolloutEvent[],
  more: { paged?: Paged; since?: string; links?: News['links'] } = {},
): News {
  let rollout: Rollout | undefined;
  const notices: Notice[] = [];
  let weight = 0;
  for (const event of events) {
    const before: Rollout | undefined = rollout;
    rollout = evolve(before, event);
    const transition = transitionOf(event, before, rollout, more.since);
    if (transition === undefined) continue;
    const { id, n, kind, at, line, importance, by } = transition;
    weight = transition.weight;
    notices.push({ id, n, k: 0, kind, at, line, importance, by, transition });
  }
  if (rollout === undefined) throw new Error('A history needs an event.');
  return {
    ...{ notices, weight, view: viewOf(rollout), phase: phaseOf(rollout), ahead: aheadOf(rollout) },
    links: more.links ?? { details: 'https://api.example/link#d', abort: 'https://api.example/link#a' },
    ...(more.paged === undefined ? {} : { paged: more.paged }),
    ...(more.since === undefined ? {} : { since: more.since }),
  };
}

/** Texts that somebody could write to be shown as something else. */
export const HOSTILE = [
  '<!channel>',
  '<!here> <@U12345> <#C1|general>',
  '*bold* _it_ ~no~ `code` ```block``` > quote',
  ':rotating_light::tada:',
  '<https://evil.example|https://bank.example>',
  'a & b &lt;!channel&gt; &amp',
  '\u202Eevil\u2066txt\u2069',
  '\u001b[2J\u001b]0;title\u0007',
  'line\nbreaks\r\n\u2028and\ttabs\0',
  '😀👩‍👩‍👧‍👦🏴‍☠️'.repeat(300),
  'x'.repeat(10_000),
  '&<>'.repeat(2_000),
  '",{"type":"actions"}',
  '::error::injected',
  '\ud83d',
];
