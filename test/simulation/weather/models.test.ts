import { describe, expect, test } from 'vitest';
import { WINDOW_MS } from '../../../core/units.ts';
import { seededRandom } from '../../../local/random.ts';
import {
  FAULTS,
  type Fault,
  type FaultName,
  type Setting,
  type Sky,
  WEATHERS,
  type Weather,
  type WeatherName,
} from '../../../simulation/weather/models.ts';

const MINUTE = WINDOW_MS;
const HOUR = 60 * MINUTE;
const OPENED = Date.UTC(2030, 0, 1);
const NAMES = Object.keys(WEATHERS) as WeatherName[];

function setting(base = 0.001, hours = 24): Setting {
  return { requestsPerSecond: 20, base, opened: OPENED, from: OPENED - hours * HOUR, to: OPENED + 2 * HOUR };
}

const skyOf = (name: WeatherName, seed = 1, given = setting()): Sky =>
  (WEATHERS[name] as Weather).sky(given, seededRandom(seed));

/** Mean over time of what a sky says, each stretch by its length. */
function mean(sky: Sky, from: number, to: number, of: (seen: ReturnType<Sky>) => number): number {
  let total = 0;
  for (let at = from; at < to; ) {
    const seen = sky(at, {});
    const until = Math.min(to, seen.until);
    expect(until).toBeGreaterThan(at);
    total += of(seen) * (until - at);
    at = until;
  }
  return total / (to - from);
}

describe('the weather', () => {
  test.each(NAMES)('%s says what it is, in one line', (name) => {
    const { says } = WEATHERS[name];
    expect(says.length).toBeGreaterThan(20);
    expect(says).not.toContain('\n');
  });

  test.each(NAMES)('%s: the same seed gives the same sky, and shares stay shares', (name) => {
    const [one, other] = [skyOf(name), skyOf(name)];
    for (let at = OPENED - HOUR; at < OPENED + HOUR; at += 47_000) {
      const seen = one(at, { moved: OPENED, promoted: OPENED + 10 * MINUTE });
      expect(other(at, { moved: OPENED, promoted: OPENED + 10 * MINUTE })).toEqual(seen);
      expect(seen.until).toBeGreaterThan(at);
      expect(seen.fail).toBeGreaterThanOrEqual(0);
      expect(seen.fail).toBeLessThanOrEqual(1);
      expect(seen.load).toBeGreaterThanOrEqual(0);
    }
  });

  test('calm keeps the usual load and the base', () => {
    const seen = skyOf('calm')(OPENED, {});
    expect(seen).toEqual({ load: 1, fail: 0.001, extra: 0, until: Number.POSITIVE_INFINITY });
  });

  test.each([
    ['outages 1/h, 5 % fail', 0.05],
    ['outages 1/h, 50 % fail', 0.5],
  ] as const)('%s lie over 3 of 60 minutes on average', (name, fail) => {
    const given = setting(0.001, 2400);
    const share = mean(skyOf(name, 3, given), given.from, OPENED, (seen) => Number(seen.fail === fail));
    expect(share).toBeGreaterThan(0.045);
    expect(share).toBeLessThan(0.053);
  });

  test.each([
    ['beta-binomial minutes, rho 0.001', 0.001],
    ['beta-binomial minutes, rho 0.005', 0.005],
    ['beta-binomial minutes, rho 0.01', 0.01],
  ] as const)('%s have the mean of the base and the variance of their correlation', (name, rho) => {
    const given = setting(0.01, 1000);
    const sky = skyOf(name, 5, given);
    const shares = Array.from({ length: 1000 * 60 }, (_, nth) => sky(given.from + nth * MINUTE, {}).fail);
    const average = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const variance = shares.reduce((sum, share) => sum + (share - average) ** 2, 0) / shares.length;
    expect(average).toBeCloseTo(0.01, 3);
    expect(variance / (rho * 0.01 * 0.99)).toBeGreaterThan(0.93);
    expect(variance / (rho * 0.01 * 0.99)).toBeLessThan(1.07);
  });

  test('a batch job takes one of 15 minutes, with three times the load', () => {
    const sky = skyOf('batch job every 15 min');
    const load = mean(sky, OPENED - 20 * HOUR, OPENED, (seen) => seen.load);
    expect(load).toBeCloseTo(1 + 2 / 15, 6);
    const failed = mean(skyOf('batch job every 15 min'), OPENED - 20 * HOUR, OPENED, ({ fail }) => fail);
    expect(failed).toBeCloseTo((0.3 + 14 * 0.001) / 15, 6);
  });

  test('poison jobs bring 180 failures an hour, on average', () => {
    const given = setting(0.001, 1000);
    const extra = mean(skyOf('poison jobs of 30 tries', 2, given), given.from, OPENED, (seen) => seen.extra);
    expect(extra * 3600).toBeGreaterThan(170);
    expect(extra * 3600).toBeLessThan(190);
  });

  test('a flash lasts 3 of the minutes after the opening, and none of those before', () => {
    const sky = skyOf('flash x20 with 2 % errors');
    expect(mean(sky, OPENED - 24 * HOUR, OPENED, (seen) => seen.load)).toBe(1);
    expect(mean(sky, OPENED, OPENED + 40 * MINUTE, (seen) => seen.load)).toBeCloseTo(1 + (19 * 3) / 40, 6);
  });

  test('a ramp ends at three times the load and ten times the failures', () => {
    const sky = skyOf('ramp x3, errors rise with load');
    expect(sky(OPENED - 1, {})).toMatchObject({ load: 1, fail: 0.001 });
    const middle = sky(OPENED + 15 * MINUTE, {});
    expect(middle.load).toBeCloseTo(2, 1);
    const end = sky(OPENED + 40 * MINUTE, {});
    expect(end.load).toBe(3);
    expect(end.fail).toBeCloseTo(0.01, 9);
  });

  test('outages and errors of new environments begin with the move, and never came before one', () => {
    for (const [name, seconds, fail] of [
      ['an outage at each move', 90, 0.5],
      ['errors of new environments', 60, 0.02],
    ] as const) {
      const sky = skyOf(name);
      expect(sky(OPENED - HOUR, {}).fail).toBe(0.001);
      expect(sky(OPENED, { moved: OPENED }).fail).toBe(fail);
      expect(sky(OPENED + seconds * 1000 - 1, { moved: OPENED }).fail).toBe(fail);
      expect(sky(OPENED + seconds * 1000, { moved: OPENED }).fail).toBe(0.001);
    }
  });

  test('the outage in verify lasts 2 minutes after promotion, and never comes without one', () => {
    const [sky, unpromoted] = [skyOf('one outage in verify'), skyOf('one outage in verify')];
    const bad = Array.from({ length: 600 }, (_, nth) =>
      sky(OPENED + nth * 1000, { promoted: OPENED }),
    ).filter(({ fail }) => fail === 0.1);
    expect(bad.length).toBeGreaterThanOrEqual(119);
    expect(bad.length).toBeLessThanOrEqual(121);
    expect(unpromoted(OPENED + 5 * MINUTE, {}).fail).toBe(0.001);
  });

  test('traffic to zero ends at nothing, and only the daily one did so yesterday', () => {
    for (const [name, before] of [
      ['traffic to zero, first ever', 1],
      ['traffic to zero each day', 0],
    ] as const) {
      const sky = skyOf(name);
      expect(sky(OPENED - 23 * HOUR, {}).load).toBe(before);
      expect(sky(OPENED - MINUTE, {}).load).toBe(1);
      expect(sky(OPENED + 31 * MINUTE, {}).load).toBe(0);
    }
  });
});

