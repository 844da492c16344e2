import type { Instant } from '../../core/units.ts';
import type { FunctionName } from '../../infra/facts.ts';
import type { WorldClock } from '../clock.ts';
import { caller } from '../running.ts';
import type { WebServer } from '../web-server.ts';
import { problemsOf } from './slack-limits.ts';

/** A message in a channel, as Slack has it now. */
interface PostedMessage {
  channel: string;
  ts: string;
  /** Absent for a message of its own. */
  thread?: string | undefined;
  isBroadcast: boolean;
  at: Instant;
  /** What it says now. */
  content: Record<string, unknown>;
  /** How often it was updated. */
  updates: number;
  /** `webhook` if it came by an incoming webhook. */
  by: 'bot' | 'webhook';
  /** True if whoever sent it did not learn that it was taken. */
  isUnheard: boolean;
  /** True if somebody has deleted it since: nothing can be said about it any more. */
  isDeleted?: true;
}

/** How a call goes wrong. `silent`: nothing comes of it, and no answer. `lost`: it takes effect, and its answer reaches nobody. */
export type SlackTrouble =
  | 'down'
  | 'unreachable'
  | 'silent'
  | 'lost'
  | { slowMs: number }
  | { retryAfter: number }
  | { error: string };

/** Calls that are not refused for their rate: one message a second for a channel, and short bursts; 50 updates a minute for all of a workspace (Slack's page of rate limits). */
const BURST = 2;
const UPDATES_A_MINUTE = 50;

/** Fields of a message that Slack knows, as far as they are sent. */
const SAID = ['text', 'blocks', 'attachments', 'metadata'];
const FIELDS = [...SAID, 'channel', 'ts', 'thread_ts', 'reply_broadcast', 'unfurl_links', 'unfurl_media'];

/**
 * Slack as its pages describe it, as far as posting goes: errors come with status 200, nothing is posted once only because it is sent
 * twice, an update without blocks removes them, and who calls too often gets a 429 that says when to come again.
 */
export class SimulatedSlack {
  /** Every message, in order. */
  readonly messages: PostedMessage[] = [];
  /** Calls that were refused for their rate. */
  limited = 0;
  /** Calls that reached it. */
  calls: { method: string; at: Instant; by: FunctionName | undefined }[] = [];
  /** What goes wrong with the next calls. */
  trouble: (method: string, body: Record<string, unknown>) => SlackTrouble | undefined = () => undefined;
  /** Channels that the bot may post to; all if it is not said. */
  channels: ReadonlySet<string> | undefined;
  /** Takes answers to clicks, at their `response_url`. */
  onAnswer: WebServer = () => new Response('no_service', { status: 404 });
  readonly #clock: WorldClock;
  readonly #token: string;
  readonly #webhook: string;
  readonly #free = new Map<string, Instant>();
  #updates: Instant[] = [];

  constructor(clock: WorldClock, { token, webhook }: { token: string; webhook: string }) {
    this.#clock = clock;
    this.#token = token;
    this.#webhook = webhook;
  }

  /** Its hosts. */
  servers(): Record<string, WebServer> {
    return {
      'slack.com': (request) => this.#api(request),
      'hooks.slack.com': (request) => this.#hook(request),
    };
  }

  /** Messages that stand by themselves in a channel, or the lines of a thread. */
  in(channel: string, thread?: string): PostedMessage[] {
    return this.messages.filter((each) => each.channel === idOf(channel) && each.thread === thread);
  }

