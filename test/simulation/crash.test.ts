import { DeleteAliasCommand, type UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { RolloutError } from '../../core/errors.ts';
import { tokenText } from '../../core/rollout/fencing-token.ts';
import type { FunctionName } from '../../infra/facts.ts';
import { ALIAS } from '../../local/account.ts';
import { crashes, journalOutage, type Point, serviceDown } from '../../simulation/faults.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { sampled } from '../deep.ts';
import { EMPTY } from '../empty.ts';
import { misreading } from './planted.ts';
import {
  addWorker,
  broken,
  faults,
  MINUTE,
  type Plot,
  play,
  ROLLOUT_ID,
  type Stage,
  TWO_TARGETS,
} from './stage.ts';

/** An execution is found dead two minutes after it was due, at the watchdog's next look. */
const FOUND_DEAD = { tickMs: 8 * MINUTE, outMs: 8 * MINUTE };
const SHORT = { steps: [{ weight: 10, bake: '1m' }], verify: '1m' };

const smoked: Pick<Plot, 'changePorts'> = {
  changePorts: (ports) => ({
    ...ports,
    hooks: () => ({ ask: async () => ({ status: 'pass', reason: 'it answered' }) }),
  }),
};

const plots = {
  'a good release': {
    ...smoked,
    rollout: { ...SHORT, smoke: [{ get: '/health', expect: { status: 200 } }] },
  },
  'a bad release': { rollout: SHORT, canaries: { 2: { errors: 0.2 } } },
  'a release that fails only at 100 %': {
    rollout: SHORT,
    canaries: { 2: { errors: (_: string, __: number, weight: number) => (weight > 50 ? 0.3 : 0.001) } },
  },
  'two targets': {
    before: (stage: Stage) => void addWorker(stage, 'worker'),
    release: { ...TWO_TARGETS, rollout: { ...TWO_TARGETS.rollout, ...SHORT } },
  },
} satisfies Record<string, Plot>;

/** Plays a plot whose functions die where `dies` says so. */
function crashed(plot: Plot, dies: (point: Point) => boolean, error?: string) {
  const hooks = crashes(dies, () => error ?? 'Runtime.ExitError');
  const { changePorts = (ports) => ports } = plot;
  return play({ ...plot, ...hooks, changePorts: (ports) => hooks.changePorts(changePorts(ports)) });
}

/** The third tick and hold of a step are like the second. */
const isRepeated = ({ fn, nth }: Point) => (fn === 'Hold' || fn === 'Measure') && nth > 2;

async function pointsOf(plot: Plot): Promise<Point[]> {
  const points: Point[] = [];
  await crashed(plot, (point) => {
    points.push(point);
    return false;
  });
  return points;
}

/** What broke when a function died at each of the points that are asked for, and how each of those rollouts ended. */
async function sweep(plot: Plot, isAsked: (point: Point) => boolean, error?: string) {
  const points = (await pointsOf(plot)).map((point, at) => ({ point, at }));
  const asked = points.filter(({ point }) => isAsked(point) && !isRepeated(point));
  const wrong: string[] = [];
  const outcomes = new Set<string | undefined>();
  for (const { point, at } of sampled(asked, 67)) {
    let seen = 0;
    const { rollout, run } = await crashed(plot, () => seen++ === at, error);
    outcomes.add(rollout?.outcome);
    const where = `${point.fn} ${point.nth}, ${point.phase} ${point.op}`;
    wrong.push(...faults(run, FOUND_DEAD).map((fault) => `${where}: ${fault}`));
  }
  return { wrong, outcomes };
}

const isClosing = ({ fn }: Point) => fn === 'CloseRollout';

describe('a function that dies at any moment', () => {
  test.each(
    ['Runtime.ExitError', 'Lambda.ServiceException'].flatMap((error) =>
      (['a good release', 'a bad release', 'a release that fails only at 100 %', 'two targets'] as const).map(
        (name) => [name, error] as const,
      ),
    ),
  )('leaves %s as it would have been, whatever it was just doing: %s', async (name, error) => {
    // An error of the service itself differs only where there was an effect before it.
    const isAsked = (point: Point) =>
      !isClosing(point) && (error === 'Runtime.ExitError' || point.phase === 'after');
    const { wrong, outcomes } = await sweep(plots[name], isAsked, error);
    expect(wrong).toEqual([]);
    expect([...outcomes]).toEqual([/bad|fails/.test(name) ? 'reverted' : 'completed']);
  });

  const CLOSED = ['a good release', 'two targets'] as const;

  test.each(CLOSED)('leaves %s completed where it dies while closing', async (name) => {
    const again = await sweep(plots[name], isClosing, 'Lambda.ServiceException');
    expect(again.wrong).toEqual([]);
    expect([...again.outcomes]).toEqual(['completed']);
  });

  test.each(CLOSED)(
    'calls nobody about %s that is completed, although it died while closing',
    async (name) => {
      const { wrong } = await sweep(plots[name], isClosing);
      expect(wrong).toEqual([]);
    },
  );

  test('is seen by a checker where what it did is done again without a look at the target', async () => {
    // A bug: the second try adds its weight to what it finds.
    let stage: Stage | undefined;
    let seen = 0;
    const bug = await crashed(
      {
        before: (on) => {
          stage = on;
        },
        changePorts: (ports) => ({
          ...ports,
          router: (kind) => ({
            ...ports.router(kind),
            raise: async ({ canary }, { write, weight }) => {
              const present = stage?.alias().weights[canary] ?? 0;
              await stage?.lambda.operations.UpdateAliasCommand({
                FunctionName: FUNCTION,
                Name: ALIAS,
                FunctionVersion: '1',
                RoutingConfig: {
                  AdditionalVersionWeights: { [canary]: Math.min(0.99, (present + weight) / 100) },
                },
                Description: tokenText(write),
              });
              return { result: 'raised' };
            },
          }),
        }),
      },
      ({ fn, op, phase }) =>
        fn === 'ShiftTraffic' && op === 'journal.append' && phase === 'before' && ++seen === 2,
      'Lambda.ServiceException',
    );
    expect(broken(bug.run)).toEqual(expect.arrayContaining(['everyRaiseAnnounced', 'configFrozen']));
  });
});

describe('a function that throws what nobody expects', () => {
  const STATES: FunctionName[] = [
    'Decide',
    'RunHook',
    'ShiftTraffic',
    'Hold',
    'Measure',
    'PromoteCanary',
    'RevertTraffic',
  ];
  const boom = () => new TypeError("Cannot read properties of undefined (reading 'plan')");

  test.each(STATES)('has its canary taken out where it is %s, whichever call it is', async (state) => {
    const plot = state === 'RevertTraffic' ? plots['a bad release'] : plots['a good release'];
    for (let nth = 1; nth <= 4; nth++) {
      let calls = 0;
      const { rollout, stage, run } = await play({
        ...plot,
        around: async (name, event, call) => {
          if (name === state && ++calls === nth) throw boom();
          return call(event);
        },
      });
      if (calls < nth) break;
      expect(rollout?.outcome).toMatch(/reverted|refused/);
      expect(stage.alias()).toEqual({ primary: '1', weights: EMPTY });
      expect(faults(run, FOUND_DEAD)).toEqual([]);
    }
  });

  /** `next` throws whenever it is asked for this rollout, also on the revert path. */
  const everywhere: Plot['around'] = async (name, event, call) => {
    if (name === 'Measure' || name === 'RevertTraffic') throw boom();
    return call(event);
  };

  test('has its canary taken out by Step Functions itself where the revert path throws too', async () => {
    const { stage, path, run } = await play({ hours: 1, rollout: SHORT, around: everywhere });
    expect(stage.alias()).toEqual({ primary: '1', weights: EMPTY });
    expect(path.slice(0, 11)).toEqual([
      'Decide',
      'ShiftTraffic',
      'Hold',
      'Measure',
      'RevertTraffic',
      'RevertDirectly',
      'WhichKind',
      'ReadAlias',
      'WhoServes',
      'RemoveCanary',
      'Halted',
    ]);
    expect(run.executions[0]).toMatchObject({ status: 'FAILED' });
    // With no function of the controller working, nobody is left to write the end down.
    expect(broken(run).filter((promise) => promise !== 'everyRolloutEnds')).toEqual([]);
  });

  test('is seen by a checker where the revert path only says that it was taken', async () => {
    const bug = await play({
      hours: 1,
      rollout: SHORT,
      around: async (name, event, call) => {
        if (name === 'RevertTraffic') return { kind: 'left', outcome: 'reverted', reason: 'trust me' };
        if (name === 'Measure') throw boom();
        return call(event);
      },
    });
    expect(broken(bug.run, FOUND_DEAD)).toEqual(
      expect.arrayContaining(['tickAtMostTwoMinutes', 'everyRolloutEnds']),
    );
    // In the end the watchdog takes the canary out by itself.
    expect(bug.stage.alias().weights).toEqual(EMPTY);
  });
});

describe('people who order again and again while the execution is dead', () => {
  const plot: Plot = {
    rollout: SHORT,
    canaries: { 2: { errors: 0.2 } },
    act: async (stage) => {
      await stage.saw('Shifted');
      await stage.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
      for (let minutes = 0; minutes < 30; minutes++) {
        await stage.order('pause').catch(() => {});
        await stage.order('resume').catch(() => {});
        await stage.clock.sleep(MINUTE);
      }
    },
  };

  test('do not keep its watchdog away from a bad canary', async () => {
    const { rollout, run } = await play(plot);
    expect(rollout).toMatchObject({ outcome: 'reverted', takeovers: 1 });
    expect(faults(run, FOUND_DEAD)).toEqual([]);
  });

  test('would, if any event were a sign of life, which a checker sees', async () => {
    const changePorts = misreading(({ lastEventAt }) => ({ silentSince: lastEventAt }));
    const bug = await play({ ...plot, changePorts });
    expect(broken(bug.run, FOUND_DEAD)).toContain('tickAtMostTwoMinutes');
  });
});

describe('an execution that meets an error after its rollout was good to the end', () => {
  const ended = (stage: Stage) => stage.stepFunctions.execution(`${ROLLOUT_ID}-1`);
  const LAST = ['RevertTraffic', 'Dispatch', 'Completed'];

  test('calls nobody where every try of the closing dies after the end was written', async () => {
    let isWritten = false;
    const before = ({ follow }: Stage) =>
      follow(({ rollout }) => {
        isWritten ||= rollout.outcome === 'completed';
      });
    const dies = ({ fn, phase }: Point) => fn === 'CloseRollout' && phase === 'after' && isWritten;
    const { stage, rollout, run } = await crashed({ rollout: SHORT, before }, dies);
    expect(rollout?.outcome).toBe('completed');
    expect(ended(stage)).toMatchObject({ status: 'SUCCEEDED' });
    expect(ended(stage)?.path.slice(-4)).toEqual(['CloseRollout', ...LAST]);
    expect(faults(run, FOUND_DEAD)).toEqual([]);
  });

  test('calls nobody where the closing was put off after the seal, and the hold that waits for it dies', async () => {
    let isAway = false;
    const { stage, rollout, run } = await play({
      rollout: SHORT,
      changePorts: (ports) => ({
        ...ports,
        journal: {
          ...ports.journal,
          async append(before, events) {
            if (!isAway && events.some(({ type }) => type === 'RolloutClosed')) {
              isAway = true;
              throw new RolloutError('Unavailable', 'planted: the journal has no room for it');
            }
            return ports.journal.append(before, events);
          },
        },
      }),
      around: async (name, event, call) => {
        if (name === 'Hold' && isAway)
          throw Object.assign(new Error('planted: it was killed'), { name: 'Runtime.ExitError' });
        return call(event);
      },
    });
    expect(rollout?.outcome).toBe('completed');
    expect(ended(stage)).toMatchObject({ status: 'SUCCEEDED' });
    expect(ended(stage)?.path.slice(-4)).toEqual(['Hold', ...LAST]);
    expect(faults(run)).toEqual([]);
  });
});

describe('an alias that is deleted in the middle of a rollout', () => {
  /** Two targets; the first one's alias goes. */
  const deleted: Plot = {
    ...plots['two targets'],
    release: TWO_TARGETS,
    hours: 2,
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.clients.lambda.send(new DeleteAliasCommand({ FunctionName: FUNCTION, Name: ALIAS }));
    },
  };
  const worker = ({ lambda }: Stage) => lambda.helpers.routing('checkout-prod-worker', ALIAS);

  test('does not stop the revert path of the other target', async () => {
    const { stage, path, run } = await play(deleted);
    expect(worker(stage)).toMatchObject({ primary: '1', weights: EMPTY });
    expect(path.slice(-2)).toEqual(['RevertTraffic', 'Reverted']);
    expect(stage.stepFunctions.execution(`${ROLLOUT_ID}-1`)).toMatchObject({
      status: 'FAILED',
      error: 'halted',
    });
    for (const promise of ['outInTime', 'ourWeightRemoved', 'neverRaisedAfterLeaving'])
      expect(broken(run)).not.toContain(promise);
  });

  test('does not stop that of Step Functions itself either', async () => {
    const { stage, path } = await play({
      ...deleted,
      around: async (name, event, call) => {
        if (name === 'RevertTraffic') throw new TypeError('by.targets is not iterable');
        return call(event);
      },
    });
    expect(worker(stage)).toMatchObject({ primary: '1', weights: EMPTY });
    expect(path).toEqual(expect.arrayContaining(['RevertDirectly', 'NotReverted', 'RemoveCanary', 'Halted']));
  });

  test('ends the rollout halted', async () => {
    const { rollout, run } = await play(deleted);
    expect(rollout?.outcome).toBe('halted');
    expect(faults(run)).toEqual([]);
  });

  test('is seen by a checker where the last-resort revert gives up with it', async () => {
    // A bug, as it looks from Lambda: neither function nor Step Functions ever writes the other alias.
    const bug = await play({
      ...deleted,
      before: async (stage) => {
        await deleted.before?.(stage);
        const { operations } = stage.lambda;
        const update = operations.UpdateAliasCommand;
        operations.UpdateAliasCommand = (input: UpdateAliasCommandInput) =>
          input.Description?.endsWith(' closed') ? {} : update(input);
      },
    });
    expect(worker(bug.stage).weights).toEqual({ 2: 10 });
    expect(broken(bug.run)).toContain('outInTime');
  });
});

