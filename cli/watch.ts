import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../client/client.ts';
import { mayPass } from '../client/passing.ts';
import type { Readings } from '../core/readings.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { outlineText } from '../core/rollout/outline.ts';
import { type RolloutView, storyteller } from '../core/rollout/view.ts';
import { compared } from '../core/words.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { complain, endLive, say, sayJson, showLive } from './print.ts';

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

/** How the events of a rollout are printed: with the statistics below each verdict, or as lines of JSON. */
interface Shown {
  verbose?: true;
  json?: true;
}

/** Prints `first`, and a rollout's events as they come, until it ends; answers the exit code of its outcome. */
export async function watchToEnd(
  client: Client,
  rolloutId: string,
  shown: Shown = {},
  first?: string,
): Promise<number> {
  // Whatever ends this process before the outcome is known, such as a reader that goes away, is no success.
  process.exitCode = 1;
  const leave = (signal: NodeJS.Signals) => {
    for (const each of LEAVING) process.off(each, leave);
    complain(
      `This watch ends; ${rolloutId} continues. "spillway status ${rolloutId}" says where it is, "spillway abort ${rolloutId}" reverts it.`,
    );
    // The caller sees what ended it: a loop of a shell stops too.
    process.kill(process.pid, signal);
  };
  for (const signal of LEAVING) process.once(signal, leave);
  try {
    // Whoever leaves from here on reads that the rollout goes on.
    if (first !== undefined && !shown.json) say(first);
    return await followed(client, rolloutId, shown);
  } finally {
    endLive();
    for (const signal of LEAVING) process.off(signal, leave);
  }
}

async function followed(client: Client, rolloutId: string, { verbose, json }: Shown): Promise<number> {
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
      const told = narrate(event, verbose);
      view = told.view;
      if (json) {
        sayJson({ event });
        continue;
      }
      if (event.type === 'Measured') {
        if (isNoNews(event, said, view)) continue;
        said = event;
      }
      // Who watches what has ended long ago is not told that it serves.
      const line = (event.type === 'RolloutClosed' ? ended : undefined) ?? told.line;
      if (line !== undefined)
        say(`${new Date(event.at).toISOString().slice(11, 19)} ${line}`, colorOf(event));
      if (event.type === 'GateOpened')
        say(`  to approve it: spillway approve ${rolloutId} --gate ${event.gate}`);
    }
    seen += events.length;
    if (isMore) continue;
    if (view?.outcome !== undefined) {
      const code = EXIT_CODES[view.outcome];
      if (json) sayJson({ rolloutId, outcome: view.outcome, reason: view.reason, exitCode: code });
      return code;
    }
    if (version === undefined) {
      if (waitsFor !== undefined && !isToldToWait) {
        if (json) sayJson({ rolloutId, waitsFor });
        else say(waiting(rolloutId, waitsFor));
        isToldToWait = true;
      }
      if (waitsFor === undefined && Date.now() - began > OPENING_MS) {
        complain(
          `${rolloutId} was not opened within ${OPENING_MS / 1000} s; look at the dead-letter queue of the upload's rule, and whether the bucket still sends its events to EventBridge.`,
        );
        return 1;
      }
    }
    if (view !== undefined && !json) showLive(`◌ ${outlineText(view)}${exposed(view)}`);
    await sleep(POLL_MS);
  }
}

/** What users met so far, for the line that changes. */
function exposed({ verdict }: RolloutView): string {
  const [finding] = verdict?.findings ?? [];
  return finding === undefined ? '' : ` (${finding.metric}: ${compared(finding.canary, finding.stable)})`;
}

/** Colors only repeat what the words say. */
function colorOf(event: RolloutEvent): 'red' | 'green' | 'yellow' | undefined {
  if (event.type === 'RolloutClosed') return event.outcome === 'completed' ? 'green' : 'red';
  if (event.type === 'RevertOrdered' || event.type === 'Reverted') return 'red';
  return event.type === 'Paused' || event.type === 'GateOpened' ? 'yellow' : undefined;
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
