import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { revertFrozen } from '../adapters/direct-abort.ts';
import { byKind, routers } from '../adapters/registry.ts';
import { schedulerDeadMan } from '../adapters/scheduler-dead-man.ts';

/** Takes a rollout's canary out by the rights of whoever asks: for when the controller is down. @throws as `revertFrozen` does */
export function revertDirectly(
  { lambda, scheduler }: { lambda: LambdaClient; scheduler: SchedulerClient },
  groupName: string,
  { rolloutId, by }: { rolloutId: string; by: string },
): Promise<string[]> {
  const clock = {
    now: () => Date.now(),
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  };
  const deadMan = schedulerDeadMan(scheduler, {
    functionArn: '',
    stateMachineArn: '',
    roleArn: '',
    groupName,
  });
  // Nobody is asked and nothing is sent on the way out but to the targets.
  const web = { fetch, hosts: [], secret: '' };
  return revertFrozen(rolloutId, by, deadMan, byKind(routers, { lambda, web }, clock));
}
