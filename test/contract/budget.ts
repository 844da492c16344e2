import { expect } from 'vitest';
import { BURST_MS, CALLS_PER_SECOND } from '../../core/budget.ts';
import type { Budget } from '../../core/ports.ts';
import type { VirtualClock } from '../../local/clock.ts';
import { atOnce, contract, type Implementation } from './cases.ts';

export interface BudgetStage {
  clock: VirtualClock;
  budget: Budget;
}

/** What every budget promises, whatever it is kept in. */
export function describeBudget(implementation: Implementation<BudgetStage>): void {
  contract<BudgetStage>('Budget', implementation, (keeps) => {
    keeps('lets a burst of one second go at once after a quiet time', async ({ clock, budget }) => {
      for (let call = 0; call < CALLS_PER_SECOND; call++)
        expect(await clock.run(budget.take(1))).toBeLessThanOrEqual(clock.now());
      expect(await clock.run(budget.take(1))).toBeLessThanOrEqual(clock.now());
      expect(await clock.run(budget.take(1))).toBeGreaterThan(clock.now());
    });

    keeps('gives no second more calls than it has, beyond the one burst', async ({ clock, budget }) => {
      const turns = await clock.run(atOnce(100, () => budget.take(2)));
      const from = clock.now();
      for (let second = 0; second < 20; second++) {
        const until = from + second * 1000;
        const calls = 2 * turns.filter((at) => at <= until).length;
        expect(calls).toBeLessThanOrEqual(CALLS_PER_SECOND * (second + 1) + 2);
      }
      expect(Math.max(...turns) - from).toBeLessThanOrEqual((200 / CALLS_PER_SECOND) * 1000);
    });

    keeps('goes by who asked first, and nobody gets the turn of another', async ({ clock, budget }) => {
      const turns: number[] = [];
      for (let asked = 0; asked < 50; asked++) {
        turns.push(await clock.run(budget.take(1)));
        await clock.advance(10);
      }
      expect(turns).toEqual([...turns].sort((a, b) => a - b));
      expect(new Set(turns).size).toBe(turns.length);
    });

    keeps('makes who asks for many calls wait no longer, and those after it', async ({ clock, budget }) => {
      expect(await clock.run(budget.take(4 * CALLS_PER_SECOND))).toBeLessThanOrEqual(clock.now());
      const next = await clock.run(budget.take(1));
      expect(next - clock.now()).toBeGreaterThan(4_000 - BURST_MS - 100);
      expect(next - clock.now()).toBeLessThanOrEqual(4_000);
    });

    keeps('saves nothing up over a long quiet time', async ({ clock, budget }) => {
      await clock.run(budget.take(1));
      await clock.advance(3600_000);
      const turns = await clock.run(atOnce(3 * CALLS_PER_SECOND, () => budget.take(1)));
      expect(turns.filter((at) => at <= clock.now()).length).toBeLessThanOrEqual(CALLS_PER_SECOND + 2);
    });
  });
}
