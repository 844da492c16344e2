import { createHmac } from 'node:crypto';
import { type ButtonValue, buttonValue } from '../../core/people/slack-button.ts';

export const SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
export const TEAM = 'T024BE7LD';
export const APP = 'A024BE7LD';
const RESPONSE_URL = `https://hooks.slack.com/actions/${TEAM}/1/x`;

/** What of a click is not as usual; what is null is left out. */
export interface ClickOptions {
  button?: string;
  value?: ButtonValue | string;
  user?: object;
  reason?: string;
  at?: string;
  more?: object;
}

/** What Slack sends for a click, as its documentation shows it ("block_actions payload"). */
export function payloadOf(
  id: string,
  { button = 'abort', value, user, reason, at, more }: ClickOptions = {},
) {
  return {
    type: 'block_actions',
    token: 'deprecated-and-wrong',
    api_app_id: APP,
    team: { id: TEAM, domain: 'shop' },
    enterprise: null,
    is_enterprise_install: false,
    user: { id: 'U1', username: 'ada', name: 'ada', team_id: TEAM, ...user },
    container: { type: 'message', message_ts: '1548261231.000200', channel_id: 'CBR2V3XEX' },
    trigger_id: '12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3',
    channel: { id: 'CBR2V3XEX', name: 'deploys' },
    message: { type: 'message', ts: '1548261231.000200', text: 'a rollout' },
    response_url: RESPONSE_URL,
    state: {
      values: reason === undefined ? {} : { reason: { reason: { type: 'plain_text_input', value: reason } } },
    },
    actions: [
      {
        type: 'button',
        block_id: 'buttons',
        action_id: button,
        value: typeof value === 'string' ? value : buttonValue(value ?? { rolloutId: id }),
        text: { type: 'plain_text', text: 'Abort' },
        action_ts: at ?? '1548426417.840180',
      },
    ],
    ...more,
  };
}

export const formOf = (payload: unknown): string =>
  new URLSearchParams({ payload: JSON.stringify(payload) }).toString();

/** Headers by which Slack says that it sent a body. */
export function signedBy(secret: string, body: string | Uint8Array, seconds: number | string) {
  const signature = createHmac('sha256', secret).update(`v0:${seconds}:`).update(body).digest('hex');
  return {
    'content-type': 'application/x-www-form-urlencoded',
    'x-slack-request-timestamp': String(seconds),
    'x-slack-signature': `v0=${signature}`,
  };
}
