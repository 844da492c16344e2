import type { ServiceRecord } from './ports.ts';
import type { RolloutEvent } from './rollout/event.ts';
import type { Outline } from './rollout/outline.ts';
import type { Rollout } from './rollout/state.ts';

/** What can be read of a controller; reading changes nothing. */
export interface Readings {
  about: { environment: string; bucket: string; scheduleGroup: string };
  /** An outline of each: their heads together would not fit into one answer. */
  running: Outline[];
  service: ServiceRecord;
  /**
   * A page of a rollout's events after version `after`, and the whole rollout with the first page. Ask again after the last one
   * that came while `isMore`. `version` is that of the rollout, and absent if there is none of this id; `waitsFor` names what is
   * under way if it waits in the queue.
   */
  rollout: {
    version?: number | undefined;
    rollout?: Rollout | undefined;
    events: RolloutEvent[];
    isMore?: boolean | undefined;
    /** What its service remembers, if the rollout has ended and another one completed since. */
    now?: ServiceRecord | undefined;
    waitsFor?: string[] | undefined;
  };
}
