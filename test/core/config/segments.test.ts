import { describe, expect, test } from 'vitest';
import { planFrom, rolloutFileFrom } from '../../../core/config/rollout-file.ts';
import { amongAt, sharesAt, weightText } from '../../../core/plan/segments.ts';
import { KINDS } from '../../../targets/kinds.ts';

const FILE = {
  service: 'shop',
  targets: { web: { site: 'web-shop' } },
  segments: {
    internal: { cookie: 'team', is: ['staff'] },
    nordic: { country: ['SE', 'NO'] },
    beta: { header: 'x-beta', is: ['1'] },
  },
  steps: [
    { segment: 'internal', weight: 50, bake: '30m' },
    { segment: 'nordic', weight: 10, bake: '10m' },
    { weight: 1, bake: '10m' },
    { segment: 'beta', weight: 20, bake: '10m' },
    { segment: 'nordic', weight: 40, bake: '10m' },
    { weight: 30, bake: '10m' },
  ],
};

const { steps, segments = [] } = planFrom(rolloutFileFrom(KINDS, FILE)).plan;

test('steps inside segments stand between the weights of the others', () => {
  expect(steps.map(({ weight }) => weight)).toEqual([0.001, 0.002, 1, 1.001, 1.002, 30]);
  expect(steps.map(({ weight }) => weightText(steps, weight))).toEqual([
    ...['50 % of segment internal', '10 % of segment nordic', '1 %'],
    ...['20 % of segment beta', '40 % of segment nordic', '30 %'],
  ]);
  expect(segments.map(({ by, of, values }) => [by, of, values])).toEqual([
    ['c', 'team', ['staff']],
    ['y', '', ['SE', 'NO']],
    ['h', 'x-beta', ['1']],
  ]);
});

test.each([
  [0.001, 'internal', { internal: 50 }],
  [0.002, 'nordic', { internal: 50, nordic: 10 }],
  [1, 'others', { internal: 50, nordic: 10 }],
  [1.002, 'nordic', { internal: 50, nordic: 40, beta: 20 }],
  [30, 'others', { internal: 50, nordic: 40 }],
  [90, undefined, {}],
  [100, undefined, {}],
])('at %d those of %s are compared, and segments keep their larger shares', (weight, among, shares) => {
  expect(amongAt(steps, weight)).toBe(among);
  const found = sharesAt(steps, segments, weight).map(({ name, weight: share }) => [name, share]);
  expect(Object.fromEntries(found)).toEqual(shares);
});

describe('is refused with the place and the fix', () => {
  const wrong = (changes: object) => {
    try {
      rolloutFileFrom(KINDS, { ...FILE, ...changes });
      return '';
    } catch (error) {
      return String(error);
    }
  };
  const { internal } = FILE.segments;
  const only = (more: object[], of: object = { internal }) => ({ segments: of, steps: more });
  const inside = { segment: 'internal', weight: 50, bake: '5m' };
  const last = { weight: 60, bake: '5m' };

  test.each([
    [
      'a slip',
      only([{ ...inside, segment: 'intrenal' }, last]),
      'steps[0].segment is "intrenal": unknown segment; did you mean `internal`? Known are internal.',
    ],
    [
      'no segments',
      { segments: {}, steps: [inside, last] },
      'steps[0].segment is "internal": unknown segment; write who is in it under `segments`.',
    ],
    [
      'nobody after it',
      only([inside]),
      'steps[0].segment is "internal": everybody would follow at once; add a step without `segment` after it',
    ],
    [
      'a segment that falls',
      only([inside, { ...inside, weight: 40 }, last]),
      'steps[1].weight is 40: it is below the 50 before it that this segment has',
    ],
    [
      'a segment below all',
      only([{ weight: 60, bake: '5m' }, inside, { weight: 70, bake: '5m' }]),
      'steps[1].weight is 50: it is below the 60 before it that this segment has',
    ],
    [
      'a segment in no step',
      only([last]),
      'segments.internal is {"cookie":"team","is":["staff"]}: no step is inside it; write `- { segment: internal, weight: 50, bake: 30m }`',
    ],
    [
      'a function',
      { ...only([inside, last]), targets: { web: { site: 'a' }, api: { lambda: 'f', alias: 'live' } } },
      'steps[0].segment is "internal": the calls of `api` are not told apart by visitor',
    ],
    ['all of a segment', only([{ ...inside, weight: 100 }, last]), 'steps[0].weight is 100'],
    [
      'two ways',
      only([inside, last], { internal: { ...internal, country: ['SE'] } }),
      'segments.internal.country is ["SE"]: `cookie` is set here too; keep one of the two.',
    ],
    [
      'no way',
      only([inside, last], { internal: { is: ['1'] } }),
      'write one of `header`, `cookie` and `country`',
    ],
    [
      'no value',
      only([inside, last], { internal: { cookie: 'team' } }),
      'segments.internal.is is missing: write a list of 1 to 30 texts',
    ],
    [
      'a value for a country',
      only([inside, last], { internal: { country: ['SE'], is: ['1'] } }),
      'the countries say who is in it; remove this.',
    ],
    [
      'a country in words',
      only([inside, last], { internal: { country: ['Sweden'] } }),
      'write a list of countries by their two capital letters',
    ],
    [
      'a header in capitals',
      only([inside, last], { internal: { header: 'X-Beta', is: ['1'] } }),
      'write the name of a header in small letters',
    ],
    [
      'everybody else',
      only([{ ...inside, segment: 'others' }, last], { others: internal }),
      '`others` is everybody whom no segment names; rename it.',
    ],
    [
      'a long name',
      only([{ ...inside, segment: 'a'.repeat(21) }, last], { ['a'.repeat(21)]: internal }),
      "a segment's name begins with a small letter",
    ],
    [
      'too many',
      only([inside, last], Object.fromEntries('abcdef'.split('').map((name) => [name, internal]))),
      'there are at most 5 segments; this has 6.',
    ],
    [
      'too many in a row',
      only([...Array.from({ length: 10 }, (_, nth) => ({ ...inside, weight: nth + 1 })), last]),
      'steps[9].segment is "internal": at most 9 steps inside segments may follow each other',
    ],
  ])('%s', (_name, changes, line) => {
    expect(wrong(changes)).toContain(line);
  });
});
