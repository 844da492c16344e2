import type { Ports } from '../controller/ports.ts';
import type { WorldClock } from '../local/clock.ts';
import type { Observe } from '../local/witness.ts';
import type { WorldOptions } from '../local/world.ts';
import type { Case } from './case.ts';
import type { FaultName } from './faults.ts';
import type { Scenario } from './scenario.ts';

/** A target of another kind that takes part in a world, beside those of the case. */
export interface Guest {
  /** Its name, and what the rollout file says of it. */
  name: string;
  spec: Record<string, string>;
  /** What its release is; version 2 unless said otherwise. */
  artifact?: object;
  world?: Pick<WorldOptions, 'services' | 'machine'>;
  /** Makes what is already there when the world begins. */
  furnish?(stage: Scenario): void;
  /** The ports of a controller that knows its kind, if the product does not. */
  ports?(ours: Ports): Ports;
  observe?: Observe;
  /** Does to it what a trouble does to the function's alias, if somebody else writes in it. */
  foreignWrite?(stage: Scenario, trouble: FaultName, how: number): void;
  /** Whether its release is as good as what it replaces. */
  isGood: boolean;
}

/** What a guest is made from. */
export interface Hosts {
  clock: WorldClock;
  intercept: WorldOptions['intercept'];
  it: Case;
}
