import bundling from './bundling.json';
import { variablesOf } from './environment.ts';
import { ASYNCHRONOUS, FUNCTIONS, type FunctionName, statementsOf } from './grants.ts';
import { type Place, prefixOf } from './place.ts';
import { roleFor } from './roles.ts';
import { assertSecret, reservedFor, type Settings } from './settings.ts';

/**
 * Seconds and megabytes of functions that need more than 10 s and 256 MB: opening reads zips and asks for each target in
 * turn, who hands it over waits longer than that may take (`OPENING_CLIENT` in `functions/_aws.ts`), and processor time
 * comes with memory, which an abort is not to wait for. A tick reads and judges a few hours of five targets or more (`npm run bench -- tick`).
 */
const LARGER: Partial<Record<FunctionName, { seconds: number; megabytes: number }>> = {
  OpenRollout: { seconds: 60, megabytes: 512 },
  Measure: { seconds: 10, megabytes: 512 },
  JournalStream: { seconds: 75, megabytes: 256 },
  Command: { seconds: 75, megabytes: 512 },
  DeadMan: { seconds: 30, megabytes: 256 },
  AlarmEvent: { seconds: 30, megabytes: 256 },
};

/** How long an event is tried again before it becomes a dead letter: the dead man looks again by himself. */
const EVENT_AGE_SECONDS: Partial<Record<FunctionName, number>> = { DeadMan: 120 };

/** Every function of the controller, each with a role of its own. */
export function functions(
  place: Place,
  settings: Settings,
  deadLetters: Record<string, aws.sqs.Queue>,
): Record<FunctionName, sst.aws.Function> {
  const secret =
    settings.hookHosts.length === 0 ? undefined : new sst.Secret('HookSecret').value.apply(assertSecret);
  const made = FUNCTIONS.map(
    (name) => [name, oneFunction(name, place, settings, secret, deadLetters)] as const,
  );
  return Object.fromEntries(made) as Record<FunctionName, sst.aws.Function>;
}

function oneFunction(
  name: FunctionName,
  place: Place,
  settings: Settings,
  secret: $util.Output<string> | undefined,
  deadLetters: Record<string, aws.sqs.Queue>,
): sst.aws.Function {
  const functionName = `${prefixOf(place)}-${name}`;
  const { seconds, megabytes } = LARGER[name] ?? { seconds: 10, megabytes: 256 };
  const { role, policy } = roleFor(name, 'lambda.amazonaws.com', statementsOf(name, place), place);
  const reserved = reservedFor(name, settings);
  const variables = variablesOf(name, place, settings);
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
          if (!$dev)
            args.environment = {
              variables:
                'HOOK_HOSTS' in variables && secret ? { ...variables, HOOK_SECRET: secret } : variables,
            };
        },
        logGroup(args) {
          args.retentionInDays = settings.logDays;
        },
      },
    },
    { dependsOn: [policy] },
  );
  const letters = deadLetters[name];
  if (ASYNCHRONOUS.includes(name) && letters !== undefined)
    new aws.lambda.FunctionEventInvokeConfig(
      `${name}Events`,
      {
        functionName,
        maximumEventAgeInSeconds: EVENT_AGE_SECONDS[name] ?? 3600,
        maximumRetryAttempts: 2,
        destinationConfig: { onFailure: { destination: letters.arn } },
      },
      // The component is there before its function is.
      { dependsOn: [made.nodes.function] },
    );
  return made;
}

/** `ShiftTraffic` stands in `functions/shift-traffic.ts`. */
const fileOf = (name: string) => name.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
