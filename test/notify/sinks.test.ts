import { SNSClient } from '@aws-sdk/client-sns';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { snsTopics } from '../../adapters/sns-topics.ts';
import type { Delivered, Memo, News, Sink } from '../../core/people/notice.ts';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedSNS } from '../../local/services/sns.ts';
import { snsTopic } from '../../notify/topic.ts';
import { webhookSink } from '../../notify/webhook.ts';
import { actor, measured, onFirstStep, opened, paused, raised } from '../core/rollout/given.ts';
import { HOSTILE, newsOf } from './news.ts';

const ARN = 'arn:aws:sns:eu-west-1:111122223333:deploys';

async function delivered(
  sink: Sink,
  news: News,
  memo?: Memo,
): Promise<{ done: Delivered[]; error: unknown }> {
  const done: Delivered[] = [];
  try {
    for await (const each of sink.deliver(news, memo)) done.push(each);
    return { done, error: undefined };
  } catch (error) {
    return { done, error };
  }
}

describe('a topic', () => {
  function topic() {
    const sns = new SimulatedSNS();
    sns.topic(ARN);
    const client = new SNSClient({ region: 'eu-west-1', cacheMiddleware: true });
    attach(client, sns.operations, { clock: virtualClock() });
    return { sns, sink: snsTopic(ARN, snsTopics(client)) };
  }

  test('gets a message for each notice, with what subscriptions filter by', async () => {
    const { sns, sink } = topic();
    const news = newsOf([...onFirstStep(), measured('pass', [1, 3]), measured('pass', [1, 10]), paused(12)]);
    expect(news.notices.map(({ kind }) => kind)).toEqual([
      'opened',
      'raised',
      'judged',
      'measured',
      'paused',
    ]);
    const { done } = await delivered(sink, news);
    expect(done.map(({ upTo }) => upTo?.n)).toEqual(news.notices.map(({ n }) => n));
    expect(sns.published.map(({ attributes }) => attributes.kind)).toEqual([
      'opened',
      'raised',
      'judged',
      'paused',
    ]);
    expect(sns.published.at(-1)).toMatchObject({
      subject: expect.stringMatching(/^\[prod\] checkout-api r8: paused by ada: lunch/),
      message: expect.stringContaining('Abort: https://api.example/link#a'),
      attributes: { service: 'checkout-api', environment: 'prod', importance: 'important' },
    });
  });

  test('takes any text that somebody wrote', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...HOSTILE), async (text) => {
        const { sns, sink } = topic();
        const by = { ...actor('x'), name: text };
        const events = [
          opened({ release: text, author: text, commit: text }),
          ...raised(10, 1, 0.5),
          paused(2, { by, reason: text }),
        ];
        expect((await delivered(sink, newsOf(events))).error).toBeUndefined();
        expect(sns.published.length).toBe(3);
      }),
      { numRuns: 50 },
    );
  });

  test('that is not there is not taken for one that has it', async () => {
    const { sns } = topic();
    const client = new SNSClient({ region: 'eu-west-1', cacheMiddleware: true });
    attach(client, sns.operations, { clock: virtualClock() });
    const { done, error } = await delivered(
      snsTopic(`${ARN}-gone`, snsTopics(client)),
      newsOf(onFirstStep()),
    );
    expect([done, String(error)]).toEqual([[], expect.stringContaining('does not exist')]);
  });
});

describe('a webhook', () => {
  function hook(...answers: ('taken' | 'gone' | Error)[]) {
    const posted: { id: string; body: { type: string; timestamp: string; data: Record<string, unknown> } }[] =
      [];
    const post = async (id: string, body: string) => {
      const answer = answers[Math.min(posted.length, answers.length - 1)] ?? 'taken';
      posted.push({ id, body: JSON.parse(body) });
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const gone = vi.fn<() => void>();
    return { posted, gone, sink: webhookSink({ key: 'webhook 1', post }, gone) };
  }

  test('gets every notice under its own id, with the transition in it', async () => {
    const { posted, sink } = hook();
    const news = newsOf([...onFirstStep(), paused(2)]);
    await delivered(sink, news);
    expect(posted.map(({ id }) => id)).toEqual(news.notices.map(({ id }) => id));
    expect(posted.at(-1)?.body).toEqual({
      type: 'rollout.paused',
      timestamp: new Date(news.notices.at(-1)?.at ?? 0).toISOString(),
      data: { ...JSON.parse(JSON.stringify(news.notices.at(-1)?.transition)), links: news.links },
    });
  });

  test('is told of a page, so that it can be acknowledged', async () => {
    const { posted, sink } = hook();
    const paged = { key: 'paused 1', reason: 'no traffic' };
    await delivered(sink, newsOf([...onFirstStep(), paused(2, { why: 'doubt' })], { paged }));
    expect(posted.map(({ body }) => body.data.page)).toEqual([undefined, undefined, 'paused 1']);
  });

  test('says which ones it took, and the others come again', async () => {
    const { sink } = hook('taken', new Error('down'));
    const { done, error } = await delivered(sink, newsOf(onFirstStep()));
    expect(done.map(({ upTo }) => upTo?.n)).toEqual([1]);
    expect(String(error)).toContain('down');
  });

  test('that wants nothing more gets nothing more, and that is said once', async () => {
    const { posted, gone, sink } = hook('gone');
    const { done } = await delivered(sink, newsOf(onFirstStep()));
    expect([posted.length, done.at(-1)?.memo]).toEqual([1, { gone: 'yes' }]);
    await delivered(sink, newsOf(onFirstStep()), { gone: 'yes' });
    expect(posted.length).toBe(1);
    expect(gone).toHaveBeenCalledOnce();
  });
});
