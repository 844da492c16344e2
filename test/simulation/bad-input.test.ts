import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { describe, expect, test } from 'vitest';
import { byKind, routers } from '../../adapters/registry.ts';
import type { Ports } from '../../functions/_task.ts';
import { type ControllerFunction, controllerFunctions } from '../../local/controller.ts';
import { seededRandom } from '../../local/random.ts';
import { SERVICE } from '../../local/scenario.ts';
import { MACHINE_ARN } from '../../local/world.ts';
import { faults, HOUR, MINUTE, type Plot, play, ROLLOUT_ID, type Stage, staged } from './stage.ts';

/** Each call of a function, and what it writes with, is on a machine whose clock is off by what `offset` says. */
function skewed(offset: (name: ControllerFunction) => number): Plot {
  let ports: Ports | undefined;
  let clients: Stage['clients'] | undefined;
  return {
    changePorts: (made) => {
      ports = made;
      return made;
    },
    before: (stage) => {
      clients = stage.clients;
    },
    around: (name, event) => {
      if (ports === undefined || clients === undefined) throw new Error('The world is not made yet.');
      const { clock } = ports;
      const off = offset(name);
      const own = { now: () => clock.now() + off, sleep: (ms: number) => clock.sleep(ms) };
      const web = { fetch, hosts: [], secret: '' };
      const there = { ...ports, clock: own, router: byKind(routers, { ...clients, web }, own) };
      return controllerFunctions(() => there)[name](event);
    },
  };
}

/** The checkers of time itself are exact to the millisecond of the right time. */
const ofTime =
  /^(unsettledNeverJudged|tickAtMostTwoMinutes)|although its verdict began before traffic stood there/;

test('clocks that are 2 s apart, which is what a machine leaves of more, carry a good release to its end', async () => {
  const random = seededRandom(5);
  const { rollout, run } = await play(skewed(() => (random.int(3) - 1) * 2_000));
  expect(rollout?.reason).toMatch(/^proven/);
  expect(run.histories[ROLLOUT_ID]?.filter(({ type }) => type === 'TookOver')).toEqual([]);
  expect(faults(run).filter((fault) => !ofTime.test(fault))).toEqual([]);
});

describe('clocks that are 5 minutes apart', () => {
  const random = seededRandom(5);
  const cases: [string, (name: ControllerFunction) => number][] = [
    ['each call on another one', () => (random.int(3) - 1) * 5 * MINUTE],
    ['the dead man ahead', (name) => (name === 'DeadMan' ? 5 * MINUTE : 0)],
    ['the measuring behind', (name) => (name === 'Measure' ? -5 * MINUTE : 0)],
    ['the measuring ahead', (name) => (name === 'Measure' ? 5 * MINUTE : 0)],
    ['the raising behind', (name) => (name === 'ShiftTraffic' ? -5 * MINUTE : 0)],
    ['the raising ahead', (name) => (name === 'ShiftTraffic' ? 5 * MINUTE : 0)],
  ];
  test.each(cases)(
    'take a bad release back all the same, and raise nothing unproven: %s',
    async (_, offset) => {
      const { rollout, stage, run } = await play({ ...skewed(offset), canaries: { 2: { errors: 0.2 } } });
      expect(rollout?.outcome).toBe('reverted');
      expect(stage.alias()).toMatchObject({ primary: '1' });
      expect(faults(run).filter((fault) => !ofTime.test(fault))).toEqual([]);
    },
  );

  test.each(cases)('end a good release at 0 or 100 %: %s', async (_, offset) => {
    const { rollout, run } = await play({ ...skewed(offset), rollout: { onInconclusive: 'revert' } });
    expect(['completed', 'reverted']).toContain(rollout?.outcome);
    // A raise that is dated five minutes too early says that the canary was due requests that it was not.
    const ofDates = /^lateNeverBlames/;
    expect(faults(run).filter((fault) => !ofTime.test(fault) && !ofDates.test(fault))).toEqual([]);
  });
});

describe('two controllers', () => {
  const second = async (stage: Stage) => {
    await stage.saw('RolloutOpened');
    await stage.clock.sleep(2_000);
    const [first] = stage.stepFunctions.executions;
    const input = JSON.stringify(first?.input);
    await stage.clients.sfn.send(
      new StartExecutionCommand({ stateMachineArn: MACHINE_ARN, name: 'of-the-other', input }),
    );
  };

  test('of one environment work on one rollout, each with its execution, and it ends as with one', async () => {
    const { rollout, run } = await play({ act: second });
    expect(rollout?.reason).toMatch(/^proven/);
    expect(faults(run)).toEqual([]);
  });

  test('of one environment take a bad release back', async () => {
    const { rollout, run } = await play({ act: second, canaries: { 2: { errors: 0.2 } } });
    expect(rollout?.outcome).toBe('reverted');
    expect(faults(run)).toEqual([]);
  });
});

test.each(['memory', 'dynamodb'] as const)(
  'of a queue of 50 releases the newest goes out and each of the others says why it did not, with a journal in %s',
  async (journal) => {
    const stage = staged({ journal });
    const all = Array.from({ length: 50 }, (_, n) => `${SERVICE}--r${n + 1}--1`);
    await stage.clock.advance(20 * MINUTE);
    await stage.clock.run(stage.release());
    await stage.clock.run(stage.saw('Shifted'), HOUR);
    for (let left = 49; left > 0; left--) {
      await stage.clock.run(stage.release());
      await stage.clock.advance(3_000);
    }
    await stage.clock.run(Promise.all([stage.ended(all[0] ?? ''), stage.ended(all[49] ?? '')]), 12 * HOUR);
    const ends = await stage.clock.run(
      Promise.all(all.map(async (id) => (await stage.journal.read(id))?.outcome)),
    );
    expect(ends).toEqual(['completed', ...Array.from({ length: 48 }, () => 'superseded'), 'completed']);
    const told = await stage.clock.run(Promise.all(all.slice(1, 49).map((id) => stage.journal.events(id))));
    expect(
      told.map((events) => events.map((event) => event.type === 'RolloutDeclined' && event.reason)),
    ).toEqual(Array.from({ length: 48 }, (_, n) => [`r${n + 3} was uploaded while it waited`]));
    expect((await stage.clock.run(stage.journal.service(SERVICE))).waiting).toBeUndefined();
    expect(stage.alias().primary).toBe('51');
  },
);

test('an abort whose reason is over 400 KB takes the canary out and is written down, cut', async () => {
  const { rollout, run } = await play({
    journal: 'dynamodb',
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.order('abort', { reason: 'x'.repeat(500_000), by: 'y'.repeat(500_000) });
    },
  });
  expect(rollout).toMatchObject({ outcome: 'reverted', opening: { rolloutId: ROLLOUT_ID } });
  expect(rollout?.reason).toBe(`${'y'.repeat(200)} aborted: ${'x'.repeat(1000)}`);
  expect(faults(run)).toEqual([]);
});
