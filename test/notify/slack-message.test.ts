import type { ActionsBlock, Button } from '@slack/types';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buttonValueFrom, COMMANDING, commandOf } from '../../core/people/slack-button.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { problemsOf } from '../../local/services/slack-limits.ts';
import {
  noticeMessage,
  rolloutMessage,
  type SlackMessage,
  threadMessages,
} from '../../notify/slack/message.ts';
import {
  actor,
  closed,
  inVerify,
  measured,
  minute,
  onFirstStep,
  opened,
  paused,
  raised,
  resumed,
  revertOrdered,
  TWO_TARGETS,
} from '../core/rollout/given.ts';
import { HOSTILE, newsOf } from './news.ts';

const reverted = (at: number, reason = 'canary 7 of 272 failed'): RolloutEvent => ({
  type: 'Reverted',
  at: minute(at),
  targets: [{ name: 'api', primary: '7', changed: true, drifted: false }],
  cause: 'canary',
  reason,
  exposure: { requests: 272, failed: 7, seconds: 180 },
});
const gates = [{ before: 50, approvers: 1, by: [], timeoutSeconds: 3600, onTimeout: 'revert' as const }];
const waiting: RolloutEvent[] = [
  ...onFirstStep({ gates }),
  { type: 'GateOpened', at: minute(4), gate: 50, until: minute(64) },
];

const buttonsIn = ({ attachments }: SlackMessage): Button[] =>
  (attachments[0]?.blocks ?? []).flatMap((block) =>
    block.type === 'actions' ? ((block as ActionsBlock).elements as Button[]) : [],
  );
const names = (message: SlackMessage) => buttonsIn(message).map(({ action_id }) => action_id);
const textOf = (message: SlackMessage) => JSON.stringify(message);

