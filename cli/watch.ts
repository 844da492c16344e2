import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../client/client.ts';
import { mayPass } from '../client/passing.ts';
import type { Readings } from '../core/readings.ts';
import type { Outcome, RolloutEvent } from '../core/rollout/event.ts';
import { type RolloutView, storyteller } from '../core/rollout/view.ts';
import { complain, say } from './print.ts';

/** What a pipeline sees of each outcome; anything else that goes wrong is 1, a wrong call 2. */
export const EXIT_CODES: Record<Outcome, number> = {
  completed: 0,
  reverted: 10,
  refused: 11,
  superseded: 12,
  halted: 13,
};

const POLL_MS = 2_000;
/** What a person or a CI system ends a watch with. */
const LEAVING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How long a rollout that waits for a person says nothing while its verdict stays as it is: less than the 10 minutes after which some CI systems end a silent job. */
const SILENT_MS = 300_000;
/** How long the controller may be out of reach before the watch ends; the rollout goes on without it. */
const UNREACHABLE_MS = 300_000;
/** How long an upload may take to open a rollout, if no other one is under way. */
const OPENING_MS = 120_000;

/** Says of a release in the queue what it waits for; nothing is under way for a moment after an end. */
export function waiting(rolloutId: string, waitsFor: string[]): string {
  return `${rolloutId} waits for ${waitsFor.length === 0 ? 'its opening, which is next' : `${waitsFor.join(' and ')} to end`}`;
}

/** Says of a release that its manifest is uploaded: from here on its rollout needs nothing of this process. */
export function sayUploaded(rolloutId: string): void {
  say(`${rolloutId} is uploaded`);
}

/** Prints that a release is uploaded, and its rollout's events as they come, until it ends; answers the exit code of its outcome. */
export async function watchToEnd(client: Client, rolloutId: string, isVerbose = false): Promise<number> {
  // Whatever ends this process before the outcome is known, such as a reader that goes away, is no success.
  process.exitCode = 1;
  const leave = (_: NodeJS.Signals, signal: number) => {
    complain(
      `This watch ends; ${rolloutId} continues. "spillway status ${rolloutId}" says where it is, "spillway abort ${rolloutId}" reverts it.`,
    );
    process.exit(128 + signal);
  };
  for (const signal of LEAVING) process.once(signal, leave);
  try {
    sayUploaded(rolloutId);
    return await followed(client, rolloutId, isVerbose);
  } finally {
    for (const signal of LEAVING) process.off(signal, leave);
  }
}

async function followed(client: Client, rolloutId: string, isVerbose: boolean): Promise<number> {
  const began = Date.now();
  const read = patientReader(client);
  const narrate = storyteller();
  let view: RolloutView | undefined;
  let seen = 0;
  let isToldToWait = false;
  let said: Measured | undefined;
  for (;;) {
    const { version, events, isMore, waitsFor, ended } = await read(rolloutId, seen);
    for (const event of events) {
      const told = narrate(event, isVerbose);
      view = told.view;
      if (event.type === 'Measured') {
        if (isNoNews(event, said, view)) continue;
        said = event;
      }
      // Who watches what has ended long ago is not told that it serves.
      const line = (event.type === 'RolloutClosed' ? ended : undefined) ?? told.line;
      if (line !== undefined) say(`${new Date(event.at).toISOString().slice(11, 19)} ${line}`);
      if (event.type === 'GateOpened')
        say(`  to approve it: spillway approve ${rolloutId} --gate ${event.gate}`);
    }
    seen += events.length;
    if (isMore) continue;
    if (view?.outcome !== undefined) return EXIT_CODES[view.outcome];
    if (version === undefined) {
      if (waitsFor !== undefined && !isToldToWait) {
        say(waiting(rolloutId, waitsFor));
        isToldToWait = true;
      }
      if (waitsFor === undefined && Date.now() - began > OPENING_MS) {
        complain(
          `${rolloutId} was not opened within ${OPENING_MS / 1000} s; look at the dead-letter queue of the upload's rule, and whether the bucket still sends its events to EventBridge.`,
        );
        return 1;
      }
    }
    await sleep(POLL_MS);
  }
}

type Measured = Extract<RolloutEvent, { type: 'Measured' }>;

/** Whether a rollout that a gate or a pause holds was measured with the verdict that was printed already. */
function isNoNews({ at, verdict }: Measured, said: Measured | undefined, view: RolloutView): boolean {
  const isHeld = view.isPaused || view.gates.some(({ until }) => until !== undefined);
  return isHeld && said?.verdict.status === verdict.status && at - said.at < SILENT_MS;
}

/** Reads a rollout, and goes on asking if a network or a throttle is in the way: a watch of an hour must outlive a bad minute. */
function patientReader(client: Client) {
  let reachedAt = Date.now();
  let isTold = false;
  return async (rolloutId: string, after: number): Promise<Readings['events']> => {
    for (;;) {
      try {
        const reading = await client.events(rolloutId, after);
        [reachedAt, isTold] = [Date.now(), false];
        return reading;
      } catch (error) {
        if (!mayPass(error) || Date.now() - reachedAt > UNREACHABLE_MS) throw error;
        if (!isTold) complain(`${(error as Error).message} The rollout continues; so does this watch.`);
        isTold = true;
        await sleep(POLL_MS);
      }
    }
  };
}
