import { expect } from 'vitest';
import type { Watchdog, WatchdogInput } from '../../core/ports.ts';
import type { Instant } from '../../core/units.ts';
import { contract, type Implementation, refused } from './cases.ts';
import { targetOf } from './rollouts.ts';

/** A watchdog, and what it set in motion. */
export interface WatchdogStage {
  watchdog: Watchdog;
  now(): Instant;
  arrange: {
    pass(ms: number): Promise<void>;
    disconnect(): void;
  };
  /** What it started, oldest first: a look by its function, or the machine that needs none. */
  fired(): { at: Instant; what: 'look' | 'machine'; input: unknown }[];
}

const MINUTE = 60_000;

/** What every watchdog promises. */
export function describeWatchdog(implementation: Implementation<WatchdogStage>): void {
  contract<WatchdogStage>('Watchdog', implementation, (keeps) => {
    keeps('keeps frozen exactly what it was armed with', async (stage) => {
      const input = inputAt(stage.now());
      await stage.watchdog.arm(input);
      expect(await stage.watchdog.frozen(input.rolloutId)).toEqual(input);
    });

    keeps('has nothing frozen where it is not armed', async ({ watchdog }) => {
      expect(await watchdog.frozen('checkout--r9--1')).toBeUndefined();
    });

    keeps('replaces what was frozen when it is armed again, and looks on once per round', async (stage) => {
      const { watchdog, now, arrange, fired } = stage;
      await watchdog.arm(inputAt(now()));
      const again = { ...inputAt(now()), epoch: 2, unreadableSince: now(), targets: [targetOf('worker')] };
      await watchdog.arm(again);
      expect(await watchdog.frozen(again.rolloutId)).toEqual(again);
      await arrange.pass(5 * MINUTE);
      expect(looks(stage).map(({ input }) => input)).toEqual([again, again]);
      expect(fired().every(({ what }) => what === 'look')).toBe(true);
    });

    keeps('forgets a mark that it is armed without', async ({ watchdog, now }) => {
      await watchdog.arm({ ...inputAt(now()), unreadableSince: now() });
      await watchdog.arm(inputAt(now()));
      expect((await watchdog.frozen('checkout--r1--1'))?.unreadableSince).toBeUndefined();
    });

    keeps('takes its first look not before two minutes, and then one in every two', async (stage) => {
      const armedAt = stage.now();
      await stage.watchdog.arm(inputAt(armedAt));
      await stage.arrange.pass(20 * MINUTE);
      const [first, ...others] = looks(stage).map(({ at }) => at - armedAt);
      expect(first).toBeGreaterThanOrEqual(2 * MINUTE);
      expect(first).toBeLessThanOrEqual(3 * MINUTE);
      expect(others.length).toBeGreaterThanOrEqual(8);
      let last = first ?? 0;
      for (const at of others) {
        expect(at - last).toBe(2 * MINUTE);
        last = at;
      }
    });

    keeps('starts the machine at the deadline, with all that the revert path needs', async (stage) => {
      const input = inputAt(stage.now());
      await stage.watchdog.arm(input);
      await stage.arrange.pass(input.deadline - stage.now() - 1000);
      expect(machines(stage)).toEqual([]);
      await stage.arrange.pass(2 * MINUTE);
      expect(machines(stage)).toHaveLength(1);
      const { rolloutId, epoch, closed, targets } = input;
      expect(machines(stage)[0]?.input).toMatchObject({ rolloutId, epoch, closed, targets });
      expect(machines(stage)[0]?.at).toBeGreaterThanOrEqual(input.deadline);
    });

    keeps('moves its deadline when it is armed again', async (stage) => {
      const input = inputAt(stage.now());
      await stage.watchdog.arm(input);
      await stage.watchdog.arm({ ...input, deadline: input.deadline + 60 * MINUTE });
      await stage.arrange.pass(input.deadline - stage.now() + 5 * MINUTE);
      expect(machines(stage)).toEqual([]);
      await stage.arrange.pass(60 * MINUTE);
      expect(machines(stage)).toHaveLength(1);
    });

    keeps('looks on after the deadline, in case the last-resort revert needs a second one', async (stage) => {
      const input = inputAt(stage.now());
      await stage.watchdog.arm(input);
      await stage.arrange.pass(input.deadline - stage.now() + 10 * MINUTE);
      expect(looks(stage).at(-1)?.at).toBeGreaterThan(input.deadline);
    });

    keeps('is silent once it is disarmed, also at the deadline', async (stage) => {
      const input = inputAt(stage.now());
      await stage.watchdog.arm(input);
      await stage.arrange.pass(5 * MINUTE);
      const before = stage.fired().length;
      await stage.watchdog.disarm(input.rolloutId);
      await stage.arrange.pass(input.deadline - stage.now() + 60 * MINUTE);
      expect(stage.fired()).toHaveLength(before);
      expect(await stage.watchdog.frozen(input.rolloutId)).toBeUndefined();
    });

    keeps('is disarmed twice, or without having been armed, without an error', async ({ watchdog, now }) => {
      await watchdog.arm(inputAt(now()));
      for (let times = 0; times < 2; times++) await watchdog.disarm('checkout--r1--1');
      await watchdog.disarm('checkout--r9--1');
      for (const id of ['checkout--r1--1', 'checkout--r9--1'])
        expect(await watchdog.frozen(id)).toBeUndefined();
    });

    keeps('can be disarmed after its deadline has passed', async (stage) => {
      const input = inputAt(stage.now());
      await stage.watchdog.arm(input);
      await stage.arrange.pass(input.deadline - stage.now() + 10 * MINUTE);
      await stage.watchdog.disarm(input.rolloutId);
      expect(await stage.watchdog.frozen(input.rolloutId)).toBeUndefined();
    });

    keeps('can be armed again after it was disarmed', async (stage) => {
      const input = inputAt(stage.now());
      await stage.watchdog.arm(input);
      await stage.watchdog.disarm(input.rolloutId);
      await stage.watchdog.arm(input);
      await stage.arrange.pass(3 * MINUTE);
      expect(looks(stage)).toHaveLength(1);
    });

    keeps('watches each rollout by itself', async (stage) => {
      const other = { ...inputAt(stage.now()), rolloutId: 'checkout--r2--1' };
      await stage.watchdog.arm(inputAt(stage.now()));
      await stage.watchdog.arm(other);
      await stage.watchdog.disarm('checkout--r1--1');
      await stage.arrange.pass(3 * MINUTE);
      expect(looks(stage).map(({ input }) => input)).toEqual([other]);
    });

    keeps('takes the longest rollout id there can be', async ({ watchdog, now }) => {
      const rolloutId = `${'s'.repeat(30)}--${'r'.repeat(25)}--1`;
      await watchdog.arm({ ...inputAt(now()), rolloutId });
      expect(await watchdog.frozen(rolloutId)).toMatchObject({ rolloutId });
    });

    keeps('says Unavailable where it cannot be reached', async ({ watchdog, now, arrange }) => {
      arrange.disconnect();
      await refused(watchdog.arm(inputAt(now())), 'Unavailable');
      await refused(watchdog.frozen('checkout--r1--1'), 'Unavailable');
      await refused(watchdog.disarm('checkout--r1--1'), 'Unavailable');
    });
  });
}

function inputAt(armedAt: Instant): WatchdogInput {
  const rolloutId = 'checkout--r1--1';
  return {
    rolloutId,
    epoch: 1,
    closed: `spillway ${rolloutId} 1 999999999 closed`,
    targets: [targetOf('api')],
    deadline: armedAt + 3 * 3600_000,
    armedAt,
  };
}

const looks = ({ fired }: WatchdogStage) => fired().filter(({ what }) => what === 'look');
const machines = ({ fired }: WatchdogStage) => fired().filter(({ what }) => what === 'machine');
