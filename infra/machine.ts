import definition from '../statemachines/rollout.asl.json';
import { substituted } from './asl.ts';
import { startedBy } from './facts.ts';
import { arnsOf, type Place, prefixOf } from './place.ts';
import { lentRole } from './roles.ts';
import type { Settings } from './settings.ts';

/** The state machine that carries rollouts out, from its file as it is. Its history shows what executions were given, so who may read that is privileged; its log does not. */
export function machine(place: Place, settings: Settings, functions: Record<string, sst.aws.Function>) {
  const arns = arnsOf(place);
  const called = startedBy('machine');
  const { role, policy } = lentRole('Machine', 'machine', place);
  const log = new aws.cloudwatch.LogGroup('MachineLog', {
    // Names that begin so do not count against the size of the account's log policy (Step Functions developer guide, "Logging").
    name: `/aws/vendedlogs/states/${prefixOf(place)}`,
    retentionInDays: settings.logDays,
  });
  return new aws.sfn.StateMachine(
    'Machine',
    {
      name: prefixOf(place),
      type: 'STANDARD',
      roleArn: role.arn,
      definition: substituted(
        JSON.stringify(definition),
        Object.fromEntries(called.map((name) => [name, arns.function(name)])),
      ),
      loggingConfiguration: {
        level: 'ALL',
        includeExecutionData: false,
        logDestination: $interpolate`${log.arn}:*`,
      },
      tracingConfiguration: { enabled: true },
    },
    { dependsOn: [policy, ...called.flatMap((name) => functions[name]?.nodes.function ?? [])] },
  );
}
