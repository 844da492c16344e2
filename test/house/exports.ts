import { dirname, posix } from 'node:path';
import { importsIn } from './imports.ts';
import type { Lexed } from './lex.ts';

const DECLARED =
  /\bexport\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|let|function\*?|class|interface|type|enum)\s+([\w$]+)/g;
const LISTED = /\bexport\s*(?:type\s*)?\{([^}]*)\}(?!\s*from)/g;

/** What Lambda asks a file for. */
const ENTRY = 'handler';

/** The names that a file exports of its own. */
function exportsOf(code: string): string[] {
  const listed = [...code.matchAll(LISTED)].flatMap(([, names = '']) => names.split(','));
  return [
    ...[...code.matchAll(DECLARED)].map(([, name = '']) => name),
    ...listed.map((each) =>
      each
        .trim()
        .replace(/^type\s+/, '')
        .replace(/^.*\sas\s+/s, ''),
    ),
  ].filter((name) => name !== '');
}

/** Exports of files that no other file names which imports them, as `file: name`; a test counts as much as the product. */
export function unusedExports(files: Record<string, Lexed>): string[] {
  const taken = Object.entries(files);
  const importers = new Map<string, Lexed[]>();
  for (const [file, lexed] of taken)
    for (const { from = '' } of importsIn(lexed))
      if (from.startsWith('.')) {
        const to = posix.join(dirname(file), from);
        importers.set(to, [...(importers.get(to) ?? []), lexed]);
      }
  // Code that is made of a text imports by names in that text.
  const texts = taken.flatMap(([, lexed]) => lexed.texts.filter((text) => /\bimport\s*\{/.test(text)));
  return taken.flatMap(([file, { code }]) =>
    exportsOf(code)
      .filter((name) => name !== ENTRY)
      .filter((name) => {
        const word = new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?![\\w$])`);
        const isImported = (importers.get(file) ?? []).some((by) => word.test(by.code));
        return !isImported && !texts.some((text) => word.test(text));
      })
      .map((name) => `${file}: ${name}`),
  );
}
