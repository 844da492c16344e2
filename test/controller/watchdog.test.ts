import { describe, expect, test } from 'vitest';
import { executionInput } from '../../controller/execution.ts';
import { RolloutError } from '../../core/errors.ts';
import type { ExecutionInput, WatchdogInput } from '../../core/ports.ts';
import { dueAt } from '../../core/rollout/due.ts';
import { command } from '../../functions/command.ts';
import { openRollout } from '../../functions/open-rollout.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { shiftTraffic } from '../../functions/shift-traffic.ts';
import { watchdog } from '../../functions/watchdog.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';
import { EMPTY } from '../empty.ts';
import { FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

const MINUTE = 60_000;
/** How long the journal may be unreadable (design, section 8: "past a limit"). */
const LIMIT = 10 * MINUTE;

async function frozen({ clock, ports }: Stage): Promise<WatchdogInput> {
  const found = await clock.run(ports.watchdog.frozen(FIRST));
  if (found === undefined) throw new Error('The watchdog is not armed.');
  return found;
}

const away = async () => {
  throw new RolloutError('Unavailable', 'AWS is away');
};

/** One look, with what Scheduler would hand over. */
async function look(stage: Stage, ports = stage.ports) {
  return stage.call(watchdog, await frozen(stage), ports);
}

describe('while the journal can be read', () => {
  test('a rollout that is not overdue is alive, and nothing happens', async () => {
    const stage = setUp();
    await stage.openRaised();
    const before = [await stage.history(), stage.standing(), await frozen(stage)];
    expect(await look(stage)).toEqual({ found: 'alive' });
    await stage.clock.advance(dueAt(await stage.rollout()) + 2 * MINUTE - stage.clock.now() - 100);
    expect(await look(stage)).toEqual({ found: 'alive' });
    expect([await stage.history(), stage.standing(), await frozen(stage)]).toEqual(before);
    expect(stage.started).toHaveLength(1);
  });

  test('an overdue rollout is taken over: next epoch, old execution stopped, new one started, weight kept', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.clock.advance(dueAt(await stage.rollout()) + 2 * MINUTE - stage.clock.now() + 1);
    expect(await look(stage)).toEqual({ found: 'taken over' });
    const rollout = await stage.rollout();
    expect(rollout).toMatchObject({ epoch: 2, takeovers: 1 });
    expect(stage.stopped).toEqual([{ rolloutId: FIRST, epoch: 1 }]);
    expect(stage.started.at(-1)).toEqual(executionInput(rollout));
    expect(stage.standing()).toEqual({
      primary: '1',
      weights: { '2': 10 },
      token: `spillway ${FIRST} 1 1 open`,
    });
  });

  test('orders that nothing answers do not make it wait', async () => {
    const stage = setUp();
    await stage.openRaised();
    const due = dueAt(await stage.rollout());
    for (let minutes = 0; minutes < 4; minutes++) {
      await stage.clock.advance(MINUTE);
      await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: false });
    }
    expect(await look(stage)).toEqual({ found: 'taken over' });
    expect((await stage.clock.run(stage.ports.journal.events(FIRST))).at(-1)).toMatchObject({
      type: 'TookOver',
      reason: `the last one was due to write at ${new Date(due).toISOString()} and did not`,
    });
  });

  test('the takeover is written before the old execution is stopped and the new one is started', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.clock.advance(60 * MINUTE);
    const order: string[] = [];
    const { journal, executions } = stage.ports;
    const ports = {
      ...stage.ports,
      journal: { ...journal, append: noting(order, 'append', journal.append) },
      executions: {
        ...executions,
        stop: noting(order, 'stop', executions.stop),
        start: noting(order, 'start', executions.start),
      },
    };
    await look(stage, ports);
    expect(order[0]).toBe('append');
    expect(order.slice(1).sort()).toEqual(['start', 'stop']);
  });

  test('no other call that fails keeps the new execution from being started', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.clock.advance(60 * MINUTE);
    const { watchdog: watched, executions } = stage.ports;
    const input = await frozen(stage);
    const ports = {
      ...stage.ports,
      watchdog: { ...watched, arm: unreachable },
      executions: { ...executions, stop: unreachable },
    };
    expect(await stage.call(watchdog, input, ports)).toEqual({ found: 'taken over' });
    expect(stage.started.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  test('a canary that is to leave is out at once, also if no execution can be started', async () => {
    const stage = setUp();
    await stage.openRaised();
    const ports = { ...stage.ports, executions: { ...stage.ports.executions, start: away } };
    const router: typeof ports.router = (kind) => ({ ...stage.ports.router(kind), revert: away });
    await stage.call(
      command,
      { command: 'abort', rolloutId: FIRST, by: 'ada', reason: 'odd' },
      { ...stage.ports, router },
    );
    expect(stage.standing()).toMatchObject({ weights: { '2': 10 } });
    await stage.clock.advance(60 * MINUTE);
    await expect(look(stage, ports)).rejects.toMatchObject({ name: 'Unavailable' });
    expect(stage.standing()).toMatchObject({ primary: '1', weights: EMPTY });
  });

  test('what somebody else gave an irreversible release that was never raised stays with a person', async () => {
    const stage = setUp();
    await stage.open();
    await stage.meddle({ weights: { '2': 59 } });
    const { journal } = stage.ports;
    const present = await stage.rollout();
    const fixed = { ...present, opening: { ...present.opening, reversible: false } };
    const leaving = {
      at: stage.clock.now(),
      cause: 'environment' as const,
      reason: 'it failed',
      outcome: 'refused' as const,
    };
    const read = async () => ({ ...fixed, leaving });
    const append = async () => ({ ...fixed, leaving, epoch: 2 });
    await stage.clock.advance(60 * MINUTE);
    expect(await look(stage, { ...stage.ports, journal: { ...journal, read, append } })).toEqual({
      found: 'taken over',
    });
    expect(stage.standing()).toMatchObject({ weights: { '2': 59 } });
  });

  test('an execution of the old epoch does nothing after a takeover', async () => {
    const stage = setUp();
    const old = await stage.open();
    await stage.clock.advance(60 * MINUTE);
    await look(stage);
    expect(await stage.call(shiftTraffic, old)).toMatchObject({ kind: 'continue' });
    expect(stage.standing()).toMatchObject({ weights: EMPTY, token: `spillway ${FIRST} 1 0 open` });
    expect((await stage.rollout()).intents).toEqual([]);
  });

  test('a rollout that moved while it looked is alive', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.clock.advance(60 * MINUTE);
    const { journal } = stage.ports;
    const ports = withJournal(stage.ports, {
      async append(rollout, events) {
        const at = stage.clock.now();
        await journal.append(await stage.rollout(), [{ type: 'AlarmRaised', at, alarm: 'a', since: at }]);
        return journal.append(rollout, events);
      },
    });
    expect(await look(stage, ports)).toEqual({ found: 'alive' });
    expect((await stage.rollout()).epoch).toBe(1);
    expect(stage.stopped).toEqual([]);
  });

  test('a rollout whose start was lost is begun: claimed and started', async () => {
    const stage = setUp();
    const router = { ...stage.ports.router('lambda-alias'), claim: unreachable };
    const opening = stage.call(openRollout, await stage.upload(), { ...stage.ports, router: () => router });
    await expect(opening).rejects.toMatchObject({ name: 'Unavailable' });
    expect(stage.started).toEqual([]);
    await stage.clock.advance(10 * MINUTE);
    expect(await look(stage)).toEqual({ found: 'taken over' });
    expect(stage.started).toMatchObject([{ rolloutId: FIRST, epoch: 2 }]);
    expect(stage.standing().token).toBe(`spillway ${FIRST} 1 0 open`);
  });

  test('a token that was there and is gone is not written again: what it said of a revert is lost', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const blind = withJournal(stage.ports, { read: unreachable, append: unreachable });
    await stage.call(revertTraffic, { ref, came: {} }, blind);
    expect(stage.standing().token).toBe(`spillway ${FIRST} 1 1 closed`);
    await stage.meddle({ Description: '' });
    await stage.clock.advance(10 * MINUTE);
    expect(await look(stage)).toEqual({ found: 'taken over' });
    expect(stage.standing().token).toBe('');
    await stage.call(shiftTraffic, executionInput(await stage.rollout()));
    expect(stage.standing()).toMatchObject({ primary: '1', weights: EMPTY });
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'drift', outcome: 'halted' });
  });

  test('a rollout that has ended disarms it', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const input = await frozen(stage);
    await stage.call(revertTraffic, { ref, came: {} });
    await stage.clock.run(stage.ports.watchdog.arm({ ...input, armedAt: stage.clock.now() }));
    expect(await look(stage)).toEqual({ found: 'ended' });
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeUndefined();
  });

  test('a rollout that was never opened is watched for an hour, then forgotten', async () => {
    const stage = setUp();
    const input = await neverOpened(stage);
    await stage.clock.advance(59 * MINUTE);
    expect(await stage.call(watchdog, input)).toEqual({ found: 'unknown' });
    expect(await frozen(stage)).toMatchObject(input);
    await stage.clock.advance(2 * MINUTE);
    expect(await stage.call(watchdog, input)).toEqual({ found: 'unknown' });
    expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeUndefined();
    expect(stage.standing()).toMatchObject({ primary: '1', weights: EMPTY });
  });
});

