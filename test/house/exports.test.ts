import { describe, expect, test } from 'vitest';
import { unusedExports } from './exports.ts';
import { lex } from './lex.ts';
import { lexed, sources } from './project.ts';

/** What others than this project import: the package's own entries and the code of users. Recorded histories and what SST writes are generated. */
const FOR_OTHERS = /^(?:runtime|sst|examples)\/|^test\/histories\/\d|^sst-env\.d\.ts$/;

test('no file exports what it alone uses', () => {
  const own = sources.filter((file) => !FOR_OTHERS.test(file));
  expect(own.length).toBeGreaterThan(100);
  expect(unusedExports(Object.fromEntries(own.map((file) => [file, lexed(file)])))).toEqual([]);
});

describe('the checker', () => {
  const unusedIn = (files: Record<string, string>) =>
    unusedExports(Object.fromEntries(Object.entries(files).map(([file, source]) => [file, lex(source)])));
  const files = (b: string) => ({
    'core/a.ts': 'export const one = 1; export function two() {}',
    'core/b.ts': b,
  });

  test.each([
    ["import { one, two } from './a.ts';", []],
    ["import * as a from './a.ts'; a.one; a.two;", []],
    ["const { one } = await import('./a.ts'); type T = typeof import('./a.ts').two;", []],
    ['const code = `import { one, two } from ./a.ts`;', []],
    ["import { one } from './a.ts'; // two", ['core/a.ts: two']],
    ["import { one } from './a.ts'; const says = 'two';", ['core/a.ts: two']],
    ["import { one } from './a.ts'; const twofold = one;", ['core/a.ts: two']],
    ["import { one } from './other.ts'; const two = 2;", ['core/a.ts: one', 'core/a.ts: two']],
  ])('says of %s what is used by its own file alone', (b, unused) => {
    expect(unusedIn(files(b))).toEqual(unused);
  });

  test.each([
    'export async function x() {}',
    'export interface x {}',
    'export type x = 1;',
    'export class x {}',
    'const x = 1; export { x };',
    'const y = 1; export { y as x };',
    'interface x {} export type { x };',
  ])('finds the export in %s', (source) => {
    expect(unusedIn({ 'core/a.ts': source })).toEqual(['core/a.ts: x']);
  });

  test('knows what Lambda asks for, and leaves to others what they export', () => {
    const source = "export const handler = 1; export { y } from './b.ts';";
    expect(unusedIn({ 'functions/a.ts': source })).toEqual([]);
  });
});
