import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonFault } from '../../../core/config/json-text.ts';
import { times } from '../../deep.ts';

test.each([
  ['', 1, 1, 'the text ends too early'],
  ['{"a": 1,}', 1, 9, 'a key in quotes is expected here'],
  ['{"a": 1\n "b": 2}', 2, 2, '"," or "}" is expected here'],
  ['{"a" 1}', 1, 6, '":" is expected here'],
  ['{a: 1}', 1, 2, 'a key in quotes is expected here'],
  ['[1, 2', 1, 6, 'the text ends too early'],
  ['{"a": nope}', 1, 7, 'a value is expected here'],
  ['[01]', 1, 3, '"," or "]" is expected here'],
  ['{} {}', 1, 4, 'there is something after the end of the value'],
  ['"a\nb"', 1, 1, 'a value is expected here'],
  ['{"a": 1,\n"b": {"a": 1, "\\u0061": 2}}', 2, 15, 'the key "a" is given twice in one map'],
  ['['.repeat(100_000), 1, 34, 'it is nested deeper than 32 levels'],
])('%j is refused at line %d, column %d: %s', (text, line, column, why) => {
  expect(jsonFault(text)).toEqual({ line, column, why });
});

test('every JSON text is free of faults', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
      expect(jsonFault(JSON.stringify(JSON.parse(text), null, indent))).toBeUndefined();
    }),
  );
});

test('a text with a letter changed has a fault exactly where JSON.parse refuses it', () => {
  const damage = fc.tuple(
    fc.json(),
    fc.nat(),
    fc.constantFrom('', '"', '\\', '{', ']', ',', ':', '0', 'e', '-', '\n', '\u0001', 'x'),
  );
  fc.assert(
    fc.property(damage, ([text, at, put]) => {
      const place = at % (text.length + 1);
      const damaged = text.slice(0, place) + put + text.slice(place + 1);
      const fault = jsonFault(damaged);
      if (fault?.why.includes('twice')) return;
      expect(fault === undefined).toBe(isJson(damaged));
    }),
    { numRuns: times(1_200, 30_000) },
  );
});

test('a long text is read at once', () => {
  expect(jsonFault(JSON.stringify({ a: 'x'.repeat(999_000), b: '\\'.repeat(1_000) }))).toBeUndefined();
  expect(jsonFault(`"${'\\n'.repeat(400_000)}"`)).toBeUndefined();
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
