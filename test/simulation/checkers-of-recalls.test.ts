import { describe, expect, test } from 'vitest';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import { misreading, writing } from './planted.ts';
import { broken, faults, MINUTE, type Plot, play, type Stage } from './stage.ts';

/** An outage that fails half of the requests of both versions, from just before the canary serves alone. */
function outage(minutes: number, more: Plot = {}): Plot {
  let [since, until] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const errors = (at: number) => (at >= since && at < until ? 0.5 : 0);
  return {
    hours: 30,
    rollout: { steps: [{ weight: 10, bake: '2m' }], verify: '5m' },
    weather: { errors },
    ...more,
    act: async (stage: Stage) => {
      await stage.event((event) => event.type === 'ShiftIntended' && event.weight === 100);
      since = stage.clock.now();
      until = since + minutes * MINUTE;
      await more.act?.(stage);
    },
  };
}

const reverting = (cause: 'canary' | 'environment') =>
  writing((event) =>
    event.type === 'RecallOrdered'
      ? [{ type: 'RevertOrdered', at: event.at, cause, reason: event.reason, outcome: 'reverted' }]
      : [event],
  );

test('an outage of both versions takes a good canary back to less traffic, from which it returns and completes', async () => {
  const { run, rollout, events } = await play(outage(3));
  expect(faults(run, { isGood: true })).toEqual([]);
  expect(rollout?.outcome).toBe('completed');
  const moved = events.flatMap((event) => (event.type === 'ShiftIntended' ? [event.weight] : []));
  expect(moved).toEqual([10, 90, 100, 25, 100]);
  expect(events.filter(({ type }) => type === 'RecallEnded')).toHaveLength(1);
});

describe('a checker sees', () => {
  test('a canary that gets all traffic again while its recall goes on', async () => {
    const { run } = await play(
      outage(3, {
        hours: 1,
        changePorts: misreading(({ recall }) => (recall?.since ? { recall: undefined } : {})),
      }),
    );
    expect(broken(run)).toContain('weightsOnlyRise');
  });

  test('a canary that is left at the weight of a recall', async () => {
    const { run } = await play(
      outage(3, {
        hours: 3,
        changePorts: writing((event) =>
          event.type === 'RecallEnded' || event.type === 'Paused' ? [] : [event],
        ),
      }),
    );
    expect(broken(run)).toContain('recallEnds');
  });

  test('a recall that ends before anything was compared', async () => {
    const early = ({ recall }: Rollout): Partial<Rollout> =>
      recall?.since === undefined ? {} : { recall: { ...recall, since: recall.since - 10 * MINUTE } };
    const { run } = await play(outage(1, { changePorts: misreading(early) }));
    expect(broken(run)).toContain('recallEnds');
  });

  test('a recall that ends although nobody called either version in it', async () => {
    // Requests stop at times before it, too, so that their absence is no silence.
    const unheard = (more: Plot = {}): Plot => {
      let [warmed, gone] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      const isCalled = (at: number) => {
        warmed = Math.min(warmed, at);
        const minute = Math.floor((at - warmed) / MINUTE);
        return at < gone && minute !== 8 && minute !== 9;
      };
      return outage(3, {
        ...{ hours: 30, rollout: { strategy: 'all-at-once', steps: undefined, verify: '5m' } },
        requestsPerSecond: (at) => (isCalled(at) ? 50 : 0),
        ...more,
        act: async (stage) => {
          await stage.event((event) => event.type === 'RecallOrdered');
          gone = stage.clock.now();
        },
      });
    };
    const { run, events } = await play(unheard());
    expect(events.map(({ type }) => type)).toContain('RecallOrdered');
    expect(events.map(({ type }) => type)).not.toContain('RecallEnded');
    expect(faults(run)).toEqual([]);
    const forgetting = misreading(({ recall }) => (recall ? { recall: { ...recall, by: undefined } } : {}));
    const { run: wrong } = await play(unheard({ changePorts: forgetting }));
    expect(broken(wrong)).toContain('recallEnds');
  });

  test('a release that doubt reverts although it could be recalled', async () => {
    expect((await play(outage(3, { changePorts: reverting('environment') }))).rollout?.outcome).toBe(
      'reverted',
    );
    const { run } = await play(outage(3, { changePorts: reverting('environment') }));
    expect(broken(run)).toContain('historyNeverReverts');
  });

  test('a release that doubt alone blames', async () => {
    const { run } = await play(outage(3, { changePorts: reverting('canary') }));
    expect(broken(run, { isGood: true })).toEqual(
      expect.arrayContaining(['historyNeverReverts', 'blameHasEvidence', 'goodNeverBlamed']),
    );
  });

  test('a release that cannot be recalled, which a few bad minutes revert', async () => {
    const sure = writing((event) =>
      event.type === 'Measured' && event.verdict.doubt !== undefined
        ? [
            event,
            {
              type: 'RevertOrdered',
              at: event.at,
              cause: 'environment',
              reason: 'doubt',
              outcome: 'reverted',
            },
          ]
        : [event],
    );
    const atOnce = { steps: undefined, strategy: 'all-at-once', verify: '5m', recall: 'off' };
    expect(faults((await play(outage(2, { rollout: atOnce }))).run, { isGood: true })).toEqual([]);
    const { run } = await play(outage(2, { rollout: atOnce, changePorts: sure }));
    expect(broken(run)).toContain('historyNeverReverts');
  });
});

