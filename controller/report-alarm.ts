import type { Command } from '../core/rollout/decide.ts';
import type { Needs } from './ports.ts';
import { recordEffect } from './record.ts';
import { wake } from './wake.ts';

/** Writes down for every rollout that names the alarm that it went off, and wakes those; answers their ids. */
export async function reportAlarm(
  report: Extract<Command, { type: 'ReportAlarm' }>,
  ports: Needs<'clock' | 'executions' | 'journal'>,
): Promise<string[]> {
  const concerned = (await ports.journal.running()).filter(({ opening }) =>
    opening.alarms.some(({ name }) => name === report.alarm),
  );
  await Promise.all(
    concerned.map(async (rollout) => {
      await recordEffect(rollout, report, ports);
      await wake(rollout.opening.rolloutId, ports);
    }),
  );
  return concerned.map(({ opening }) => opening.rolloutId);
}
