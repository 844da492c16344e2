import * as z from 'zod/mini';
import type { CommandRequest } from '../rollout/command-request.ts';

/** Buttons in messages of Slack, each by its `action_id`. `details` only opens a page; Slack reports its clicks all the same. */
export const BUTTONS = [
  'abort',
  'pause',
  'resume',
  'promote',
  'approve',
  'reject',
  'acknowledge',
  'details',
] as const;
/** One of them. */
export type Button = (typeof BUTTONS)[number];

/** Those that give a command. */
export const COMMANDING = BUTTONS.filter((each) => each !== 'details');

/** `block_id` and `action_id` of the input in a message that takes a reason. */
export const REASON = 'reason';

/** What a button is for, as its `value` says it in JSON. A step or gate that has passed by then is refused, so that no click does more than its button showed. */
export interface ButtonValue {
  rolloutId: string;
  /** Of `promote`: the step that it goes past, from 0. */
  step?: number | undefined;
  /** Of `approve` and `reject`: the weight that the gate is before. */
  gate?: number | undefined;
  /** Of `acknowledge`: what somebody was paged for. */
  page?: string | undefined;
}

const Value: z.ZodMiniType<ButtonValue> = z.object({
  rolloutId: z.string().check(z.minLength(1), z.maxLength(100)),
  step: z.optional(z.int().check(z.gte(0))),
  gate: z.optional(z.number()),
  page: z.optional(z.string()),
});

/** The `value` of a button. */
export const buttonValue = (value: ButtonValue): string => JSON.stringify(value);

/** What the `value` of a button says; undefined if no button of ours has it. */
export function buttonValueFrom(value: string): ButtonValue | undefined {
  try {
    return Value.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}

/** What is wanted of a rollout, without who wants it. */
type Wanted = CommandRequest extends infer Request
  ? Request extends unknown
    ? Omit<Request, 'by' | 'groups' | 'aka' | 'once'>
    : never
  : never;

/** The command that a button gives; undefined if it gives none. */
export function commandOf(
  button: (typeof COMMANDING)[number],
  { rolloutId, step, gate, page }: ButtonValue,
  reason: string,
): Wanted | undefined {
  switch (button) {
    case 'abort':
    case 'pause':
      return { command: button, rolloutId, reason };
    case 'resume':
      return { command: button, rolloutId };
    case 'promote':
      return step === undefined ? undefined : { command: button, rolloutId, step, full: false };
    case 'approve':
      return gate === undefined ? undefined : { command: button, rolloutId, gate };
    case 'reject':
      return gate === undefined ? undefined : { command: button, rolloutId, gate, reason };
    case 'acknowledge':
      return { command: button, rolloutId, page };
  }
}
