import { expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import type { Finding, WatchRule, Window } from '../../../core/analysis/types.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { minute, onFirstStep, stateAfter } from '../rollout/given.ts';
import { type Pair, window } from './given.ts';

const WATCH: WatchRule[] = (['errors', 'http5xx', 'http4xx'] as const).map((metric) => ({
  metric,
  ratio: 1.5,
}));

/** What ten minutes at 10 % say of refused requests, of which each version has so many a minute; nothing else fails. */
function said(canary: Pair, stable: Pair): Finding | undefined {
  const state = stateAfter(onFirstStep({ watch: WATCH }));
  const minutes = (of: (nth: number) => Window) => Array.from({ length: 25 }, (_, nth) => of(nth - 14));
  const good = minutes((nth) => window(nth, nth < 1 ? undefined : [0, canary[1]], [0, stable[1]]));
  const http4xx = minutes((nth) => window(nth, nth < 1 ? undefined : canary, stable));
  const series = { errors: good, http5xx: good, http4xx };
  return judge(trialOf(state), { series: { api: series }, alarms: [] }, minute(12)).findings.find(
    ({ metric }) => metric === 'http4xx',
  );
}

test('a canary that refuses what stable answers fails, be it all or one route of twenty', () => {
  expect(said([120, 120], [54, 1_080])?.status).toBe('fail');
  expect(said([24, 120], [54, 1_080])?.status).toBe('fail');
});

test('what clients and bots make on both versions speaks against neither, however much it is', () => {
  for (const share of [0.01, 0.25, 0.75, 1])
    expect(said([share * 120, 120], [share * 1_080, 1_080])?.status).not.toBe('suspect');
  expect(said([6, 120], [54, 1_080])?.status).toBe('pass');
});
