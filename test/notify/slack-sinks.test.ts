import { describe, expect, test } from 'vitest';
import type { Delivered, Memo, News } from '../../core/people/notice.ts';
import { virtualClock } from '../../local/clock.ts';
import { SimulatedSlack, type SlackTrouble } from '../../local/services/slack.ts';
import { paceBy } from '../../notify/pace.ts';
import { slackClient } from '../../notify/slack/client.ts';
import { slackChannel, slackWebhook } from '../../notify/slack/sinks.ts';
import { memoryNotes } from '../../simulation/memory-notes.ts';
import { closed, inVerify, measured, onFirstStep, paused } from '../core/rollout/given.ts';
import { newsOf } from './news.ts';

const WEBHOOK = 'https://hooks.slack.com/services/T1/B1/secret';

function stage({ token = 'xoxb-ours', webhook = WEBHOOK } = {}) {
  const clock = virtualClock();
  const slack = new SimulatedSlack(clock, { token: 'xoxb-ours', webhook: WEBHOOK });
  const servers = slack.servers();
  const fetched: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const server = servers[new URL(request.url).host];
    if (server === undefined) throw new TypeError('fetch failed');
    await clock.sleep(30);
    return server(request);
  };
  const client = slackClient({ fetch: fetched, token: async () => token }, clock);
  const pace = paceBy(memoryNotes(), clock);
  const sinks = {
    bot: slackChannel('#deploys', client, pace),
    other: slackChannel('#other', client, pace),
    webhook: slackWebhook(webhook, client, pace),
  };
  /** Delivers as the controller does: what was done stays done when the rest fails. */
  const deliver = async (which: keyof typeof sinks, news: News, memo?: Memo) => {
    const done: Delivered[] = [];
    let error: unknown;
    const run = async () => {
      try {
        for await (const each of sinks[which].deliver(news, memo)) done.push(each);
      } catch (thrown) {
        error = thrown;
      }
    };
    await clock.run(run());
    const last = done.findLast((each) => each.memo !== undefined)?.memo ?? memo;
    return { done, error, memo: last, upTo: done.findLast((each) => each.upTo !== undefined)?.upTo };
  };
  const trouble = (...all: (SlackTrouble | undefined)[]) => {
    slack.trouble = () => all.shift();
  };
  return { clock, slack, deliver, trouble };
}

/** The news of a history of which the first so many notices were delivered before. */
function past(count: number, events: Parameters<typeof newsOf>[0]): News {
  const news = newsOf(events);
  return { ...news, notices: news.notices.slice(count) };
}
const lines = (slack: SimulatedSlack, thread?: string) =>
  slack.in('#deploys', thread).map(({ content }) => String(content.text));

