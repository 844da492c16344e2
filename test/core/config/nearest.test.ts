import { expect, test } from 'vitest';
import { nearest, unknownKey } from '../../../core/config/nearest.ts';

test.each([
  ['weigth', ['bake', 'weight', 'maxBake'], 'weight'],
  ['maxbake', ['bake', 'weight', 'maxBake'], 'maxBake'],
  ['', ['abc', 'd'], 'd'],
  ['kitten', ['mitten', 'sitting'], 'mitten'],
])('the word nearest to "%s" of %j is %s', (word, known, best) => {
  expect(nearest(word, known)).toEqual([best]);
});

test('several near words come nearest first, and equally near ones in their own order', () => {
  expect(nearest('bake', ['make', 'weight', 'bake', 'cake'], 3)).toEqual(['bake', 'make', 'cake']);
});

test('a slip of the finger is asked back, a strange word gets no suggestion', () => {
  expect(unknownKey('weigth', ['weight', 'bake'])).toBe(
    'is not a known key: did you mean `weight`? Known here: weight, bake.',
  );
  expect(unknownKey('hooks', ['smoke', 'verify'])).toBe('is not a known key: known here are smoke, verify.');
});

test('a key of a megabyte is compared at once', () => {
  expect(nearest('x'.repeat(1_000_000), ['weight'])).toEqual(['weight']);
});
