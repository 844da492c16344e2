import * as z from 'zod/mini';
import { plainText } from '../plain-text.ts';
import { cut } from '../words.ts';
import type { Access } from './access.ts';
import { type ButtonValue, buttonValueFrom, COMMANDING, REASON } from './slack-button.ts';

const text = z.string();
const named = z.optional(z.nullable(z.object({ id: text })));

/** What Slack sends for a click, as far as it is read ("block_actions payload"); its deprecated `token` is not. */
const Payload = z.object({
  api_app_id: text,
  team: named,
  enterprise: named,
  user: z.object({
    id: text.check(z.regex(/^[UW][A-Z0-9]+$/)),
    team_id: text.check(z.regex(/^[TE][A-Z0-9]+$/)),
    username: z.optional(text),
    name: z.optional(text),
  }),
  actions: z.array(
    z.object({
      action_id: text,
      action_ts: text.check(z.maxLength(40)),
      value: z.optional(text),
    }),
  ),
  state: z.optional(z.object({ values: z.optional(z.record(text, z.record(text, z.unknown()))) })),
  response_url: text.check(z.maxLength(2_000)),
});

/** A click on a button in a message of ours. */
export interface Click {
  /** The workspace that the person is of, or the organization where that is what Slack says; it can be another one than that of the channel. */
  team: string;
  user: string;
  /** What they are called there, which proves nothing. */
  name?: string | undefined;
  button: (typeof COMMANDING)[number];
  value: ButtonValue;
  /** What stands in the message's input; empty if nothing does. */
  reason: string;
  /** When, as Slack writes it: with team and user the id of the click. */
  at: string;
  /** Where the person can be answered, five times within 30 minutes. */
  responseUrl: string;
}

/** The shape of a click, for the function that it is handed to. */
export const clickSchema: z.ZodMiniType<Click> = z.object({
  team: text,
  user: text,
  name: z.optional(text),
  button: z.enum(COMMANDING),
  value: z.object({
    rolloutId: text,
    step: z.optional(z.number()),
    gate: z.optional(z.number()),
    page: z.optional(text),
  }),
  reason: text,
  at: text,
  responseUrl: text,
});

/** Longest name that is kept of somebody. */
const NAME_MAX = 100;

/** Longest text that an input takes ("Plain-text input element"). */
const REASON_MAX = 3_000;

/** What a payload of Slack is: somebody else's, unreadable, something that asks for nothing, or a click. */
type Reading = 'foreign' | 'unreadable' | 'nothing' | Click;

/** Reads what Slack sends; `slack` says which app, and which workspaces or organizations, are ours. */
export function clickFrom(payload: unknown, slack: NonNullable<Access['slack']>): Reading {
  // Shortcuts, dialogs and whatever else somebody has turned on for the app.
  if (Object(payload).type !== 'block_actions') return 'nothing';
  const { data } = Payload.safeParse(payload);
  if (data === undefined) return 'unreadable';
  const { user, team, enterprise, actions, state } = data;
  const places = [team?.id, enterprise?.id];
  const isOurs =
    data.api_app_id === slack.appId && places.some((id) => id !== undefined && slack.teams.includes(id));
  if (!isOurs) return 'foreign';
  // One click is one action; a button of a newer version, or of none, asks for nothing here.
  const [action] = actions;
  const button = COMMANDING.find((each) => each === action?.action_id);
  if (action === undefined || button === undefined) return 'nothing';
  const value = buttonValueFrom(action.value ?? '');
  if (value === undefined) return 'unreadable';
  const input = Object(state?.values?.[REASON]?.[REASON]).value;
  const name = cut(plainText(user.name ?? user.username ?? ''), NAME_MAX);
  return {
    team: user.team_id,
    user: user.id,
    ...(name === '' ? {} : { name }),
    ...{ button, value },
    reason: typeof input === 'string' ? cut(plainText(input), REASON_MAX) : '',
    at: action.action_ts,
    responseUrl: data.response_url,
  };
}
