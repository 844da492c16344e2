import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSameJson, valueAt } from '../../core/json-path.ts';

const order = {
  total: 100,
  items: [{ id: 'T1', tags: ['new', null] }],
  note: null,
  'due-at': 5,
  open: false,
};

describe('a path', () => {
  test.each([
    ['$', order],
    ['$.total', 100],
    ['$.items', order.items],
    ['$.items[0].id', 'T1'],
    ['$.items[0].tags[1]', null],
    ['$.note', null],
    ['$.due-at', 5],
    ['$.open', false],
  ])('%s reads what stands there', (path, value) => {
    expect(valueAt(order, path)).toEqual(value);
  });

  test.each([
    '$.none',
    '$.items[1]',
    '$.items[0].id.more',
    '$.note.more',
    '$.total[0]',
    '$.toString',
    '$.__proto__',
    '$.constructor.name',
    '$.items.push',
  ])('%s reads nothing if nothing stands', (path) => {
    expect(valueAt(order, path)).toBeUndefined();
  });

  test('reads nothing out of what is no object', () => {
    for (const value of [undefined, null, 3, 'text', true])
      expect(valueAt(value, '$.length')).toBeUndefined();
  });

  test('reads a list from its root', () => {
    expect(valueAt([1, [2, 3]], '$[1][0]')).toBe(2);
  });
});

describe('two JSON values', () => {
  test.each([
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [
      [1, { a: null }],
      [1, { a: null }],
    ],
    [1, 1.0],
    [null, null],
    [{}, {}],
  ])('%j and %j are the same', (a, b) => {
    expect(isSameJson(a, b)).toBe(true);
  });

  test.each([
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: 1 }, { b: 1 }],
    [
      [1, 2],
      [2, 1],
    ],
    [[], {}],
    [['x'], { 0: 'x' }],
    [1, '1'],
    [null, {}],
    [undefined, null],
    [false, 0],
    [{}, JSON.parse('{"__proto__": 1}')],
    [{ toString: 1 }, {}],
  ])('%j and %j are not', (a, b) => {
    expect(isSameJson(a, b)).toBe(false);
    expect(isSameJson(b, a)).toBe(false);
  });

  test('are the same after a round trip through text, and not with one value changed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const [one, other] = [JSON.stringify(a), JSON.stringify(b)];
        expect(isSameJson(JSON.parse(one), JSON.parse(one))).toBe(true);
        expect(isSameJson({ at: a }, { at: [a] })).toBe(false);
        if (isSameJson(JSON.parse(one), JSON.parse(other)))
          expect(JSON.parse(one)).toEqual(JSON.parse(other));
      }),
    );
  });
});
