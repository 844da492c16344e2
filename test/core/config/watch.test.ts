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

  test('takes what part of the good ones may be lost, and dimensions that are the same for each version', () => {
    const orders = { bad: 'Shop/Failed', total: 'Shop/Orders', lost: '2.5%', dimensions: { Stage: 'prod' } };
    expect(watchFrom(fileWith({ custom: { orders } }))).toMatchObject([
      { metric: 'custom.orders', ratio: 1.5, lost: 0.025, custom: { dimensions: { Stage: 'prod' } } },
    ]);
  });

  test('with alpha and promoteEarly alone keeps its default rules, and the plan knows both', () => {
    const file = fileWith({ alpha: 0.05, promoteEarly: true });
    expect(watchFrom(file).map(({ metric }) => metric)).toEqual([
      'errors',
      'http5xx',
      'http4xx',
      'throttles',
    ]);
    expect(planFrom(file).plan).toMatchObject({ alpha: 0.05, promoteEarly: true });
    expect(planFrom(fileWith({ errors: '1x' })).plan).not.toHaveProperty('alpha');
  });

  test.each<[unknown, string]>([
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
    ...(
      [
        [
          { lost: '0%' },
          'watch.custom.orders.lost is "0%": write a share of the good ones above 0 % and up to 50 %',
        ],
        [{ lost: '51%' }, 'watch.custom.orders.lost is "51%":'],
        [{ lost: 5 }, 'watch.custom.orders.lost is 5:'],
        [{ tolerate: '1%', lost: '5%' }, 'a share in `tolerate` is not; remove one of them'],
        [{ dimensions: { [`a${'b'.repeat(299)}`]: 'x' } }, 'name it with 1 to 255 characters'],
        [{ dimensions: { ':a': 'x' } }, 'of which the first is no colon'],
        [{ dimensions: { Stage: 'x'.repeat(300) } }, 'write the value of the dimension as text of 1 to 255'],
        [{ dimensions: { Stage: 3 } }, 'watch.custom.orders.dimensions.Stage is 3:'],
        [{ dimensions: { ExecutedVersion: '3' } }, 'this dimension says which version is counted'],
        [{ versionDimension: 'V', dimensions: { V: '3' } }, 'this dimension says which version is counted'],
      ] as const
    ).map(
      ([more, message]) =>
        [{ custom: { orders: { bad: 'Shop/Failed', total: 'Shop/Orders', ...more } } }, message] as [
          unknown,
          string,
        ],
    ),
    [{}, 'write at least one of errors, http5xx, http4xx, throttles, latency, p50'],
  ])('%j is refused with the fix', (watch, message) => {
    expect(thrownBy(() => fileWith(watch)).message).toContain(message);
  });
});
