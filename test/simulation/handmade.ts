import type { RolloutEvent } from '../../core/rollout/event.ts';
import { evolve, type Rollout } from '../../core/rollout/state.ts';
import { type Instant, type Percent, WINDOW_MS } from '../../core/units.ts';
import { served } from '../../local/witness.ts';
import {
  type Append,
  BUS,
  type MetWindow,
  type RoutingWrite,
  type Run,
  type Said,
} from '../../simulation/recording.ts';
import { minute, target, token } from '../core/rollout/given.ts';

export type Happened = RolloutEvent | RolloutEvent[] | RoutingWrite;

/** A run made by hand: what rollouts wrote into the journal, each with its append or alone, and what was written on their aliases; an opening begins the next one. */
export function runOf(happened: Happened[], more: Partial<Run> = {}): Run {
  const heads: Rollout[] = [];
  const histories: Run['histories'] = {};
  const timeline = happened.map((each): RoutingWrite | Append => {
    if ('kind' in each) return each;
    const events = [each].flat();
    const before = events[0]?.type === 'RolloutOpened' ? undefined : heads.pop();
    const rollout = events.reduce<Rollout | undefined>(evolve, before);
    if (rollout === undefined) throw new Error('A history begins with an opening.');
    heads.push(rollout);
    const { rolloutId } = rollout.opening;
    histories[rolloutId] = [...(histories[rolloutId] ?? []), ...events];
    const at = events[0]?.at ?? 0;
    return { kind: 'append', at, rollout, events, met: metBy(at, more.windows), regionLateMs: 0, put: {} };
  });
  return {
    // As the journal keeps them.
    heads: JSON.parse(JSON.stringify(heads)),
    ...{ timeline, histories, looks: {}, lostLooks: {}, windows: {}, late: {}, deleted: [], unpinned: [] },
    ...{ commands: [], locks: {}, watched: [], artifacts: {}, executions: [] },
    ...{
      receivers: [],
      said: announced(histories),
      spoken: [],
      replies: [],
      deaf: [],
      letters: [],
      humans: {},
    },
    ...more,
  };
}

/** All of it, as the bus hears it. */
const announced = (histories: Run['histories']): Said[] =>
  Object.entries(histories).flatMap(([rolloutId, events]) =>
    events.map(({ at, type }, index) => ({
      ...{ at, to: BUS, by: 'Transitions' as const, rolloutId, id: `${rolloutId}#${index + 1}` },
      ...{ lines: [type], importance: 'important', isUnheard: false },
    })),
  );

/** What users had met by then: what never became an invocation has failed as well. */
const metBy = (until: Instant, windows: Run['windows'] = {}): Append['met'] =>
  Object.fromEntries(
    Object.entries(windows).map(([version, met]) => {
      const past = [...met].filter(([start]) => start + WINDOW_MS <= until);
      const total = (of: keyof MetWindow) => past.reduce((sum, [, each]) => sum + each[of], 0);
      const requests = total('requests') + total('late') + total('lost');
      return [version, { requests, failed: total('failed') + total('lost'), counted: total('counted') }];
    }),
  );

/** The rollout's own write of a share from 7 to 8, under an open token. */
export const moved = (from: Percent, to: Percent, seq: number, minutes: number): RoutingWrite => ({
  ...{ kind: 'write', at: minute(minutes), key: target().key, by: token(seq), isConditional: true },
  ...{ before: standing(from), after: standing(to) },
});

/** The rollout's own revert path, from so much to nothing. */
export const left = (from: Percent, minutes: number): RoutingWrite => ({
  ...moved(from, 0, 1_000, minutes),
  ...{ by: token(1_000, 1, false), isConditional: false },
});

export const standing = (share: Percent) =>
  share === 100 ? { primary: '8', weights: {} } : { primary: '7', weights: share === 0 ? {} : { 8: share } };

/** What the users of each version met in the minutes from one to another: so many requests in each, and more. */
export function windowsOf(met: Record<string, [from: number, to: number, each: Partial<MetWindow>][]>) {
  const none = { requests: 0, failed: 0, counted: 0, weather: 0, late: 0, lost: 0 };
  return Object.fromEntries(
    Object.entries(met).map(([version, stretches]) => [
      served(target().key, version),
      new Map(
        stretches.flatMap(([from, to, each]) =>
          Array.from({ length: to - from }, (_, nth) => [minute(from + nth), { ...none, ...each }] as const),
        ),
      ),
    ]),
  );
}
