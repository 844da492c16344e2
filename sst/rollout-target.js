/**
 * A component for users' SST apps. SST puts `aws`, `sst` and the names with a dollar into this file when it bundles the
 * app, so it imports no package of theirs and needs none of its own.
 */

/** The alias that users meet; the controller alone moves it. */
const LIVE = 'live';

/** The alias that always shows the newest version, for a look at it before users meet it. */
const CANDIDATE = 'candidate';

/** What the controller writes on an alias. Every change that a deployment sends carries all three, so none may be sent. */
const CONTROLLERS = ['functionVersion', 'routingConfig', 'description'];

/** A Lambda function whose traffic the controller moves; see `rollout-target.d.ts`. */
export class RolloutTarget extends $util.ComponentResource {
  constructor(name, args, options = {}) {
    super('spillway:sst:RolloutTarget', name, {}, options);
    refuse(name, args);
    const { service, environment, url, counters = true, latency = false } = args;
    this.target = { name, service, environment };
    const { hook, ...given } = args.function;
    this.function = new sst.aws.Function(
      `${name}Function`,
      {
        ...given,
        versioning: true,
        tags: { ...given.tags, 'spillway:service': service },
        ...($dev || !counters
          ? { hook }
          : { hook: counting(name, args.function.handler, hook, { latency }) }),
        // In development the bridge listens on $LATEST, and a URL has to lead there.
        ...($dev && url ? { url: true } : {}),
      },
      { parent: this },
    );
    // SST holds everything of a function for a secret, because its zip was made with a key; none of this is one.
    const made = this.function.nodes.function;
    this.functionName = $util.unsecret(made.apply((each) => each.name));
    this.version = $util.unsecret(made.apply((each) => each.version));
    if ($dev) {
      this.arn = $util.unsecret(made.apply((each) => each.arn));
      this.url = url ? this.function.url : undefined;
    } else {
      this.live = this.alias(LIVE, { ignoreChanges: CONTROLLERS });
      this.candidate = this.alias(CANDIDATE, {});
      this.arn = this.live.arn;
      this.url = url ? this.address(this.live, LIVE, url) : undefined;
      this.candidateUrl = url ? this.address(this.candidate, CANDIDATE, url) : undefined;
    }
    this.registerOutputs({ arn: this.arn });
  }

  /** @internal */
  alias(alias, options) {
    return new aws.lambda.Alias(
      `${this.target.name}-${alias}`,
      { name: alias, functionName: this.functionName, functionVersion: this.version },
      { parent: this, ...options },
    );
  }

  /** @internal A URL needs both permissions, since October 2025 (Lambda developer guide, "Control access to function URLs"). */
  address({ name: qualifier }, alias, url) {
    const isOpen = url === true || url.authorization !== 'iam';
    const resource = `${this.target.name}-${alias}`;
    const of = { functionName: this.functionName, qualifier };
    const made = new aws.lambda.FunctionUrl(
      `${resource}-url`,
      { ...of, authorizationType: isOpen ? 'NONE' : 'AWS_IAM' },
      { parent: this },
    );
    const allowed = { function: this.functionName, qualifier, principal: '*' };
    if (isOpen) {
      new aws.lambda.Permission(
        `${resource}-url-access`,
        { ...allowed, action: 'lambda:InvokeFunctionUrl', functionUrlAuthType: 'NONE' },
        { parent: this },
      );
      new aws.lambda.Permission(
        `${resource}-url-invoke`,
        { ...allowed, action: 'lambda:InvokeFunction', invokedViaFunctionUrl: true },
        { parent: this },
      );
    }
    return made.functionUrl;
  }

