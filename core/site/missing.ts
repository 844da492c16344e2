import { RolloutError } from '../errors.ts';
import type { References } from './references.ts';
import { OWN_ASSETS } from './served.ts';
import type { SiteBuild } from './types.ts';

const LINES_MAX = 5;

/** What is missing of what the files of a release name. */
export interface Missing {
  /** Files without which a page does not work, each with one that names it. */
  vital: { name: string; by: string }[];
  others: { name: string; by: string }[];
}

/** What the files of a folder name that is not among them, and what else to know of it. */
export function missingOf(
  references: Iterable<References & { by: string }>,
  names: ReadonlySet<string>,
  build: SiteBuild,
): Missing {
  const vital = new Map<string, string>();
  const others = new Map<string, string>();
  for (const { by, own } of references)
    for (const { name, isVital } of own) {
      const local = localName(name, build);
      if (!names.has(local)) (isVital ? vital : others).set(local, by);
    }
  const listed = (map: Map<string, string>) => [...map].map(([name, by]) => ({ name, by }));
  return { vital: listed(vital), others: listed(others).filter(({ name }) => !vital.has(name)) };
}

/** The refusal of a release whose pages would not work. */
export function missingFault(vital: Missing['vital']): RolloutError {
  const list = vital
    .slice(0, LINES_MAX)
    .map(({ name, by }) => `${by} needs /${name}, which is not in the folder.`);
  return new RolloutError(
    'ManifestInvalid',
    [
      ...list,
      ...(vital.length > LINES_MAX ? [`${vital.length - LINES_MAX} more files are missing.`] : []),
      'Build the site again; if something else serves these paths, say --allow-missing.',
    ].join('\n'),
  );
}

/** A file's references, as its folder's other files see them: those to the folder that a release has for itself lead to its files. */
const localName = (name: string, { release, isApart }: SiteBuild): string =>
  isApart && name.startsWith(`${OWN_ASSETS}${release}/`)
    ? name.slice(OWN_ASSETS.length + release.length + 1)
    : name;
