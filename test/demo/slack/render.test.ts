import { describe, expect, test } from 'vitest';
import { messagesHtml, mrkdwn, type Shown } from '../../../demo/slack/render.ts';

const HOSTILE = `<script>alert(1)</script><img src=x onerror=alert(1)> "'\` \u202e\u001b[2J &amp; {{}}`;

/** A message with what differs from an empty one. */
const message = (more: Partial<Shown>): Shown => ({
  ...{ ts: '1800000000.000001', text: 'said' },
  ...more,
});

describe('markup', () => {
  test.each([
    ['*bold* and _italic_ and ~gone~', '<b>bold</b> and <i>italic</i> and <s>gone</s>'],
    ['a*b*c and snake_case_name and 2 * 3 * 4', 'a*b*c and snake_case_name and 2 * 3 * 4'],
    ['*`service`* `r1`', '<b><code>service</code></b> <code>r1</code>'],
    ['`*not bold* <b>`', '<code>*not bold* &lt;b&gt;</code>'],
    ['one\ntwo', 'one<br>two'],
    ['&lt;b&gt; &amp;amp;', '&lt;b&gt; &amp;amp;'],
    [
      '<https://x.example/a?b=1&amp;c=2|a *link*>',
      '<a href="https://x.example/a?b=1&amp;c=2" target="_blank" rel="noreferrer">a *link*</a>',
    ],
    ['<javascript:alert(1)|click>', 'click'],
    ['<data:text/html,x|click>', 'click'],
    [
      '<https://x.example/" onclick="alert(1)|x>',
      '<a href="https://x.example/&quot; onclick=&quot;alert(1)" target="_blank" rel="noreferrer">x</a>',
    ],
    [
      '<!channel> <@U1> <!here|x>',
      '<span class="mention">@channel</span> <span class="mention">@U1</span> <span class="mention">x</span>',
    ],
    ['<!date^1800000000^{time}|then>', '<time>08:00 UTC</time>'],
    ['<!date^1800000000^{date_short_pretty} {time}|then>', '<time>Jan 15, 08:00 UTC</time>'],
    ['\ue0000\ue001 `x`', '0 <code>x</code>'],
    ['```\na < b\n```', '<pre>\na &lt; b\n</pre>'],
  ])('%j is shown as %j', (text, html) => {
    expect(mrkdwn(text)).toBe(html);
  });

  test('nothing that somebody wrote becomes an element, attribute or script', () => {
    const shown = mrkdwn(HOSTILE);
    expect(shown.replace(/<\/?(?:b|i|s|code|br|a|span)\b[^>]*>/g, '')).not.toMatch(/<[a-z/]/i);
    expect(shown).not.toMatch(/[\p{Cf}\p{Cc}]/u);
  });
});

test('a message has its bar, fields, input, buttons with their dialog, links and thread', () => {
  const root = message({
    text: '*checkout-api*: 25 %',
    attachments: [
      {
        color: '#2f6fde',
        blocks: [
          {
            type: 'section',
            text: { type: 'mrkdwn', text: 'bar' },
            fields: [{ type: 'mrkdwn', text: '*Commit*\n`a1`' }],
          },
          {
            type: 'input',
            block_id: 'reason',
            optional: true,
            label: { type: 'plain_text', text: 'Reason' },
            element: { type: 'plain_text_input', action_id: 'reason', max_length: 100 },
          },
          {
            type: 'actions',
            elements: [
              {
                type: 'button',
                action_id: 'abort',
                value: '{}',
                style: 'danger',
                text: { type: 'plain_text', text: 'Abort' },
                confirm: {
                  title: { type: 'plain_text', text: 'Abort?' },
                  text: { type: 'plain_text', text: 'At "once".' },
                  confirm: { type: 'plain_text', text: 'Abort' },
                  deny: { type: 'plain_text', text: 'Cancel' },
                },
              },
              {
                type: 'button',
                action_id: 'details',
                url: 'https://x.example/link#t',
                text: { type: 'plain_text', text: 'Details' },
              },
            ],
          },
          { type: 'divider' },
          { type: 'header', text: { type: 'plain_text', text: 'Header' } },
          { type: 'context', elements: [{ type: 'mrkdwn', text: '`id`' }] },
        ],
      },
    ],
  });
  const reply = message({ ts: '1800000060.000001', thread: root.ts, text: 'raised' });
  const html = messagesHtml([root, reply], 'U1');
  expect(html).toContain('<b>checkout-api</b>: 25 %');
  expect(html).toContain('fill="#2f6fde"');
  expect(html).toContain('<div class="fields"><div><b>Commit</b><br><code>a1</code></div></div>');
  expect(html).toContain(`name="reason" data-ts="${root.ts}" maxlength="100"`);
  expect(html).toContain('class="button danger"');
  const [, asked = ''] = /data-confirm="([^"]+)"/.exec(html) ?? [];
  expect(JSON.parse(asked.replaceAll('&quot;', '"'))).toEqual({
    ...{ title: 'Abort?', text: 'At "once".', confirm: 'Abort', deny: 'Cancel', style: 'primary' },
  });
  expect(html).toContain('href="https://x.example/link#t"');
  expect(html).toContain('1 reply');
  expect(html).toMatch(/<div class="reply">[\s\S]*raised/);
});

test('each person sees what is for them, and a reply in the channel only if it is sent there too', () => {
  const root = message({});
  const html = (id: string) =>
    messagesHtml(
      [
        root,
        message({ ts: '2.1', only: 'U1', text: 'for one' }),
        message({ ts: '3.1', thread: root.ts, text: 'quiet' }),
        message({ ts: '4.1', thread: root.ts, text: 'loud', isBroadcast: true }),
      ],
      id,
    );
  expect(html('U1')).toContain('for one');
  expect(html('U1')).toContain('Only visible to you');
  expect(html('U2')).not.toContain('for one');
  expect(html('U2').match(/quiet/g)).toHaveLength(1);
  expect(html('U2').match(/loud/g)).toHaveLength(2);
});

test('nothing hostile in any part of a message becomes markup or a script', () => {
  const plain = { type: 'plain_text' as const, text: HOSTILE };
  const html = messagesHtml(
    [
      message({
        text: HOSTILE,
        attachments: [
          {
            color: '"/><script>',
            blocks: [
              { type: 'section', text: plain, fields: [plain] },
              {
                type: 'input',
                block_id: '" onfocus="alert(1)',
                label: plain,
                element: { type: 'plain_text_input', action_id: 'x' },
              },
              {
                type: 'actions',
                elements: [
                  {
                    type: 'button',
                    action_id: '" onclick="alert(1)',
                    text: plain,
                    confirm: { title: plain, text: plain, confirm: plain, deny: plain },
                  },
                  { type: 'button', action_id: 'x', url: 'javascript:alert(1)', text: plain },
                ],
              },
            ],
          },
        ],
      }),
    ],
    'U1',
  );
  expect(html).not.toMatch(/<script|<img|\son\w+="|javascript:|\p{Cf}/iu);
});

test.each([
  [{ type: 'image', image_url: 'https://x.example', alt_text: 'x' }],
  [{ type: 'rich_text', elements: [] }],
])('a block that is not laid out is an error, so that nobody takes the page for Slack: %j', (block) => {
  expect(() => messagesHtml([message({ blocks: [block as never] })], 'U1')).toThrow('does not show');
});
