import { expect, test, vi } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { createScenario } from '../../simulation/scenario.ts';

test('where nobody asked for logs and no Lambda runs it, a rollout writes nothing', async () => {
  const clock = virtualClock();
  const scenario = createScenario({ clock, requestsPerSecond: 500 });
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    expect((await clock.run(scenario.run(), 24 * 3600_000)).outcome).toBe('completed');
    expect([...out.mock.calls, ...err.mock.calls]).toEqual([]);
  } finally {
    vi.restoreAllMocks();
  }
});
