import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { BODY_BYTES_MAX, broken, failed, NO_SECRETS, smokeRunner } from '../../adapters/smoke-runner.ts';
import { gatewayAnswer } from '../../core/analysis/gateway.ts';
import { isPrivate, subjectOf } from '../../core/analysis/smoke.ts';
import { eventOf } from '../../core/analysis/smoke-event.ts';
import { excerpt } from '../../core/hook-answer.ts';
import type { Clock, HookRunner, Secrets } from '../../core/ports.ts';

const DECODERS: Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** Invokes the exact version with the event that its front door sends; no user's request meets it. */
export function lambdaSmoke(client: LambdaClient, clock: Clock, secrets: Secrets = NO_SECRETS): HookRunner {
  const send: Parameters<typeof smokeRunner>[0] = async (target, check, written, abortSignal) => {
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
  return smokeRunner(send, clock, secrets);
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
