import { expect, test } from 'vitest';
import { filled, filledText, namesIn } from '../../../core/analysis/templates.ts';

test('names are found in texts at any depth, each once, and not where a backslash stands before them', () => {
  expect(namesIn({ a: ['{{one}} {{ two }}', { b: '{{one}}' }], c: 3, '{{key}}': null })).toEqual([
    'one',
    'two',
  ]);
  for (const nothing of [undefined, null, 3, true, '', [], {}]) expect(namesIn(nothing)).toEqual([]);
  expect(namesIn('\\{{one}} {{two words}} {{}} {{1st}}')).toEqual([]);
});

test('a text takes the values as texts, encoded if that is asked, and keeps what has no value', () => {
  const values = { id: 'a b/ü', count: 7 };
  expect(filledText('/x/{{id}}?n={{count}}&m={{none}}', values, encodeURIComponent)).toBe(
    '/x/a%20b%2F%C3%BC?n=7&m={{none}}',
  );
  expect(filledText('\\{{id}} is {{id}}', values)).toBe('{{id}} is a b/ü');
});

test('in JSON a text that is nothing but a name becomes the value, so that a number stays one', () => {
  const value = { id: '{{id}}', label: 'no. {{id}}', list: ['{{ok}}', 7, '{{x}}'], none: null };
  expect(filled(value, { id: 7, ok: true })).toEqual({
    id: 7,
    label: 'no. 7',
    list: [true, 7, '{{x}}'],
    none: null,
  });
});

test('a value with the signs of a replacement is taken as it is', () => {
  expect(filledText('{{a}}', { a: "$& $1 $' {{b}}", b: 'x' })).toBe("$& $1 $' {{b}}");
});