  async #api(request: Request): Promise<Response> {
    const [, method = ''] = /^\/api\/(.+)$/.exec(new URL(request.url).pathname) ?? [];
    const body = (await request.json()) as Record<string, unknown>;
    return this.#troubled(method, body, request.signal, () => {
      const authorization = request.headers.get('authorization') ?? '';
      if (authorization === '') return refused('not_authed');
      if (authorization !== `Bearer ${this.#token}`) return refused('invalid_auth');
      const unknown = Object.keys(body).filter((key) => !FIELDS.includes(key));
      if (unknown.length > 0) throw new Error(`${method} with ${unknown.join(', ')} is not simulated.`);
      if (method === 'chat.postMessage') return this.#post(body);
      if (method === 'chat.update') return this.#update(body);
      return refused('unknown_method');
    });
  }

  async #hook(request: Request): Promise<Response> {
    if (new URL(request.url).pathname.startsWith('/actions/')) return this.onAnswer(request);
    const body = (await request.json()) as Record<string, unknown>;
    return this.#troubled('webhook', body, request.signal, () => {
      if (request.url !== this.#webhook) return new Response('no_service', { status: 404 });
      const wait = this.#tooEarly('webhook');
      if (wait !== undefined) return wait;
      if (problemsOf(body).length > 0) return new Response('invalid_blocks', { status: 400 });
      this.#keep('webhook', undefined, body, 'webhook');
      return new Response('ok');
    });
  }

  async #troubled(
    method: string,
    body: Record<string, unknown>,
    signal: AbortSignal,
    answer: () => Response,
  ): Promise<Response> {
    this.calls.push({ method, at: this.#clock.now(), by: caller() });
    /** What is posted although nobody waits for the answer any more. */
    const unheard = () => {
      const before = this.messages.length;
      const response = answer();
      for (const message of this.messages.slice(before)) message.isUnheard = true;
      return response;
    };
    const trouble = this.trouble(method, body);
    if (trouble === undefined) return answer();
    if (trouble === 'down') return new Response('upstream connect error', { status: 503 });
    if (trouble === 'unreachable') throw new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') });
    if (trouble === 'silent') return new Promise(() => {});
    if (trouble === 'lost') {
      unheard();
      throw new TypeError('fetch failed', { cause: new Error('ECONNRESET') });
    }
    if ('error' in trouble) return refused(trouble.error);
    if ('retryAfter' in trouble) return this.#later(trouble.retryAfter);
    await this.#clock.sleep(trouble.slowMs);
    return signal.aborted ? unheard() : answer();
  }

  #post(body: Record<string, unknown>): Response {
    const { channel, thread_ts, reply_broadcast } = body;
    if (typeof channel !== 'string' || this.channels?.has(channel) === false)
      return refused('channel_not_found');
    const wait = this.#tooEarly(idOf(channel));
    if (wait !== undefined) return wait;
    const problems = problemsOf(body);
    if (problems.length > 0) return refused('invalid_blocks', { errors: problems });
    const thread = typeof thread_ts === 'string' ? thread_ts : undefined;
    if (thread !== undefined && !this.messages.some(({ ts, isDeleted }) => ts === thread && !isDeleted))
      return refused('thread_not_found');
    const kept = this.#keep(idOf(channel), thread, body, 'bot', reply_broadcast === true);
    return Response.json({ ok: true, channel: kept.channel, ts: kept.ts, message: kept.content });
  }

  #update(body: Record<string, unknown>): Response {
    const now = this.#clock.now();
    this.#updates = this.#updates.filter((at) => now - at < 60_000);
    const [first] = this.#updates;
    if (first !== undefined && this.#updates.length >= UPDATES_A_MINUTE)
      return this.#later(Math.ceil((first + 60_000 - now) / 1000));
    this.#updates.push(now);
    // The channel must be its id, not its name.
    const found = this.messages.find(
      ({ channel, ts, isDeleted }) => channel === body.channel && ts === body.ts && !isDeleted,
    );
    if (found === undefined)
      return refused(/^C/.test(String(body.channel)) ? 'message_not_found' : 'channel_not_found');
    const problems = problemsOf(body);
    if (problems.length > 0) return refused('invalid_blocks', { errors: problems });
    // What is not said of the metadata stays as it was; assumed.
    const { metadata } = found.content;
    found.content = { ...(metadata === undefined ? {} : { metadata }), ...saidIn(body) };
    found.updates += 1;
    return Response.json({ ok: true, channel: found.channel, ts: found.ts, text: body.text ?? '' });
  }

  #keep(
    channel: string,
    thread: string | undefined,
    body: Record<string, unknown>,
    by: PostedMessage['by'],
    isBroadcast = false,
  ): PostedMessage {
    const at = this.#clock.now();
    const ts = `${Math.floor(at / 1000)}.${String(this.messages.length + 1).padStart(6, '0')}`;
    const kept = {
      channel,
      ts,
      thread,
      isBroadcast,
      at,
      content: saidIn(body),
      updates: 0,
      by,
      isUnheard: false,
    };
    this.messages.push(kept);
    return kept;
  }

  #tooEarly(channel: string): Response | undefined {
    const now = this.#clock.now();
    const free = Math.max(this.#free.get(channel) ?? 0, now - BURST * 1000);
    if (free + 1000 > now) return this.#later(Math.ceil((free + 1000 - now) / 1000));
    this.#free.set(channel, free + 1000);
    return undefined;
  }

  #later(seconds: number): Response {
    this.limited += 1;
    return Response.json(
      { ok: false, error: 'ratelimited' },
      { status: 429, headers: { 'retry-after': `${seconds}` } },
    );
  }
}

/** The id of a channel by its name. */
const idOf = (channel: string): string =>
  channel.startsWith('#')
    ? `C${channel
        .slice(1)
        .toUpperCase()
        .replace(/[^A-Z0-9]/g, '')}`
    : channel;

const saidIn = (body: Record<string, unknown>): Record<string, unknown> =>
  structuredClone(Object.fromEntries(Object.entries(body).filter(([key]) => SAID.includes(key))));

const refused = (error: string, more: object = {}): Response => Response.json({ ok: false, error, ...more });
