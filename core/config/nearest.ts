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

/** Says that a key is unknown, which known one is nearest, and which there are. */
export function unknownKey(key: string, known: readonly string[]): string {
  const [best = ''] = nearest(key, known);
  const isClose = editDistance(key, best) <= Math.max(2, key.length / 3);
  const hint = isClose ? `did you mean \`${best}\`?` : `the nearest known key is \`${best}\`.`;
  return `is not a known key: ${hint} Known here: ${known.join(', ')}.`;
}

/** Fewest insertions, deletions and replacements of one letter that turn one word into the other. */
function editDistance(a: string, b: string): number {
  const [from, to] = [a, b].map((word) => word.slice(0, COMPARED_MAX).toLowerCase()) as [string, string];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at++) {
      const replaced = (row[at - 1] ?? 0) + (letter === to[at - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
