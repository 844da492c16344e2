/**
 * The fence that a target carries: who may raise its traffic next. It lives where the traffic does (an alias'
 * Description), so that a writer who comes late is stopped by the thing it writes to and not by its own good will.
 */
export interface Stamp {
  rolloutId: string;
  epoch: number;
  seq: number;
  open: boolean;
}

/** The highest number that a stamp can be read back with; Step Functions writes it where nobody can count. */
export const SEQ_MAX = 999_999_999;

const PATTERN = /^spillway (\S{1,60}) (\d{1,9}) (\d{1,9}) (open|closed)$/;

/** Writes a stamp as the target stores it: `spillway <rolloutId> <epoch> <seq> open|closed`. */
export function stampText({ rolloutId, epoch, seq, open }: Stamp): string {
  return `spillway ${rolloutId} ${epoch} ${seq} ${open ? 'open' : 'closed'}`;
}

/** Reads a stamp; anything else that stands in its place is nobody's stamp. */
export function stampFrom(text: string | undefined): Stamp | undefined {
  const [, rolloutId, epoch, seq, state] = PATTERN.exec(text ?? '') ?? [];
  if (rolloutId === undefined) return undefined;
  return { rolloutId, epoch: Number(epoch), seq: Number(seq), open: state === 'open' };
}

/** True for two stamps of the same rollout, epoch, number and state; no stamp is never the same. */
export function isSameStamp(a: Stamp | undefined, b: Stamp | undefined): boolean {
  return a !== undefined && b !== undefined && stampText(a) === stampText(b);
}
