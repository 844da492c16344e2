import { createHmac } from 'node:crypto';
import type { Button, KnownBlock, MessageAttachment } from '@slack/types';
import type { Clock } from '../../core/ports.ts';
import { within } from '../../core/within.ts';

/** Somebody who reads along; of another workspace in a channel that two companies share. */
export interface SlackPerson {
  id: string;
  name: string;
  team: string;
}

/** What a message says. */
export interface SlackContent {
  text?: string;
  blocks?: KnownBlock[];
  attachments?: MessageAttachment[];
}

/** A message as it stands in a channel. */
interface Posted {
  channel: string;
  ts: string;
  content: SlackContent;
}

/** What somebody was answered, and nobody else sees. */
interface SlackAnswer extends Posted {
  person: string;
}

/** What somebody presses, with what stands in the inputs of the message. */
interface SlackPress {
  person: SlackPerson;
  ts: string;
  action: string;
  inputs: Record<string, string>;
}

/** The app, as its settings pages show it, and where its requests go. */
interface SlackApp {
  id: string;
  team: string;
  signingSecret: string;
  requestUrl(): string;
}

/** An app must answer a click within 3 s ("Handling user interaction"). */
const ANSWER_MS = 3_000;

/** A `response_url` takes five answers within 30 minutes ("Message responses"). */
const [RESPONSES_MAX, RESPONSE_MS] = [5, 30 * 60_000];

/** People who press buttons in messages of an app: what Slack sends for a click, and the answers that they get. */
export class SlackClicks {
  /** What people were answered, in order. */
  readonly answers: SlackAnswer[] = [];
  /** Where clicks go. */
  send: (request: Request) => Promise<Response> = async () => new Response(null, { status: 404 });
  readonly #app: SlackApp;
  readonly #clock: Clock;
  readonly #posted: () => readonly Posted[];
  readonly #responses: { left: number; until: number; channel: string; person: string }[] = [];
  #clicks = 0;

  constructor(app: SlackApp, clock: Clock, posted: () => readonly Posted[]) {
    this.#app = app;
    this.#clock = clock;
    this.#posted = posted;
  }

  /** True if there is such a button now. */
  has({ ts, action }: Pick<SlackPress, 'ts' | 'action'>): boolean {
    return this.#find(ts, action) !== undefined;
  }

  /** Sends what Slack sends for a click. False if the app did not answer in time, or refused it: the person sees a warning. */
  async press({ person, ts, action, inputs }: SlackPress): Promise<boolean> {
    const found = this.#find(ts, action);
    if (found === undefined) throw new Error(`There is no button ${action} in a message ${ts}.`);
    const { channel, content, button, blockId } = found;
    const now = this.#clock.now();
    const nth = this.#responses.push({
      ...{ left: RESPONSES_MAX, until: now + RESPONSE_MS, channel, person: person.id },
    });
    const { id, team, signingSecret, requestUrl } = this.#app;
    const payload = {
      type: 'block_actions',
      token: 'deprecated',
      api_app_id: id,
      team: { id: team, domain: 'shop' },
      enterprise: null,
      is_enterprise_install: false,
      user: { id: person.id, username: person.name, name: person.name, team_id: person.team },
      container: { type: 'message', message_ts: ts, channel_id: channel, is_ephemeral: false },
      trigger_id: `${nth}.${ts}`,
      channel: { id: channel, name: channel },
      message: { type: 'message', ts, ...content },
      response_url: `https://hooks.slack.com/actions/${team}/${nth}`,
      state: {
        values: Object.fromEntries(
          Object.entries(inputs).map(([name, value]) => [
            name,
            { [name]: { type: 'plain_text_input', value: value || null } },
          ]),
        ),
      },
      actions: [
        {
          ...{ type: 'button', action_id: action, block_id: blockId, text: button.text, value: button.value },
          action_ts: this.#ts(now),
        },
      ],
    };
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const seconds = Math.floor(now / 1_000);
    const signature = createHmac('sha256', signingSecret).update(`v0:${seconds}:${body}`).digest('hex');
    const request = new Request(requestUrl(), {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
        'x-slack-request-timestamp': String(seconds),
        'x-slack-signature': `v0=${signature}`,
      },
      body,
    });
    return within(
      ANSWER_MS,
      async () => (await this.send(request).catch(() => undefined))?.status === 200,
      () => false,
      { clock: this.#clock },
    );
  }

  /** Takes an answer to a click, at its `response_url`. */
  async answer(request: Request): Promise<Response> {
    const [, , , nth = ''] = new URL(request.url).pathname.split('/');
    const response = this.#responses[Number(nth) - 1];
    if (response === undefined) return new Response('no_service', { status: 404 });
    if (response.left === 0) return new Response('used_url', { status: 404 });
    const now = this.#clock.now();
    if (response.until < now) return new Response('expired_url', { status: 404 });
    const {
      response_type: type,
      replace_original: isReplaced,
      ...content
    } = (await request.json()) as Record<string, never>;
    if (type !== 'ephemeral' || isReplaced !== false)
      throw new Error('Only answers to one person are simulated.');
    response.left -= 1;
    const { channel, person } = response;
    this.answers.push({ channel, person, ts: this.#ts(now), content });
    return Response.json({ ok: true });
  }

  /** A time as Slack writes it, each once. */
  #ts(now: number): string {
    this.#clicks += 1;
    return `${Math.floor(now / 1_000)}.9${String(this.#clicks).padStart(5, '0')}`;
  }

  #find(ts: string, action: string) {
    const message = this.#posted().find((each) => each.ts === ts);
    const found = message && buttonIn(message.content, action);
    return found && { ...message, ...found };
  }
}

function buttonIn(
  { blocks = [], attachments = [] }: SlackContent,
  action: string,
): { button: Button; blockId: string } | undefined {
  const all = [...blocks, ...attachments.flatMap((each) => (each.blocks ?? []) as KnownBlock[])];
  for (const block of all)
    for (const each of block.type === 'actions' ? block.elements : [])
      if (each.type === 'button' && each.action_id === action)
        return { button: each, blockId: block.block_id ?? '' };
  return undefined;
}
