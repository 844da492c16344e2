import { expect, test } from 'vitest';
import { siteMetricStage } from '../../contract/site-metrics.ts';

test('the visits of both releases are counted, and what was dropped of them only where there was any', async () => {
  const { source, target, start, arrange } = siteMetricStage();
  const rules = (['errors', 'http5xx', 'throttles', 'traffic'] as const).map((metric) => ({
    metric,
    ratio: 1.5,
  }));
  await arrange.serve({ version: '1', minute: start, requests: 900, errors: 3 });
  await arrange.serve({ version: '2', minute: start, requests: 100, errors: 7 });
  await arrange.serve({ version: '3', minute: start, requests: 50, errors: 50 });
  const none = { start, canary: { bad: 0, total: 100 }, stable: { bad: 0, total: 900 } };
  expect(await source.read(target, rules, start, start + 60_000)).toEqual({
    errors: [{ start, canary: { bad: 7, total: 100 }, stable: { bad: 3, total: 900 } }],
    throttles: [none],
    traffic: [none],
  });
  const { errors } = await source.past(target, rules, start, start + 60_000);
  expect(errors).toEqual([{ start, stable: { bad: 3, total: 900 } }]);
});
