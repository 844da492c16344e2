import type { Row } from './people/standing.ts';
import type { ServiceRecord } from './ports.ts';
import type { RolloutEvent } from './rollout/event.ts';
import type { RolloutView } from './rollout/view.ts';

/** What can be read of a controller; reading changes nothing. */
export interface Readings {
  about: { environment: string; bucket: string; scheduleGroup: string };
  /** A row of each: their heads together would not fit into one answer. */
  running: Row[];
  /** Rollouts of a service, ended ones included, the newest first. */
  recent: Row[];
  service: ServiceRecord;
  rollout: {
    /** Absent if there is no rollout of this id. */
    view?: RolloutView | undefined;
    waitsFor?: WaitsFor;
  };
  /** Events of a rollout after some version. Ask again after the last one that came while `isMore`. */
  events: {
    /** That of the rollout; absent if there is none of this id. */
    version?: number | undefined;
    events: RolloutEvent[];
    isMore?: boolean | undefined;
    /** How the rollout ended and what serves since, in words; absent before that. */
    ended?: string | undefined;
    waitsFor?: WaitsFor;
  };
}

/** What is under way, if the release waits for it in the queue. */
type WaitsFor = string[] | undefined;
