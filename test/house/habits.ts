import { bracketed, type Lexed } from './lex.ts';

/** A pattern that code may not hold, and what to do instead. */
interface Ban {
  pattern: RegExp;
  instead: string;
}

/** What only the world outside a pure function knows. */
export const IMPURE: Ban[] = [
  { pattern: /(?<![.\w$])Date\b/, instead: 'take the moment as an Instant' },
  { pattern: /\bMath\b(?!\.(?!random\b)[a-zA-Z])/, instead: 'leave chance to the caller' },
  { pattern: /(?<![.\w$])(process|globalThis|require)\b(?!\s*:)/, instead: 'take it as an argument' },
  {
    pattern: /\b(set(Timeout|Interval|Immediate)|queueMicrotask)\b/,
    instead: 'answer with what must happen',
  },
  { pattern: /(?<![.\w$])(console|fetch|performance|crypto)\b(?!\s*:)/, instead: 'leave it to an adapter' },
];

/** The machine's own time and chance, where a port says both. */
export const UNPORTED: Ban[] = [
  { pattern: /\bDate\.now\b|\bnew\s+Date(?!\s*\(\s*[^\s)])/, instead: 'ask the Clock' },
  { pattern: /\bMath\.random\b|\bperformance\.now\b/, instead: 'ask the Clock or the caller' },
];

/** Waiting by the machine's own timers; what must wait inside of a function does it by the Clock. */
export const SLEEPING: Ban[] = [
  {
    pattern: /\bset(Timeout|Interval)\b|\bAtomics\.wait\b|(?<!\.)\bsleep\s*\(/,
    instead: 'let the state machine wait, or the Clock',
  },
];

/** Racing by hand, which leaves the loser running. */
export const RACING: Ban[] = [
  { pattern: /\bPromise\.(?:race|any)\b/, instead: 'work within a limit (`within`)' },
];

/** A function that asks a port itself, instead of handing its ports to a use case. */
export const ASKING: Ban[] = [
  {
    pattern: /\bports\.\w|\brun\s*(?::\s*(?:async\s*)?)?\([^()]*,\s*\{/,
    instead: 'hand the ports to a use case of controller/',
  },
];

/** Printing, which belongs to those who talk to people. */
export const PRINTING: Ban[] = [
  { pattern: /(?<![.\w$])console\b|\bprocess\.std(out|err)\b/, instead: 'answer it, or journal it' },
];

/** Each line of code that a ban names. */
export function banned(file: string, { code }: Lexed, bans: Ban[]): string[] {
  return code.split('\n').flatMap((line, index) =>
    bans.flatMap(({ pattern, instead }) => {
      const found = pattern.exec(line)?.[0];
      return found === undefined ? [] : [`${file}:${index + 1}: ${found} (${instead})`];
    }),
  );
}

const EXPORTED = /^export (?:declare |abstract |async )*(?:function\*?|const|class|interface|type) (\w+)/;

/** Each exported symbol without a docstring right above it; `export { … }` and `export … from` are another symbol's. */
export function undocumented(file: string, text: string): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const name = EXPORTED.exec(line)?.[1];
    if (name === undefined || isDocstringEnd(lines, index - 1)) return [];
    return [`${file}:${index + 1}: ${name}`];
  });
}

function isDocstringEnd(lines: string[], end: number): boolean {
  if (!lines[end]?.endsWith('*/')) return false;
  for (let at = end; at >= 0; at--)
    if (/^\s*\/\*/.test(lines[at] ?? '')) return /^\/\*\*/.test(lines[at] ?? '');
  return false;
}

/** Each line that puts work off without an issue to find it by. */
export function unfinished(file: string, text: string): string[] {
  return linesWith(file, text, /\b(?:TO[D]O|FIX[M]E)\b/);
}

/** Each line with a path that exists on one machine only. */
export function machinePaths(file: string, text: string): string[] {
  return linesWith(file, text, /(?<![\w.~-])\/(?:work|root|home|Users)\/|\/tmp\/bash|\b[A-Z]:\\\\?Users\b/);
}

function linesWith(file: string, text: string, pattern: RegExp): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []));
}

/** `keeps` is a case of a contract. */
const TEST = /(?<![\w$.])(?:test|it|keeps)\b((?:\s*\.\s*\w+)*)\s*(?:<[^()]*?>\s*)?(?=\()/g;
const ASSERTION = /\b(?:expect|assert|toThrow)/;
const DECLARATION = /^(?:export )?(?:async )?(?:function\*?|const|let) (\w+)/gm;

/** Names of the declarations, in all these files, that assert something themselves or by calling another one that does. */
export function assertingNames(files: Lexed[]): Set<string> {
  const bodies = files.flatMap(({ code }) => {
    const starts = [...code.matchAll(DECLARATION)];
    return starts.map((start, index) => ({
      name: start[1] ?? '',
      body: code.slice(start.index, starts[index + 1]?.index).split(/^(?:test|it|describe)\b/m)[0] ?? '',
    }));
  });
  const names = new Set<string>();
  for (let before = -1; before < names.size; ) {
    before = names.size;
    for (const { name, body } of bodies) if (asserts(body, names)) names.add(name);
  }
  return names;
}

function asserts(code: string, names: ReadonlySet<string>): boolean {
  return ASSERTION.test(code) || [...code.matchAll(/[\w$]+/g)].some(([word]) => names.has(word));
}

/** Each test of a file that asserts nothing, runs alone, or is left out without saying why on the line before. */
export function weakTests(
  file: string,
  { code, texts }: Lexed,
  text: string,
  names: ReadonlySet<string>,
): string[] {
  const lines = text.split('\n');
  return [...code.matchAll(TEST)].flatMap((found) => {
    const call = calls(code, found.index + found[0].length);
    const name = texts[Number(/"(\d+)"/.exec(call.at(-1) ?? '')?.[1])] ?? 'a test without a name';
    const line = code.slice(0, found.index).split('\n').length;
    const says = (what: string) => `${file}:${line}: ${name}: ${what}`;
    const modes = found[1] ?? '';
    return [
      ...(asserts(call.join(''), names) ? [] : [says('asserts nothing')]),
      ...(/\bonly\b/.test(modes) ? [says('runs alone')] : []),
      ...(/\b(?:skip|skipIf|runIf|todo)\b/.test(modes) && !/^\s*\/\//.test(lines[line - 2] ?? '')
        ? [says('is left out, and the line before does not say why')]
        : []),
    ];
  });
}

/** The argument lists of a call and of the calls of its answers, as in `test.each(…)(…)`. */
function calls(code: string, open: number): string[] {
  const args = bracketed(code, open);
  if (args === undefined) return [];
  const next = open + args.length;
  return [args, ...(code[next] === '(' ? calls(code, next) : [])];
}

/** Each group of tests that runs alone or is left out. */
export function weakGroups(file: string, { code }: Lexed): string[] {
  return [
    ...code.matchAll(
      /(?<![\w$.])(?:describe|suite)(?:\s*\.\s*\w+)*?\s*\.\s*(only|skip|todo)\b|\b[fx](?:it|describe)\s*\(/g,
    ),
  ].map(([found]) => `${file}: ${found}`);
}

/** Each `toMatchObject` with an empty object in it, which any object matches. */
export function emptyMatches(file: string, { code }: Lexed): string[] {
  return [...code.matchAll(/\.toMatchObject\s*(?=\()/g)].flatMap((found) => {
    const args = bracketed(code, found.index + found[0].length) ?? '';
    const line = code.slice(0, found.index).split('\n').length;
    return /[:[,(]\s*\{\s*\}/.test(args) ? [`${file}:${line}`] : [];
  });
}
