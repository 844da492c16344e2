/** Longest piece of a word that is compared: a key of a megabyte must not cost a megabyte squared. */
const COMPARED_MAX = 64;

/** Answers the known words closest to `word`, nearest first: at most `count` of them, letter case ignored. */
export function nearest(word: string, known: readonly string[], count = 1): string[] {
  return known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** "did you mean `weight`? " if a known word is near enough to be meant, and nothing otherwise: a suggestion that is far off misleads. */
export function didYouMean(word: string, known: readonly string[]): string {
  const [best] = nearest(word, known);
  return best !== undefined && isNear(word, best) ? `did you mean \`${best}\`? ` : '';
}

/** "did you mean `revert`? Known are revert, pause, ignore." for a word that must be one of a few. */
export function oneOf(word: string, known: readonly string[]): string {
  const hint = didYouMean(word, known);
  return `${hint}${hint === '' ? 'known' : 'Known'} are ${known.join(', ')}.`;
}

/** Says that a key is unknown, which known one may have been meant, and which there are; `synonyms` has what other tools call them, in small letters and digits alone. */
export function unknownKey(
  key: string,
  known: readonly string[],
  synonyms: Record<string, string> = {},
): string {
  const list = known.join(', ');
  const plain = key
    .slice(0, COMPARED_MAX)
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .toLowerCase();
  if (Object.hasOwn(synonyms, plain)) return `is what other tools call it: write \`${synonyms[plain]}\`.`;
  const hint = didYouMean(key, known);
  return hint === ''
    ? `is not a known key: known here are ${list}.`
    : `is not a known key: ${hint}Known here: ${list}.`;
}

/** True if so few letters differ that a slip of the finger may have made one of the other. */
function isNear(word: string, known: string): boolean {
  const length = Math.min(Math.max(word.length, known.length), COMPARED_MAX);
  return word !== '' && editDistance(word, known) <= Math.max(1, Math.floor(length / 3));
}

/** Fewest insertions, deletions, replacements and swaps of neighbors, of one letter each, that turn one word into the other. */
function editDistance(a: string, b: string): number {
  const [from, to] = [a, b].map((word) => word.slice(0, COMPARED_MAX).toLowerCase()) as [string, string];
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at++) {
      const replaced = (row[at - 1] ?? 0) + (letter === to[at - 1] ? 0 : 1);
      const isSwapped = index > 0 && at > 1 && letter === to[at - 2] && from[index - 1] === to[at - 1];
      const swapped = isSwapped ? (before[at - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(replaced, swapped, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}
