import { describe, expect, test } from 'vitest';
import { breachedAt, comparisonIn, instantFrom, versionsOf } from '../../adapters/alarm-data.ts';

const at = (time: string) => Date.parse(`2026-01-05T09:${time}Z`);
const data = (more: object) =>
  JSON.stringify({
    ...{
      version: '1.0',
      queryDate: '2026-01-05T09:17:20.985+0000',
      startDate: '2026-01-05T09:14:00.000+0000',
    },
    ...{ statistic: 'Sum', period: 60, recentDatapoints: [1, 12, 15], threshold: 10 },
    ...more,
  });
const point = (time: string, value: number) => ({ timestamp: `2026-01-05T09:${time}.000+0000`, value });

describe('the first data point that turned an alarm red', () => {
  test('is the oldest on the side of the newest one', () => {
    expect(breachedAt(data({}))).toBe(at('16:00'));
    expect(breachedAt(data({ recentDatapoints: [12, 12, 15] }))).toBe(at('15:00'));
    expect(breachedAt(data({ recentDatapoints: [20, 9, 1], threshold: 10 }))).toBe(at('16:00'));
  });

  test('is known by the dates of the data points if CloudWatch gives them', () => {
    const evaluatedDatapoints = [point('09:00', 15), point('04:00', 12), point('02:00', 1)];
    expect(breachedAt(data({ evaluatedDatapoints }))).toBe(at('05:00'));
  });

  test.each([
    ['GreaterThanThreshold', '15:00'],
    ['greater', '15:00'],
    ['LessThanOrEqualToThreshold', '17:00'],
    ['', '17:00'],
  ])('is on the side of the comparison, whatever the newest one is: %s', (comparison, end) => {
    const evaluatedDatapoints = [point('16:00', 3), point('15:00', 12), point('14:00', 15)];
    expect(breachedAt(data({ evaluatedDatapoints }), comparison)).toBe(at(end));
  });

  test('with a comparison leaves minutes without data out', () => {
    const evaluatedDatapoints = [{ timestamp: '2026-01-05T09:16:00.000+0000' }, point('15:00', 15)];
    expect(breachedAt(data({ evaluatedDatapoints }), 'GreaterThanThreshold')).toBe(at('16:00'));
    expect(breachedAt(data({ evaluatedDatapoints }), 'LessThanThreshold')).toBeUndefined();
  });

  test.each([
    [[0, 5, 5], [20, 20, 14], '17:00'],
    [[0, 13, 5], [20, 20, 14], '16:00'],
    [[5, 5, 5], undefined, '15:00'],
    [undefined, [20, 11, 20], '16:00'],
  ])('is outside an anomaly band of %j to %j', (recentLowerThresholds, recentUpperThresholds, end) => {
    const band = { threshold: undefined, recentLowerThresholds, recentUpperThresholds };
    const dated = { evaluatedDatapoints: [point('16:00', 15), point('15:00', 12), point('14:00', 1)] };
    expect(breachedAt(data(band))).toBe(at(end));
    expect(breachedAt(data({ ...band, ...dated }))).toBe(at(end));
  });

  test('has a threshold of its own if the band has one edge', () => {
    const evaluatedDatapoints = [
      { ...point('16:00', 30), threshold: 20 },
      { ...point('15:00', 18), threshold: 20 },
    ];
    expect(breachedAt(data({ threshold: undefined, evaluatedDatapoints }))).toBe(at('17:00'));
  });

  test.each<[string, string | undefined]>([
    ['no data', undefined],
    ['no JSON', 'Threshold Crossed'],
    ['null', 'null'],
    ['a composite alarm', JSON.stringify({ triggeringAlarms: [] })],
    ['an anomaly band without its edges', data({ threshold: undefined })],
    [
      'an anomaly band that nothing left',
      data({ threshold: undefined, recentUpperThresholds: [20, 20, 20] }),
    ],
    [
      'a newest minute without data',
      data({ evaluatedDatapoints: [{ timestamp: '2026-01-05T09:16:00.000+0000' }, point('15:00', 15)] }),
    ],
    ['an expression', data({ period: undefined })],
    ['no data points', data({ recentDatapoints: [] })],
    ['no date', data({ queryDate: 'yesterday' })],
    ['a period of zero', data({ period: 0 })],
    ['data points that are no numbers', data({ recentDatapoints: [null, 'x'] })],
  ])('is not known of %s', (_, text) => {
    expect(breachedAt(text)).toBeUndefined();
  });

  test('dates are read as CloudWatch writes them', () => {
    expect(instantFrom('2026-01-05T09:17:20.985+0000')).toBe(at('17:20.985'));
    expect(instantFrom('1')).toBeUndefined();
  });
});

test.each([
  [
    'Threshold Crossed: 1 datapoint [1.0 (15/05/25 15:29:00)] was greater than the threshold (0.0).',
    'greater',
  ],
  ['Threshold Crossed: 2 datapoints [1.0, 0.0] were less than or equal to the threshold (2.0).', 'less'],
  ['Threshold Crossed: 1 datapoint was not greater than the threshold (0.0).', undefined],
  [undefined, undefined],
])('the comparison is read from the reason: %s', (reason, comparison) => {
  expect(comparisonIn(reason)).toBe(comparison);
});

describe('the versions that an alarm counts', () => {
  const alias = { FunctionName: 'f', Resource: 'f:live' };
  test.each<[string, Parameters<typeof versionsOf>[0], string[] | undefined]>([
    ['one behind an alias', [{ dimensions: { ...alias, ExecutedVersion: '7' } }], ['f:7']],
    ['one that is called by its number', [{ dimensions: { FunctionName: 'f', Resource: 'f:7' } }], ['f:7']],
    [
      'two by metric math',
      [
        { dimensions: { ...alias, ExecutedVersion: '7' } },
        { dimensions: { ...alias, ExecutedVersion: '8' } },
        { expression: 'm1 / m2' },
      ],
      ['f:7', 'f:8'],
    ],
    [
      'one in a band',
      [{ dimensions: { ...alias, ExecutedVersion: '7' } }, { expression: 'ANOMALY_DETECTION_BAND(m1, 2)' }],
      ['f:7'],
    ],
    ['both behind an alias', [{ dimensions: alias }], undefined],
    ['all of a function', [{ dimensions: { FunctionName: 'f' } }], undefined],
    ['the unpublished code', [{ dimensions: { FunctionName: 'f', Resource: 'f:$LATEST' } }], undefined],
    ['another thing', [{ dimensions: { QueueName: 'q' } }], undefined],
    ['no dimensions', [{}], undefined],
    ['nothing', [], undefined],
    ['an expression alone', [{ expression: 'm1 * 2' }], undefined],
    ['one and all', [{ dimensions: { ...alias, ExecutedVersion: '7' } }, { dimensions: alias }], undefined],
    [
      'one and a search',
      [{ dimensions: { ...alias, ExecutedVersion: '7' } }, { expression: `SEARCH('{AWS/Lambda}', 'Sum')` }],
      undefined,
    ],
    [
      'one and a query',
      [{ dimensions: { ...alias, ExecutedVersion: '7' } }, { expression: 'select sum(Errors) from Lambda' }],
      undefined,
    ],
  ])('%s', (_, reads, versions) => {
    expect(versionsOf(reads)).toEqual(versions);
  });
});
