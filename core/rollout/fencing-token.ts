import { plainText } from '../plain-text.ts';
import { cut } from '../words.ts';

/**
 * What a target carries to stop late writers: who may raise its traffic next. It is stored where the traffic is (an alias'
 * Description), so that a late writer is stopped by the target itself.
 */
export interface FencingToken {
  rolloutId: string;
  epoch: number;
  seq: number;
  open: boolean;
  /** Who aborted; a journal that could not be written learns it from here. */
  by?: string | undefined;
}

/** The highest number that a token can be read back with; Step Functions writes it if nobody can count. */
export const SEQ_MAX = 999_999_999;

const PATTERN = /^spillway (\S{1,60}) (\d{1,9}) (\d{1,9}) (open|closed(?: by ([^\p{Cc}]{1,100}))?)$/u;

/** Longest name that a token carries: with the rest it stays under the 256 characters of an alias' Description (Lambda API, UpdateAlias). */
const NAME_MAX = 100;

/** Writes a token as the target stores it: `spillway <rolloutId> <epoch> <seq> open|closed`, and ` by <who>` if a person aborted. */
export function tokenText({ rolloutId, epoch, seq, open, by }: FencingToken): string {
  const name = open ? '' : carried(by ?? '');
  return `spillway ${rolloutId} ${epoch} ${seq} ${open ? 'open' : 'closed'}${name && ` by ${name}`}`;
}

/** A name as a token carries it. */
export const carried = (name: string): string => cut(plainText(name), NAME_MAX);

/** Reads a token; anything else that stands in its place is nobody's token. */
export function tokenFrom(text: string | undefined): FencingToken | undefined {
  const [, rolloutId, epoch, seq, state, by] = PATTERN.exec(text ?? '') ?? [];
  if (rolloutId === undefined) return undefined;
  const token = { rolloutId, epoch: Number(epoch), seq: Number(seq), open: state === 'open' };
  return by === undefined ? token : { ...token, by };
}

/** True if a token is an open one of the same rollout that a later one has replaced: who sees it reads an older state of the target. */
export function isOlder(seen: FencingToken | undefined, known: FencingToken | undefined): boolean {
  if (seen === undefined || known === undefined || seen.rolloutId !== known.rolloutId) return false;
  // Numbers rise across executions; a closed token is the last one, whatever its number.
  return seen.open && seen.seq < known.seq;
}

/** True for two tokens of the same rollout, epoch, number and state; no token is never the same. */
export function isSameToken(a: FencingToken | undefined, b: FencingToken | undefined): boolean {
  return a !== undefined && b !== undefined && tokenText(a) === tokenText(b);
}