describe('of a canary that waits for its counts, a checker sees', () => {
  /** The canary's counts come six minutes late for a while, once or twice. */
  const late = (times: number, more: Plot = {}): Plot => {
    let since = Number.POSITIVE_INFINITY;
    const isLate = (at: number) =>
      at > since && at - since < times * 60 * MINUTE && (at - since) % (60 * MINUTE) < 20 * MINUTE;
    return {
      requestsPerSecond: 20,
      hours: 5,
      rollout: {
        steps: [
          { weight: 5, bake: '15m' },
          { weight: 50, bake: '2h', maxBake: '4h' },
        ],
        verify: '5m',
      },
      before: (stage) => {
        since = stage.clock.now() + 45 * MINUTE;
      },
      lateness: (version, at) => (version === '2' && isLate(at) ? { share: 1, ms: 6 * MINUTE } : undefined),
      ...more,
    };
  };
  const waitsIn = (events: RolloutEvent[]) =>
    events.filter((event) => event.type === 'RecallOrdered' && event.waitsFor !== undefined);

  test('nothing if it waits once and goes on once they come', async () => {
    const { run, events } = await play(late(2));
    expect(waitsIn(events)).toHaveLength(1);
    expect(faults(run, { isGood: true })).toEqual([]);
  });

  test('one that goes on before any of them has come', async () => {
    const early = writing((event, { recall }) =>
      event.type === 'Measured' && recall?.waitsFor !== undefined && recall.since !== undefined
        ? [event, { type: 'RecallEnded', at: event.at, reason: 'it has waited long enough' }]
        : [event],
    );
    const { run, events } = await play(late(1, { changePorts: early }));
    expect(waitsIn(events)).toHaveLength(1);
    expect(broken(run)).toContain('recallEnds');
  });

  test('one that waits a second time', async () => {
    const forgetting = misreading(({ waits }) => (waits === undefined ? {} : { waits: 0, lateness: {} }));
    const { run, events } = await play(late(2, { changePorts: forgetting }));
    expect(waitsIn(events).length).toBeGreaterThan(1);
    expect(broken(run)).toContain('recallEnds');
  });

  test('one that is left at the weight at which it waits', async () => {
    const staying = writing((event) =>
      event.type === 'RecallEnded' || event.type === 'Paused' ? [] : [event],
    );
    const { run, events } = await play(late(1, { hours: 3, changePorts: staying }));
    expect(waitsIn(events)).toHaveLength(1);
    expect(broken(run)).toContain('recallEnds');
  });
});
