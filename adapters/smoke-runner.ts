import {
  capturedFrom,
  checksOf,
  filledCheck,
  isOnlySlow,
  judgeSmoke,
  type SmokeAnswer,
  subjectOf,
} from '../core/analysis/smoke.ts';
import type { Value } from '../core/analysis/templates.ts';
import type { SmokeCheck } from '../core/analysis/types.ts';
import { valueAt } from '../core/json-path.ts';
import type { Clock, HookRunner, Secrets } from '../core/ports.ts';
import type { HookStatus } from '../core/rollout/event.ts';
import type { Target } from '../core/target.ts';
import { within } from '../core/within.ts';
import { HOOK_LIMIT_MS } from './_hook.ts';

/** How a check ended, or part of one. */
type Result = { status: HookStatus; reason: string };

/** Pause before a declared retry: time for a cold start or a moment's trouble to pass. Assumed. */
const RETRY_MS = 500;
/** No retry begins so late that it could not be heard before the limit. */
const RETRY_UNTIL_MS = HOOK_LIMIT_MS - 1_500;
/** Largest body: a small answer that unfolds to a large one must not fill the reader's memory. */
export const BODY_BYTES_MAX = 50_000_000;

/** Stands where a function may read no secrets. */
export const NO_SECRETS: Secrets = {
  read: async ({ from, name }) => {
    throw new Error(
      `${from} ${name} cannot be read here, because this function was given no access to secrets`,
    );
  },
};

/** Sends a check whose names are filled in to the canary; `written` is what may be quoted of it. What is no answer is how the check ended. */
type Send = (
  target: Target,
  check: SmokeCheck,
  written: SmokeCheck,
  signal: AbortSignal,
) => Promise<SmokeAnswer | Result>;

/** Puts smoke tests to targets, however they are sent. Captured values and secrets live no longer than one asking, and no reason quotes them. */
export function smokeRunner(send: Send, clock: Clock, secrets: Secrets): HookRunner {
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

/** Whoever was asked could not be asked. */
export const broken = (reason: string): Result => ({ status: 'broken', reason });
/** The canary answered, and the answer is wrong. */
export const failed = (reason: string): Result => ({ status: 'fail', reason });

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

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
