import { DEPTH_MAX } from './plain.ts';

/** What keeps a text from being read, with its place; lines and columns count from 1. */
interface JsonFault {
  line: number;
  column: number;
  why: string;
}

const SPACE = /[ \t\n\r]*/y;
const STRING = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*"/y;
const LITERAL = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

class Fault extends Error {
  readonly at: number;

  constructor(at: number, why: string) {
    super(why);
    this.at = at;
  }
}

/**
 * Finds what JSON.parse would refuse, and says where, which JSON.parse does not always do; finds also what it
 * would let through: a key that stands twice, of which it keeps the last, and nesting without end.
 */
export function jsonFault(text: string): JsonFault | undefined {
  try {
    const end = skip(text, value(text, 0, 0));
    if (end < text.length) throw new Fault(end, 'there is something after the end of the value');
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const lines = text.slice(0, error.at).split('\n');
    return { line: lines.length, column: (lines.at(-1) ?? '').length + 1, why: error.message };
  }
}

/** Reads one value and answers where it ends. */
function value(text: string, from: number, depth: number): number {
  const at = skip(text, from);
  if (depth > DEPTH_MAX) throw new Fault(at, `it is nested deeper than ${DEPTH_MAX} levels`);
  if (text[at] === '{')
    return list(text, at, '}', (start) => value(text, skipTo(text, start, ':'), depth + 1));
  if (text[at] === '[') return list(text, at, ']', (start) => value(text, start, depth + 1));
  const end = match(STRING, text, at) ?? match(LITERAL, text, at);
  if (end === undefined)
    throw new Fault(at, at < text.length ? 'a value is expected here' : 'the text ends too early');
  return end;
}

/** Reads the items between two brackets; in a map each begins with its key, which must be new. */
function list(text: string, open: number, close: '}' | ']', item: (start: number) => number): number {
  const keys = new Set<string>();
  let at = skip(text, open + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    at = skip(text, item(close === '}' ? key(text, at, keys) : at));
    if (text[at] === close) return at + 1;
    at = skip(text, skipTo(text, at, ',', ` or "${close}"`));
  }
}

function key(text: string, at: number, keys: Set<string>): number {
  const end = match(STRING, text, at);
  if (end === undefined)
    throw new Fault(at, at < text.length ? 'a key in quotes is expected here' : 'the text ends too early');
  const name = String(JSON.parse(text.slice(at, end)));
  if (keys.has(name))
    throw new Fault(at, `the key ${JSON.stringify(name.slice(0, 60))} is given twice in one map`);
  keys.add(name);
  return end;
}

function skipTo(text: string, from: number, sign: string, or = ''): number {
  const at = skip(text, from);
  if (text[at] === sign) return at + 1;
  throw new Fault(at, at < text.length ? `"${sign}"${or} is expected here` : 'the text ends too early');
}

const skip = (text: string, at: number) => match(SPACE, text, at) ?? at;

function match(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
