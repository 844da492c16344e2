import type { FencingToken } from '../core/rollout/fencing-token.ts';
import type { Percent } from '../core/units.ts';
import type { Account } from './account.ts';
import type { SimulatedCloudWatch } from './services/cloudwatch.ts';

/** Where a target sent its traffic at some moment. */
export interface Standing {
  primary: string;
  weights: Record<string, Percent>;
  /** Shares of the canary among visitors of segments that have their own. */
  segments?: Record<string, Percent> | undefined;
}

/** One change of a target's routing that was taken, whoever sent it. */
export interface WitnessedWrite {
  /** As targets name it. */
  key: string;
  before: Standing;
  /** Absent if the target was deleted. */
  after: Standing | undefined;
  /** The token that was sent along; absent for anybody but a rollout. */
  by: FencingToken | undefined;
  /** The revision that it replaced. */
  replaced?: string | undefined;
  /** Whether it was to be taken only if nobody else had written since it was read. */
  isConditional: boolean;
}

/** What was counted of one version in one minute. */
export type Counted = Parameters<SimulatedCloudWatch['invocations']>[0];

/** What the users of one version had met. */
export interface Met {
  requests: number;
  /** Failures of its own: those that the other version would have had as well are not among them. */
  failed: number;
  /** How many answers the function counted itself. */
  counted: number;
}

/** How a version of a target is named where all of them are kept. */
export const served = (key: string, version: string): string => `${key}:${version}`;

/** Learns what truly happens to targets, whatever the controller believes. Versions are named as by `served`. */
export interface Witness {
  wrote(write: WitnessedWrite): void;
  /** Somebody begins to read a target; to be called once he has his answer, with its revision if reads lag behind writes. */
  looking(key: string): (lagging?: string) => void;
  /** Somebody begins to delete a version; to be called once it is done. */
  deleting(version: string): () => void;
  /** Somebody else removed the pin of a target. */
  unpinned(key: string): void;
  /** An exact version was called, which no user does. */
  called(version: string): void;
  counted(version: string, runs: Counted): void;
}

/** Tells the witness of all targets of one kind in a world from now on, and answers for what has happened to them so far. */
export type Observe = (
  account: Account,
  witness: Witness,
) => {
  /** What users have met, by version. */
  met(): Record<string, Met>;
  /** What each published version is made of. */
  artifacts(): Record<string, string>;
};
