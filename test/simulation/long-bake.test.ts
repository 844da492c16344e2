import { expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { judge, stretch } from '../../core/analysis/judge.ts';
import { readFor } from '../../core/analysis/weights.ts';
import { trialOf } from '../../core/rollout/trial.ts';
import { crashes, type Hooks } from '../../simulation/faults.ts';
import { isDeep, sampled, times } from '../deep.ts';
import { journals } from './planted.ts';
import { faults, HOUR, MINUTE, type Plot, play, ROLLOUT_ID, type Stage } from './stage.ts';

/** Five hours and a quarter at 20 %, of which a tick is to read the newest part alone; its execution is followed by a fresh one after five. */
const LONG: Plot = {
  requestsPerSecond: 5,
  hours: 9,
  rollout: { steps: [{ weight: 20, bake: '5h15m' }], verify: '2m' },
};

/**
 * Plays a plot; notes how much each tick read at most, and of one in `every` ticks each verdict that differs from one on all minutes.
 * `atFold` is called before what a tick folded is written.
 */
async function watched(plot: Plot, atFold: AtFold = () => undefined, every = times(7, 1)) {
  const seen = { folds: 0, longest: 0, ticks: 0, differences: [] as unknown[] };
  const { changePorts: change = (ports) => ports } = plot;
  const changePorts = (given: Ports) => {
    const ports = change(given);
    return watching(ports, seen, { atFold, every });
  };
  return { ...(await play({ ...plot, changePorts })), seen };
}

/** What happens before the fold of this number is written, in the execution of this epoch. */
type AtFold = (nth: number, epoch: number) => Promise<unknown> | undefined;

interface Seen {
  folds: number;
  longest: number;
  ticks: number;
  differences: unknown[];
}

function watching(ports: Ports, seen: Seen, { atFold, every }: { atFold: AtFold; every: number }): Ports {
  return {
    ...journals(ports, (journal) => ({
      append: async (rollout, events) => {
        for (const event of events) {
          if (event.type !== 'Measured') continue;
          seen.ticks++;
          if (event.folded !== undefined) await atFold(++seen.folds, rollout.epoch);
          if (seen.ticks % every !== 0) continue;
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
          const all = judge(
            trialOf(whole),
            { series: Object.fromEntries(series), alarms: event.alarms },
            now,
          );
          const isSame =
            all.status === status &&
            all.doubt?.reason === event.verdict.doubt?.reason &&
            all.certified === event.verdict.certified;
          if (!isSame || Math.abs((all.evidence ?? 0) - evidence) > 1e-9)
            seen.differences.push({ said: event.verdict.reason, all: all.reason, evidence });
        }
        return journal.append(rollout, events);
      },
    })),
    metrics: {
      ...ports.metrics,
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

/** What goes wrong at the fold `due` of a plot: the plot with it, and what happens before each fold is written. */
const troubles: [string, (base: Plot, due: number) => { plot: Plot; atFold: AtFold }][] = [
  ...(['before', 'after'] as const).map((phase): (typeof troubles)[number] => [
    `dies just ${phase} it is written`,
    (base, due) => {
      let isDue = false;
      const hooks = crashes((point) => {
        const isIt = isDue && point.op === 'journal.append' && point.phase === phase;
        if (isIt) isDue = false;
        return isIt;
      });
      return {
        plot: { ...base, ...hooks },
        atFold: async (nth) => {
          isDue = nth === due;
        },
      };
    },
  ]),
  [
    'comes twice each time',
    (base) => {
      const around: Hooks['around'] = async (fn, event, call) => {
        if (fn === 'Measure') void call(event).catch(() => {});
        return call(event);
      };
      return { plot: { ...base, around }, atFold: async () => undefined };
    },
  ],
  [
    'is too late, because the rollout was paused meanwhile',
    (base, due) => {
      let stage: Stage | undefined;
      return {
        plot: {
          ...base,
          act: async (on) => {
            stage = on;
            void base.act?.(on);
            await on.saw('Paused');
            await on.clock.sleep(3 * MINUTE);
            await on.order('resume');
          },
        },
        atFold: async (nth) => (nth === due ? stage?.order('pause') : undefined),
      };
    },
  ],
  [
    'is the last one of its execution, which another takes over',
    (base, due) => {
      let stage: Stage | undefined;
      return {
        plot: {
          ...base,
          act: async (on) => {
            stage = on;
            await base.act?.(on);
          },
        },
        atFold: async (nth, epoch) =>
          nth === due ? stage?.ports.executions.stop(ROLLOUT_ID, epoch, 'stopped by hand') : undefined,
      };
    },
  ],
];

/** Each trouble was there. */
function expectTrouble(name: string, { unwritten, story }: { unwritten: number; story: string[] }) {
  if (/before|twice|too late/.test(name)) expect(unwritten).toBeGreaterThan(0);
  if (name.includes('execution')) expect(story.join()).toContain('TookOver');
}

test.each(sampled(troubles, 6, 1))(
  'a tick that folds and %s changes no verdict, and what was folded is used once',
  async (name, trouble) => {
    const { plot, atFold } = trouble(TWO_FOLDS, 1);
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
    expectTrouble(name, { unwritten: seen.folds - folds.length, story });
  },
  120_000,
);

/** A verify of a day in which the canary serves alone, and an outage of three minutes six hours after promotion. */
function dayOf(): Plot {
  let since = Number.POSITIVE_INFINITY;
  const errors = (_: string, at: number) => (at >= since && at < since + 3 * MINUTE ? 0.3 : 0.001);
  return {
    requestsPerSecond: 3,
    hours: 30,
    rollout: { steps: [{ weight: 20, bake: '3m' }], verify: '1d', holdout: 0 },
    stable: { errors },
    canaries: { 2: { errors } },
    act: async (stage) => {
      await stage.saw('Promoted');
      since = stage.clock.now() + 6 * HOUR;
    },
  };
}

/** One tick in so many is compared with all minutes, because a day has many of both. */
const COMPARED = 20;

/** The fold that is the first one after the recall's minutes are old enough. */
const AFTER_RECALL = 7;

// Six days of ticks: `npm run test:deep` plays them.
test.runIf(isDeep)(
  'a verify of a day folds a recall and says what all minutes say, whatever a tick that folds meets',
  async () => {
    for (const [name, trouble] of [
      ['ends well', (plot: Plot) => ({ plot, atFold: () => undefined })] as const,
      ...troubles,
    ]) {
      const { plot, atFold } = trouble(dayOf(), AFTER_RECALL);
      const { rollout, run, seen, events, story } = await watched(plot, atFold, COMPARED);
      expect(rollout?.outcome).toBe('completed');
      expect(faults(run, FOUND_DEAD)).toEqual([]);
      expect(seen.differences).toEqual([]);
      const ended = events.find(({ type }) => type === 'RecallEnded')?.at ?? Number.POSITIVE_INFINITY;
      expect(rollout?.folded?.end).toBeGreaterThan(ended);
      expect(seen.longest).toBeLessThan(4 * HOUR);
      const folds = events.filter((event) => event.type === 'Measured' && event.folded !== undefined);
      expectTrouble(name, { unwritten: seen.folds - folds.length, story });
    }
  },
  600_000,
);
