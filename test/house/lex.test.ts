import { expect, test } from 'vitest';
import { bracketed, lex } from './lex.ts';
import { lexed, sources } from './project.ts';

test('comments and texts are no code', () => {
  const { code, texts, comments } = lex(`const a = 'Date'; // Date\n/* Date\n */ const b = "it's";`);
  expect(code).not.toContain('Date');
  expect(code.split('\n')).toHaveLength(3);
  expect(texts).toEqual(['Date', "it's"]);
  expect(comments).toEqual(['// Date', '/* Date\n */']);
});

test('what stands in the holes of a template is code, however deep', () => {
  const { code, texts } = lex(`f(\`a \${g({ x: \`b \${Date} }\` })} c\`, 1)`);
  expect(code).toContain('Date');
  expect(code).not.toMatch(/[abc] /);
  expect(texts).toEqual(['a ', 'b ', ' }', ' c']);
});

test('a regular expression with quotes in it does not swallow what follows, and a division is none', () => {
  expect(lex(`const p = /['"\`/\\/]+/g; Date`).code).toContain('Date');
  expect(lex('return /\\/\\*/; Date').code).toContain('Date');
  expect(lex('const half = a / 2; const b = Date / c;').code).toContain('Date');
});

test('no file of the project makes it lose its way: all brackets pair up', () => {
  const lost = sources.filter((file) => {
    const all = `(${lexed(file).code})`;
    return bracketed(all, 0)?.length !== all.length;
  });
  expect(lost).toEqual([]);
});
