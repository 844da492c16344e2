import { describe, expect, test } from 'vitest';
import { problemsOf } from '../../local/services/slack-limits.ts';

const text = (length: number, type = 'plain_text') => ({ type, text: 'x'.repeat(length) });
const section = (length: number) => ({ type: 'section', text: text(length) });
const button = (more: object) => ({ type: 'button', text: text(5), ...more });
const actions = (...elements: object[]) => ({ blocks: [{ type: 'actions', elements }] });
const confirm = { title: text(5), text: text(5), confirm: text(5), deny: text(5) };

describe('a message', () => {
  test('that Slack takes has no problem', () => {
    expect(
      problemsOf({
        text: 'fine &amp; <https://a.example|here> <!date^1^{time}|12:00>',
        attachments: [
          {
            color: '#2f6fde',
            blocks: [
              { ...section(3_000), fields: [text(2_000, 'mrkdwn')] },
              {
                type: 'actions',
                elements: [button({ action_id: 'a', confirm }), button({ url: 'https://a.example' })],
              },
              { type: 'context', elements: [text(10, 'mrkdwn')] },
              {
                type: 'input',
                block_id: 'r',
                label: text(5),
                element: { type: 'plain_text_input', action_id: 'r' },
              },
            ],
          },
        ],
      }),
    ).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['that says nothing', {}, /says nothing/],
    ['with too long a text', { text: 'x'.repeat(40_001) }, /text/],
    ['with too many blocks', { blocks: new Array(51).fill(section(1)) }, /51 entries/],
    ['with a long section', { blocks: [section(3_001)] }, /3001 characters/],
    ['with an empty section', { blocks: [{ type: 'section' }] }, /neither/],
    ['with an empty text', { blocks: [section(0)] }, /0 characters/],
    ['with long fields', { blocks: [{ type: 'section', fields: [text(2_001)] }] }, /2001/],
    [
      'with too many fields',
      { blocks: [{ type: 'section', fields: new Array(11).fill(text(1)) }] },
      /11 entries/,
    ],
    ['with too many buttons', actions(...new Array(26).fill(button({}))), /26 entries/],
    ['with a long button', actions({ type: 'button', text: text(76) }), /76/],
    ['with a long value', actions(button({ value: 'x'.repeat(2_001) })), /too long/],
    ['with a long address', actions(button({ url: `https://a.example/${'x'.repeat(3_000)}` })), /address/],
    ['with an action twice', actions(button({ action_id: 'a' }), button({ action_id: 'a' })), /twice/],
    ['with markup on a button', actions({ type: 'button', text: text(5, 'mrkdwn') }), /type mrkdwn/],
    ['with a long question', actions(button({ confirm: { ...confirm, title: text(101) } })), /101/],
    [
      'with a block id twice',
      {
        blocks: [
          { ...section(1), block_id: 'a' },
          { ...section(1), block_id: 'a' },
        ],
      },
      /twice/,
    ],
    ['with a block of no kind', { blocks: [{ type: 'marquee' }] }, /marquee/],
    ['with a field of no kind', { blocks: [{ ...section(1), colour: 'red' }] }, /colour.*not known/],
    ['with a colour of no kind', { attachments: [{ color: 'red' }] }, /colour/],
    ['that is too long in all', { blocks: new Array(4).fill(section(2_500)) }, /10000 characters/],
    ['that mentions everybody', { text: 'hi <!channel>' }, /everybody/],
    ['that mentions somebody', { text: 'hi <@U1>' }, /somebody/],
    ['with half an entity', { text: 'a &am' }, /entity/],
    ['with markup that was cut', { text: 'see <https://a.exa' }, /not escaped/],
    ['with half a character', { text: 'a\ud83d' }, /half/],
  ])('%s has one', (_, message, problem) => {
    expect(problemsOf(message).join('\n')).toMatch(problem);
  });
});
