/** A file of code, taken apart so that a search for code finds no comment and no text. */
export interface Lexed {
  /** The code on its lines; each text and regular expression in it is replaced by its number in quotes, as `"3"`. */
  code: string;
  /** What stood in the quotes, by number. */
  texts: string[];
  comments: string[];
}

const SPACE = /\s+/y;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const TEXT = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const TEMPLATE = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y;
const NAME = /[\w$]+/y;

/** Where a slash begins a regular expression: after an operator, an opening bracket, or a word that wants a value. */
const WANTS_VALUE = /(?:^|[(,=:[!&|?{;+\-*%<>~^]|\b(?:return|typeof|case|of|in|await|yield))$/;

const known = new Map<string, Lexed>();

/** Takes a file of code apart; several tests ask for each file of the project. */
export function lex(source: string): Lexed {
  const lexed = known.get(source) ?? lexedFrom(source);
  known.set(source, lexed);
  return lexed;
}

function lexedFrom(source: string): Lexed {
  const texts: string[] = [];
  const comments: string[] = [];
  /** For each `${` that is open, the braces opened since. */
  const holes: number[] = [];
  let code = '';
  let at = 0;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const keep = (text: string, lines = text) => {
    code += `"${texts.push(text) - 1}"${lines.replace(/[^\n]/g, '')}`;
  };
  const template = () => {
    keep(take(TEMPLATE) ?? '');
    const isHole = source.startsWith('${', at);
    at += isHole ? 2 : 1;
    if (!isHole) return;
    holes.push(0);
    code += '+(';
  };
  const character = () => {
    const mark = source[at++] ?? '';
    const depth = holes.length - 1;
    if (mark === '`') return template();
    if (mark === '}' && holes[depth] === 0) {
      holes.pop();
      code += ')+';
      return template();
    }
    if (mark === '{' && depth >= 0) holes[depth] = (holes[depth] ?? 0) + 1;
    if (mark === '}' && depth >= 0) holes[depth] = (holes[depth] ?? 0) - 1;
    code += mark;
  };

  while (at < source.length) {
    const plain = take(SPACE) ?? take(NAME);
    if (plain !== undefined) {
      code += plain;
      continue;
    }
    const comment = take(COMMENT);
    if (comment !== undefined) {
      comments.push(comment);
      code += comment.replace(/[^\n]/g, '') || ' ';
      continue;
    }
    const text = take(TEXT) ?? (WANTS_VALUE.test(code.trimEnd()) ? take(REGEX) : undefined);
    if (text !== undefined) keep(text.slice(1, -1), '');
    else character();
  }
  return { code, texts, comments };
}

/** The part of `code` from the bracket at `open` to its partner, both included; undefined if it has none. */
export function bracketed(code: string, open: number): string | undefined {
  const partners: Record<string, string> = { '(': ')', '[': ']', '{': '}' };
  const awaited: string[] = [];
  for (let at = open; at < code.length; at++) {
    const mark = code[at] ?? '';
    const partner = partners[mark];
    if (partner !== undefined) awaited.push(partner);
    else if (')]}'.includes(mark) && awaited.pop() !== mark) return undefined;
    if (awaited.length === 0) return code.slice(open, at + 1);
  }
  return undefined;
}
