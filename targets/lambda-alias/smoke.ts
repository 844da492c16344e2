import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { HOOK_LIMIT_MS } from '../../adapters/_hook.ts';
import { gatewayAnswer } from '../../core/analysis/gateway.ts';
import {
  capturedFrom,
  checksOf,
  filledCheck,
  isOnlySlow,
  isPrivate,
  judgeSmoke,
  type SmokeAnswer,
  subjectOf,
} from '../../core/analysis/smoke.ts';
import { eventOf } from '../../core/analysis/smoke-event.ts';
import type { Value } from '../../core/analysis/templates.ts';
import type { SmokeCheck } from '../../core/analysis/types.ts';
import { excerpt } from '../../core/hook-answer.ts';
import { valueAt } from '../../core/json-path.ts';
import type { Clock, HookRunner, Secrets } from '../../core/ports.ts';
import type { HookStatus } from '../../core/rollout/event.ts';
import type { Target } from '../../core/target.ts';
import { within } from '../../core/within.ts';

type Result = { status: HookStatus; reason: string };

/** Pause before a declared retry: time for a cold start or a moment's trouble to pass. Assumed. */
const RETRY_MS = 500;
/** No retry begins so late that it could not be heard before the limit. */
const RETRY_UNTIL_MS = HOOK_LIMIT_MS - 1_500;
/** Largest body after its content encoding is undone: a small answer must not fill the reader's memory. */
const BODY_BYTES_MAX = 50_000_000;

const DECODERS: Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

const NO_SECRETS: Secrets = {
  read: async ({ from, name }) => {
    throw new Error(
      `${from} ${name} cannot be read here, because this function was given no access to secrets`,
    );
  },
};

/** Invokes the exact version with the event that its front door sends; no user's request meets it. Captured values and secrets live no longer than one asking, and no reason quotes them. */
export function lambdaSmoke(client: LambdaClient, clock: Clock, secrets: Secrets = NO_SECRETS): HookRunner {
  const send = async (
    target: Target,
    check: SmokeCheck,
    written: SmokeCheck,
    abortSignal: AbortSignal,
  ): Promise<SmokeAnswer | Result> => {
    const began = clock.now();
    const event = eventOf(check, { at: began, time: gatewayTime(began) });
    const { ExecutedVersion, FunctionError, Payload } = await client.send(
      new InvokeCommand({
        FunctionName: target.ref.functionName,
        Qualifier: target.canary,
        Payload: new TextEncoder().encode(JSON.stringify(event)),
      }),
      { abortSignal },
    );
    const tookMs = clock.now() - began;
    const text = new TextDecoder().decode(Payload);
    const subject = subjectOf(written);
    if (ExecutedVersion !== target.canary)
      return broken(`${subject} was answered by version ${ExecutedVersion}, not ${target.canary}`);
    if (FunctionError !== undefined)
      return failed(`${subject} made version ${target.canary} fail: ${errorFrom(text, isPrivate(written))}`);
    if (check.payload !== undefined) return { headers: {}, body: text, bytes: Payload?.length ?? 0, tookMs };
    const answer = gatewayAnswer(check.event ?? 'url', text, {
      multiValue: check.multiValue,
      bytes: Payload?.length ?? 0,
    });
    if ('malformed' in answer) return failed(`${subject}: ${answer.malformed}`);
    const { status, headers, body, isBase64 } = answer;
    const bytes = decoded(Buffer.from(body, isBase64 ? 'base64' : 'utf8'), headers['content-encoding']);
    return typeof bytes === 'string'
      ? failed(`${subject} ${bytes}`)
      : { status, headers, body: bytes.toString('utf8'), bytes: bytes.length, tookMs };
  };

  const sendWarm = async (
    target: Target,
    check: SmokeCheck,
    written: SmokeCheck,
    abortSignal: AbortSignal,
  ): Promise<SmokeAnswer | Result> => {
    const first = await send(target, check, written, abortSignal);
    // The first call of a new version pays its cold start, which users do not meet at every request.
    return !('reason' in first) && isOnlySlow(check, first)
      ? send(target, check, written, abortSignal)
      : first;
  };

  /** One check with its retries; the values that it captures go into `values`. */
  const tried = async (
    target: Target,
    written: SmokeCheck,
    values: Record<string, Value>,
    began: number,
    signal: AbortSignal,
  ): Promise<Result> => {
    const own = await secretsOf(written, secrets);
    const check = filledCheck(written, { ...values, ...own });
    if ('fault' in check) return failed(`${subjectOf(written)} ${check.fault}`);
    const { retries = 0 } = written;
    for (let attempt = 1; ; attempt++) {
      const answer = await sendWarm(target, check, written, signal);
      const result = 'reason' in answer ? answer : concluded(check, answer, written, values);
      if (result.status === 'pass') return attempt === 1 ? result : passedAt(attempt, result);
      const isLast = attempt > retries || clock.now() - began > RETRY_UNTIL_MS;
      if (result.status !== 'fail' || isLast)
        return retries === 0 || result.status !== 'fail' ? result : failedAt(attempt, retries + 1, result);
      await clock.sleep(RETRY_MS, signal);
    }
  };

  return {
    async ask({ hook, target }, signal) {
      const checks = checksOf(hook.spec);
      const began = clock.now();
      let subject = '';
      const all = async (stop: AbortSignal): Promise<Result> => {
        const values: Record<string, Value> = {};
        const reasons: string[] = [];
        for (const check of checks) {
          stop.throwIfAborted();
          subject = subjectOf(check);
          const result = await tried(target, check, values, began, stop);
          reasons.push(result.reason);
          if (result.status !== 'pass') return result;
        }
        return { status: 'pass', reason: reasons.join('; ') };
      };
      const asked = (stop: AbortSignal) =>
        all(stop).catch((error: unknown) =>
          broken(`${subject} could not be sent: ${error instanceof Error ? error.message : error}`),
        );
      // All tries together must end before the function that makes them does.
      const late = () => broken(`${subject} did not answer within ${HOOK_LIMIT_MS / 1000} s`);
      return within(HOOK_LIMIT_MS, asked, late, { clock, signal });
    },
  };
}

