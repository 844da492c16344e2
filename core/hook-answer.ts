import { plainText } from './plain-text.ts';
import type { HookReply } from './ports.ts';
import { cut } from './words.ts';

/** Longest answer that is read at all, in bytes. */
export const ANSWER_BYTES_MAX = 64 * 1024;

/** Longest reason that is kept; what is longer is cut. */
export const REASON_MAX = 1000;

/** Largest data that is kept, in characters of JSON; what is larger is left out. */
const DATA_MAX = 4 * 1024;

/** Most that is ever repeated of an answer that was not understood: it may be anybody's page. */
const EXCERPT_MAX = 120;

const STATUSES = ['pass', 'fail', 'inconclusive', 'pending'] as const;

/** What a hook said, with the data it gave along. */
export type HookAnswer = HookReply & { data?: unknown };

/** Reads the body of a hook's answer; whatever is not exactly an answer is `broken`, and its reason says what came instead. */
export function hookAnswerFrom(body: string): HookAnswer {
  if (body.length > ANSWER_BYTES_MAX) return tooLong();
  if (body.trim() === '') return broken('it answered with nothing');
  const answer = parsed(body);
  if (answer === undefined) return broken(`its answer is not JSON: "${excerpt(body)}"`);
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    return broken(`its answer is not an object with a status and a reason: "${excerpt(body)}"`);
  return answerOf({ ...answer }, body);
}

/** An answer of more than ANSWER_BYTES_MAX, which nobody reads to its end. */
export function tooLong(): HookAnswer {
  return broken(`its answer is longer than ${ANSWER_BYTES_MAX / 1024} KB`);
}

/** A hook that could not be asked, or whose answer is none. */
export function broken(reason: string): HookAnswer {
  return { status: 'broken', reason: cut(plainText(reason), REASON_MAX) };
}

/** The beginning of a foreign text, on one line: at most 120 characters. */
export function excerpt(text: string): string {
  return cut(
    text
      .slice(0, 4 * EXCERPT_MAX)
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim(),
    EXCERPT_MAX,
  );
}

function answerOf(
  { status, reason, data }: { status?: unknown; reason?: unknown; data?: unknown },
  body: string,
): HookAnswer {
  const known = STATUSES.find((each) => each === status);
  if (known === undefined)
    return broken(
      `its answer has no status of ${STATUSES.join(', ')}${codeDeploy(status)}: "${excerpt(body)}"`,
    );
  if (known === 'pending' && reason === undefined)
    return { status: known, reason: 'it will answer by callback' };
  if (typeof reason !== 'string')
    return broken(`its answer "${known}" has no reason, which must be a text: "${excerpt(body)}"`);
  const isKept = data !== undefined && JSON.stringify(data).length <= DATA_MAX;
  return { status: known, reason: cut(plainText(reason), REASON_MAX), ...(isKept ? { data } : {}) };
}

/** `Succeeded` and `Failed` are what a hook of CodeDeploy reports. */
function codeDeploy(status: unknown): string {
  if (status === 'Succeeded') return ' ("Succeeded" is what CodeDeploy calls it; write "pass")';
  return status === 'Failed' ? ' ("Failed" is what CodeDeploy calls it; write "fail")' : '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
