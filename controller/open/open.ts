import type { RolloutEvent } from '../../core/rollout/event.ts';
import { open } from '../../core/rollout/open.ts';
import type { Needs } from '../ports.ts';
import type { Gathered } from './gather.ts';

/** The first events of a rollout. */
export interface Decided extends Gathered {
  events: RolloutEvent[];
}

/** Decides how the rollout opens, if it does. @throws RolloutError OpeningRefused naming the field and the fix */
export async function decideOpening(
  gathered: Gathered,
  ports: Needs<'clock' | 'hookCheck'>,
): Promise<Decided> {
  const events = open(gathered, ports.clock.now());
  await assertHooks(events, ports);
  return { ...gathered, events };
}

/** A hook that can never be asked refuses the release now, not half-way up. */
async function assertHooks(events: RolloutEvent[], ports: Needs<'hookCheck'>): Promise<void> {
  for (const event of events) {
    if (event.type !== 'RolloutOpened') continue;
    for (const hook of event.hooks) await ports.hookCheck(hook.kind)(hook, event.service);
  }
}
