/** Control characters, C1 included, and Unicode's own line ends. */
const CONTROL = String.raw`\p{Cc}\p{Zl}\p{Zp}`;

/** What moves a terminal's cursor, colours it, or sets its title, as far as it is complete (ECMA-48, 5.4 and 5.6): CSI, then OSC, DCS, SOS, PM and APC with their text. */
const [ESC, BEL, ST] = ['\\u001b', '\\u0007', '\\u009c'];
const ESCAPES = new RegExp(
  [
    `(?:${ESC}\\[|\\u009b)[0-?]*[ -/]*[@-~]`,
    `(?:${ESC}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^${BEL}${ESC}${ST}]*(?:${BEL}|${ESC}\\\\|${ST})`,
  ].join('|'),
  'gu',
);

/** Commands of CI systems, which they read out of logs: `::error::` and `##[error]` of GitHub Actions, `##vso[` of Azure Pipelines, `##teamcity[`. */
const HASHED = /#(?=#(?:\[|vso\[|teamcity\[))/gi;
const COMMANDS = [/:(?=:[a-z][\w-]*(?: [^:]*)?::)/g, HASHED, /(?<=^\s*):(?=:)/gu];

/**
 * What somebody else wrote, as it may be kept: one line, without escape sequences, control characters, and characters that
 * show nothing or reverse the direction of what follows; a command for a CI system is broken up by a space.
 */
export function plainText(said: string): string {
  return plainLine(said).trim();
}

/** Any text as it may be shown in a terminal, a log or a page: like `plainText`, with its own line ends and indentation. */
export function printable(text: string): string {
  return text.split('\n').map(plainLine).join('\n');
}

/** Any text as it may stand in HTML or SVG, within an element or an attribute in double quotes. */
export function inMarkup(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** JSON as it may be printed: what a terminal or a CI system would act on is written as an escape, so that it reads back as the same value. */
export function printableJson(value: unknown): string {
  const asEscapes = (found: string) =>
    [...Array(found.length).keys()]
      .map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join('');
  // JSON never begins a line with `::`; `##[` and its like count anywhere in one.
  return JSON.stringify(value)
    .replace(new RegExp(String.raw`[${CONTROL}\p{Cf}]`, 'gu'), asEscapes)
    .replace(HASHED, asEscapes);
}

const CONTROLS = new RegExp(`[${CONTROL}]+`, 'gu');

function plainLine(line: string): string {
  const shown = line
    .replace(ESCAPES, '')
    .replace(CONTROLS, ' ')
    .replace(/\p{Cf}/gu, '');
  return COMMANDS.reduce((text, command) => text.replace(command, '$& '), shown);
}

/** Fields of what is recorded in which people, hooks, tests, alarms and AWS have their say. */
const PROSE = new Set([
  ...['reason', 'by', 'found', 'failure', 'skippedWhy', 'needed', 'skipped', 'notices', 'author', 'commit'],
]);

/** A fact with every text in it that others wrote made plain; what is compared or sent on, such as names and bodies, stays as it is. */
export function withPlainTexts<Value>(value: Value, isProse = false): Value {
  if (typeof value === 'string') return (isProse ? plainText(value) : value) as Value;
  if (Array.isArray(value)) return value.map((each) => withPlainTexts(each, isProse)) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withPlainTexts(each, isProse || PROSE.has(key))]),
  ) as Value;
}
