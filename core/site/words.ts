import { number } from '../words.ts';

const NAMES_SHOWN = 5;

/** The first names of a list, and how many more there are. */
export function some(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${number(more)} more` : ''}`;
}
