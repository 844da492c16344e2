/// <reference types="node" />

export interface RolloutSiteArgs {
  /** The service whose rollouts may move the site. */
  service: string;
  /** The stage of the controller that moves its visitors. */
  environment: string;
  /** How the build names the page of `/about`: `dir` is `/about/index.html`, `html` is `/about.html`, `spa` is `/index.html` for all. `dir` unless said otherwise. */
  layout?: 'dir' | 'html' | 'spa';
  /** Paths that go to a function, whose version is chosen with the page's: URLs of its aliases `live` and `candidate`. */
  api?: { path: string; live: $util.Input<string>; candidate: $util.Input<string> };
  /** What visitors are known by, instead of a cookie of Spillway's own; `tls-fingerprint` sets none, and visitors with the same browser move together; not together with `api`. */
  id?: { cookie: string } | { header: string } | 'tls-fingerprint';
  /**
   * Where pages report their visitors to, by the script `beacon` of `edge/built.json`: a path of the site, the address that the controller's
   * deployment prints as `beacon`, and a random text of at least 16 characters.
   */
  reports?: { path: string; to: $util.Input<string>; key: $util.Input<string> };
  /**
   * True if `404.html` of a build is answered, with status 404, for what is missing. It is one page for all releases, that of the newest
   * upload; not together with `api`, whose own answers of 404 it would replace.
   */
  errorPage?: boolean;
  /** True if a segment of a rollout file goes by countries. */
  countries?: boolean;
  /** Names of headers that segments of a rollout file go by. */
  segmentHeaders?: string[];
  /** The site's own name, with the ARN of its certificate in us-east-1. DNS is yours to point at the distribution. */
  domain?: { name: string; aliases?: string[]; cert: $util.Input<string> };
}

/**
 * A static site whose visitors a Spillway controller moves: a bucket for its files, a CloudFront distribution with the functions of the
 * edge, and the store that says which release each visitor gets. `spillway release --site` uploads a build.
 */
export declare class RolloutSite extends $util.ComponentResource {
  constructor(name: string, args: RolloutSiteArgs, options?: $util.ComponentResourceOptions);
  /** What a rollout file calls the site: the name of its store. */
  readonly name: $util.Output<string>;
  /** Where releases are uploaded. */
  readonly bucket: $util.Output<string>;
  /** Where visitors find it. */
  readonly url: $util.Output<string>;
  readonly distribution: aws.cloudfront.Distribution;
  /** What linking it gives: `name`, `url` and `bucket`. */
  getSSTLink(): { properties: Record<string, unknown> };
}
