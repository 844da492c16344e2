import { expect } from 'vitest';
import type { ExecutionInput, Executions } from '../../core/ports.ts';
import { atOnce, contract, type Implementation, refused } from './cases.ts';
import { targetOf } from './rollouts.ts';

/** Outcome of an execution. */
export interface Started {
  name: string;
  input: unknown;
  status: 'running' | 'ended' | 'stopped';
  why: string | undefined;
}

/** A machine that holds with a token and ends when it is woken. */
export interface ExecutionStage {
  executions: Executions;
  arrange: {
    pass(ms: number): Promise<void>;
    disconnect(): void;
  };
  /** Every execution that was ever started, oldest first. */
  started(): Promise<Started[]>;
  /** The tokens with which executions hold, oldest first. */
  tokens(): Promise<string[]>;
  /** How long a hold lasts until it times out. */
  holdMs: number;
}

const input = (epoch = 1, rolloutId = 'checkout--r1--1'): ExecutionInput => ({
  rolloutId,
  epoch,
  closed: `spillway ${rolloutId} ${epoch} 999999999 closed`,
  targets: [targetOf('api'), targetOf('worker')],
});

/** What executions of the state machine promise. */
export function describeExecutions(implementation: Implementation<ExecutionStage>): void {
  contract<ExecutionStage>('Executions', implementation, (keeps) => {
    keeps('starts an execution with exactly what it is given', async ({ executions, started }) => {
      await executions.start(input());
      expect(await started()).toMatchObject([{ status: 'running', input: input() }]);
    });

    keeps(
      'starts one, however often and by how many it is started',
      async ({ executions, started, arrange }) => {
        await atOnce(10, () => executions.start(input()));
        await arrange.pass(1000);
        await executions.start(input());
        expect(await started()).toHaveLength(1);
      },
    );

    keeps('does not start an execution again that has ended', async (stage) => {
      await stage.executions.start(input());
      await stage.arrange.pass(1000);
      await wakeAll(stage);
      expect(await stage.started()).toMatchObject([{ status: 'ended' }]);
      await stage.executions.start(input());
      expect(await stage.started()).toHaveLength(1);
    });

    keeps(
      'starts one for each epoch and rollout, under names that differ',
      async ({ executions, started }) => {
        for (const each of [input(1), input(2), input(1, 'checkout--r2--1')]) await executions.start(each);
        expect(await started()).toHaveLength(3);
        expect(new Set((await started()).map(({ name }) => name)).size).toBe(3);
      },
    );

    keeps('takes the longest rollout id there can be', async ({ executions, started }) => {
      await executions.start(input(300, `${'s'.repeat(30)}--${'r'.repeat(25)}--1`));
      expect(await started()).toHaveLength(1);
    });

    keeps(
      'stops the execution of that epoch alone, and says why',
      async ({ executions, started, arrange }) => {
        for (const epoch of [1, 2]) await executions.start(input(epoch));
        await executions.stop('checkout--r1--1', 1, 'the watchdog took over');
        await arrange.pass(0);
        expect(await started()).toMatchObject([
          { status: 'stopped', why: 'the watchdog took over' },
          { status: 'running' },
        ]);
      },
    );

    keeps('stops one that has ended, was stopped or never was, without an error', async (stage) => {
      await stage.executions.stop('checkout--r9--1', 1, 'never was');
      await stage.executions.start(input());
      await stage.arrange.pass(1000);
      await wakeAll(stage);
      for (let times = 0; times < 2; times++) await stage.executions.stop('checkout--r1--1', 1, 'too late');
      expect(await stage.started()).toMatchObject([{ status: 'ended' }]);
    });

    keeps('wakes a hold', async (stage) => {
      await stage.executions.start(input());
      await stage.arrange.pass(1000);
      expect(await stage.started()).toMatchObject([{ status: 'running' }]);
      await wakeAll(stage);
      expect(await stage.started()).toMatchObject([{ status: 'ended' }]);
    });

    keeps(
      'wakes a token that is used, timed out or of a stopped execution, without an error',
      async (stage) => {
        for (const epoch of [1, 2, 3]) await stage.executions.start(input(epoch));
        await stage.arrange.pass(1000);
        const [used = '', stopped = '', late = ''] = await stage.tokens();
        await stage.executions.wake(used);
        await stage.executions.stop('checkout--r1--1', 2, 'taken over');
        await stage.arrange.pass(stage.holdMs);
        for (const token of [used, stopped, late]) await stage.executions.wake(token);
        expect((await stage.started()).every(({ status }) => status !== 'running')).toBe(true);
      },
    );

    keeps('wakes a token that never was, without an error', async ({ executions }) => {
      await expect(executions.wake('no such token')).resolves.toBeUndefined();
    });

    keeps('says Unavailable where it cannot be reached', async ({ executions, arrange }) => {
      arrange.disconnect();
      await refused(executions.start(input()), 'Unavailable');
      await refused(executions.stop('checkout--r1--1', 1, 'why'), 'Unavailable');
      await refused(executions.wake('token'), 'Unavailable');
    });
  });
}

async function wakeAll({ executions, tokens, arrange }: ExecutionStage): Promise<void> {
  for (const token of await tokens()) await executions.wake(token);
  await arrange.pass(1000);
}
