import bundling from './bundling.json';
import { READS, variablesOf } from './environment.ts';
import { FUNCTIONS, type FunctionName, factsOf, fileOf, reservedFor } from './facts.ts';
import { statementsOf } from './grants.ts';
import { type Place, prefixOf } from './place.ts';
import { roleFor } from './roles.ts';
import type { Settings } from './settings.ts';
import { addressOf, publicAddress } from './urls.ts';

/** Every function of the controller, each with a role of its own, and the addresses of the API and of reports. */
export function functions(place: Place, settings: Settings, deadLetters: Record<string, aws.sqs.Queue>) {
  const context = { place, settings, deadLetters };
  // The others are given its address, which it learns itself from each call.
  const ApiPublic = oneFunction('ApiPublic', context);
  const publicApi = publicAddress('ApiPublic', ApiPublic, place, settings);
  const others = FUNCTIONS.filter((name) => name !== 'ApiPublic').map(
    (name) => [name, oneFunction(name, { ...context, publicApi })] as const,
  );
  const made = { ...Object.fromEntries(others), ApiPublic } as Record<FunctionName, sst.aws.Function>;
  // Reports come by it from the distributions of sites. Without a bound a flood of them would take the executions of what reverts.
  const isBounded = reservedFor('Beacon', settings.accountConcurrency) !== undefined;
  const beacon =
    place.siteBuckets.length > 0 && isBounded ? addressOf('Beacon', made.Beacon, place, 'NONE') : undefined;
  return { functions: made, publicApi, beacon, api: addressOf('ApiIam', made.ApiIam, place, 'AWS_IAM') };
}

interface Context {
  place: Place;
  settings: Settings;
  deadLetters: Record<string, aws.sqs.Queue>;
  publicApi?: $util.Input<string> | undefined;
}

function oneFunction(
  name: FunctionName,
  { place, settings, deadLetters, publicApi }: Context,
): sst.aws.Function {
  const functionName = `${prefixOf(place)}-${name}`;
  const { seconds, megabytes, triedForSeconds } = factsOf(name);
  const { role, policy } = roleFor(name, 'lambda.amazonaws.com', statementsOf(name, place), place);
  const reserved = reservedFor(name, settings.accountConcurrency);
  const variables = {
    ...variablesOf(name, place, settings),
    ...(publicApi !== undefined && READS[name].includes('PUBLIC_URL') ? { PUBLIC_URL: publicApi } : {}),
  };
  const made = new sst.aws.Function(
    name,
    {
      name: functionName,
      handler: `functions/${fileOf(name)}.handler`,
      role: role.arn,
      runtime: 'nodejs24.x',
      architecture: 'arm64',
      // Nothing reads the names of functions, and bundles are smaller without them. SST 4.17.1 documents minifying as its
      // default and does not do it unasked.
      nodejs: { minify: true, esbuild: bundling },
      timeout: `${seconds} seconds`,
      memory: `${megabytes} MB`,
      ...(reserved === undefined ? {} : { concurrency: { reserved } }),
      transform: {
        function(args) {
          args.tracingConfig = { mode: 'Active' };
          // SST adds a key and names that nothing here reads; in `sst dev` its bridge does.
          if (!$dev) args.environment = { variables };
        },
        logGroup(args) {
          args.retentionInDays = settings.logDays;
        },
      },
    },
    { dependsOn: [policy] },
  );
  const letters = deadLetters[name];
  if (triedForSeconds !== undefined && letters !== undefined)
    new aws.lambda.FunctionEventInvokeConfig(
      `${name}Events`,
      {
        functionName,
        maximumEventAgeInSeconds: triedForSeconds,
        maximumRetryAttempts: 2,
        destinationConfig: { onFailure: { destination: letters.arn } },
      },
      // The component is there before its function is.
      { dependsOn: [made.nodes.function] },
    );
  return made;
}