const broken = (reason: string): Result => ({ status: 'broken', reason });
const failed = (reason: string): Result => ({ status: 'fail', reason });

const passedAt = (attempt: number, { reason }: Result): Result => ({
  status: 'pass',
  reason: `${reason}, passed at the ${ordinal(attempt)} try`,
});
const failedAt = (attempt: number, most: number, { reason }: Result): Result =>
  failed(`${reason} (try ${attempt} of ${most}${attempt < most ? '; no time was left for more' : ''})`);

const ordinal = (count: number) => `${count}${['', 'st', 'nd', 'rd'][count] ?? 'th'}`;

/** What a check says of an answer; what it captures is kept for the checks after it. */
function concluded(
  check: SmokeCheck,
  answer: SmokeAnswer,
  written: SmokeCheck,
  values: Record<string, Value>,
): Result {
  const judged = judgeSmoke(check, answer, written);
  if (judged.status !== 'pass') return judged;
  const captured = capturedFrom(check, answer);
  if ('fault' in captured) return failed(`${subjectOf(written)} ${captured.fault}`);
  Object.assign(values, captured.values);
  return judged;
}

/** @throws Error naming the reference that cannot be read, never what it holds */
async function secretsOf(
  { secrets: refs = {} }: SmokeCheck,
  secrets: Secrets,
): Promise<Record<string, Value>> {
  const values: Record<string, Value> = {};
  for (const [name, ref] of Object.entries(refs)) {
    const text = await secrets.read(ref);
    const found = ref.path === undefined ? text : valueAt(parsed(text), ref.path);
    if (!['string', 'number', 'boolean'].includes(typeof found))
      throw new Error(`${ref.from} ${ref.name} has no text at ${ref.path}; correct its \`path\``);
    values[name] = found as Value;
  }
  return values;
}

/** Undoes the content encodings, the last one first; answers what is wrong if the body is not what they say. */
function decoded(body: Buffer, encodings: string[] = []): Buffer | string {
  const names = encodings
    .flatMap((each) => each.toLowerCase().split(/\s*,\s*/))
    .filter((name) => name !== '' && name !== 'identity');
  let bytes = body;
  for (const name of names.reverse()) {
    const decode = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
    if (decode === undefined) return `answered with content-encoding ${excerpt(name)}, which is not known`;
    try {
      bytes = decode(bytes, { maxOutputLength: BODY_BYTES_MAX });
    } catch {
      return `answered with content-encoding ${name}, but its body is not ${name} of at most ${BODY_BYTES_MAX} bytes`;
    }
  }
  return bytes;
}

/** `05/Jan/2026:09:00:00 +0000`. */
function gatewayTime(at: number): string {
  const [, day, month, year, time] = new Date(at).toUTCString().split(/,? /);
  return `${day}/${month}/${year}:${time} +0000`;
}

function errorFrom(text: string, isHidden: boolean): string {
  const { errorType, errorMessage } = (parsed(text) ?? {}) as { errorType?: string; errorMessage?: string };
  if (isHidden) return /^[\w.]{1,80}$/.test(errorType ?? '') ? `${errorType}` : 'Error';
  return excerpt(`${errorType ?? 'Error'}: ${errorMessage ?? text}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
