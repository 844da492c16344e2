import type { InvokeCommandInput, InvokeCommandOutput } from '@aws-sdk/client-lambda';
import type { Intercept } from '../../local/sdk.ts';
import { lambdaSmoke } from '../../targets/lambda-alias/smoke.ts';
import { type Asked, type SmokeStage, smokeQuestion } from './hook-runner.ts';
import { ALIAS, FUNCTION, type LambdaStage } from './lambda-stage.ts';
import { targetOf } from './rollouts.ts';

/** What of an HTTP event (payload 2.0) is looked at. */
interface HttpEvent {
  rawPath?: string;
  rawQueryString?: string;
  headers?: Record<string, string>;
  requestContext?: { http?: { method: string } };
  httpMethod?: string;
  path?: string;
  body?: string;
}

/** A smoke test's target on the function of the stage that `make` sets up. */
export async function lambdaSmokeStage(
  make: (intercept: Intercept) => LambdaStage | Promise<LambdaStage>,
): Promise<SmokeStage> {
  const asked: Asked[] = [];
  let changed: (answer: InvokeCommandOutput) => InvokeCommandOutput = (answer) => answer;
  let isReachable = true;
  const intercept: Intercept = async (_command, input, call) => {
    const { Qualifier } = input as InvokeCommandInput;
    if (!isReachable) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    const answer = (await call()) as InvokeCommandOutput;
    if (Qualifier === undefined) throw new Error('An invocation without a version meets whatever serves.');
    return changed(answer);
  };
  const { clock, client, hands, run, spend } = await make(intercept);
  let answer: (event: never) => unknown = () => ({ statusCode: 200 });
  let times: number[] = [];
  const note = (version: string, event: HttpEvent) =>
    asked.push({
      version,
      method: event.requestContext?.http?.method ?? event.httpMethod ?? '',
      path: event.rawPath ?? event.path ?? '',
      query: event.rawQueryString ?? '',
      contentType: event.headers?.['content-type'],
      body: event.body,
    });
  // Version 4 is the canary with code; the numbers of the stage are those of versions 1 to 3, which have none.
  const canary = await hands.publish(FUNCTION, async (event, { functionVersion }) => {
    note(functionVersion === canary ? '2' : functionVersion, event as HttpEvent);
    const took = times.length > 1 ? times.shift() : times[0];
    if (took !== undefined) await spend(took);
    return answer(event as never);
  });
  const target = { ...targetOf('api'), ref: { functionName: FUNCTION, alias: ALIAS }, canary };
  const runner = lambdaSmoke(client, clock, {
    async read({ from, name }) {
      if (name !== 'spillway/checkout/login') throw new Error(`${from} ${name} does not exist; create it`);
      return '{"password":"hunter2"}';
    },
  });
  return {
    runner,
    target,
    run: async (check) => {
      const { status, reason } = await run(runner.ask(smokeQuestion(target, check)));
      return {
        status,
        reason: reason.replaceAll(`version ${canary}`, 'version 2').replace(`not ${canary}`, 'not 2'),
      };
    },
    arrange: {
      answer: (value, ...tookMs) => {
        answer = () => value;
        times = tookMs;
      },
      answerBy: (by) => {
        answer = by;
        times = [];
      },
      fail: (name, message) => {
        answer = () => {
          throw Object.assign(new Error(message), { name });
        };
      },
      throttle: () => hands.limitConcurrency(FUNCTION, 0),
      misroute: (ExecutedVersion) => {
        changed = (given) => ({ ...given, ExecutedVersion });
      },
      garble: () => {
        changed = (given) => ({ ...given, Payload: Uint8Array.of(0xff, 0xfe, 0x7b) as never });
      },
      disconnect: () => {
        isReachable = false;
      },
    },
    asked: () => asked,
  };
}
