import { isSameJson, valueAt } from '../json-path.ts';
import type { HookStatus } from '../rollout/event.ts';
import { cut } from '../words.ts';
import type { SmokeCheck } from './types.ts';

/** What came back for a smoke test. */
export interface SmokeAnswer {
  status: number;
  body: string;
  /** Milliseconds from question to answer. */
  tookMs: number;
}

/** Says whether an answer is what the check expects; the first thing that is not is the reason. */
export function judgeSmoke(check: SmokeCheck, answer: SmokeAnswer): { status: HookStatus; reason: string } {
  const wrong = mismatches(check, answer)[0];
  const subject = `${check.method} ${check.path}`;
  return wrong === undefined
    ? { status: 'pass', reason: `${subject} answered ${answer.status} in ${answer.tookMs} ms` }
    : { status: 'fail', reason: `${subject} ${wrong}` };
}

function mismatches({ expect }: SmokeCheck, { status, body, tookMs }: SmokeAnswer): string[] {
  const wrong: string[] = [];
  if (status !== expect.status)
    wrong.push(`answered ${status} instead of ${expect.status}: ${excerpt(body)}`);
  if (expect.text !== undefined && !body.includes(expect.text))
    wrong.push(`answered without "${expect.text}": ${excerpt(body)}`);
  for (const [path, expected] of Object.entries(expect.json)) {
    const found = valueAt(parsed(body), path);
    if (!isSameJson(found, expected))
      wrong.push(
        `answered ${path} = ${excerpt(JSON.stringify(found) ?? 'nothing')} instead of ${JSON.stringify(expected)}`,
      );
  }
  if (expect.underMs !== undefined && tookMs >= expect.underMs)
    wrong.push(`took ${tookMs} ms; it must stay under ${expect.underMs} ms`);
  return wrong;
}

/** True where nothing but time is wrong, so that a warm try may show the cold start was to blame. */
export function isOnlySlow(check: SmokeCheck, answer: SmokeAnswer): boolean {
  return mismatches(check, answer).length > 0 && mismatches(check, { ...answer, tookMs: 0 }).length === 0;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Enough of a body to recognise it, and too little to fill a log with a customer's data. */
function excerpt(body: string): string {
  return body.length <= 120 ? body : `${cut(body, 120)}…`;
}
