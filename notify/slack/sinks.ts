import { RolloutError } from '../../core/errors.ts';
import type { Delivered, News, Notice, Sink } from '../../core/people/notice.ts';
import { isLoud } from '../../core/people/route.ts';
import type { Lane, Pace } from '../pace.ts';
import { type SlackClient, SlackRefusal } from './client.ts';
import { noticeMessage, rolloutMessage, type SlackMessage, threadMessages } from './message.ts';

/** Slack takes one message a second for a channel, and counts messages to an incoming webhook alike. */
const laneOf = (channel: string): Lane => ({ name: `slack ${channel}`, everyMs: 1_000 });

/** Slack takes "50+ a minute" of updates for all of a workspace (tier 3); other apps of this bot may make some. */
const UPDATES: Lane = { name: 'slack updates', everyMs: 1_500 };

/** Neither links nor pictures are fetched by Slack: whoever gets a link may act by it. */
const QUIET = { unfurl_links: false, unfurl_media: false };

/** What Slack says of a message that it cannot lay out. What it is about must be heard all the same. */
const UNSHOWN = /^(invalid_(blocks|attachments)|msg_(blocks_)?too_long|too_many_attachments)/;

/** What Slack says of a message that can be updated no more. */
const LOST = /^(message_not_found|cant_update_message|edit_window_closed)$/;

/** What Slack says of a thread whose message somebody has deleted. */
const UNTHREADED = /^(thread_not_found|message_not_found|cannot_reply_to_message)$/;

/** One message per rollout in a channel, which is updated in place, and a line in its thread for each transition. */
export function slackChannel(channel: string, slack: SlackClient, pace: Pace): Sink {
  const paced = async <T>(lane: Lane, call: () => Promise<T>): Promise<T> => {
    await pace.wait(lane);
    try {
      return await call();
    } catch (error) {
      if (RolloutError.is(error, 'RateLimited')) await pace.close(lane, (error.retryAfter ?? 1) * 1000);
      throw error;
    }
  };
  const post = (message: object) =>
    paced(laneOf(channel), () => slack.call('chat.postMessage', { channel, ...QUIET, ...message }));

  return {
    key: `slack ${channel}`,
    async *deliver(news, { ts, id } = {}) {
      const lines = news.notices.filter(isLine);
      if (ts === undefined || id === undefined) {
        if (news.notices.length > 0) yield* begin(news, lines);
        return;
      }
      try {
        yield* thread(ts, lines);
      } catch (error) {
        if (!(error instanceof SlackRefusal) || !UNTHREADED.test(error.reason)) throw error;
        // Somebody has deleted the message: another one takes its place, with what the thread has not said yet.
        yield* begin(news, lines);
        return;
      }
      yield* update(news, { ts, id });
    },
  };

  /** Posts the message of a rollout, and the first lines of its thread. */
  async function* begin(news: News, lines: Notice[]): AsyncIterable<Delivered> {
    const { ts, channel: id } = await shown(rolloutMessage(news), (message) =>
      post({ ...message, metadata: metadataOf(news) }),
    );
    // The message itself says that the rollout has opened, but not what there is to know of it.
    const [first] = lines;
    const isOpening = first?.kind === 'opened' && first.transition?.notices === undefined;
    yield { memo: { ts, id }, ...(isOpening ? { upTo: first } : {}) };
    yield* thread(ts, isOpening ? lines.slice(1) : lines);
  }

  /** Posts lines into the thread of a message. A line that was posted is delivered, whatever becomes of the next ones. */
  async function* thread(thread_ts: string, lines: Notice[]): AsyncIterable<Delivered> {
    for (const { notices, message } of threadMessages(lines)) {
      // A line in a thread notifies nobody who has not written there.
      await post({ thread_ts, ...message, ...(notices.some(isLoud) ? { reply_broadcast: true } : {}) });
      yield { upTo: notices.at(-1) };
    }
  }

  async function* update(news: News, { ts, id }: { ts: string; id: string }): AsyncIterable<Delivered> {
    try {
      await shown(rolloutMessage(news), (message) =>
        paced(UPDATES, () => slack.call('chat.update', { channel: id, ts, ...message })),
      );
    } catch (error) {
      if (!(error instanceof SlackRefusal) || !LOST.test(error.reason)) throw error;
      // Somebody has deleted it: what comes next begins another one.
      yield { memo: {} };
    }
  }
}

/** A new message for each important notice, by an incoming webhook: it can neither update nor be answered. */
export function slackWebhook(url: string, slack: SlackClient, pace: Pace): Sink {
  const lane = laneOf('incoming webhook');
  return {
    key: 'slack-webhook',
    async *deliver(news) {
      for (const notice of news.notices) {
        if (notice.importance === 'detail') continue;
        await pace.wait(lane);
        try {
          await shown(noticeMessage(news, notice), (message) => slack.post(url, { ...message, ...QUIET }));
        } catch (error) {
          if (RolloutError.is(error, 'RateLimited')) await pace.close(lane, (error.retryAfter ?? 1) * 1000);
          throw error;
        }
        yield { upTo: notice };
      }
    },
  };
}

/** Figures that are only newer are no line. */
const isLine = ({ kind }: Notice): boolean => kind !== 'measured';

const metadataOf = ({ view }: News) => ({
  event_type: 'spillway_rollout',
  event_payload: { rolloutId: view.opening.rolloutId },
});

/** Posts a message, and its text alone if Slack cannot lay it out. */
async function shown<T>(
  message: SlackMessage,
  post: (message: Partial<SlackMessage>) => Promise<T>,
): Promise<T> {
  try {
    return await post(message);
  } catch (error) {
    if (!(error instanceof SlackRefusal) || !UNSHOWN.test(error.reason)) throw error;
    return post({ text: message.text, attachments: [] });
  }
}
