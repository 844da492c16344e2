import { printable, printableJson } from '../core/plain-text.ts';

/** Prints what was asked for; whatever others wrote in it moves no cursor, colours nothing and is no command for a CI system. */
export function say(text: string): void {
  console.log(printable(text));
}

/** Prints what went wrong, as safely as `say`. */
export function complain(text: string): void {
  console.error(printable(text));
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
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
