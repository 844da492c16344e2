import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { describe } from '../core/rollout/story.ts';

/** Prints one event, with a bar of where the traffic is whenever it moves or is measured. */
export function narrate(event: RolloutEvent, rollout: Rollout): void {
  const line = describe(event, rollout);
  if (line === undefined) return;
  const time = new Date(event.at).toISOString().slice(11, 19);
  const weight =
    rollout.left === undefined
      ? Math.max(0, ...Object.values(rollout.traffic).map((traffic) => traffic.weight))
      : 0;
  for (const text of line.split('\n')) console.log(`${time} ${bar(weight)} ${text}`);
}

function bar(weight: number): string {
  const filled = Math.ceil(weight / 10);
  return `${'█'.repeat(filled)}${'░'.repeat(10 - filled)} ${String(weight).padStart(3)} %`;
}
