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
