import { expect } from 'vitest';
import { BURST_MS, CALLS_PER_SECOND, DEBT_MS } from '../../core/budget.ts';
import type { Budget } from '../../core/ports.ts';
import type { VirtualClock } from '../../local/clock.ts';
import { atOnce, contract, type Implementation } from './cases.ts';

interface BudgetStage {
  clock: VirtualClock;
  budget: Budget;
}

let services = 0;
/** A service that has taken nothing yet. */
const another = () => `service-${++services}`;

/** What every budget promises, whatever it is kept in. */
export function describeBudget(implementation: Implementation<BudgetStage>): void {
  contract<BudgetStage>('Budget', implementation, (keeps) => {
    keeps('lets a burst of one second go at once after a quiet time', async ({ clock, budget }) => {
      for (let call = 0; call < CALLS_PER_SECOND; call++)
        expect(await clock.run(budget.take(1, 'a'))).toBeLessThanOrEqual(clock.now());
      expect(await clock.run(budget.take(1, 'a'))).toBeLessThanOrEqual(clock.now());
      expect(await clock.run(budget.take(1, 'a'))).toBeGreaterThan(clock.now());
    });

    keeps('gives no second more calls than it has, beyond the one burst', async ({ clock, budget }) => {
      const turns = await clock.run(atOnce(100, () => budget.take(2, another())));
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
        turns.push(await clock.run(budget.take(1, another())));
        await clock.advance(10);
      }
      expect(turns).toEqual([...turns].sort((a, b) => a - b));
      expect(new Set(turns).size).toBe(turns.length);
    });

    keeps('makes who asks for many calls wait no longer, and those after it', async ({ clock, budget }) => {
      expect(await clock.run(budget.take(4 * CALLS_PER_SECOND, 'a'))).toBeLessThanOrEqual(clock.now());
      const next = await clock.run(budget.take(1, 'b'));
      expect(next - clock.now()).toBeGreaterThan(4_000 - BURST_MS - 100);
      expect(next - clock.now()).toBeLessThanOrEqual(4_000);
    });

    keeps('saves nothing up over a long quiet time', async ({ clock, budget }) => {
      await clock.run(budget.take(1, 'a'));
      await clock.advance(3600_000);
      const turns = await clock.run(atOnce(3 * CALLS_PER_SECOND, () => budget.take(1, another())));
      expect(turns.filter((at) => at <= clock.now()).length).toBeLessThanOrEqual(CALLS_PER_SECOND + 2);
    });

    keeps('makes nobody wait longer than its debt for a service that asks too often', async (stage) => {
      const { clock, budget } = stage;
      for (let asked = 0; asked < 200; asked++) await clock.run(budget.take(6, 'noisy'));
      const turn = await clock.run(budget.take(2, 'quiet'));
      expect(turn - clock.now()).toBeLessThanOrEqual(DEBT_MS + (6 * 1000) / CALLS_PER_SECOND);
    });

    keeps('bounds what one service has reserved, also if it asks many times at once', async (stage) => {
      const { clock, budget } = stage;
      const turns = await clock.run(atOnce(50, () => budget.take(6, 'noisy')));
      expect(Math.max(...turns) - clock.now()).toBeLessThanOrEqual(DEBT_MS + (6 * 1000) / CALLS_PER_SECOND);
      const turn = await clock.run(budget.take(2, 'quiet'));
      expect(turn - clock.now()).toBeLessThanOrEqual(DEBT_MS + (6 * 1000) / CALLS_PER_SECOND);
    });

    keeps('charges nothing more to a service that waits behind others', async ({ clock, budget }) => {
      for (let nth = 0; nth < 40; nth++) await clock.run(budget.take(2, another()));
      const first = await clock.run(budget.take(2, 'late'));
      expect(first - clock.now()).toBeGreaterThan(DEBT_MS);
      const second = await clock.run(budget.take(2, 'late'));
      const other = await clock.run(budget.take(2, 'other'));
      expect(second).toBe(first + (2 * 1000) / CALLS_PER_SECOND);
      expect(other).toBe(second);
    });

    keeps('lets a service ask again once its debt is worked off', async ({ clock, budget }) => {
      for (let asked = 0; asked < 20; asked++) await clock.run(budget.take(6, 'noisy'));
      await clock.advance(2 * DEBT_MS);
      expect(await clock.run(budget.take(6, 'noisy'))).toBeLessThanOrEqual(clock.now());
      expect(await clock.run(budget.take(6, 'other'))).toBeGreaterThan(clock.now() - BURST_MS);
    });
  });
}
