import { expect, test } from 'vitest';
import { judge, stretch } from '../../core/analysis/judge.ts';
import { readFor } from '../../core/analysis/weights.ts';
import type { Ports } from '../../functions/_task.ts';
import { journals } from './planted.ts';
import { faults, HOUR, MINUTE, type Plot, play } from './stage.ts';

/** Five hours at 20 %, of which a tick is to read the newest part alone. */
const LONG: Plot = {
  requestsPerSecond: 5,
  hours: 9,
  rollout: { steps: [{ weight: 20, bake: '5h' }], verify: '2m' },
};

/** Plays a plot; notes how much each tick read at most, and each verdict that differs from one on all minutes. */
async function watched(plot: Plot) {
  const seen = { folds: 0, longest: 0, ticks: 0, differences: [] as unknown[] };
  const changePorts = (ports: Ports) => ({
    ...journals(ports, (journal) => ({
      append: async (rollout, events) => {
        for (const event of events) {
          if (event.type !== 'Measured') continue;
          seen.ticks++;
          if (event.folded !== undefined) seen.folds++;
          const whole = { ...rollout, folded: undefined };
          const { from } = stretch(whole, event.at);
          const { to, status, evidence = 0 } = event.verdict;
          const series = await Promise.all(
            rollout.opening.targets.map(
              async (target) =>
                [
                  target.name,
                  await ports.metrics.read(target, readFor(target, rollout.opening.watch), from, to),
                ] as const,
            ),
          );
          const now = to + rollout.opening.settleSeconds * 1000;
          const all = judge(whole, { series: Object.fromEntries(series), alarms: event.alarms }, now);
          if (all.status !== status || Math.abs((all.evidence ?? 0) - evidence) > 1e-9)
            seen.differences.push({ said: event.verdict.reason, all: all.reason, evidence });
        }
        return journal.append(rollout, events);
      },
    })),
    metrics: {
      read: async (...asked: Parameters<Ports['metrics']['read']>) => {
        const [, rules, from, to] = asked;
        if (rules.some(({ metric }) => metric !== 'traffic'))
          seen.longest = Math.max(seen.longest, to - from);
        return ports.metrics.read(...asked);
      },
    },
  });
  return { ...(await play({ ...plot, changePorts })), seen };
}

test('a tick of a long bake reads the newest hours alone and says what all minutes say, and a good release completes', async () => {
  const { rollout, run, seen } = await watched(LONG);
  expect(rollout?.outcome).toBe('completed');
  expect(faults(run)).toEqual([]);
  expect(seen.differences).toEqual([]);
  expect(seen.ticks).toBeGreaterThan(250);
  expect(seen.folds).toBeGreaterThan(1);
  expect(seen.longest).toBeLessThan(4 * HOUR);
}, 120_000);

test('a release that turns bad hours after what was folded is reverted, on evidence that it shares with all minutes', async () => {
  let raisedAt = Number.POSITIVE_INFINITY;
  const { rollout, seen } = await watched({
    ...LONG,
    canaries: { 2: { errors: (_, at) => (at > raisedAt + 270 * MINUTE ? 0.2 : 0) } },
    act: async (stage) => {
      await stage.saw('Shifted');
      raisedAt = stage.clock.now();
    },
  });
  expect(rollout?.outcome).toBe('reverted');
  expect(seen.folds).toBeGreaterThan(0);
  expect(seen.differences).toEqual([]);
}, 120_000);