describe('a channel', () => {
  test('gets one message per rollout, and what follows in its thread and in its place', async () => {
    const { slack, deliver } = stage();
    const first = await deliver('bot', newsOf(onFirstStep()));
    expect(lines(slack)).toEqual([expect.stringContaining('10 %, running')]);
    const { ts } = first.memo ?? {};
    expect(lines(slack, ts)).toEqual(['api raised to 10 %']);
    const second = await deliver('bot', past(2, [...onFirstStep(), paused(2)]), first.memo);
    expect(lines(slack, ts).at(-1)).toMatch(/^paused by ada: lunch/);
    expect(slack.in('#deploys')).toMatchObject([
      { updates: 1, content: { text: expect.stringContaining('10 %, paused') } },
    ]);
    expect([second.memo, second.error]).toEqual([first.memo, undefined]);
    expect(slack.limited).toBe(0);
  });

  test('has what is urgent shown to everybody, because an update notifies nobody', async () => {
    const { slack, deliver } = stage();
    const { memo } = await deliver('bot', newsOf(onFirstStep()));
    await deliver('bot', past(2, [...onFirstStep(), paused(2, { why: 'doubt' })]), memo);
    expect(slack.in('#deploys', memo?.ts).map(({ isBroadcast }) => isBroadcast)).toEqual([false, true]);
  });

  test('gets no line for figures that are only newer', async () => {
    const { slack, deliver } = stage();
    const events = [...onFirstStep(), measured('pass', [1, 3])];
    const { memo } = await deliver('bot', newsOf(events));
    const before = slack.in('#deploys', memo?.ts).length;
    const later = [...events, measured('pass', [1, 10])];
    expect(past(3, later).notices.map(({ kind }) => kind)).toEqual(['measured']);
    await deliver('bot', past(3, later), memo);
    expect(slack.in('#deploys', memo?.ts).length).toBe(before);
    expect(slack.in('#deploys')[0]?.updates).toBe(1);
  });

  test('gets nothing as long as its route asks for nothing, and is kept up to date once it has', async () => {
    const { slack, deliver } = stage();
    expect((await deliver('bot', past(9, onFirstStep()))).done).toEqual([]);
    const { memo } = await deliver('bot', newsOf(onFirstStep()));
    await deliver('bot', past(9, inVerify()), memo);
    expect(lines(slack)).toEqual([expect.stringContaining('100 %')]);
  });

  test('catches up in one message with everything that happened while Slack was away', async () => {
    const { slack, deliver } = stage();
    const news = newsOf([...inVerify(), closed(12, 'completed')]);
    const { memo, upTo } = await deliver('bot', news);
    expect(slack.messages.length).toBe(2);
    expect(lines(slack, memo?.ts)[0]?.split('\n')).toEqual(news.notices.slice(1).map(({ line }) => line));
    expect(upTo).toMatchObject({ n: news.notices.at(-1)?.n });
  });

  test('catches up in as many messages as the lines need, and leaves none out', async () => {
    const { slack, deliver, trouble } = stage();
    const { memo } = await deliver('bot', newsOf(onFirstStep()));
    const news = past(2, [...onFirstStep(), paused(2)]);
    const [notice] = news.notices;
    const said = Array.from({ length: 40 }, (_, nth) => ({
      ...(notice as News['notices'][number]),
      ...{
        n: 10 + nth,
        line: `${nth} ${'x'.repeat(300)}`,
        importance: 'detail' as const,
        kind: 'judged' as const,
      },
    }));
    trouble(undefined, 'down');
    const first = await deliver('bot', { ...news, notices: said }, memo);
    const left = said.filter(({ n }) => n > (first.upTo?.n ?? 0));
    expect(left.length).toBeLessThan(said.length);
    await deliver('bot', { ...news, notices: left }, memo);
    const posted = slack
      .in('#deploys', memo?.ts)
      .slice(1)
      .flatMap(({ content }) => content.blocks as { text: { text: string } }[])
      .flatMap(({ text }) => text.text.split('\n'));
    expect(posted).toEqual(said.map(({ line }) => line));
  });

  test.each([
    ['with what comes next, if nothing was left to say', 9],
    ['with the line that met nothing to stand under', 2],
  ])('posts again after it was deleted, %s', async (_, delivered) => {
    const { slack, deliver } = stage();
    const { memo } = await deliver('bot', newsOf(onFirstStep()));
    slack.messages.splice(0);
    const events = [...onFirstStep(), paused(2)];
    const gone = await deliver('bot', past(delivered, events), memo);
    expect(gone.error).toBeUndefined();
    if (delivered === 9) {
      expect(gone.memo).toEqual({});
      await deliver('bot', past(2, events), gone.memo);
    }
    expect(lines(slack)).toEqual([expect.stringContaining('paused')]);
    const [message] = slack.in('#deploys');
    expect(lines(slack, message?.ts)).toEqual([expect.stringMatching(/^paused by ada/)]);
    if (delivered === 2)
      expect(gone).toMatchObject({ memo: { ts: message?.ts }, upTo: past(2, events).notices[0] });
  });

  test('of somebody else does not wait for this one', async () => {
    const { slack, deliver, clock } = stage();
    const from = clock.now();
    await deliver('bot', newsOf(onFirstStep()));
    await deliver('other', newsOf(onFirstStep()));
    expect(clock.now() - from).toBeLessThan(2_500);
    expect(slack.limited).toBe(0);
  });
});

