import { describe, expect, test } from 'vitest';
import type { FencingToken } from '../../../core/rollout/fencing-token.ts';
import { KEY, valueFrom } from '../../../edge/value.ts';
import {
  bytesOf,
  filesRef,
  type Stored,
  seenFrom,
  segmentsRef,
  storedFrom,
  VALUE_BYTES_MAX,
  VALUE_KEY,
  valueWith,
} from '../../../targets/cloudfront/value.ts';
import { EMPTY } from '../../empty.ts';

const target = { stable: 'r41', canary: 'r42', ref: filesRef({ r41: ['/a.json'], r42: ['/b.json'] }) };
const token = (open = true, more: Partial<FencingToken> = {}): FencingToken => ({
  ...{ rolloutId: 'shop--r42--1', epoch: 1, seq: 3, open },
  ...more,
});
const before: Stored & Record<string, unknown> = {
  ...{ s: 'r41', d: ['/a.json'], k: 'secret', i: 'j', a: '/api/', x: [1, { y: null }] },
};
const written = (
  routing: { primary: string; weights: Record<string, number> },
  by = token(),
  from = before,
) => JSON.parse(valueWith(from, { ...routing, token: by }, target));

test('a release that would lead out of its folder is none', () => {
  expect(
    ['.', '..', 'r/1', '', '...', '.r'].map((s) => storedFrom(JSON.stringify({ s })) !== undefined),
  ).toEqual([...[false, false, false, false], ...[true, true]]);
});

describe('what is written', () => {
  test('names the release under way, its share in hundredths of a percent, a salt, and the files of both', () => {
    expect(written({ primary: 'r41', weights: { r42: 0.29 } })).toEqual({
      ...{ s: 'r41', c: 'r42', w: 29, t: 'shop.r42', d: ['/a.json', '/b.json'] },
      ...{ k: 'secret', i: 'j', a: '/api/', x: [1, { y: null }], f: 'spillway shop--r42--1 1 3 open' },
    });
  });

  test('names the release without a share while its token is open, so that it can be tried', () => {
    expect(written({ primary: 'r41', weights: {} })).toMatchObject({ s: 'r41', c: 'r42', w: 0 });
  });

  test('leads calls of functions to the release that serves, until its token is closed', () => {
    const called = { ...target, ref: { ...target.ref, own: JSON.stringify({ a: '/api/' }) } };
    const of = (open: boolean) =>
      JSON.parse(valueWith(before, { primary: 'r42', weights: {}, token: token(open) }, called));
    expect(of(true)).toMatchObject({ s: 'r42', c: 'r42', w: 10_000 });
    expect(seenFrom(of(true), '1')).toMatchObject({ primary: 'r42', weights: EMPTY });
    for (const gone of ['c', 'w', 't', 'g']) expect(of(false)).not.toHaveProperty(gone);
  });

  test.each([
    ['a promotion', { primary: 'r42', weights: {} }, token(), { s: 'r42', d: ['/b.json'] }],
    ['a revert', { primary: 'r41', weights: {} }, token(false), { s: 'r41', d: ['/a.json'] }],
    ['a stranger', { primary: 'r7', weights: {} }, token(), { s: 'r7', d: ['/a.json'] }],
  ])('after %s names one release and its files', (_what, routing, by, expected) => {
    const found = written(routing, by);
    expect(found).toMatchObject(expected);
    for (const gone of ['c', 'w', 't', 'g']) expect(found).not.toHaveProperty(gone);
  });

  test('has the segments of the plan up to its weight, and none once the release serves or has left', () => {
    const steps = [
      { weight: 0.001, within: { segment: 'internal', weight: 50 }, bakeSeconds: 60, maxBakeSeconds: 60 },
      { weight: 1, bakeSeconds: 60, maxBakeSeconds: 60 },
    ];
    const segments = [{ name: 'internal', by: 'c' as const, of: 'team', values: ['staff'] }];
    const inside = { ...target, ref: { ...target.ref, ...segmentsRef({ steps, segments }) } };
    const at = (primary: string, weights: Record<string, number>, open = true, from = before) =>
      JSON.parse(valueWith(from, { primary, weights, token: token(open) }, inside));
    const line = ['c', 'team', ['staff'], 5_000, 'internal'];
    expect(at('r41', { r42: 0.001 })).toMatchObject({ w: 0.1, g: [line] });
    expect(seenFrom(at('r41', { r42: 0.001 }), '1').weights).toEqual({ r42: 0.001 });
    expect(at('r41', { r42: 1 })).toMatchObject({ w: 100, g: [line] });
    for (const without of [
      at('r41', {}),
      at('r41', { r42: 60 }),
      at('r42', {}),
      at('r41', {}, false, { ...before, g: [line] }),
    ])
      expect(without).not.toHaveProperty('g');
  });

  test('leaves the share of a stranger and its salt as they are', () => {
    const from = { ...before, c: 'r7', w: 1234.5, t: 'theirs' };
    const { primary, weights } = seenFrom(from, 'KV1');
    expect(weights).toEqual({ r7: 12.345 });
    expect(written({ primary, weights }, token(false), from)).toMatchObject({
      c: 'r7',
      w: 1234.5,
      t: 'theirs',
    });
  });

  test('is of an even size under an open token and of an odd one under a closed one', () => {
    for (const primary of ['r41', 'r42', 'r4', 'r410'])
      for (const open of [true, false])
        for (const seq of [9, 10]) {
          const text = valueWith(before, { primary, weights: {}, token: token(open, { seq }) }, target);
          expect(bytesOf(text) % 2).toBe(open ? 0 : 1);
        }
  });

  test('draws the same visitors each time that a release is tried, and others for another one', () => {
    const saltOf = (rolloutId: string, canary = 'r42') =>
      JSON.parse(
        valueWith(
          before,
          { primary: 'r41', weights: { [canary]: 5 }, token: token(true, { rolloutId }) },
          { ...target, canary },
        ),
      ).t;
    expect(saltOf('shop--r42--1')).toBe(saltOf('shop--r42--2'));
    expect(saltOf('shop--r43--1', 'r43')).not.toBe(saltOf('shop--r42--1'));
  });

  test('does without the name of who aborted if there is no room for it', () => {
    const by = 'Ω'.repeat(100);
    const from = { ...before, x: 'x'.repeat(780) };
    const text = valueWith(from, { primary: 'r41', weights: {}, token: token(false, { by }) }, target);
    expect(bytesOf(text)).toBeLessThanOrEqual(VALUE_BYTES_MAX);
    expect(seenFrom(storedFrom(text) ?? before, '').token).toEqual(token(false));
    expect(written({ primary: 'r41', weights: {} }, token(false, { by })).f).toContain(by);
  });
});

test('the edge takes what is written, under the key that it reads', () => {
  expect(VALUE_KEY).toBe(KEY);
  const value = written({ primary: 'r41', weights: { r42: 5 } });
  expect(valueFrom(value)).toEqual(value);
});

test.each(['', 'null', '[]', '{"s":1}', '{"s":""}', '{"s":"a/b"}', '{'])(
  'what the edge does not take is no value: %s',
  (text) => {
    expect(storedFrom(text)).toBeUndefined();
  },
);
