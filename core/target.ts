import type { Limit } from './analysis/types.ts';
import type { Seconds } from './units.ts';

/** What receives traffic, with the two versions of this rollout. `kind` and `ref` belong to the adapter; core never looks inside `ref`. */
export interface Target {
  name: string;
  kind: string;
  /** One string per thing that can be locked, in every account and region: `<partition>:<account>:<region>:<kind>/<name>`. */
  key: string;
  ref: Record<string, string>;
  stable: string;
  /** The version on trial; empty until it is published. */
  canary: string;
  source: Source;
  traits: Traits;
  /** In a question about its counts: the segment whose visitors alone it is about; everybody if it is absent. */
  among?: string | undefined;
  /** What still has to be done before the canary can take traffic. */
  publish?: Publishing | undefined;
  /** True if publishing replaced the function's own code, which a revert restores. */
  replaced?: boolean | undefined;
  /** Names the state in which the opening found it, such as an alias' `RevisionId`, and is another one after every write; absent if the opening did not look. */
  revision?: string | undefined;
}

/** What is to be known of a target by those who need not know its kind. */
export interface Traits {
  /** How many failures one event may make, since it is tried again. */
  burst: number;
  /** True if a visitor stays on the version that it met first. */
  isSticky: boolean;
  /** What it counts beside its requests: `answers` with their status, `batches` with what was handed back of them. */
  counts: readonly ('answers' | 'batches')[];
  /** The limits that it has, with the field of `ref` that names the queue which is read for each. */
  limits: { readonly [L in Limit]?: 'queue' | 'dlq' | 'nothing' };
  /** How long a write takes until all of its visitors are led by it, if that is no matter of a moment. */
  spreadSeconds?: Seconds | undefined;
  /** True if those whom it leads to a version call other targets of that version too. */
  leads?: true | undefined;
  /** The target that leads its callers: it moves after that one, and has no share of its own before. */
  follows?: string | undefined;
  /** What it is called in a sentence, such as "alias live of checkout-prod-Api". */
  noun: string;
  /** What the metrics that an alarm may watch call it, such as the name of its function; absent if they tell no versions apart. */
  metricName?: string | undefined;
}

/** What calls a target, which decides how its failures show. */
export const SOURCES = ['http', 'invoke', 'async', 'sqs', 'stream', 'schedule'] as const;
/** One of the sources. */
export type Source = (typeof SOURCES)[number];

/** `await`: the version exists and is not Active yet. `zip` and `image`: it must be published from this artifact first. */
export type Publishing =
  | { from: 'await' }
  | {
      from: 'zip';
      bucket: string;
      key: string;
      versionId: string;
      sha256: string;
      revision: string;
      was?: string | undefined;
    }
  | { from: 'image'; uri: string; revision: string; was?: string | undefined };
