import { plainText } from '../plain-text.ts';
import { cut } from '../words.ts';

/**
 * The fence that a target carries: who may raise its traffic next. It lives where the traffic does (an alias'
 * Description), so that a writer who comes late is stopped by the thing it writes to and not by its own good will.
 */
export interface Stamp {
  rolloutId: string;
  epoch: number;
  seq: number;
  open: boolean;
  /** Who aborted; a journal that could not be told learns it from here. */
  by?: string | undefined;
}

/** The highest number that a stamp can be read back with; Step Functions writes it where nobody can count. */
export const SEQ_MAX = 999_999_999;

const PATTERN = /^spillway (\S{1,60}) (\d{1,9}) (\d{1,9}) (open|closed(?: by ([^\p{Cc}]{1,100}))?)$/u;

/** Longest name that a stamp carries: with the rest it stays under the 256 characters of an alias' Description (Lambda API, UpdateAlias). */
const NAME_MAX = 100;

/** Writes a stamp as the target stores it: `spillway <rolloutId> <epoch> <seq> open|closed`, and ` by <who>` where a person aborted. */
export function stampText({ rolloutId, epoch, seq, open, by }: Stamp): string {
  const name = open ? '' : cut(plainText(by ?? ''), NAME_MAX);
  return `spillway ${rolloutId} ${epoch} ${seq} ${open ? 'open' : 'closed'}${name && ` by ${name}`}`;
}

/** Reads a stamp; anything else that stands in its place is nobody's stamp. */
export function stampFrom(text: string | undefined): Stamp | undefined {
  const [, rolloutId, epoch, seq, state, by] = PATTERN.exec(text ?? '') ?? [];
  if (rolloutId === undefined) return undefined;
  const stamp = { rolloutId, epoch: Number(epoch), seq: Number(seq), open: state === 'open' };
  return by === undefined ? stamp : { ...stamp, by };
}

/** True if a stamp is an open one of the same rollout that a later one has replaced: who sees it reads an older state of the target. */
export function isOlder(seen: Stamp | undefined, known: Stamp | undefined): boolean {
  if (seen === undefined || known === undefined || seen.rolloutId !== known.rolloutId) return false;
  // Numbers rise across executions; a closed stamp is the last one, whatever its number.
  return seen.open && seen.seq < known.seq;
}

/** True for two stamps of the same rollout, epoch, number and state; no stamp is never the same. */
export function isSameStamp(a: Stamp | undefined, b: Stamp | undefined): boolean {
  return a !== undefined && b !== undefined && stampText(a) === stampText(b);
}
