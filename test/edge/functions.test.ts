import { describe, expect, test } from 'vitest';
import { cohortOf } from '../../core/cohort.ts';
import built from '../../edge/built.json' with { type: 'json' };
import { CASES, IN, OUT } from './cases.ts';
import { asked } from './sandbox.ts';

const { beacon: _, ...functions } = built;

/** Bytes that each may have: of a function of its own, of what SST's StaticSite leaves, and of what its Router does. */
const BYTES_MAX: Record<keyof typeof functions, number> = {
  ...{ 'viewer-request': 9_900, 'viewer-response': 9_900 },
  ...{ 'static-site': 3_500, router: 1_000, 'sst-response': 9_900 },
};

describe('a function of the edge', () => {
  test.each(CASES)('$asks: $name', async (given) => {
    expect(await asked(given)).toEqual(given.becomes);
  });

  test('is asked by visitors on both sides of the weight', () => {
    expect(cohortOf('checkout--r42--1', IN)).toBeLessThan(2_500);
    expect(cohortOf('checkout--r42--1', OUT)).toBeGreaterThan(2_500);
  });

  test('serves the stable page whatever throws', async () => {
    for (const store of [undefined, '', '{}', '[]', '0', '"x"', '{"s":"r41","c":"r42","g":[null],"w":1}']) {
      const [given] = CASES;
      if (given === undefined) throw new Error('There are no cases.');
      const said = await asked({ ...given, store });
      expect(['/index.html', '/_releases/r41/index.html']).toContain('uri' in said ? said.uri : '');
    }
  });

  test.each(Object.entries(functions))('%s is small', (name, text) => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(BYTES_MAX[name as keyof typeof functions]);
  });
});
