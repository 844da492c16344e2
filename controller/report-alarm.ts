import type { AlarmChange } from '../core/ports.ts';
import type { Needs } from './ports.ts';
import { recordEffect } from './record.ts';
import { wake } from './wake.ts';

/** Writes down for every rollout that names the alarm that it went off, and wakes those; answers their ids. */
export async function reportAlarm(
  { wentOff, since, ...change }: AlarmChange,
  ports: Needs<'clock' | 'executions' | 'journal'>,
): Promise<string[]> {
  if (!wentOff) return [];
  // If nobody can read when, it went off when it is learned of, which is the safe side.
  const report = { type: 'ReportAlarm' as const, ...change, since: since ?? ports.clock.now() };
  const concerned = (await ports.journal.running()).filter(({ opening }) =>
    opening.alarms.some(({ name }) => name === change.alarm),
  );
  await Promise.all(
    concerned.map(async (rollout) => {
      await recordEffect(rollout, report, ports);
      await wake(rollout.opening.rolloutId, ports);
    }),
  );
  return concerned.map(({ opening }) => opening.rolloutId);
}
