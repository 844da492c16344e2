import { expect, test } from 'vitest';
import { slackReplies } from '../../adapters/slack-replies.ts';

const URL_OF_A_CLICK = 'https://hooks.slack.com/actions/T1/1/x';

/** Replies, and what was sent. */
function replying(response = () => new Response('ok')) {
  const sent: Request[] = [];
  const replies = slackReplies(async (input, init) => {
    sent.push(new Request(input, init));
    return response();
  });
  return { replies, sent };
}

test('a person is answered where they clicked, alone, in text that nothing in it can change', async () => {
  const { replies, sent } = replying();
  await replies.reply(URL_OF_A_CLICK, 'no: <!channel> & <@U1>');
  const [request] = sent;
  expect([request?.url, request?.method, request?.redirect]).toEqual([URL_OF_A_CLICK, 'POST', 'error']);
  expect(request?.headers.get('content-type')).toContain('application/json');
  expect(await request?.json()).toEqual({
    response_type: 'ephemeral',
    replace_original: false,
    text: 'no: &lt;!channel&gt; &amp; &lt;@U1&gt;',
    blocks: [{ type: 'section', text: { type: 'plain_text', text: 'no: <!channel> & <@U1>', emoji: false } }],
  });
});

test('a text is cut to what Slack takes', async () => {
  const { replies, sent } = replying();
  await replies.reply(URL_OF_A_CLICK, `${'x'.repeat(2_999)}😀`);
  const text = `${'x'.repeat(2_999)}…`;
  expect(await sent[0]?.json()).toMatchObject({ text, blocks: [{ text: { text } }] });
});

test.each([
  'http://hooks.slack.com/actions/T1/1/x',
  'https://hooks.slack.com.evil.example/x',
  'https://hooks.slack.com:8443/x',
  'https://hooks.slack.com@evil.example/x',
  'https://slack.com/x',
  'http://169.254.169.254/latest/meta-data',
  'file:///etc/passwd',
  'x',
  '',
])('nothing is sent to %s', async (url) => {
  const { replies, sent } = replying();
  await expect(replies.reply(url, 'x')).rejects.toThrow('not one of Slack');
  expect(sent).toEqual([]);
});

test.each([404, 410, 429, 500])('a %i of Slack is an error', async (status) => {
  const { replies } = replying(() => new Response('used_url', { status }));
  await expect(replies.reply(URL_OF_A_CLICK, 'x')).rejects.toThrow(`did not take the answer (${status})`);
});
