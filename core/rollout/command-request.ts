import type { Instant } from '../units.ts';
import type { Actor } from './actor.ts';

/** What can be wanted of a rollout. */
type Wish =
  | { command: 'pause'; reason: string }
  | { command: 'resume' }
  | { command: 'promote'; step?: number | undefined; full: boolean }
  | { command: 'approve'; gate: number }
  | { command: 'reject'; gate: number; reason: string }
  | { command: 'answer'; hook: string; status: 'pass' | 'fail' | 'inconclusive'; reason: string }
  | { command: 'abort'; reason: string }
  | { command: 'rollback'; reason: string }
  | { command: 'retry' }
  | { command: 'acknowledge'; page?: string | undefined };

/** What a person, or a hook that answers late, wants of a rollout. */
export type CommandRequest = Wish & {
  rolloutId: string;
  by: Actor;
  /** The groups that its giver is in, by the settings of the deployment. */
  groups?: string[] | undefined;
  /** Everything else that its giver is known as, by which the author of a release is recognized. */
  aka?: string[] | undefined;
  once?: Once | undefined;
};

/** A command as whoever may call the function that takes commands words it: who gives it is only said. */
export type UnsignedRequest = Wish & { rolloutId: string; by: string };

/** Makes a command one that is carried out once, however often it comes. */
export interface Once {
  /** The id of a link's token, an idempotency key or a click, with what tells it from those of others. */
  id: string;
  /** The same for every repeat of one command, and another one for every other command. */
  fingerprint: string;
  /** Until when a repeat has to be recognized. */
  expiresAt: Instant;
}

/** An abort. */
export type AbortRequest = Extract<CommandRequest, { command: 'abort' }>;
/** One whose giver is only said. */
export type UnsignedAbort = Extract<UnsignedRequest, { command: 'abort' }>;

/** Somebody by their own word. */
export const saidBy = (by: string): Actor => ({ id: by, via: 'iam', isVerified: false });

/** A command by its giver's own word. */
export const unverified = (request: UnsignedRequest): CommandRequest => ({
  ...request,
  by: saidBy(request.by),
});

/** The function that takes a command: aborts have one of their own, where none waits for room behind a command that takes long. */
export const takerOf = (command: CommandRequest['command']): 'Abort' | 'Command' =>
  command === 'abort' ? 'Abort' : 'Command';

/** True for a function that takes commands. */
export const takesCommands = (name: string): boolean =>
  name === takerOf('abort') || name === takerOf('pause');

/** Commands that open a rollout, for which they wait. */
export const OPENS: readonly CommandRequest['command'][] = ['retry', 'rollback'];