describe('bad releases', () => {
  const never = { phase: 0.5 };
  const effect = (name: FaultName, minutes: number, weight = 1, promoted: number | undefined = OPENED) =>
    (FAULTS[name] as Fault).effect(
      { at: OPENED + minutes * MINUTE, raised: OPENED, promoted, weight },
      never,
    );

  test.each(Object.keys(FAULTS) as FaultName[])(
    '%s: each stretch ends after it began, whatever the phase',
    (name) => {
      const fault: Fault = FAULTS[name];
      for (let nth = 0; nth < 20; nth++) {
        const phase = nth / 19.7;
        for (let at = OPENED, stretches = 0; at < OPENED + HOUR && stretches < 1000; stretches++) {
          const { until } = fault.effect({ at, raised: OPENED, promoted: OPENED, weight: 1 }, { phase });
          if (!(until > at)) throw new Error(`${at} ends at ${until}`);
          at = until;
        }
      }
    },
  );

  test.each(Object.keys(FAULTS) as FaultName[])('%s do something to somebody', (name) => {
    const some = Array.from({ length: 1200 }, (_, nth) => effect(name, nth / 12));
    expect(some.some(({ until, ...harm }) => Object.values(harm).some((share) => share > 0))).toBe(true);
  });

  test('fail from 3 minutes after promotion on, and never without one', () => {
    expect(effect('fails 5 % from 3 min after promotion', 2.9).fail).toBe(0);
    expect(effect('fails 5 % from 3 min after promotion', 3).fail).toBe(0.05);
    const fault: Fault = FAULTS['fails 5 % from 3 min after promotion'];
    expect(fault.effect({ at: OPENED + HOUR, raised: OPENED, weight: 0.25 }, never).fail).toBe(0);
  });

  test('fail above a weight alone', () => {
    expect(effect('fails 5 % only above 25 % of traffic', 9, 0.25).fail).toBe(0);
    expect(effect('fails 5 % only above 25 % of traffic', 9, 0.75).fail).toBe(0.05);
    expect(effect('fails 5 % only above 96 % of traffic', 9, 0.95).fail).toBe(0);
    expect(effect('fails 5 % only above 96 % of traffic', 9, 1).fail).toBe(0.05);
  });

  test('leak a third of a percent more each minute', () => {
    expect(effect('leak, 0 to 10 % in 30 min', 0).fail).toBeLessThan(0.003);
    expect(effect('leak, 0 to 10 % in 30 min', 15).fail).toBeCloseTo(0.05, 2);
    expect(effect('leak, 0 to 10 % in 30 min', 50).fail).toBeCloseTo(0.1, 9);
  });

  test('fail for 5 of 600 seconds', () => {
    const bad = Array.from({ length: 600 }, (_, nth) => effect('fails 100 % for 5 s each 10 min', nth / 60));
    expect(bad.filter(({ fail }) => fail === 1)).toHaveLength(5);
  });
});