describe('the message of a rollout', () => {
  test.each<[string, RolloutEvent[], string, string[]]>([
    ['that just began', onFirstStep().slice(0, 1), '0 %, running', ['abort', 'pause', 'details']],
    ['at its first step', onFirstStep(), '10 %, running', ['abort', 'pause', 'promote', 'details']],
    [
      'that is paused',
      [...onFirstStep(), paused(2)],
      '10 %, paused',
      ['abort', 'resume', 'promote', 'details'],
    ],
    [
      'that goes on',
      [...onFirstStep(), paused(2), resumed(3)],
      '10 %, running',
      ['abort', 'pause', 'promote', 'details'],
    ],
    ['at a gate', waiting, '10 %, waiting', ['abort', 'pause', 'promote', 'approve', 'reject', 'details']],
    [
      'on its way back',
      [...onFirstStep(), revertOrdered(3)],
      '10 %, reverting',
      ['abort', 'pause', 'promote', 'details'],
    ],
    ['at 100 %', inVerify(), '100 %, running', ['abort', 'pause', 'details']],
    ['that completed', [...inVerify(), closed(12, 'completed')], 'completed', ['details']],
    [
      'that was reverted',
      [...onFirstStep(), revertOrdered(3), reverted(4), closed(4, 'reverted')],
      'reverted: 7 of 272 canary requests failed in 3 min',
      ['details'],
    ],
  ])('%s says so, and offers what can be done', (_, events, says, buttons) => {
    const message = rolloutMessage(newsOf(events));
    expect(message.text).toContain(says);
    expect(names(message)).toEqual(buttons);
    expect(problemsOf({ ...message })).toEqual([]);
  });

  test('shows versions, commits, who released, how much traffic, the last verdict and what comes next', () => {
    const events = [
      opened({ commit: 'c3d4c3d4c3d4c3d4', author: 'ada' }),
      ...raised(10, 1, 0.5),
      measured('pass', [1, 3]),
    ];
    const shown = textOf(rolloutMessage(newsOf(events, { since: 'a1b2a1b2a1b2a1b2' })));
    for (const part of [
      'api: 7 → 8',
      'a1b2a1b..c3d4c3d',
      '`ada`',
      '█░░░░░░░░░',
      'step 1 of 2',
      'Last verdict: pass: it is pass',
    ])
      expect(shown).toContain(part);
    expect(shown).toMatch(/\*Next:\* 50 %, <!date\^\d+\^\{date_short_pretty\} \{time\}\|\d\d:\d\d UTC>/);
  });

  test('has a colour that says how it stands', () => {
    const colour = (events: RolloutEvent[]) => rolloutMessage(newsOf(events)).attachments[0]?.color;
    const all = [
      colour(onFirstStep()),
      colour([...onFirstStep(), paused(2)]),
      colour([...onFirstStep(), paused(2, { why: 'inconclusive' })]),
      colour([...inVerify(), closed(12, 'completed')]),
      colour([...onFirstStep(), revertOrdered(3)]),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test('offers to acknowledge a page until somebody has', () => {
    const held = [...onFirstStep(), paused(2, { why: 'inconclusive' })];
    const key = 'paused 1';
    const open = rolloutMessage(newsOf(held, { paged: { key, reason: 'no traffic' } }));
    expect(names(open)).toContain('acknowledge');
    expect(textOf(open)).toContain('Needs a person: no traffic');
    const taken = newsOf(held, { paged: { key, reason: 'no traffic', acknowledgedBy: actor('ada') } });
    expect(names(rolloutMessage(taken))).not.toContain('acknowledge');
    expect(textOf(rolloutMessage(taken))).toContain('ada acknowledged it');
  });

  test('asks before anything is done, and each button carries what it is for', () => {
    for (const button of buttonsIn(rolloutMessage(newsOf(waiting, { paged: { key: 'k', reason: 'r' } })))) {
      if (button.action_id === 'details') {
        expect(button.url).toBe('https://api.example/link#d');
        continue;
      }
      expect(button.confirm?.text.text.length).toBeGreaterThan(10);
      const value = buttonValueFrom(button.value ?? '');
      expect(value?.rolloutId).toBe('checkout-api--r8--1');
      const name = COMMANDING.find((each) => each === button.action_id);
      if (name === undefined || value === undefined) throw new Error(`${button.action_id} is no button.`);
      if (name === 'acknowledge') expect(value.page).toBe('k');
      expect(commandOf(name, value, 'why')).toMatchObject({ command: name });
    }
  });

  test('has no link and no button to a page where there is no public address', () => {
    const message = rolloutMessage(newsOf(onFirstStep(), { links: {} }));
    expect(names(message)).toEqual(['abort', 'pause', 'promote']);
    expect(textOf(message)).not.toContain('http');
  });

  test('links a commit and its author where the deployment says how, whatever they are called', () => {
    const events = [opened({ commit: 'c3d4c3d4c3d4', author: 'ada|<!channel>' }), ...raised(10, 1, 0.5)];
    const links = {
      commit: 'https://git.example/c/c3d4c3d4c3d4',
      author: 'https://git.example/ada%7C%3C!channel%3E',
    };
    const message = rolloutMessage(newsOf(events, { links }));
    expect(textOf(message)).toContain('*Commit*\\n<https://git.example/c/c3d4c3d4c3d4|c3d4c3d>');
    expect(textOf(message)).toContain('|ada/&lt;!channel&gt;>');
    expect(problemsOf({ ...message })).toEqual([]);
  });

  test('has a plain link to abort by, until it has ended', () => {
    expect(textOf(rolloutMessage(newsOf(onFirstStep())))).toContain(
      '<https://api.example/link#a|Abort by link>',
    );
    const ended = newsOf([...inVerify(), closed(12, 'completed')]);
    expect(textOf(rolloutMessage(ended))).not.toContain('link#a');
  });
});

describe('a message of its own about a notice', () => {
  test('has a plain link to pause by, as long as it is given one', () => {
    const links = { pause: 'https://api.example/link#p' };
    const [notice] = newsOf(onFirstStep()).notices;
    if (notice === undefined) throw new Error('There is no notice.');
    expect(textOf(noticeMessage(newsOf(onFirstStep(), { links }), notice))).toContain(
      '<https://api.example/link#p|Pause by link>',
    );
    expect(textOf(noticeMessage(newsOf(onFirstStep()), notice))).not.toContain('Pause');
  });

  test('has links in place of what only an app can be asked', () => {
    const news = newsOf([...onFirstStep(), paused(2)]);
    const [notice] = news.notices.slice(-1);
    if (notice === undefined) throw new Error('There is no notice.');
    const message = noticeMessage(news, notice);
    expect(buttonsIn(message).map(({ url }) => url)).toEqual([
      'https://api.example/link#a',
      'https://api.example/link#d',
    ]);
    expect(
      buttonsIn(message).some(({ value, confirm }) => value !== undefined || confirm !== undefined),
    ).toBe(false);
    expect(problemsOf({ ...message })).toEqual([]);
  });
});

describe('any text', () => {
  const hostile = fc.oneof(
    fc.constantFrom(...HOSTILE),
    fc.string({ maxLength: 400, unit: 'binary' }),
    fc.array(fc.constantFrom(...HOSTILE), { maxLength: 4 }).map((parts) => parts.join('')),
  );
  const history = fc
    .record({
      ...{ reason: hostile, name: hostile, author: hostile, commit: hostile, release: hostile },
      ...{ verdict: hostile, notice: hostile, environment: hostile },
      targets: fc.boolean(),
      end: fc.constantFrom('none', 'paused', 'paged', 'reverted', 'completed'),
    })
    .map(
      ({
        reason,
        name,
        author,
        commit,
        release,
        verdict,
        notice,
        environment,
        targets,
        end,
      }): RolloutEvent[] => {
        const by = { ...actor(name || 'x'), name };
        const more = { author, commit, release, environment, notices: [notice, notice], gates };
        const judged = measured('suspect', [1, 3]);
        return [
          opened({ ...more, ...(targets ? { targets: TWO_TARGETS } : {}) }),
          ...raised(10, 1, 0.5),
          { ...judged, verdict: { ...judged.verdict, reason: verdict } },
          { type: 'GateOpened', at: minute(4), gate: 50, until: minute(64) },
          ...(end === 'paused' ? [paused(5, { by, reason })] : []),
          ...(end === 'paged' ? [paused(5, { by, reason, why: 'doubt' })] : []),
          ...(end === 'reverted'
            ? [{ ...revertOrdered(5), reason } as RolloutEvent, reverted(6, reason), closed(6, 'reverted')]
            : []),
          ...(end === 'completed' ? [closed(12, 'completed')] : []),
        ];
      },
    );

  test('stays within what Slack takes, mentions nobody and shows no trick, in every message', () => {
    fc.assert(
      fc.property(history, hostile, (events, reason) => {
        const news = newsOf(events, { since: reason, paged: { key: 'paused 1', reason } });
        const [notice] = news.notices.slice(-1);
        const messages = [
          rolloutMessage(news),
          ...threadMessages(news.notices).map(({ message }) => message),
          ...(notice === undefined ? [] : [noticeMessage(news, notice)]),
        ];
        for (const message of messages) {
          expect(problemsOf({ ...message })).toEqual([]);
          // Line breaks are ours, and nothing else that cannot be seen.
          expect(JSON.stringify(message).replaceAll('\\n', '')).not.toMatch(/[\p{Cf}]|\\u00|\\[rtbf]/u);
        }
      }),
      { numRuns: 300 },
    );
  });
});
