import { BURST_MS, CALLS_PER_SECOND } from '../core/budget.ts';
import type { Budget, Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** A budget in memory with the promises of the real one. */
export function memoryBudget(clock: Clock, perSecond = CALLS_PER_SECOND): Budget {
  /** All calls before this moment are given away. */
  let spent: Instant = 0;
  return {
    async take(calls) {
      const from = Math.max(spent, clock.now());
      spent = from + Math.ceil((calls * 1000) / perSecond);
      return from - BURST_MS;
    },
  };
}
