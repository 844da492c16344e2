import { styleText } from 'node:util';
import { printable, printableJson } from '../core/plain-text.ts';

/** A color, or weight, of a text; what is no terminal, and NO_COLOR, get none. */
type Format = Parameters<typeof styleText>[0];

/** Whether a line that changes stands below what was printed. */
let isLive = false;

/** Shows a text below everything until something else is said: on a terminal, and nowhere else. */
export function showLive(text: string): void {
  const { columns } = process.stderr;
  if (!showsLive()) return;
  const line = printable(text)
    .replaceAll('\n', ' ')
    .slice(0, (columns || 80) - 1);
  process.stderr.write(`\r\u001b[2K${styleText('dim', line, { stream: process.stderr })}`);
  isLive = true;
}

/** Whether `showLive` shows anything here. */
export function showsLive(): boolean {
  return process.stderr.isTTY === true && process.env.TERM !== 'dumb' && !process.env.CI;
}

/** Removes what `showLive` shows. */
export function endLive(): void {
  if (isLive) process.stderr.write('\r\u001b[2K');
  isLive = false;
}

/** Prints what was asked for; whatever others wrote in it moves no cursor, colours nothing and is no command for a CI system. */
export function say(text: string, format?: Format): void {
  endLive();
  console.log(painted(text, process.stdout, format));
}

/** Prints a text of this program's own as it is, tabs included: for other programs. */
export function sayRaw(text: string): void {
  console.log(text);
}

/** Prints what went wrong, as safely as `say`. */
export function complain(text: string, format?: Format): void {
  endLive();
  console.error(painted(text, process.stderr, format));
}

/** Each stream is asked for itself: one may be a terminal while the other is a file. */
function painted(text: string, stream: NodeJS.WriteStream, format?: Format): string {
  const plain = printable(text);
  return format === undefined ? plain : styleText(format, plain, { stream });
}

/** Prints a value as one line of JSON that reads back as the same value. */
export function sayJson(value: unknown): void {
  console.log(printableJson(value));
}

/** Columns of the terminal, within what is good to read. */
export function width(): number {
  return Math.max(20, Math.min(process.stdout.columns || 80, 100));
}

/** Ends the process quietly once nobody reads what it prints, as in `status | head -1`. */
export function endUnread(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit();
    });
}

/** Whether a person is there who sees a question and can answer it. */
export function isAsked(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true && !process.env.CI;
}

/** Asks a person a question on the terminal; answers what is typed. */
export async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(printable(question));
  } finally {
    terminal.close();
  }
}
