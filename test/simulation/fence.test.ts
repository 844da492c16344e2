import { UpdateAliasCommand, type UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import type { TrafficRouter } from '../../core/ports.ts';
import type { Target } from '../../core/target.ts';
import { ALIAS } from '../../local/account.ts';
import { crashes } from '../../simulation/faults.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { times } from '../deep.ts';
import {
  believing,
  byHand,
  dropping,
  gate,
  journals,
  overwriting,
  rebasing,
  routers,
  unfenced,
} from './planted.ts';
import { broken, faults, MINUTE, type Played, type Plot, play, ROLLOUT_ID, type Stage } from './stage.ts';

/** What a resumed execution may take: it is found dead two minutes after it was due, at the next look. */
const RESUMED = { tickMs: 8 * MINUTE, outMs: 8 * MINUTE };

type Plant = (stage: () => Stage) => NonNullable<Plot['changePorts']>;

/** Plays with a planted bug, or without one. `stage()` is the stage, from the beginning on. */
function planted(plant: Plant | undefined, plot: (stage: () => Stage) => Plot): Promise<Played> {
  let present: Stage | undefined;
  const stage = () => present as Stage;
  const { before, changePorts, ...rest } = plot(stage);
  return play({
    ...rest,
    before: async (on) => {
      present = on;
      await before?.(on);
    },
    changePorts: (ports) => {
      const changed = changePorts?.(ports) ?? ports;
      return plant?.(stage)(changed) ?? changed;
    },
  });
}

describe('a raise that is still under way when the rollout has been reverted', () => {
  /** An abort overtakes the raise to 50 %: its read or its write arrives only when the rollout has ended. */
  const overtaken = (held: 'read' | 'write') => (): Plot => {
    const ended = gate();
    let isRaising = false;
    return {
      intercept: async (command, input, call) => {
        const isWrite = (input as UpdateAliasCommandInput).Description?.endsWith(' 1 2 open') === true;
        if (held === 'write' ? isWrite : isRaising && command === 'GetAliasCommand') {
          isRaising = false;
          await ended.opened;
        }
        return call();
      },
      act: async (stage) => {
        await stage.event((event) => {
          isRaising ||= event.type === 'ShiftIntended' && event.weight === 50;
          return isRaising;
        });
        const closed = stage.saw('RolloutClosed');
        await stage.order('abort');
        await closed;
        ended.open();
      },
    };
  };
  test.each([
    ['with an old revision', 'write', 'no revision'],
    ['with a fresh revision', 'read', 'the revision it read'],
    ['after 412 and another read', 'write', 'a new revision after 412'],
  ] as const)('is stopped by the fence %s, and a checker sees where it is not', async (_, held, sends) => {
    const real = await planted(undefined, overtaken(held));
    expect(real.rollout?.outcome).toBe('reverted');
    expect(real.stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(faults(real.run)).toEqual([]);

    const bug = await planted(
      (stage) => (ports) => routers(ports, () => ({ raise: unfenced(stage, sends) })),
      overtaken(held),
    );
    expect(bug.stage.alias()).toEqual({ primary: '1', weights: { 2: 50 } });
    expect(broken(bug.run)).toEqual(
      expect.arrayContaining(['neverRaisedAfterLeaving', 'atMostOneRaiser', 'ourWeightRemoved']),
    );
  });
});

describe('two executions of one rollout', () => {
  /** The second one begins with the first, and the second of their two raises arrives ten seconds late. */
  const twins = (stage: () => Stage): Plot => {
    let decided = 0;
    let raised = 0;
    return {
      around: async (name, event, call) => {
        const first = stage().stepFunctions.execution(`${ROLLOUT_ID}-1`);
        if (name === 'Decide' && ++decided === 1 && first !== undefined) {
          const { machineArn: stateMachineArn, input } = first;
          await stage().stepFunctions.startExecution({ stateMachineArn, name: `${ROLLOUT_ID}-twin`, input });
        }
        return call(event);
      },
      intercept: async (_, input, call) => {
        const isRaise = / [12] open$/.test((input as UpdateAliasCommandInput).Description ?? '');
        if (isRaise && ++raised === 2) await stage().clock.sleep(10_000);
        return call();
      },
      act: async (on) => {
        await on.saw('Shifted');
        await on.clock.sleep(5_000);
        await on.order('abort');
      },
    };
  };

  test('raise once, and a checker sees two that do not heed each other', async () => {
    const real = await planted(undefined, twins);
    expect(real.stage.stepFunctions.executions).toHaveLength(2);
    expect(real.rollout?.outcome).toBe('reverted');
    expect(faults(real.run)).toEqual([]);

    const bug = await planted(
      (stage) => (ports) =>
        journals(
          routers(ports, () => ({ raise: unfenced(stage, 'no revision') })),
          rebasing,
        ),
      twins,
    );
    expect(broken(bug.run)).toEqual(expect.arrayContaining(['atMostOneRaiser', 'neverRaisedAfterLeaving']));
  });

  test('carry a release to its end together, whenever the second one starts', async () => {
    for (let second = 0; second < 360; second += times(72, 12)) {
      const { rollout, run } = await play({
        rollout: { steps: [{ weight: 10, bake: '1m' }], verify: '2m' },
        act: async ({ clock, stepFunctions }) => {
          await clock.sleep(1_000 * second + 2_000);
          const first = stepFunctions.execution(`${ROLLOUT_ID}-1`);
          if (first === undefined) throw new Error('The first execution had not begun.');
          const { machineArn: stateMachineArn, input } = first;
          await stepFunctions.startExecution({ stateMachineArn, name: `${ROLLOUT_ID}-twin`, input });
        },
      });
      expect(rollout?.outcome, `a second execution after ${second} s`).toBe('completed');
      expect(faults(run), `a second execution after ${second} s`).toEqual([]);
    }
  });
});

describe('an effect that meets another writer', () => {
  /** An alarm is written down between the revert and the Reverted of a failed release. */
  const crossed = (stage: () => Stage): Plot => {
    let isLeaving = false;
    return {
      canaries: { 2: { errors: 0.2 } },
      rollout: { alarms: ['orders'] },
      changePorts: (ports) => ({
        ...ports,
        alarms: { read: async (names) => names.map((name) => ({ name, state: 'ok', since: 0 })) },
      }),
      intercept: async (command, _input, call) => {
        if (isLeaving && command === 'GetMetricDataCommand') {
          isLeaving = false;
          const timestamp = new Date(stage().clock.now()).toISOString();
          await stage().invoke('AlarmEvent', {
            detail: { alarmName: 'orders', state: { value: 'ALARM', timestamp } },
          });
        }
        return call();
      },
      act: async (on) => {
        await on.saw('RevertOrdered');
        isLeaving = true;
      },
    };
  };

  test('is written all the same, and a checker sees one that was dropped as stale', async () => {
    const real = await planted(undefined, crossed);
    expect(real.story.slice(-3)).toEqual([
      'AlarmRaised orders',
      'Reverted canary: api at 1',
      'RolloutClosed reverted',
    ]);
    expect(faults(real.run)).toEqual([]);

    const bug = await planted(() => (ports) => journals(ports, dropping), crossed);
    expect(broken(bug.run)).toContain('everyRolloutEnds');
  });
});

describe('a raise whose answer was lost', () => {
  const lost = (isApplied: boolean) => (): Plot => {
    let count = 0;
    return {
      intercept: async (_, input, call) => {
        const isRaise = (input as UpdateAliasCommandInput).Description?.endsWith(' open') === true;
        if (!isRaise || ++count !== 2) return call();
        if (isApplied) await call();
        throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
      },
    };
  };

  test.each([true, false])(
    'is resolved by reading the token (had it been written: %s)',
    async (isApplied) => {
      const real = await planted(undefined, lost(isApplied));
      expect(real.rollout?.outcome).toBe('completed');
      expect(real.story.filter((line) => line === 'ShiftIntended api 10 %')).toHaveLength(isApplied ? 1 : 2);
      expect(faults(real.run)).toEqual([]);
    },
  );

  test('is never certified where it is taken for done although it never arrived', async () => {
    const blind =
      (raise: TrafficRouter['raise']): TrafficRouter['raise'] =>
      async (target, asked) =>
        asked.weight === 10 ? { result: 'raised' } : raise(target, asked);
    const bug = await planted(
      (stage) => (ports) =>
        routers(ports, () => ({
          raise: blind(unfenced(stage, 'no revision')),
          observe: believing(ports, ROLLOUT_ID),
        })),
      () => ({}),
    );
    expect(bug.story).toContain('Measured broken x2');
    expect(bug.rollout?.outcome).toBe('reverted');
    expect(broken(bug.run)).toContain('shiftedMeansStands');
  });
});

describe('a revert that nobody wrote down', () => {
  /** Measure fails, the canary is taken out, and the function dies before it can write, and again when it is called once more: only the watchdog is left. */
  const forgotten = (): Plot => {
    const hooks = crashes(
      ({ fn, nth, op, phase }) =>
        fn === 'RevertTraffic' &&
        ((nth === 1 && op === 'UpdateAliasCommand' && phase === 'after') ||
          (nth === 2 && phase === 'before')),
    );
    let measured = 0;
    return {
      ...hooks,
      around: async (name, event, call) => {
        if (name === 'Measure' && ++measured === 4) throw new TypeError('rollout.plan is undefined');
        return hooks.around(name, event, call);
      },
    };
  };

  test('is found by the resumed execution, which writes it, lets go and never raises', async () => {
    const { story, path, run, stage } = await planted(undefined, forgotten);
    expect(story.slice(-5)).toEqual([
      'Measured inconclusive x3',
      'TookOver 2',
      'RevertOrdered environment',
      'Reverted environment: api at 1 already',
      'RolloutClosed reverted',
    ]);
    expect(path.slice(-10)).toEqual([
      'RevertTraffic',
      'RevertDirectly',
      'WhichKind',
      'ReadAlias',
      'WhoServes',
      'LeftAlone',
      'Halted',
      'Decide',
      'RevertTraffic',
      'Reverted',
    ]);
    expect(stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(faults(run, RESUMED)).toEqual([]);
  });

  test('is raised again where nobody looks at the target, and a checker sees it', async () => {
    const bug = await planted(
      (stage) => (ports) =>
        routers(ports, () => ({
          raise: unfenced(stage, 'no revision'),
          observe: believing(ports, ROLLOUT_ID),
        })),
      // Left to itself the rollout finds the split of its traffic off and leaves, whatever the journal believes.
      () => ({
        ...forgotten(),
        act: async (stage) => {
          await stage.saw('TookOver');
          await stage.order('promote', { step: 0 });
        },
      }),
    );
    expect(bug.story).toContain('ShiftIntended api 50 %');
    expect(broken(bug.run, RESUMED)).toContain('neverRaisedAfterLeaving');
  });
});

describe('somebody else who changes the alias', () => {
  const name = { FunctionName: FUNCTION, Name: ALIAS };
  /** One change, in the middle of the first bake. */
  const changed = (change: Partial<UpdateAliasCommandInput>) => (): Plot => ({
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.clock.sleep(10_000);
      await stage.clients.lambda.send(new UpdateAliasCommand({ ...name, ...change }));
    },
    before: ({ lambda }) => {
      for (let version = 2; version <= 3; version++) lambda.helpers.publishCounted(FUNCTION);
    },
    release: { manifest: { targets: { api: { version: '2' } } } },
  });
  const moved = changed({ FunctionVersion: '3' });
  const removed = changed({ RoutingConfig: { AdditionalVersionWeights: {} } });
  const raised = changed({ RoutingConfig: { AdditionalVersionWeights: { 2: 0.8 } } });

  test('keeps the version that was put there; only our weight is taken out, and someone is paged', async () => {
    const real = await planted(undefined, moved);
    expect(real.story.slice(-4)).toEqual([
      'Measured inconclusive x2',
      'DriftDetected api',
      'Reverted drift: api at 3, drifted',
      'RolloutClosed halted',
    ]);
    expect(real.stage.alias()).toEqual({ primary: '3', weights: {} });
    expect(faults(real.run)).toEqual([]);

    const bug = await planted(
      (stage) => (ports) => routers(ports, () => ({ revert: overwriting(stage) })),
      moved,
    );
    expect(broken(bug.run)).toContain('foreignUntouched');
  });

  test('is obeyed where our weight was taken out, and a checker sees one who puts it back', async () => {
    const real = await planted(undefined, removed);
    expect(real.story.slice(-3)).toEqual([
      'RevertOrdered drift',
      'Reverted drift: api at 1 already',
      'RolloutClosed reverted',
    ]);
    expect(faults(real.run)).toEqual([]);

    const bug = await planted(
      (stage) => (ports) =>
        routers(ports, (router) => ({
          observe: async (target) => {
            const seen = await router.observe(target);
            const believed = await believing(ports, ROLLOUT_ID)(target);
            const { token } = believed;
            const weight = believed.weights[target.canary] ?? 0;
            if (seen.weights[target.canary] === undefined && weight > 0 && token !== undefined)
              await unfenced(stage, 'no revision')(target, {
                expect: token,
                write: token,
                from: 0,
                weight,
                expiresAt: 0,
              });
            return believed;
          },
        })),
      removed,
    );
    expect(broken(bug.run)).toEqual(expect.arrayContaining(['driftNoticed', 'atMostOneRaiser']));
  });

  test('halts the rollout where our weight was raised, and a checker sees one that goes on', async () => {
    const real = await planted(undefined, raised);
    expect(real.story.slice(-3)).toEqual([
      'DriftDetected api',
      'Reverted drift: api at 1',
      'RolloutClosed halted',
    ]);
    expect(real.stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(faults(real.run)).toEqual([]);

    const bug = await planted(
      () => (ports) => routers(ports, () => ({ observe: believing(ports, ROLLOUT_ID) })),
      () => ({ ...raised(), hours: 1 }),
    );
    expect(broken(bug.run)).toContain('driftNoticed');
  });

  test('is not overruled by a raise that comes in the same moment', async () => {
    const { run } = await play({
      act: async (stage) => {
        await stage.event((event) => event.type === 'ShiftIntended' && event.weight === 50);
        await byHand(stage, { RoutingConfig: { AdditionalVersionWeights: {} } });
      },
    });
    expect(faults(run)).toEqual([]);
  });

  describe('and gives the canary traffic again, once it has been taken out', () => {
    const AGAIN = { RoutingConfig: { AdditionalVersionWeights: { 2: 0.8 } } };
    /** He writes so many milliseconds after our revert, or only when its end is on its way to the journal. */
    const again =
      (when: number | 'after the last look', change: Partial<UpdateAliasCommandInput> = AGAIN) =>
      (stage: () => Stage): Plot => {
        let isDone = false;
        const meddle = async () => {
          if (!isDone) await byHand(stage(), change);
          isDone = true;
        };
        return {
          canaries: { 2: { errors: 0.2 } },
          intercept: async (_, input, call) => {
            const answer = await call();
            const isRevert = (input as UpdateAliasCommandInput).Description?.endsWith(' closed') === true;
            if (isRevert && when === 0) await meddle();
            else if (isRevert && when !== 'after the last look') void stage().clock.sleep(when).then(meddle);
            return answer;
          },
          changePorts: (ports) =>
            journals(ports, (journal) => ({
              async append(rollout, events) {
                const isLate = when === 'after the last look';
                if (isLate && events.some(({ type }) => type === 'Reverted')) await meddle();
                return journal.append(rollout, events);
              },
            })),
        };
      };

    /** A bug: the last look, which alone says until when it is tried, does something and finds nothing. */
    const lastLook =
      (does: (router: TrafficRouter, target: Target) => Promise<unknown>) =>
      (router: TrafficRouter): Partial<TrafficRouter> => ({
        async observe(target, until) {
          if (until === undefined) return router.observe(target);
          await does(router, target);
          return { primary: target.stable, weights: {}, token: undefined };
        },
      });

    test('it is taken out once more and someone is paged, and a checker sees one who does not look again', async () => {
      const real = await planted(undefined, again(0));
      expect(real.story.slice(-2)).toEqual(['Reverted canary: api at 1', 'RolloutClosed halted']);
      expect(real.rollout?.reason).toMatch(/somebody else gave version 2 of api traffic after the revert/);
      expect(real.stage.alias()).toEqual({ primary: '1', weights: {} });
      expect(real.path.at(-1)).toBe('Reverted');
      expect(faults(real.run)).toEqual([]);

      const bug = await planted(
        () => (ports) =>
          routers(
            ports,
            lastLook((router, target) => router.observe(target)),
          ),
        again(0),
      );
      expect(bug.rollout?.outcome).toBe('reverted');
      expect(broken(bug.run)).toEqual(['endsAtZeroOrHundred', 'revertFirst']);
    });

    test('he is obeyed where he made it the version that serves, and someone is paged', async () => {
      const real = await planted(undefined, again(0, { FunctionVersion: '2' }));
      expect(real.rollout?.outcome).toBe('halted');
      expect(real.stage.alias()).toEqual({ primary: '2', weights: {} });
      expect(faults(real.run)).toEqual([]);
    });

    test.each([
      ['a share', AGAIN],
      ['a share, under a description of his own', { ...AGAIN, Description: 'back to 80 %' }],
      ['all of it', { FunctionVersion: '2' }],
    ])('%s: whenever he does, it is out, or someone is paged, or nobody could know', async (_, change) => {
      const outcomes = new Set<string | undefined>();
      for (let ms = 0; ms <= 160; ms += 10) {
        const { rollout, run } = await planted(undefined, again(ms, change));
        expect(faults(run), `${ms} ms after the revert`).toEqual([]);
        outcomes.add(rollout?.outcome);
      }
      expect([...outcomes]).toEqual(['halted', 'reverted']);
    });

    test('nobody can know where he wrote after the last look', async () => {
      const real = await planted(undefined, again('after the last look'));
      expect(real.rollout?.outcome).toBe('reverted');
      expect(real.stage.alias()).toEqual({ primary: '1', weights: { 2: 80 } });
      expect(faults(real.run)).toEqual([]);
    });

    test('a checker sees one who relies on the answer of his write alone', async () => {
      const bug = await planted(
        () => (ports) =>
          routers(
            ports,
            lastLook(async () => undefined),
          ),
        again('after the last look'),
      );
      expect(bug.rollout?.outcome).toBe('reverted');
      expect(broken(bug.run)).toEqual(['endsAtZeroOrHundred', 'revertFirst']);
    });
  });

  test('is seen by the closing audit, even in the moment of the closing', async () => {
    const { run } = await planted(undefined, (stage) => {
      const other = { isThere: false };
      return {
        before: ({ lambda }) => void lambda.helpers.publishCounted(FUNCTION),
        intercept: async (_, input, call) => {
          const isSeal = (input as UpdateAliasCommandInput).Description?.endsWith(' closed') === true;
          if (isSeal && !other.isThere) {
            other.isThere = true;
            await byHand(stage(), { FunctionVersion: '2' });
          }
          return call();
        },
      };
    });
    expect(faults(run)).toEqual([]);
  });
});

describe('an abort in the middle of a shift', () => {
  /** The raise of the first step stands still before or after its write, until the rollout has ended. */
  const stuck = (where: 'before' | 'after') => (): Plot => {
    const ended = gate();
    let isRaised = false;
    return {
      intercept: async (_, input, call) => {
        const isRaise = (input as UpdateAliasCommandInput).Description?.endsWith(' 1 1 open') === true;
        if (isRaise && where === 'before') await ended.opened;
        const answer = await call();
        isRaised ||= isRaise;
        if (isRaise && where === 'after') await ended.opened;
        return answer;
      },
      act: async (stage) => {
        await stage.saw('ShiftIntended');
        while (where === 'after' && !isRaised) await stage.clock.sleep(10);
        const closed = stage.saw('RolloutClosed');
        await stage.order('abort');
        await closed;
        ended.open();
      },
    };
  };

  test('between its announcement and its write leaves nothing, and a checker sees an abort that does not close', async () => {
    const real = await planted(undefined, stuck('before'));
    expect(real.stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(real.stage.traffic.tally[2]).toBeUndefined();
    expect(faults(real.run)).toEqual([]);

    const bug = await planted(
      () => (ports) =>
        routers(ports, (router) => ({
          revert: async (target, by) => {
            const { primary, weights } = await router.observe(target);
            return weights[target.canary] === undefined && primary === target.stable
              ? { name: target.name, primary, changed: false, drifted: false }
              : router.revert(target, by);
          },
        })),
      stuck('before'),
    );
    expect(bug.stage.alias()).toEqual({ primary: '1', weights: { 2: 10 } });
    expect(broken(bug.run)).toEqual(
      expect.arrayContaining(['neverRaisedAfterLeaving', 'atMostOneRaiser', 'ourWeightRemoved']),
    );
  });

  test('between its write and its confirmation takes it out, and a checker sees an abort that trusts the journal', async () => {
    const real = await planted(undefined, stuck('after'));
    expect(real.stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(faults(real.run)).toEqual([]);

    const bug = await planted(
      () => (ports) =>
        routers(ports, (router) => ({
          revert: async (target, by) => {
            const known = await believing(ports, ROLLOUT_ID)(target);
            return known.weights[target.canary] === undefined
              ? { name: target.name, primary: target.stable, changed: false, drifted: false }
              : router.revert(target, by);
          },
        })),
      stuck('after'),
    );
    expect(broken(bug.run)).toEqual(
      expect.arrayContaining(['revertFirst', 'outInTime', 'endsAtZeroOrHundred', 'ourWeightRemoved']),
    );
  });
});

describe('traffic that somebody gives the canary before its rollout ever had the target', () => {
  const given = (token: string) =>
    play({
      ...crashes(({ fn, op }) => fn === 'OpenRollout' && op === 'UpdateAliasCommand'),
      before: (on) => on.clock.run(written(on, { Description: token })),
      act: async (on) => {
        await on.saw('RolloutOpened');
        await written(on, { RoutingConfig: { AdditionalVersionWeights: { 2: 0.8 } } });
      },
    });
  const written = async (on: Stage, change: Partial<UpdateAliasCommandInput>) =>
    void (await on.clients.lambda.send(
      new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, ...change }),
    ));
  const HALTED = { outcome: 'halted', leaving: { cause: 'drift' }, moves: [] };

  test('is taken out where no token says whose the alias was, and someone is paged', async () => {
    const { rollout, run, stage } = await given('');
    expect(rollout).toMatchObject(HALTED);
    expect(stage.alias()).toEqual({ primary: '1', weights: {} });
    expect(faults(run, RESUMED)).toEqual([]);
  });

  test('stays where another rollout had the alias, which may be a later one, and someone is paged', async () => {
    const { rollout, run, stage } = await given('spillway checkout-api--r0--1 1 4 closed');
    expect(rollout).toMatchObject(HALTED);
    expect(stage.alias()).toEqual({ primary: '1', weights: { 2: 80 } });
    expect(faults(run, RESUMED)).toEqual([]);
  });
});