describe('what comes twice', () => {
  test('an upload whose event comes twice opens one rollout', async () => {
    const { rollout, run, stage } = await play({ duplicates: 1 });
    expect(rollout?.outcome).toBe('completed');
    expect(stage.stepFunctions.executions).toHaveLength(1);
    expect(faults(run)).toEqual([]);
  });

  test.each([0, 1, 40, 1_000, 30_000])(
    'every function that is invoked again %i ms later changes nothing',
    async (later) => {
      let stage: Stage | undefined;
      const { rollout, run } = await play({
        before: (on) => {
          stage = on;
        },
        around: (name, event, call) => {
          // A command that comes twice is two commands.
          if (name !== 'Command') void stage?.clock.sleep(later).then(() => call(event).catch(() => {}));
          return call(event);
        },
      });
      expect(rollout?.outcome).toBe('completed');
      expect(faults(run)).toEqual([]);
    },
  );
});

describe('an execution that dies', () => {
  test.each([10, 100, 1_000, 20_000, 100_000, 250_000, 400_000])(
    '%i ms after its first raise is replaced, and the rollout goes on as if nothing had been',
    async (after) => {
      const { rollout, story, run } = await play({
        act: async (stage) => {
          await stage.saw('ShiftIntended');
          await stage.clock.sleep(after);
          await stage.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
        },
      });
      expect(story).toContain('TookOver 2');
      expect(rollout?.outcome).toBe('completed');
      expect(faults(run, FOUND_DEAD)).toEqual([]);
    },
  );

  test('is seen by a checker where the watchdog sleeps', async () => {
    const bug = await play({
      hours: 2,
      around: async (name, event, call) => (name === 'Watchdog' ? { found: 'alive' } : call(event)),
      act: async (stage) => {
        await stage.saw('Measured', 2);
        await stage.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
      },
    });
    expect(broken(bug.run, FOUND_DEAD)).toContain('everyRolloutEnds');
  });

  test('has its canary taken out by the watchdog after ten minutes without a journal', async () => {
    let isOut = false;
    let alias: unknown;
    await play({
      rollout: { steps: [{ weight: 10, bake: '1h' }] },
      changePorts: journalOutage(() => isOut),
      act: async (stage) => {
        await stage.saw('Measured', 8);
        isOut = true;
        await stage.ports.executions.stop(ROLLOUT_ID, 1, 'stopped by hand');
        await stage.clock.sleep(20 * MINUTE);
        alias = stage.alias();
        isOut = false;
      },
    });
    expect(alias).toEqual({ primary: '1', weights: EMPTY });
  });
});

