import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { revertFrozen } from '../adapters/direct-abort.ts';
import { keyValueStore } from '../adapters/key-value-store.ts';
import { byKind } from '../adapters/registry.ts';
import { s3Client } from '../adapters/s3-client.ts';
import { schedulerWatchdog } from '../adapters/scheduler-watchdog.ts';
import { routers } from '../targets/adapters.ts';
import { KINDS } from '../targets/kinds.ts';

/** Reverts a rollout by the caller's own rights: for when the controller is down. @throws as `revertFrozen` does */
export function revertDirectly(
  { lambda, scheduler }: { lambda: LambdaClient; scheduler: SchedulerClient },
  groupName: string,
  { rolloutId, by }: { rolloutId: string; by: string },
): Promise<string[]> {
  const clock = {
    now: () => Date.now(),
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  };
  const clients = {
    lambda,
    stores: keyValueStore(lambda.config, { clock }),
    s3: s3Client(lambda.config, { clock }),
  };
  const watchdog = schedulerWatchdog(scheduler, {
    functionArn: '',
    stateMachineArn: '',
    roleArn: '',
    groupName,
  });
  return revertFrozen(rolloutId, by, watchdog, KINDS, byKind(routers, clients, clock));
}
