import { unattendedText } from '../core/people/ahead.ts';
import { overviewer } from '../core/people/overview.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { RolloutView } from '../core/rollout/view.ts';

/** How a rollout stands, in the sentences that the first screen of its page has. */
export function standingOf(view: RolloutView, events: readonly RolloutEvent[]): string[] {
  const told = overviewer();
  for (const event of events) told.add(event);
  const shown = told.show(view.outcome === undefined ? undefined : view.state);
  if (shown === undefined) return [];
  const { headline, call, met, share, ahead } = shown;
  const isOver = view.outcome !== undefined;
  return [
    headline,
    call && `Needs a person: ${call}`,
    met,
    isOver ? undefined : share,
    isOver ? undefined : ahead && unattendedText(ahead, view.lastEventAt),
  ].flatMap((text) => (text === undefined ? [] : [/[.!?]$/.test(text) ? text : `${text}.`]));
}
