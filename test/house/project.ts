import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Lexed, lex } from './lex.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What is not of the project: installed, generated, or kept by tools. */
const SKIPPED = /^(node_modules|coverage|\.git|\.sst|\.cache|\.DS_Store|.*\.log)$/;

const SOURCE = /\.(ts|mts|mjs|js)$/;

/** Every file of the project, as a path from its root with `/`. */
export const files: readonly string[] = listed('');

/** Every file of code. */
export const sources: readonly string[] = files.filter((file) => SOURCE.test(file));

/** The files of code under these folders. */
export const sourcesIn = (...folders: string[]): string[] =>
  sources.filter((file) => folders.some((folder) => file.startsWith(`${folder}/`)));

/** A file's text. */
export const textOf = (file: string): string => readFileSync(`${root}${file}`, 'utf8');

const lexedByFile = new Map<string, Lexed>();

/** A file of code, taken apart. */
export function lexed(file: string): Lexed {
  const known = lexedByFile.get(file) ?? lex(textOf(file));
  lexedByFile.set(file, known);
  return known;
}

/** `shift-traffic` as `ShiftTraffic`. */
export const pascal = (kebab: string): string =>
  kebab.replace(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());

function listed(folder: string): string[] {
  return readdirSync(`${root}${folder}`, { withFileTypes: true })
    .filter(({ name }) => !SKIPPED.test(name))
    .flatMap((entry) =>
      entry.isDirectory() ? listed(`${folder}${entry.name}/`) : [`${folder}${entry.name}`],
    )
    .sort();
}