  /** Asks the controller to roll the deployed version out, once everything in `after` is there. */
  release({ after = [], ...rollout }) {
    if ($dev) return undefined;
    const { name, service, environment } = this.target;
    if ('service' in rollout || 'targets' in rollout)
      throw new Error(
        `RolloutTarget ${name}: service and targets are known here; take them out of release().`,
      );
    const manifest = $util.all([this.functionName, this.version]).apply(([lambda, version]) => ({
      schema: 1,
      service,
      environment,
      release: `v${version}`,
      // Versions of a function are numbered in their order.
      order: Number(version),
      targets: { [TARGET]: { version } },
      rollout: { service, targets: { [TARGET]: { lambda, alias: LIVE } }, ...rollout },
    }));
    return new aws.s3.BucketObjectv2(
      `${name}-manifest`,
      {
        bucket: $util
          .all([aws.getCallerIdentityOutput({}).accountId, aws.getRegionOutput({}).region])
          .apply(([account, region]) => bucketOf(name, environment, account, region)),
        key: $util.interpolate`releases/${service}/v${this.version}/manifest.json`,
        content: $util.jsonStringify(manifest),
        contentType: 'application/json',
      },
      // The manifests of earlier releases are their history.
      { parent: this, retainOnDelete: true, dependsOn: [this.live, this.candidate, ...after] },
    );
  }

  /** @internal What SST gives to functions that link to this one. */
  getSSTLink() {
    return {
      properties: {
        name: this.functionName,
        qualifier: $dev ? undefined : LIVE,
        arn: this.arn,
        url: this.url,
      },
      include: [sst.aws.permission({ actions: ['lambda:InvokeFunction'], resources: [this.arn] })],
    };
  }
}

/** The name of the one target in the rollout file that this makes. */
const TARGET = 'function';

/** @throws Error if no controller of this stage is deployed beside the target */
async function bucketOf(name, environment, account, region) {
  const bucket = `spillway-${environment}-releases-${account}-${region}`;
  await aws.s3.getBucket({ bucket }).catch((error) => {
    throw new Error(
      `RolloutTarget ${name}: there is no controller of the stage "${environment}" in account ${account} and region ${region} (${error.message}); deploy it there, or name another stage in environment.`,
    );
  });
  return bucket;
}

/** @throws Error naming what cannot be rolled out, and the fix */
function refuse(name, { service, environment, function: given, counters }) {
  const says = (what) => new Error(`RolloutTarget ${name}: ${what}.`);
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(service ?? '') || service.length > 40)
    throw says('service must be 1 to 40 small letters and digits, with single hyphens between them');
  if (!environment) throw says('environment must name the stage of the controller, such as "production"');
  if (given?.handler === undefined)
    throw says('function must be what new sst.aws.Function() takes, with a handler');
  if (given.concurrency?.provisioned !== undefined)
    throw says('an alias with provisioned concurrency takes no weights; take concurrency.provisioned out');
  if (given.url) throw says('function.url would lead to $LATEST; set url on the target instead');
  if (given.versioning === false)
    throw says('only published versions share traffic; take versioning: false out');
  if (given.streaming && counters !== false)
    throw says('the counters cannot see into a streamed response; set counters: false');
  if (given.durable) throw says('a durable function keeps aliases of its own; it cannot be a target');
}

/** Puts the counters round the handler when its bundle is made: the bundle moves aside, and one that counts takes its name. */
function counting(name, handler, hook, options) {
  return {
    async postbuild(folder) {
      if (hook?.postbuild) await hook.postbuild(folder);
      const { access, copyFile, rename, writeFile } = await import('node:fs/promises');
      const { createRequire } = await import('node:module');
      const bundle = `${folder}/bundle.mjs`;
      await access(bundle).catch(() => {
        throw new Error(
          `RolloutTarget ${name}: its bundle is not where counters are put (${bundle}); set counters: false and wrap the handler in withSpillway().`,
        );
      });
      // To require() the package is its CommonJS file; the ES module lies beside it.
      const required = createRequire(`${$cli.paths.root}/sst.config.ts`).resolve('spillway');
      const counters = required.replace(/\.cjs$/, '.mjs');
      const exported = String(handler).split('.').at(-1);
      await rename(bundle, `${folder}/bundle-counted.mjs`);
      await copyFile(counters, `${folder}/with-spillway.mjs`);
      await writeFile(
        bundle,
        `import * as bundle from './bundle-counted.mjs';\nimport { withSpillway } from './with-spillway.mjs';\nexport const ${exported} = withSpillway(bundle.${exported}, ${JSON.stringify(options)});\n`,
      );
    },
  };
}