describe('a service that is away', () => {
  /** The journal is away for five minutes, from so many seconds after the upload on. */
  const away = (from: number): Plot => {
    let isOut = false;
    return {
      rollout: {
        steps: [
          { weight: 10, bake: '3m' },
          { weight: 50, bake: '3m' },
        ],
        verify: '3m',
      },
      changePorts: journalOutage(() => isOut),
      act: async ({ clock }) => {
        await clock.sleep(1_000 * from);
        isOut = true;
        await clock.sleep(5 * MINUTE);
        isOut = false;
      },
    };
  };
  const starts = (from: number, to: number) =>
    Array.from({ length: 8 }, (_, index) => from + ((to - from) * index) / 8);

  test('the journal, early: the release is reverted at once, and that is written when it is there again', async () => {
    for (const from of starts(2, 120)) {
      const { rollout, run } = await play(away(from));
      expect(rollout?.outcome, `without a journal from ${from} s on`).toBe('reverted');
      expect(faults(run, FOUND_DEAD), `without a journal from ${from} s on`).toEqual([]);
    }
  });

  test('the journal, at any later moment: just so', async () => {
    for (const from of starts(240, 900)) {
      const { rollout, run } = await play(away(from));
      expect(rollout?.outcome, `without a journal from ${from} s on`).toMatch(/reverted|completed/);
      expect(faults(run, FOUND_DEAD), `without a journal from ${from} s on`).toEqual([]);
    }
  });

  test('Lambda, which refuses every write of the alias for ten seconds: the release goes on or is reverted', async () => {
    for (const type of ['ShiftIntended', 'RevertOrdered'] as const) {
      let isOut = false;
      const { rollout, run } = await play({
        canaries: { 2: { errors: 0.2 } },
        intercept: (command, _input, call) =>
          isOut && command === 'UpdateAliasCommand' ? Promise.reject(serviceDown()) : call(),
        act: async (stage) => {
          await stage.saw(type);
          isOut = true;
          await stage.clock.sleep(10_000);
          isOut = false;
        },
      });
      expect(rollout?.outcome).toMatch(/reverted|completed/);
      expect(faults(run, FOUND_DEAD)).toEqual([]);
    }
  });

  const twoSteps = {
    steps: [
      { weight: 10, bake: '1m' },
      { weight: 50, bake: '1m' },
    ],
    verify: '1m',
  };

  test('Lambda, which refuses every write of the alias for ten minutes before a raise: a good release waits for it', async () => {
    let isOut = false;
    const { rollout, run } = await play({
      rollout: twoSteps,
      intercept: (command, _input, call) =>
        isOut && command === 'UpdateAliasCommand' ? Promise.reject(serviceDown()) : call(),
      act: async (stage) => {
        await stage.saw('Measured', 1);
        isOut = true;
        await stage.clock.sleep(10 * MINUTE);
        isOut = false;
      },
    });
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });

  test('Lambda, which refuses one raise for ever: after a quarter of an hour the release is reverted and not blamed', async () => {
    const isHalf = ({ RoutingConfig }: UpdateAliasCommandInput) =>
      RoutingConfig?.AdditionalVersionWeights?.['2'] === 0.5;
    const { rollout, run } = await play({
      rollout: twoSteps,
      intercept: (command, input, call) =>
        command === 'UpdateAliasCommand' && isHalf(input as UpdateAliasCommandInput)
          ? Promise.reject(serviceDown())
          : call(),
    });
    expect(rollout?.leaving).toMatchObject({
      cause: 'environment',
      reason: 'api could not be raised to 50 % in 30 tries: Please try again. (InternalServiceException)',
    });
    const tries = (run.histories[ROLLOUT_ID] ?? []).filter(
      (event) => event.type === 'ShiftIntended' && event.weight === 50,
    );
    const minutes = ((tries.at(-1)?.at ?? 0) - (tries[0]?.at ?? 0)) / MINUTE;
    expect(minutes).toBeGreaterThan(14);
    expect(faults(run)).toEqual([]);
  });
});