describe('when Slack does not take it', () => {
  test.each<[string, SlackTrouble, RegExp]>([
    ['is down', 'down', /503/],
    ['cannot be reached', 'unreachable', /fetch failed/],
    ['is too slow', { slowMs: 3_000 }, /did not answer within 2.5 s/],
    ['has revoked the token', { error: 'token_revoked' }, /token_revoked/],
    ['does not know the channel', { error: 'channel_not_found' }, /channel_not_found/],
  ])('because it %s, nothing is done and the error says so', async (_, what, error) => {
    const { slack, deliver, trouble, clock } = stage();
    trouble(what);
    const from = clock.now();
    const result = await deliver('bot', newsOf(onFirstStep()));
    expect(String(result.error)).toMatch(error);
    expect(result.done).toEqual([]);
    expect(clock.now() - from).toBeLessThan(3_000);
    expect(slack.calls.length).toBe(1);
    // The next try begins where this one stopped.
    expect((await deliver('bot', newsOf(onFirstStep()))).error).toBeUndefined();
  });

  test('a token of another kind is refused with status 200, and never tried on', async () => {
    const { slack, deliver } = stage({ token: 'xoxb-theirs' });
    expect(String((await deliver('bot', newsOf(onFirstStep()))).error)).toContain('invalid_auth');
    expect(slack.calls.length).toBe(1);
  });

  test('at its second message, the first one is not posted again', async () => {
    const { slack, deliver, trouble } = stage();
    trouble(undefined, 'down');
    const first = await deliver('bot', newsOf(onFirstStep()));
    expect(first.upTo).toMatchObject({ n: 1 });
    const again = await deliver('bot', past(1, onFirstStep()), first.memo);
    expect(again.error).toBeUndefined();
    expect(lines(slack).length).toBe(1);
    expect(lines(slack, first.memo?.ts)).toEqual(['api raised to 10 %']);
  });

  test('for the number of calls, nobody calls until it said so', async () => {
    const { slack, deliver, trouble, clock } = stage();
    trouble({ retryAfter: 20 });
    const limited = await deliver('bot', newsOf(onFirstStep()));
    expect(limited.error).toMatchObject({ code: 'RateLimited', retryAfter: 20 });
    const early = await deliver('bot', newsOf(onFirstStep()));
    expect(early.error).toMatchObject({ code: 'RateLimited' });
    expect(slack.calls.length).toBe(1);
    await clock.advance(20_000);
    expect((await deliver('bot', newsOf(onFirstStep()))).error).toBeUndefined();
  });

  test('because it cannot lay it out, the text alone is posted', async () => {
    const { slack, deliver, trouble } = stage();
    trouble({ error: 'invalid_attachments' });
    expect((await deliver('bot', newsOf(onFirstStep()))).error).toBeUndefined();
    expect(slack.messages[0]?.content).toMatchObject({
      text: expect.stringContaining('10 %'),
      attachments: [],
    });
  });

  test('an answer that says when in no way to be believed is waited for half a minute', async () => {
    const { deliver, trouble } = stage();
    trouble({ retryAfter: Number.NaN });
    expect((await deliver('bot', newsOf(onFirstStep()))).error).toMatchObject({ retryAfter: 30 });
  });
});

describe('many rollouts at once', () => {
  test('stay within a message a second for a channel and 40 updates a minute, and the newest state wins', async () => {
    const { slack, deliver, clock } = stage();
    const memos: (Memo | undefined)[] = [];
    for (let nth = 0; nth < 10; nth++)
      memos.push((await deliver('bot', newsOf(onFirstStep().slice(0, 1)))).memo);
    const from = clock.now();
    for (let round = 0; round < 12; round++) {
      for (const memo of memos) await deliver('bot', past(9, inVerify()), memo);
      await clock.advance(5_000);
    }
    const minutes = (clock.now() - from) / 60_000;
    const updates = slack.in('#deploys').reduce((sum, each) => sum + each.updates, 0);
    expect(slack.limited).toBe(0);
    expect(updates).toBeLessThanOrEqual(40 * minutes + 1);
    expect(updates).toBeGreaterThan(20);
    const posts = slack.messages.map(({ at }) => at);
    for (const [nth, at] of posts.entries())
      if (nth > 0) expect(at - (posts[nth - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
  });
});

describe('an incoming webhook', () => {
  test('gets a message for each important notice, and none for the others', async () => {
    const { slack, deliver } = stage();
    const news = newsOf([...onFirstStep(), measured('pass', [1, 3]), paused(4)]);
    const { upTo } = await deliver('webhook', news);
    expect(slack.messages.map(({ by }) => by)).toEqual(['webhook', 'webhook']);
    expect(upTo).toMatchObject({ n: news.notices.at(-1)?.n });
    expect(JSON.stringify(slack.messages[1]?.content)).toContain('paused by ada: lunch');
  });

  test('says which ones it has, so that none comes again after a failure', async () => {
    const { slack, deliver } = stage();
    const news = newsOf([...onFirstStep(), paused(4)]);
    slack.trouble = (() => {
      let calls = 0;
      return () => (++calls === 2 ? 'down' : undefined);
    })();
    const first = await deliver('webhook', news);
    expect(first.upTo).toMatchObject({ n: 1 });
    await deliver('webhook', { ...news, notices: news.notices.slice(2) });
    expect(slack.messages.length).toBe(2);
  });

  test('whose address is wrong says so, without the address', async () => {
    const { deliver } = stage({ webhook: 'https://hooks.slack.com/services/T1/B1/old' });
    const { error } = await deliver('webhook', newsOf(onFirstStep()));
    expect(String(error)).toBe('SlackRefusal: Slack refused: no_service.');
  });
});
