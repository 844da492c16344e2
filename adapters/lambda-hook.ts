import { GetFunctionCommand, InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import {
  ANSWER_BYTES_MAX,
  broken,
  excerpt,
  type HookAnswer,
  hookAnswerFrom,
  tooLong,
} from '../core/hook-answer.ts';
import type { Clock, HookCheck, HookRunner } from '../core/ports.ts';
import type { Hook } from '../core/rollout/event.ts';
import { nameOf, onceVisible, reach, SERVICE_TAG } from './_aws.ts';
import { HOOK_LIMIT_MS, inTime, payloadOf } from './_hook.ts';

/** Hooks that are Lambda functions of the same service, invoked synchronously; `spec.functionName` names the function. */
export function lambdaHook(client: LambdaClient, clock: Clock): HookRunner {
  const invoke = async (name: string, payload: object, abortSignal: AbortSignal): Promise<HookAnswer> => {
    const { FunctionError, Payload = new Uint8Array() } = await client.send(
      new InvokeCommand({ FunctionName: name, Payload: new TextEncoder().encode(JSON.stringify(payload)) }),
      // The client's own limit is meant for short calls, and it would ask once more after it.
      { abortSignal, requestTimeout: HOOK_LIMIT_MS },
    );
    if (FunctionError !== undefined)
      return broken(`function ${name} failed: ${errorFrom(Payload)}${ofCodeDeploy(Payload)}`);
    return Payload.length > ANSWER_BYTES_MAX ? tooLong() : hookAnswerFrom(new TextDecoder().decode(Payload));
  };
  return {
    ask: (question, signal) =>
      inTime(
        async (stop) => {
          const look: Look = (command) => client.send(command, { abortSignal: stop });
          await assertOwned(question.hook, question.about.service, look);
          return invoke(nameIn(question.hook), payloadOf(question), stop);
        },
        { clock, signal },
      ),
  };
}

/** Refuses a function that `lambdaHook` would not call. */
export const lambdaHookCheck =
  (client: LambdaClient, clock: Clock): HookCheck =>
  (hook, service) =>
    assertOwned(hook, service, (command) => onceVisible(clock, () => client.send(command)));

/** How Lambda is asked about a function. */
type Look = (command: GetFunctionCommand) => Promise<{ Tags?: Record<string, string> | undefined }>;

/** A service may only call what its own infrastructure tagged for it. @throws RolloutError OpeningRefused, or Unavailable */
async function assertOwned(hook: Hook, service: string, look: Look): Promise<void> {
  const name = nameIn(hook);
  const tags = await tagsOf(() =>
    reach(`function ${name}`, () => look(new GetFunctionCommand({ FunctionName: name }))),
  );
  if (tags === undefined)
    throw refused(
      hook,
      `there is no function ${name} in this account and region; create it or correct its name`,
    );
  if (tags === 'hidden')
    throw refused(
      hook,
      `function ${name} is not in this account and region, or carries no tag ${SERVICE_TAG}; correct its name, or let its owner tag it ${SERVICE_TAG}=${service}`,
    );
  const owner = tags[SERVICE_TAG];
  if (owner === service) return;
  throw refused(
    hook,
    `function ${name} ${owner === undefined ? `carries no tag ${SERVICE_TAG}` : `belongs to service ${owner}`}; its owner must tag it ${SERVICE_TAG}=${service}, or the hook must name another one`,
  );
}

/** Undefined if there is no such function; `hidden` if IAM lets the controller see none without the tag. */
async function tagsOf(read: () => ReturnType<Look>): Promise<Record<string, string> | undefined | 'hidden'> {
  try {
    const { Tags = {} } = await read();
    return Tags;
  } catch (error) {
    if (nameOf(error) === 'AccessDeniedException') return 'hidden';
    if (nameOf(error) !== 'ResourceNotFoundException') throw error;
    return undefined;
  }
}

function nameIn({ spec }: Hook): string {
  return 'functionName' in spec ? spec.functionName : '';
}

/** A hook that was written for CodeDeploy reports to CodeDeploy, which has not asked it. */
function ofCodeDeploy(payload: Uint8Array): string {
  const text = new TextDecoder().decode(payload.slice(0, ANSWER_BYTES_MAX));
  return /LifecycleEventHookExecution|DeploymentId|DeploymentDoesNotExist/i.test(text)
    ? '; it reports to CodeDeploy, which did not ask it: let it return { status, reason } instead of calling PutLifecycleEventHookExecutionStatus'
    : '';
}

function errorFrom(payload: Uint8Array): string {
  const text = new TextDecoder().decode(payload.slice(0, ANSWER_BYTES_MAX));
  try {
    const { errorType, errorMessage } = JSON.parse(text) as { errorType?: string; errorMessage?: string };
    return excerpt(`${errorType ?? 'Error'}: ${errorMessage ?? ''}`);
  } catch {
    return excerpt(text);
  }
}

function refused({ id }: Hook, what: string): RolloutError {
  return new RolloutError('OpeningRefused', `hooks.${id}: ${what}.`);
}