describe('what comes between the last tick and the closing', () => {
  /** Something happens when CloseRollout has been decided and has not begun. */
  const atTheDoor = (act: (stage: Stage) => Promise<unknown>, more: Plot = {}): Plot => {
    let stage: Stage | undefined;
    let isOver = false;
    return {
      ...more,
      before: (on) => {
        stage = on;
      },
      around: async (name, event, call) => {
        if (name === 'CloseRollout' && !isOver && stage !== undefined) {
          isOver = true;
          await act(stage);
        }
        return call(event);
      },
    };
  };

  test('an alarm takes the canary out within 2 s', async () => {
    const { run } = await play(
      atTheDoor(
        (stage) =>
          stage.invoke('AlarmEvent', {
            detail: {
              alarmName: 'orders',
              state: { value: 'ALARM', timestamp: new Date(stage.clock.now()).toISOString() },
            },
          }),
        {
          rollout: { alarms: ['orders'] },
          changePorts: (ports) => ({
            ...ports,
            alarms: { read: async (names) => names.map((name) => ({ name, state: 'ok', since: 0 })) },
          }),
        },
      ),
    );
    expect(faults(run)).toEqual([]);
  });

  test('a pause holds the rollout, and its execution with it', async () => {
    const { run } = await play(
      atTheDoor(async (stage) => {
        await stage.order('pause');
        void stage.clock.sleep(5 * MINUTE).then(() => stage.order('resume'));
      }),
    );
    expect(faults(run)).toEqual([]);
  });
});

