import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { isOnlySlow, judgeSmoke, type SmokeAnswer } from '../core/analysis/smoke.ts';
import type { SmokeCheck } from '../core/analysis/types.ts';
import { excerpt } from '../core/hook-answer.ts';
import type { Clock, HookRunner } from '../core/ports.ts';
import type { HookStatus, Target } from '../core/rollout/event.ts';
import { HOOK_LIMIT_MS } from './_hook.ts';

type Result = { status: HookStatus; reason: string };

/** Invokes the exact version with the event that API Gateway (HTTP API, payload 2.0) and function URLs send; no user's request meets it. */
export function lambdaSmoke(client: LambdaClient, clock: Clock): HookRunner {
  const put = async (target: Target, check: SmokeCheck): Promise<SmokeAnswer | Result> => {
    const began = clock.now();
    const { ExecutedVersion, FunctionError, Payload } = await client.send(
      new InvokeCommand({
        FunctionName: target.ref.functionName,
        Qualifier: target.canary,
        Payload: new TextEncoder().encode(JSON.stringify(httpEvent(check, began))),
      }),
    );
    const tookMs = clock.now() - began;
    const text = new TextDecoder().decode(Payload);
    const subject = `${check.method} ${check.path}`;
    if (ExecutedVersion !== target.canary)
      return {
        status: 'broken',
        reason: `${subject} was answered by version ${ExecutedVersion}, not ${target.canary}`,
      };
    if (FunctionError !== undefined)
      return { status: 'fail', reason: `${subject} made version ${target.canary} fail: ${errorFrom(text)}` };
    return { ...responseFrom(text), tookMs };
  };
  const tried = async (target: Target, check: SmokeCheck): Promise<Result> => {
    const first = await put(target, check);
    // The first call of a new version pays its cold start, which users do not meet at every request.
    const answer = !('reason' in first) && isOnlySlow(check, first) ? await put(target, check) : first;
    return 'reason' in answer ? answer : judgeSmoke(check, answer);
  };
  return {
    async ask({ hook, target }) {
      const check = hook.spec as SmokeCheck;
      const subject = `${check.method} ${check.path}`;
      const asked = tried(target, check).catch((error: unknown) =>
        broken(`${subject} could not be put: ${error instanceof Error ? error.message : error}`),
      );
      // Both tries together must end before the function that makes them does.
      const late = clock
        .sleep(HOOK_LIMIT_MS)
        .then(() => broken(`${subject} did not answer within ${HOOK_LIMIT_MS / 1000} s`));
      return Promise.race([asked, late]);
    },
  };
}

const broken = (reason: string): Result => ({ status: 'broken', reason });

function httpEvent({ method, path, body }: SmokeCheck, at: number): object {
  const [rawPath = '/', rawQueryString = ''] = path.split('?');
  const query = [...new URLSearchParams(rawQueryString)];
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: {
      host: 'smoke.spillway',
      'user-agent': 'spillway-smoke',
      ...(body === undefined
        ? {}
        : {
            'content-type': parsed(body) === undefined ? 'text/plain' : 'application/json',
            'content-length': String(new TextEncoder().encode(body).length),
          }),
    },
    ...(query.length === 0 ? {} : { queryStringParameters: Object.fromEntries(query) }),
    requestContext: {
      accountId: 'anonymous',
      apiId: 'spillway-smoke',
      domainName: 'smoke.spillway',
      domainPrefix: 'smoke',
      http: {
        method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: 'spillway-smoke',
      },
      requestId: `spillway-smoke-${at}`,
      routeKey: '$default',
      stage: '$default',
      time: new Date(at).toUTCString(),
      timeEpoch: at,
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: false,
  };
}

function errorFrom(text: string): string {
  const { errorType, errorMessage } = (parsed(text) ?? {}) as { errorType?: string; errorMessage?: string };
  return excerpt(`${errorType ?? 'Error'}: ${errorMessage ?? text}`);
}

/** Payload 2.0 lets a handler answer with a bare value, which stands for status 200 (API Gateway developer guide, "Lambda function response for format 2.0"). */
function responseFrom(text: string): { status: number; body: string } {
  const answer = parsed(text);
  if (typeof answer !== 'object' || answer === null || !('statusCode' in answer))
    return { status: 200, body: typeof answer === 'string' ? answer : text };
  const { statusCode, body, isBase64Encoded } = answer as {
    statusCode: unknown;
    body?: unknown;
    isBase64Encoded?: unknown;
  };
  const plain = typeof body === 'string' ? body : JSON.stringify(body ?? '');
  return {
    status: Number(statusCode),
    body: isBase64Encoded === true ? Buffer.from(plain, 'base64').toString('utf8') : plain,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
