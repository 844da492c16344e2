import type { Opening, RolloutEvent } from '../../core/rollout/event.ts';
import { assertGroups } from '../../core/rollout/gate.ts';
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
  ports: Needs<'access' | 'clock' | 'hookCheck'>,
): Promise<Decided> {
  const events = open(gathered, ports.clock.now());
  for (const event of events) if (event.type === 'RolloutOpened') await assertAskable(event, ports);
  return { ...gathered, events };
}

/** A hook or a gate that can never be asked refuses the release now, not half-way up. */
async function assertAskable(
  { gates, hooks, service }: Opening,
  { access, hookCheck }: Needs<'access' | 'hookCheck'>,
): Promise<void> {
  assertGroups(gates, Object.keys(access.groups));
  for (const hook of hooks) await hookCheck(hook.kind)(hook, service);
}
