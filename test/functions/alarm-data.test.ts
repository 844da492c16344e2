import { describe, expect, test } from 'vitest';
import { breachedAt, instantFrom } from '../../adapters/alarm-data.ts';

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

  test.each<[string, string | undefined]>([
    ['no data', undefined],
    ['no JSON', 'Threshold Crossed'],
    ['null', 'null'],
    ['a composite alarm', JSON.stringify({ triggeringAlarms: [] })],
    ['an anomaly band', data({ threshold: undefined })],
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