describe('while the journal cannot be read', () => {
  const blind = (stage: Stage) => withJournal(stage.ports, { read: unreachable });

  test('it remembers since when, and does nothing at first', async () => {
    const stage = setUp();
    await stage.openRaised();
    expect(await look(stage, blind(stage))).toEqual({ found: 'unreadable' });
    expect((await frozen(stage)).unreadableSince).toBeCloseTo(stage.clock.now(), -3);
    expect(stage.standing().weights).toEqual({ '2': 10 });
  });

  test('it reverts once ten minutes have passed, from what is frozen, and not before', async () => {
    const stage = setUp();
    await stage.openRaised();
    await look(stage, blind(stage));
    const { unreadableSince = 0 } = await frozen(stage);
    await stage.clock.advance(unreadableSince + LIMIT - stage.clock.now() - 100);
    expect(await look(stage, blind(stage))).toEqual({ found: 'unreadable' });
    expect(stage.standing().weights).toEqual({ '2': 10 });
    await stage.clock.advance(100);
    expect(await look(stage, blind(stage))).toEqual({ found: 'reverted' });
    expect(stage.standing()).toEqual({ primary: '1', weights: {}, token: `spillway ${FIRST} 1 2 closed` });
    expect(await look(stage, blind(stage))).toEqual({ found: 'reverted' });
  });

  test('it does so too for a rollout that was armed long before', async () => {
    const stage = setUp();
    await stage.openRaised();
    await stage.clock.advance(30 * MINUTE);
    expect(await look(stage, blind(stage))).toEqual({ found: 'unreadable' });
    await stage.clock.advance(LIMIT);
    expect(await look(stage, blind(stage))).toEqual({ found: 'reverted' });
  });

  test('it forgets that it was unreadable once it can be read again', async () => {
    const stage = setUp();
    await stage.openRaised();
    await look(stage, blind(stage));
    expect(await look(stage)).toEqual({ found: 'alive' });
    expect((await frozen(stage)).unreadableSince).toBeUndefined();
    expect(stage.standing().weights).toEqual({ '2': 10 });
  });

  test('a revert of its own that fails is an error, so that the next look tries again', async () => {
    const stage = setUp();
    await stage.openRaised();
    await look(stage, blind(stage));
    await stage.clock.advance(LIMIT);
    const router = { ...stage.ports.router('lambda-alias'), revert: unreachable };
    const failed = look(stage, { ...blind(stage), router: () => router });
    await expect(failed).rejects.toMatchObject({ name: 'RevertFailed' });
    expect(await look(stage, blind(stage))).toEqual({ found: 'reverted' });
  });
});

async function neverOpened(stage: Stage): Promise<WatchdogInput> {
  const target = {
    name: 'api',
    kind: 'lambda-alias',
    key: 'k',
    stable: '1',
    canary: '2',
    source: 'http' as const,
  };
  const ref = { functionName: 'checkout-prod-Api', alias: 'live' };
  const traits = traitsOf('http', ref);
  const input: ExecutionInput = {
    rolloutId: FIRST,
    epoch: 1,
    closed: 'x',
    targets: [{ ...target, ref, traits }],
  };
  const armedAt = stage.clock.now();
  const armed = { ...input, deadline: armedAt + 5 * 60 * MINUTE, armedAt };
  await stage.clock.run(stage.ports.watchdog.arm(armed));
  return armed;
}

function noting<Args extends unknown[], T>(
  order: string[],
  what: string,
  call: (...args: Args) => Promise<T>,
) {
  return (...args: Args): Promise<T> => {
    order.push(what);
    return call(...args);
  };
}
