import { BURST_MS, CALLS_PER_SECOND, DEBT_MS } from '../core/budget.ts';
import type { Budget, Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** A budget in memory with the promises of the real one. */
export function memoryBudget(clock: Clock, perSecond = CALLS_PER_SECOND): Budget {
  /** All calls before this moment are given away. */
  let spent: Instant = 0;
  /** The end of what each service has reserved. */
  const reserved = new Map<string, Instant>();
  return {
    async take(calls, service) {
      const now = clock.now();
      const last = reserved.get(service) ?? now;
      if (last - now > DEBT_MS) return last - BURST_MS;
      const from = Math.max(spent, now);
      spent = from + Math.ceil((calls * 1000) / perSecond);
      reserved.set(service, spent);
      return from - BURST_MS;
    },
  };
}
