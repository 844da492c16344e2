import { expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import type { ExecutionInput, Journal } from '../../core/ports.ts';
import { closeRollout } from '../../functions/close-rollout.ts';
import { command } from '../../functions/command.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { shiftTraffic } from '../../functions/shift-traffic.ts';
import { watchdog } from '../../functions/watchdog.ts';
import { FUNCTION, SERVICE } from '../../simulation/scenario.ts';
import { FIRST, type Stage, setUp, unreachable, withJournal } from './set-up.ts';

const SEALED = { primary: '2', weights: {}, token: `spillway ${FIRST} 1 3 closed` };

/** A rollout at 100 % that has nothing left to verify. */
async function promoted(): Promise<{ stage: Stage; ref: ExecutionInput }> {
  const stage = setUp({ rollout: { verify: '0s' } });
  const ref = await stage.openRaised();
  await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
  expect(await stage.call(promoteCanary, ref)).toMatchObject({ kind: 'close' });
  return { stage, ref };
}

test('a completed rollout is sealed, written down and no longer watched', async () => {
  const { stage, ref } = await promoted();
  expect(await stage.call(closeRollout, ref)).toMatchObject({ kind: 'done' });
  expect(stage.standing()).toEqual(SEALED);
  expect(await stage.rollout()).toMatchObject({
    outcome: 'completed',
    reason: expect.stringMatching(/^unproven: ada/),
  });
  expect((await stage.ports.journal.service(SERVICE)).completed).toMatchObject({ release: 'r1', order: 1 });
  expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeUndefined();
});

test('a close that comes twice changes nothing', async () => {
  const { stage, ref } = await promoted();
  await stage.call(closeRollout, ref);
  const before = [await stage.history(), stage.standing()];
  expect(await stage.call(closeRollout, ref)).toMatchObject({ kind: 'done' });
  expect([await stage.history(), stage.standing()]).toEqual(before);
});

test('traffic that is not what the outcome says is found at the end, and nothing is called completed', async () => {
  const { stage, ref } = await promoted();
  stage.scenario.lambda.helpers.publishCounted(FUNCTION);
  await stage.meddle({ FunctionVersion: '3' });
  expect(await stage.call(closeRollout, ref)).toMatchObject({ kind: 'revert' });
  expect((await stage.rollout()).outcome).toBeUndefined();
  expect((await stage.rollout()).leaving).toMatchObject({ outcome: 'halted' });
  expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeDefined();
});

test('a stranger who comes just before the seal is found in what the seal closed round', async () => {
  const { stage, ref } = await promoted();
  stage.scenario.lambda.helpers.publishCounted(FUNCTION);
  const router: Ports['router'] = (kind) => {
    const real = stage.ports.router(kind);
    return {
      ...real,
      async closeFence(target, by) {
        await stage.meddle({ weights: { '3': 20 } });
        return real.closeFence(target, by);
      },
    };
  };
  expect(await stage.call(closeRollout, ref, { ...stage.ports, router })).toMatchObject({ kind: 'revert' });
  expect((await stage.rollout()).outcome).toBeUndefined();
  expect(await stage.history()).not.toContain('RolloutClosed');
  expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeDefined();
});

test('a watchdog that cannot be disarmed fails no close: it disarms itself at its next look', async () => {
  const { stage, ref } = await promoted();
  const ports = { ...stage.ports, watchdog: { ...stage.ports.watchdog, disarm: unreachable } };
  expect(await stage.call(closeRollout, ref, ports)).toMatchObject({ kind: 'done' });
  expect(await stage.rollout()).toMatchObject({ outcome: 'completed' });
  expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeDefined();
  await stage.call(watchdog, await stage.clock.run(stage.ports.watchdog.frozen(FIRST)));
  expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeUndefined();
});

/** A seal that stands, and a last event that was lost. */
async function sealedOnly() {
  const { stage, ref } = await promoted();
  const crashed = stage.call(closeRollout, ref, withJournal(stage.ports, { append: losing(stage) }));
  await expect(crashed).rejects.toMatchObject({ name: 'Unavailable' });
  expect(stage.standing()).toEqual(SEALED);
  expect((await stage.rollout()).outcome).toBeUndefined();
  return { stage, ref };
}

const losing =
  ({ ports }: Stage): Journal['append'] =>
  (rollout, events) =>
    events.length > 0 ? unreachable() : ports.journal.append(rollout, events);

test('a crash between the seal and the last event leaves the release serving, and the revert path completes it', async () => {
  const { stage, ref } = await sealedOnly();
  await stage.call(closeRollout, ref).catch(() => {});
  await stage.call(revertTraffic, { ref, came: {} });
  expect(stage.standing()).toEqual(SEALED);
  expect(await stage.rollout()).toMatchObject({ outcome: 'completed' });
  expect((await stage.ports.journal.service(SERVICE)).completed).toMatchObject({ release: 'r1' });
});

test('a crash between the seal and the last event is finished by the next close', async () => {
  const { stage, ref } = await sealedOnly();
  expect(await stage.call(closeRollout, ref)).toMatchObject({ kind: 'done' });
  expect(await stage.rollout()).toMatchObject({ outcome: 'completed' });
});

test('a rollout that is not done is not closed', async () => {
  const stage = setUp();
  const ref = await stage.open();
  expect(await stage.call(closeRollout, ref)).toMatchObject({ kind: 'shift' });
  await stage.call(shiftTraffic, ref);
  expect(await stage.call(closeRollout, ref)).toMatchObject({ kind: 'hold' });
  expect((await stage.rollout()).outcome).toBeUndefined();
  expect(await stage.clock.run(stage.ports.watchdog.frozen(FIRST))).toBeDefined();
});
