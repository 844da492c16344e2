import { DeleteAliasCommand, DeleteFunctionCommand } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { ALIAS } from '../../local/account.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { pinNameOf } from '../../targets/lambda-alias/pin.ts';
import { addWorker, faults, MINUTE, type Plot, play, ROLLOUT_ID, type Stage, TWO_TARGETS } from './stage.ts';

const VERIFY = { verify: '10m' };
const AT_ONCE = { steps: undefined, strategy: 'all-at-once', ...VERIFY };

const recallsIn = (events: RolloutEvent[]) =>
  events.flatMap((event) => (event.type === 'RecallOrdered' ? [event.weight] : []));
const ofType = (events: RolloutEvent[], type: RolloutEvent['type']) =>
  events.filter((event) => event.type === type);

/** For so many minutes after the first promotion a share of the requests fails, whichever version answers them. */
function outage(minutes = 3, share = 0.3): Plot & { since(at: number): void } {
  let since = Number.POSITIVE_INFINITY;
  const errors = (_: string, at: number) => (at >= since && at < since + minutes * MINUTE ? share : 0.001);
  return {
    rollout: VERIFY,
    hours: 6,
    stable: { errors },
    canaries: { 2: { errors } },
    since: (at) => {
      since = at;
    },
  };
}

/** Plays an outage that begins as the canary serves alone, and what happens meanwhile. */
function during(plot: ReturnType<typeof outage>, act: (stage: Stage) => Promise<unknown> = async () => {}) {
  return play({
    ...plot,
    act: async (stage) => {
      await stage.saw('Promoted');
      plot.since(stage.clock.now());
      await act(stage);
    },
  });
}

/** A canary that begins to fail a minute after it came to serve alone, at whatever weight. */
function late(errors = 0.2): Plot {
  let since = Number.POSITIVE_INFINITY;
  return {
    rollout: VERIFY,
    hours: 6,
    canaries: { 2: { errors: (_, at) => (at >= since ? errors : 0.001) } },
    act: async (stage) => {
      await stage.saw('Promoted');
      since = stage.clock.now() + MINUTE;
    },
  };
}

/** A canary that fails only while it serves alone, which no comparison can show. */
const ALONE: Plot = {
  rollout: VERIFY,
  hours: 6,
  canaries: { 2: { errors: (_, __, weight) => (weight === 100 ? 0.2 : 0.001) } },
};

describe('an outage of both versions while the canary serves alone', () => {
  test('leads to a recall, from which the release returns and completes: proven, with the minutes that had a control', async () => {
    const { rollout, events, run, stage } = await during(outage());
    expect(recallsIn(events)).toEqual([25]);
    expect(ofType(events, 'RecallEnded')).toHaveLength(1);
    expect(ofType(events, 'Paused')).toEqual([]);
    expect(rollout?.outcome).toBe('completed');
    expect(rollout?.reason).toMatch(/^proven: .*\d+ min of its verify had stable beside it, after a recall/);
    expect(stage.alias()).toEqual({ primary: '2', weights: {} });
    expect(faults(run)).toEqual([]);
  });

  test('of a plan that went to 100 % at once gives it a control for the first time, and it completes unproven', async () => {
    const { rollout, events, run } = await during({ ...outage(), rollout: AT_ONCE });
    expect(recallsIn(events)).toEqual([25]);
    expect(rollout).toMatchObject({
      outcome: 'completed',
      reason: 'unproven: it went from 0 to 100 % in one step',
    });
    expect(faults(run)).toEqual([]);
  });

  test('recalls nothing if the file says so: the release is verified until it is over, and completes unproven', async () => {
    const { rollout, events } = await during({ ...outage(), rollout: { ...VERIFY, recall: 'off' } });
    expect(recallsIn(events)).toEqual([]);
    expect(rollout?.outcome).toBe('completed');
    expect(rollout?.reason).toMatch(
      /^unproven: errors: .*; no share of the traffic went back to stable to find out why/,
    );
  });

  test('that is below half a percent reverts nothing, though the file lets nothing be recalled', async () => {
    const plot = { ...outage(15, 0.0045), requestsPerSecond: 500 };
    const { rollout } = await during({ ...plot, rollout: { ...VERIFY, recall: 'off' } });
    expect(rollout?.outcome).toBe('completed');
  });

  test('of one of two targets takes both back together, and both return', async () => {
    const plot = outage();
    const { rollout, events, story, run } = await during({
      ...plot,
      release: TWO_TARGETS,
      before: (on) => void addWorker(on, 'worker'),
    });
    expect(recallsIn(events)).toEqual([25]);
    const from = story.indexOf('RecallOrdered 25 %');
    expect(story.slice(from + 1, from + 5)).toEqual([
      'ShiftIntended api 25 %',
      'Shifted api 25 %',
      'ShiftIntended worker 25 %',
      'Shifted worker 25 %',
    ]);
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });
});

describe('a bad release that shows only after the holdout', () => {
  test.each([
    ['of a plan with steps', VERIFY],
    ['of a plan that went to 100 % at once', AT_ONCE],
  ])('%s is recalled, found by comparison and quarantined', async (_, rollout) => {
    const plot = late();
    const played = await play({
      ...plot,
      rollout,
      act: async (stage) => {
        await plot.act?.(stage);
        await stage.saw('RolloutClosed');
        await stage.clock.sleep(MINUTE);
        const again = await stage.release({ release: 'again', version: '2' });
        await stage.ended(again);
      },
    });
    expect(recallsIn(played.events)).toEqual([25]);
    expect(played.rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'canary' } });
    expect(played.rollout?.reason).toMatch(/^errors: canary [\d,]+ of [\d,]+ failed, stable/);
    expect(played.stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(played.run.heads.find(({ opening }) => opening.release === 'again')?.outcome).toBe('refused');
    expect(faults(played.run)).toEqual([]);
  });
});

