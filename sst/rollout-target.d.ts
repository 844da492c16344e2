/// <reference types="node" />

/** How a release goes out: a rollout file without `service` and `targets`, which the component knows. */
export interface ReleaseArgs {
  /** What has to be there before the release is announced: whatever else this deployment changes. */
  after?: $util.Resource[];
  steps?: { weight: number; bake: string; maxBake?: string }[];
  strategy?: string;
  verify?: string;
  // The other fields of a rollout file; the controller checks all of them when it opens the rollout.
  [field: string]: unknown;
}

export interface RolloutTargetArgs {
  /** The service whose rollouts may touch the function; one target makes one service. */
  service: string;
  /** The stage of the controller that moves the traffic. */
  environment: string;
  /** The function, as `new sst.aws.Function()` takes it. Provisioned concurrency and a URL of its own are refused. */
  function: sst.aws.FunctionArgs;
  /** Function URLs: one for users on `live`, and one on `candidate` for a look at the newest version. */
  url?: boolean | { authorization: 'iam' | 'none' };
  /** Count responses, faults and client errors of each version, so that `http5xx` can be watched; true unless said otherwise. Must be false if the function streams its response; its rollouts then complete as unproven. */
  counters?: boolean;
  /** Count how long answers take too, so that `p95` can be watched; costs custom metrics. */
  latency?: boolean;
}

/**
 * A Lambda function whose traffic a Spillway controller moves: versioned, tagged for its service, with an alias `live`
 * that deployments create and never change. In `sst dev` it is the plain function.
 */
export declare class RolloutTarget extends $util.ComponentResource {
  constructor(name: string, args: RolloutTargetArgs, options?: $util.ComponentResourceOptions);
  /** For API routes, queues, buses and schedules: the alias `live`, or the plain function in `sst dev`. */
  readonly arn: $util.Output<string>;
  readonly functionName: $util.Output<string>;
  /** The version that this deployment published. */
  readonly version: $util.Output<string>;
  /** Where users call it; undefined without `url`. */
  readonly url: $util.Output<string> | undefined;
  /** Where the newest version can be called before users meet it; undefined without `url`, and in `sst dev`. */
  readonly candidateUrl: $util.Output<string> | undefined;
  readonly function: sst.aws.Function;
  /** Asks the controller to roll this deployment's version out, once `after` is there. Call it last. Does nothing in `sst dev`. */
  release(args: ReleaseArgs): aws.s3.BucketObjectv2 | undefined;
  /** What linking it gives: `name`, `qualifier`, `arn`, `url`, and the right to invoke `live` alone. */
  getSSTLink(): { properties: Record<string, unknown>; include: unknown[] };
}
