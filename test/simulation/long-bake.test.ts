import { expect, test } from 'vitest';
import { judge, stretch } from '../../core/analysis/judge.ts';
import { readFor } from '../../core/analysis/weights.ts';
import type { Ports } from '../../functions/_task.ts';
import { crashes, type Hooks } from '../../local/faults.ts';
import { sampled } from '../deep.ts';
import { journals } from './planted.ts';
import { faults, HOUR, MINUTE, type Plot, play, ROLLOUT_ID, type Stage } from './stage.ts';

/** Five hours and a quarter at 20 %, of which a tick is to read the newest part alone; its execution is followed by a fresh one after five. */
const LONG: Plot = {
  requestsPerSecond: 5,
  hours: 9,
  rollout: { steps: [{ weight: 20, bake: '5h15m' }], verify: '2m' },
};

/** Plays a plot; notes how much each tick read at most, and each verdict that differs from one on all minutes. `atFold` is called before what a tick folded is written. */
async function watched(plot: Plot, atFold: (nth: number) => Promise<unknown> | undefined = () => undefined) {
  const seen = { folds: 0, longest: 0, ticks: 0, differences: [] as unknown[] };
  const { changePorts: change = (ports) => ports } = plot;
  const changePorts = (given: Ports) => {
    const ports = change(given);
    return watching(ports, seen, atFold);
  };
  return { ...(await play({ ...plot, changePorts })), seen };
}

interface Seen {
  folds: number;
  longest: number;
  ticks: number;
  differences: unknown[];
}

function watching(ports: Ports, seen: Seen, atFold: (nth: number) => Promise<unknown> | undefined): Ports {
  return {
    ...journals(ports, (journal) => ({
      append: async (rollout, events) => {
        for (const event of events) {
          if (event.type !== 'Measured') continue;
          seen.ticks++;
          if (event.folded !== undefined) await atFold(++seen.folds);
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
  };
}

test('a tick of a long bake reads the newest hours alone and says what all minutes say, and a good release completes', async () => {
  const { rollout, run, seen, story } = await watched(LONG);
  expect(rollout?.outcome).toBe('completed');
  expect(story.join()).toContain('Continued');
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

/** Long enough for a fold or two. */
const TWO_FOLDS: Plot = {
  requestsPerSecond: 3,
  hours: 9,
  rollout: { steps: [{ weight: 20, bake: '5h' }], verify: '2m' },
};

/** An execution is found dead two minutes after it was due, at the watchdog's next look. */
const FOUND_DEAD = { tickMs: 8 * MINUTE, outMs: 8 * MINUTE };

/** What goes wrong at a tick that folds: its plot, and what happens before the first and the second fold is written. */
const troubles: [string, () => { plot: Plot; atFold: (nth: number) => Promise<unknown> | undefined }][] = [
  ...(['before', 'after'] as const).map((phase): (typeof troubles)[number] => [
    `dies just ${phase} it is written`,
    () => {
      let isDue = false;
      const hooks = crashes((point) => {
        const isIt = isDue && point.op === 'journal.append' && point.phase === phase;
        if (isIt) isDue = false;
        return isIt;
      });
      return {
        plot: { ...TWO_FOLDS, ...hooks },
        atFold: async (nth) => {
          isDue = nth === 1;
        },
      };
    },
  ]),
  [
    'comes twice each time',
    () => {
      const around: Hooks['around'] = async (fn, event, call) => {
        if (fn === 'Measure') void call(event).catch(() => {});
        return call(event);
      };
      return { plot: { ...TWO_FOLDS, around }, atFold: async () => undefined };
    },
  ],
  [
    'is too late, because the rollout was paused meanwhile',
    () => {
      let stage: Stage | undefined;
      return {
        plot: {
          ...TWO_FOLDS,
          act: async (on) => {
            stage = on;
            await on.saw('Paused');
            await on.clock.sleep(3 * MINUTE);
            await on.order('resume');
          },
        },
        atFold: async (nth) => (nth === 1 ? stage?.order('pause') : undefined),
      };
    },
  ],
  [
    'is the last one of its execution, which another takes over',
    () => {
      let stage: Stage | undefined;
      return {
        plot: {
          ...TWO_FOLDS,
          act: async (on) => {
            stage = on;
          },
        },
        atFold: async (nth) =>
          nth === 1 ? stage?.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand') : undefined,
      };
    },
  ],
];

test.each(sampled(troubles, 3, 1))(
  'a tick that folds and %s changes no verdict, and what was folded is used once',
  async (name, trouble) => {
    const { plot, atFold } = trouble();
    const { rollout, run, seen, events, story } = await watched(plot, atFold);
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run, FOUND_DEAD)).toEqual([]);
    expect(seen.differences).toEqual([]);
    const folds = events.flatMap((event) =>
      event.type === 'Measured' && event.folded !== undefined ? [event.folded.end] : [],
    );
    expect(folds.length).toBeGreaterThan(1);
    expect(folds).toEqual([...new Set(folds)].sort((a, b) => a - b));
    expect(rollout?.folded?.end).toBe(folds.at(-1));
    // Each trouble was there.
    const isUnwritten = name.includes('before') || name.includes('twice') || name.includes('too late');
    if (isUnwritten) expect(seen.folds).toBeGreaterThan(folds.length);
    if (name.includes('execution')) expect(story).toContain('TookOver 2');
  },
  120_000,
);
