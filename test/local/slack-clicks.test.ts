import { expect, test } from 'vitest';
import { SlackClicks } from '../../local/services/slack-clicks.ts';
import { signedBy } from '../api/click.ts';

const NOW_S = 1_800_000_000;
const TS = '1800000000.000001';
const PRESS = { person: { id: 'U1', name: 'ada', team: 'T1' }, ts: TS, action: 'abort', inputs: {} };

/** A workspace with one message, at a time that a test sets. */
function workspace() {
  const time = { now: NOW_S * 1_000 };
  const clock = { now: () => time.now, sleep: () => new Promise<void>(() => {}) };
  const app = {
    id: 'A1',
    team: 'T1',
    signingSecret: 'secret',
    requestUrl: () => 'https://app.example/slack',
  };
  const content = {
    text: 'hi',
    attachments: [
      {
        blocks: [
          {
            type: 'actions' as const,
            block_id: 'buttons',
            elements: [
              {
                type: 'button' as const,
                action_id: 'abort',
                value: 'v',
                text: { type: 'plain_text' as const, text: 'Abort' },
              },
            ],
          },
        ],
      },
    ],
  };
  const clicks = new SlackClicks(app, clock, () => [{ channel: 'C1', ts: TS, content }]);
  const sent: { url: string; headers: Headers; body: string }[] = [];
  clicks.send = async (request) => {
    sent.push({ url: request.url, headers: request.headers, body: await request.text() });
    return new Response(null);
  };
  const payload = (nth = 0) => JSON.parse(new URLSearchParams(sent[nth]?.body).get('payload') ?? '');
  const answer = async (url: string, more: object = {}) => {
    const body = { response_type: 'ephemeral', replace_original: false, text: 'done', ...more };
    return clicks.answer(new Request(url, { method: 'POST', body: JSON.stringify(body) }));
  };
  return { clicks, time, sent, payload, answer };
}

test('a click is signed, and says who pressed what, with what stands in the inputs', async () => {
  const { clicks, sent, payload } = workspace();
  expect(await clicks.press({ ...PRESS, inputs: { reason: 'odd', other: '' } })).toBe(true);
  const [{ url, headers, body } = { url: '', headers: new Headers(), body: '' }] = sent;
  expect(url).toBe('https://app.example/slack');
  expect(Object.fromEntries(headers)).toMatchObject(signedBy('secret', body, NOW_S));
  expect(payload()).toMatchObject({
    type: 'block_actions',
    api_app_id: 'A1',
    team: { id: 'T1' },
    user: { id: 'U1', name: 'ada', team_id: 'T1' },
    state: { values: { reason: { reason: { value: 'odd' } }, other: { other: { value: null } } } },
    actions: [{ action_id: 'abort', block_id: 'buttons', value: 'v' }],
  });
});

test('each click has a time of its own', async () => {
  const { clicks, payload } = workspace();
  await Promise.all([clicks.press(PRESS), clicks.press(PRESS)]);
  expect(payload(0).actions[0].action_ts).not.toBe(payload(1).actions[0].action_ts);
});

test('a click takes five answers within half an hour, which its person alone sees', async () => {
  const { clicks, time, payload, answer } = workspace();
  await clicks.press(PRESS);
  const { response_url: url } = payload();
  for (let nth = 0; nth < 5; nth++) expect((await answer(url)).status).toBe(200);
  expect(await (await answer(url)).text()).toBe('used_url');
  expect(clicks.answers).toHaveLength(5);
  expect(clicks.answers[0]).toMatchObject({ person: 'U1', channel: 'C1', content: { text: 'done' } });
  await clicks.press(PRESS);
  time.now += 30 * 60_000 + 1;
  expect(await (await answer(payload(1).response_url)).text()).toBe('expired_url');
  expect((await answer('https://hooks.slack.com/actions/T1/9')).status).toBe(404);
});

test('an answer that is not simulated is an error', async () => {
  const { clicks, payload, answer } = workspace();
  await clicks.press(PRESS);
  await expect(answer(payload().response_url, { replace_original: true })).rejects.toThrow('to one person');
});

test('a click that is refused or fails is a warning, and one on no button an error', async () => {
  const { clicks } = workspace();
  clicks.send = async () => new Response(null, { status: 401 });
  expect(await clicks.press(PRESS)).toBe(false);
  clicks.send = async () => {
    throw new Error('no route');
  };
  expect(await clicks.press(PRESS)).toBe(false);
  expect(clicks.has({ ts: TS, action: 'promote' })).toBe(false);
  await expect(clicks.press({ ...PRESS, action: 'promote' })).rejects.toThrow('no button promote');
});

test('an app that does not answer within 3 s is a warning', async () => {
  const { time } = workspace();
  const waits: number[] = [];
  const clock = { now: () => time.now, sleep: async (ms: number) => void waits.push(ms) };
  const app = {
    id: 'A1',
    team: 'T1',
    signingSecret: 'secret',
    requestUrl: () => 'https://app.example/slack',
  };
  const elements = [{ type: 'button', action_id: 'abort', text: { type: 'plain_text', text: 'x' } }];
  const content = { blocks: [{ type: 'actions', elements }] } as never;
  const clicks = new SlackClicks(app, clock, () => [{ channel: 'C1', ts: TS, content }]);
  clicks.send = () => new Promise(() => {});
  expect(await clicks.press(PRESS)).toBe(false);
  expect(waits).toEqual([3_000]);
});