describe('a rollout of many targets', () => {
  /** So many targets, each a function of its own. */
  const many = (count: number, more: Plot = {}): Plot => {
    const names = Array.from({ length: count - 1 }, (_, index) => `worker-${index + 1}`);
    const all = ['api', ...names];
    return {
      hours: 3,
      ...more,
      before: (stage) => {
        for (const name of names) addWorker(stage, name);
      },
      release: {
        manifest: { targets: Object.fromEntries(all.map((name) => [name, { version: '2' }])) },
        rollout: {
          targets: Object.fromEntries(
            all.map((name) => [
              name,
              { lambda: name === 'api' ? FUNCTION : `checkout-prod-${name}`, alias: ALIAS },
            ]),
          ),
        },
      },
    };
  };

  test('five at once are raised, and reverted', async () => {
    const good = await play(many(5));
    expect(good.rollout?.outcome).toBe('completed');
    expect(faults(good.run)).toEqual([]);
    const bad = await play(many(5, { canaries: { 2: { errors: 0.2 } } }));
    expect(bad.rollout?.outcome).toBe('reverted');
    expect(faults(bad.run)).toEqual([]);
  });

  test('eight are opened, although Lambda takes fifteen calls a second', async () => {
    const { rollout } = await play(many(8));
    expect(rollout?.outcome).toBe('completed');
  });

  test('six are reverted by RevertTraffic itself, although Lambda takes fifteen calls a second', async () => {
    const { path } = await play(many(6, { canaries: { 2: { errors: 0.2 } } }));
    expect(path.slice(-2)).toEqual(['RevertTraffic', 'Reverted']);
    expect(path).not.toContain('Halted');
  });
});
