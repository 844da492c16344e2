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

/** Whoever calls the function of orders names itself. */
export const actorOf = ({ by }: { by: string }): Actor => ({ id: by, via: 'iam', isVerified: false });
