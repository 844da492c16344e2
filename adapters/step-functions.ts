import {
  SendTaskSuccessCommand,
  type SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Executions } from '../core/ports.ts';
import { nameOf, reach } from './_aws.ts';

/** Executions of the rollout machine, named `<rolloutId>-<epoch>` so that starting one twice starts one. */
export function stepFunctions(client: SFNClient, stateMachineArn: string): Executions {
  const nameFor = (rolloutId: string, epoch: number) => `${rolloutId}-${epoch}`;
  return {
    async start(input) {
      await tolerate(['ExecutionAlreadyExists'], () =>
        client.send(
          new StartExecutionCommand({
            stateMachineArn,
            name: nameFor(input.rolloutId, input.epoch),
            input: JSON.stringify(input),
          }),
        ),
      );
    },
    async stop(rolloutId, epoch, reason) {
      const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${nameFor(rolloutId, epoch)}`;
      await tolerate(['ExecutionDoesNotExist'], () =>
        client.send(new StopExecutionCommand({ executionArn, error: 'TakenOver', cause: reason })),
      );
    },
    async wake(taskToken) {
      await tolerate(['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'], () =>
        client.send(new SendTaskSuccessCommand({ taskToken, output: '{}' })),
      );
    },
  };
}

async function tolerate(names: string[], call: () => Promise<unknown>): Promise<void> {
  try {
    await reach('Step Functions', call);
  } catch (error) {
    if (!names.includes(nameOf(error))) throw error;
  }
}
