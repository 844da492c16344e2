import type { Finding, Verdict, VerdictStatus } from '../analysis/types.ts';
import type { Hook, RolloutEvent } from './event.ts';

/**
 * Most bytes, as JSON in UTF-8, of one text in an event. What is said longer is cut: texts come from hooks, people and AWS,
 * and the journal's item, at most 400 KB (DynamoDB service quotas), must have room for the end of the rollout.
 */
export const TEXT_BYTES_MAX = 2_000;

/** The same for a text that each target keeps several of. */
const SHORT_BYTES_MAX = 300;

/** Most bytes of a verdict: its findings are as many as targets times rules. */
export const VERDICT_BYTES_MAX = 48 * 1024;

/** Most bytes of what a rollout is opened with. */
export const OPENING_BYTES_MAX = 160 * 1024;

/** Bytes that are always there for what is kept of the minutes that are read no more. */
export const FOLDED_BYTES_MAX = 40 * 1024;

/** Most bytes that are kept of the minutes that are read no more: what the opening leaves of its own as well. What would be more is not folded, so that a tick reads more and judges the same. */
export const foldedBytesMax = (openingBytes: number): number =>
  FOLDED_BYTES_MAX + Math.max(0, OPENING_BYTES_MAX - openingBytes);

/** Most bytes that everything else after the opening adds to the head; with an opening of any size the head stays under 360 KB. */
export const HISTORY_BYTES_MAX = 160 * 1024;

const CUT = ' … (cut)';

const encoder = new TextEncoder();

/** Bytes of a value as the journal keeps it: JSON in UTF-8. */
export const bytesOf = (value: unknown): number => encoder.encode(JSON.stringify(value) ?? '').length;

/** True if a value takes at most so many bytes. */
function fits(value: unknown, bytes: number): boolean {
  const json = JSON.stringify(value) ?? '';
  // UTF-8 takes at most three bytes for a UTF-16 unit, so most values need not be encoded.
  return json.length * 3 <= bytes || encoder.encode(json).length <= bytes;
}

/** A text of at most so many bytes as JSON; one that is cut says so at its end. */
export function brief(text: string, bytes: number): string {
  // A character takes at most six bytes in JSON.
  if (text.length * 6 + 2 <= bytes || bytesOf(text) <= bytes) return text;
  let [low, high] = [0, Math.min(text.length, bytes)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (bytesOf(cutAt(text, middle)) <= bytes) low = middle;
    else high = middle - 1;
  }
  return cutAt(text, low);
}

/** Never between the two halves of one character. */
const cutAt = (text: string, length: number) =>
  `${text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '')}${CUT}`;

/**
 * An event as the journal takes it: no text and no list in it is longer than the limits above, so that no event can fill
 * the head. An opening is measured as a whole where it is written.
 */
export function bounded(event: RolloutEvent): RolloutEvent {
  switch (event.type) {
    case 'RolloutOpened':
      return event;
    case 'Measured': {
      const { verdict, alarms, probes, ...rest } = event;
      return {
        ...rest,
        verdict: fitted(verdict),
        alarms: briefly(alarms, SHORT_BYTES_MAX),
        ...(probes === undefined ? {} : { probes: briefly(probes, SHORT_BYTES_MAX) }),
      };
    }
    default:
      return briefly(event, TEXT_BYTES_MAX);
  }
}

/** All texts in a value cut to so many bytes each; a value with none to cut is answered as it is. */
function briefly<T>(value: T, bytes: number): T {
  if (typeof value === 'string') return brief(value, bytes) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const after = value.map((member) => briefly(member, bytes));
    return (after.some((member, at) => member !== value[at]) ? after : value) as T;
  }
  const shorter = Object.entries(value).flatMap(([key, member]) => {
    const after = briefly(member, bytes);
    return after === member ? [] : [[key, after] as const];
  });
  return shorter.length === 0 ? value : { ...value, ...Object.fromEntries(shorter) };
}

/** Bytes of each text of a verdict, from the first one at which the whole fits. */
const TEXTS = [TEXT_BYTES_MAX, SHORT_BYTES_MAX, 100];

/** The most urgent findings are kept first. */
const URGENT: VerdictStatus[] = ['fail', 'suspect', 'broken', 'inconclusive', 'pass'];

/** A verdict of at most `VERDICT_BYTES_MAX`: with shorter texts, and at last without its least urgent findings. */
function fitted(verdict: Verdict): Verdict {
  for (const bytes of TEXTS) {
    const shorter = briefly(verdict, bytes);
    const said = { ...shorter, reason: brief(verdict.reason, TEXT_BYTES_MAX) };
    if (fits(said, VERDICT_BYTES_MAX)) return said;
  }
  const least = briefly(verdict, TEXTS.at(-1) ?? 0);
  const bare = (finding: Finding): Finding => ({ ...finding, skipped: [], needed: undefined });
  const urgent = [...least.findings].sort((a, b) => URGENT.indexOf(a.status) - URGENT.indexOf(b.status));
  let left = VERDICT_BYTES_MAX - 2 * TEXT_BYTES_MAX - bytesOf(least.limits ?? []);
  const findings = urgent.map(bare).filter((finding) => {
    left -= bytesOf(finding) + 1;
    return left >= 0;
  });
  return { ...least, reason: brief(verdict.reason, TEXT_BYTES_MAX), findings };
}

/** Reasons that a rollout keeps for not being called proven. */
const REASONS_MAX = 20;

/** The reasons with one more; each is kept once, and of many the first ones, with a word that there were others. */
export function withReason(reasons: readonly string[], reason: string): string[] {
  const said = brief(reason, SHORT_BYTES_MAX * 2);
  if (reasons.includes(said)) return [...reasons];
  if (reasons.length < REASONS_MAX) return [...reasons, said];
  return [...reasons.slice(0, REASONS_MAX - 1), 'and other reasons, which its events hold'];
}

/** Unanswered hooks of steps that were left, which may still be answered. */
const UNANSWERED_MAX = 50;

/** The askings of hooks as a new step finds them: those of earlier steps that were answered are asked no more. */
export function askingsAtNewStep<State extends { status: string }>(
  hooks: Record<string, State>,
): Record<string, State> {
  const all = Object.entries(hooks);
  const isOpen = (status: string) => status === 'started' || status === 'broken';
  const ofSteps = all.filter(([id, { status }]) => id.includes('@') && isOpen(status));
  const kept = new Set(ofSteps.slice(-UNANSWERED_MAX).map(([id]) => id));
  return Object.fromEntries(all.filter(([id]) => !id.includes('@') || kept.has(id)));
}

/** True if an asking belongs to a step that its rollout has left. */
export function isPastAsking(id: string, { asked, step }: { asked: readonly Hook[]; step: number }): boolean {
  const [name, at] = id.split('@');
  const hook = asked.find((each) => each.id === name);
  if (hook === undefined || at === undefined) return false;
  return Number(at) < step || (Number(at) === step && hook.point === 'beforeStep');
}
