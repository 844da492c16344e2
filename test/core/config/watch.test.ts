import { describe, expect, test } from 'vitest';
import { planFrom, type RolloutFile, watchFrom } from '../../../core/config/rollout-file.ts';
import { rolloutFileFrom } from '../../formats.ts';
import { changed, leastFile, thrownBy } from './files.ts';

const fileWith = (watch: unknown): RolloutFile => rolloutFileFrom(changed(leastFile(), ['watch'], watch));

describe('watch', () => {
  test('takes percentiles, throttles and counts of the user’s own', () => {
    const orders = {
      bad: 'Shop/A/Failed',
      total: 'Shop/A/Orders',
      tolerate: '2x',
      versionDimension: 'Release',
    };
    expect(watchFrom(fileWith({ throttles: '1%', p95: '1.25x', custom: { orders } }))).toEqual([
      { metric: 'throttles', share: 0.01 },
      { metric: 'p95', ratio: 1.25 },
      {
        metric: 'custom.orders',
        ratio: 2,
        custom: {
          bad: { namespace: 'Shop/A', name: 'Failed' },
          total: { namespace: 'Shop/A', name: 'Orders' },
          versionDimension: 'Release',
        },
      },
    ]);
    const assumed = watchFrom(fileWith({ custom: { orders: { bad: 'Shop/Failed', total: 'Shop/Orders' } } }));
    expect(assumed).toMatchObject([{ metric: 'custom.orders', ratio: 1.5 }]);
  });

  test('with alpha and promoteEarly alone keeps its default rules, and the plan knows both', () => {
    const file = fileWith({ alpha: 0.05, promoteEarly: true });
    expect(watchFrom(file).map(({ metric }) => metric)).toEqual(['errors', 'http5xx', 'throttles']);
    expect(planFrom(file).plan).toMatchObject({ alpha: 0.05, promoteEarly: true });
    expect(planFrom(fileWith({ errors: '1x' })).plan).not.toHaveProperty('alpha');
  });

  test.each([
    [{ alpha: 0.0009 }, 'watch.alpha is 0.0009: write a probability from 0.001 to 0.05'],
    [{ alpha: 0.06 }, 'watch.alpha is 0.06:'],
    [{ alpha: '1%' }, 'watch.alpha is "1%":'],
    [{ promoteEarly: 'yes' }, 'watch.promoteEarly is "yes": write true or false.'],
    [{ p95: '5%' }, 'watch.p95 is "5%": write how many times stable'],
    [{ p95: '0.9x' }, 'watch.p95 is "0.9x":'],
    [{ p95: 1.25 }, '`1.25x` has its sign'],
    [{ custom: { orders: { bad: 'Failed', total: 'Shop/Orders' } } }, 'write the namespace and the name'],
    [{ custom: { orders: { bad: 'Shop/Failed' } } }, 'watch.custom.orders.total is missing'],
    [
      { custom: { 'a b': { bad: 'Shop/Failed', total: 'Shop/Orders' } } },
      'watch.custom["a b"] is {"bad":"Shop/Failed","total":"Shop/Orders"}: name it with 1 to 40 letters, digits and hyphens',
    ],
    [{}, 'write at least one of errors, http5xx, throttles, latency, p50'],
  ])('%j is refused with the fix', (watch, message) => {
    expect(thrownBy(() => fileWith(watch)).message).toContain(message);
  });
});
