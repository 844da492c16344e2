import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../core/rollout/event.ts';
import { evolve, type Rollout } from '../core/rollout/state.ts';
import { describe } from '../core/rollout/story.ts';
import type { Backend } from './backend.ts';

/** What a pipeline sees of each outcome; anything else that goes wrong is 1, a wrong call 2. */
export const EXIT_CODES: Record<Outcome, number> = {
  completed: 0,
  reverted: 10,
  refused: 11,
  superseded: 12,
  halted: 13,
};

const POLL_MS = 2_000;
/** How long an upload may take to open a rollout, where no other one is under way. */
const OPENING_MS = 120_000;

/** Says of a release in the queue what it waits for; nothing is under way for a moment after an end. */
export function waiting(rolloutId: string, waitsFor: string[]): string {
  return `${rolloutId} waits for ${waitsFor.length === 0 ? 'its turn, which comes now' : `${waitsFor.join(' and ')} to end`}`;
}

/** Prints a rollout's events as they come, until it ends; answers the exit code of its outcome. */
export async function watchToEnd(backend: Backend, rolloutId: string): Promise<number> {
  const began = Date.now();
  let rollout: Rollout | undefined;
  let seen = 0;
  let isToldToWait = false;
  for (;;) {
    const { rollout: head, events, waitsFor } = await backend.read('rollout', { rolloutId, after: seen });
    for (const event of events) {
      rollout = evolve(rollout, event);
      const line = describe(event, rollout);
      if (line !== undefined) console.log(`${new Date(event.at).toISOString().slice(11, 19)} ${line}`);
    }
    seen += events.length;
    if (head?.outcome !== undefined) return EXIT_CODES[head.outcome];
    if (head === undefined) {
      if (waitsFor !== undefined && !isToldToWait) {
        console.log(waiting(rolloutId, waitsFor));
        isToldToWait = true;
      }
      if (waitsFor === undefined && Date.now() - began > OPENING_MS) {
        console.error(
          `${rolloutId} was not opened within ${OPENING_MS / 1000} s; look at the dead-letter queue of the upload's rule.`,
        );
        return 1;
      }
    }
    await sleep(POLL_MS);
  }
}