describe('a release that is in doubt for the third time', () => {
  const held = (then: (stage: Stage) => Promise<unknown>) =>
    play({
      ...ALONE,
      act: async (stage) => {
        await stage.event((event) => event.type === 'Paused' && event.why === 'doubt');
        await stage.clock.sleep(10 * MINUTE);
        expect(stage.alias()).toEqual({ primary: '1', weights: { 2: 25 } });
        await then(stage);
      },
    });

  test('waits at a quarter of the traffic for a person, who aborts', async () => {
    const { rollout, events, run } = await held((stage) => stage.order('abort'));
    expect(recallsIn(events)).toEqual([25, 75, 25]);
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'human' } });
    expect(faults(run)).toEqual([]);
  });

  test('is promoted by a person, and not recalled again', async () => {
    const { rollout, events } = await held((stage) => stage.order('promote'));
    expect(recallsIn(events)).toEqual([25, 75, 25]);
    expect(rollout).toMatchObject({ outcome: 'completed' });
    expect(rollout?.reason).toMatch(/^unproven: ada promoted it/);
  });

  test('is resumed by a person, returns, and is held again at the next doubt', async () => {
    const { rollout, events, run } = await held(async (stage) => {
      await stage.order('resume');
      await stage.event((event) => event.type === 'Paused' && event.why === 'doubt');
      await stage.order('abort');
    });
    expect(recallsIn(events)).toEqual([25, 75, 25, 25]);
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'human' } });
    expect(faults(run)).toEqual([]);
  });
});

describe('what goes wrong in a recall', () => {
  test('an abort takes the canary out', async () => {
    const { rollout, run, stage } = await during(outage(), async (stage) => {
      await stage.saw('RecallOrdered');
      await stage.clock.sleep(3 * MINUTE);
      await stage.order('abort');
    });
    expect(rollout).toMatchObject({ outcome: 'reverted', leaving: { cause: 'human' } });
    expect(stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(faults(run)).toEqual([]);
  });

  test.each([10, 100, 1_000, 60_000, 200_000])(
    'an execution that dies %i ms after it was ordered is replaced, and the recall goes on',
    async (after) => {
      const { rollout, events, story, run } = await during(outage(), async (stage) => {
        await stage.saw('RecallOrdered');
        await stage.clock.sleep(after);
        await stage.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
      });
      expect(story).toContain('TookOver 2');
      expect(recallsIn(events)).toEqual([25]);
      expect(rollout?.outcome).toBe('completed');
      expect(faults(run, { tickMs: 15 * MINUTE })).toEqual([]);
    },
  );

  test.each([0, 40, 1_000, 30_000])(
    'a function that is invoked again %i ms later changes nothing',
    async (later) => {
      let stage: Stage | undefined;
      const { rollout, events, run } = await during({
        ...outage(),
        before: (on) => {
          stage = on;
        },
        around: (name, event, call) => {
          if (name !== 'Command') void stage?.clock.sleep(later).then(() => call(event).catch(() => {}));
          return call(event);
        },
      });
      expect(recallsIn(events)).toEqual([25]);
      expect(rollout?.outcome).toBe('completed');
      expect(faults(run)).toEqual([]);
    },
  );

  test('a bad release is taken out by Step Functions itself if RevertTraffic cannot run', async () => {
    const { events, stage } = await play({
      ...late(),
      around: async (fn, event, call) => {
        if (fn === 'RevertTraffic') throw new Error('planted: the controller cannot revert');
        return call(event);
      },
    });
    expect(recallsIn(events)).toEqual([25]);
    expect(stage.alias()).toEqual({ primary: '1', weights: {} });
  });

  test('a stable version that somebody deleted leaves nothing to go back to: a person decides at 100 %', async () => {
    const plot = outage(100);
    const { events, run, stage } = await during(plot, async ({ clients, event, order }) => {
      const Name = pinNameOf(ALIAS);
      await clients.lambda.send(new DeleteAliasCommand({ FunctionName: FUNCTION, Name }));
      await clients.lambda.send(new DeleteFunctionCommand({ FunctionName: FUNCTION, Qualifier: '1' }));
      await event(({ type }) => type === 'Paused');
      await order('promote', { full: true });
    });
    expect([recallsIn(events), ofType(events, 'StableGone').length]).toEqual([[], 1]);
    expect(stage.alias()).toEqual({ primary: '2', weights: {} });
    // Who deletes the pin and then the version deletes what could be reverted to, and the checker says so.
    expect(faults(run).filter((fault) => !fault.startsWith('stablePinned'))).toEqual([]);
  });
});

test('a release that fails half of its requests while it serves alone does not complete, although an outage as bad met its recall', async () => {
  const plot = outage(5, 0.5);
  const weather = plot.stable?.errors ?? 0;
  const errors = (version: string, at: number, weight: number) =>
    weight === 100 || typeof weather === 'number' ? 0.5 : weather(version, at, weight);
  const { rollout } = await during({ ...plot, canaries: { 2: { errors } } });
  expect(rollout?.outcome).not.toBe('completed');
});
