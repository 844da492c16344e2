import type { Actor } from './actor.ts';

/** What a person, or a hook that answers late, wants of a rollout. */
export type Order = { rolloutId: string; by: string } & (
  | { command: 'pause'; reason: string }
  | { command: 'resume' }
  | { command: 'promote'; step?: number | undefined; full: boolean }
  | { command: 'approve'; gate: number }
  | { command: 'answer'; hook: string; status: 'pass' | 'fail' | 'inconclusive'; reason: string }
  | { command: 'abort'; reason: string }
  | { command: 'rollback'; reason: string }
  | { command: 'retry' }
);

/** Who gives an order, by its own word: the function that takes orders does not know its caller. */
export const actorOf = ({ by }: { by: string }): Actor => ({ id: by, via: 'iam', isVerified: false });
