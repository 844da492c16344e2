import { RolloutError } from '../errors.ts';
import type { ServiceRecord } from '../ports.ts';
import type { Instant } from '../units.ts';
import type { Opening, Quarantined, RolloutEvent } from './event.ts';
import type { Rollout } from './state.ts';
import { deadlineOf } from './timing.ts';

/** How long a rollback may take: it is one write to each target, and its dead man needs a time. */
const PLAN: Opening['plan'] = { steps: [], verifySeconds: 0, onInconclusive: 'pause' };

/**
 * Opens the way back from a completed release to what served before it: one write, no steps, nobody is asked.
 * `name` gives the id of an attempt at a release. @throws RolloutError CommandRefused where this is not what serves
 */
export function rollBackOf(
  rollout: Rollout,
  service: ServiceRecord,
  { by, reason }: { by: string; reason: string },
  name: (release: string) => { rolloutId: string; attempt: number },
  at: Instant,
): RolloutEvent {
  const { opening, outcome } = rollout;
  const { rolloutId, release, targets } = opening;
  if (outcome !== 'completed')
    throw refused(
      `${rolloutId} is ${outcome ?? 'still under way'}; only what has completed can be rolled back${outcome === undefined ? ', so abort it instead' : ''}.`,
    );
  if (service.completed?.rolloutId !== rolloutId)
    throw refused(
      `${rolloutId} is not what serves now (${service.completed?.rolloutId ?? 'nothing completed here'}); roll that one back.`,
    );
  const back = service.previous?.release ?? `before-${release}`;
  return {
    ...opening,
    type: 'RolloutOpened',
    at,
    ...name(back),
    release: back,
    order: service.previous?.order ?? 0,
    targets: targets.map((target) => ({
      ...target,
      stable: target.canary,
      canary: target.stable,
      replaced: undefined,
      revision: undefined,
    })),
    plan: PLAN,
    hooks: [],
    probe: undefined,
    gates: [],
    alarms: [],
    limits: [],
    reversible: true,
    deadline: deadlineOf(PLAN, opening.settleSeconds, at),
    rollsBack: {
      release,
      rolloutId,
      reason: `${by} rolled it back: ${reason}`,
      versions: Object.fromEntries(targets.map(({ name, canary }) => [name, canary])),
    },
    notices: [`${by} rolls back ${rolloutId}: ${reason}`],
  };
}

/**
 * Which attempt a retry makes: of a release that was taken back, by its own rollout or by a rollback afterwards.
 * @throws RolloutError CommandRefused where there is nothing to try again
 */
export function attemptAfter({ opening, outcome }: Rollout, { quarantined = [] }: ServiceRecord): number {
  const { rolloutId, release, attempt } = opening;
  if (outcome === undefined)
    throw refused(`${rolloutId} is still under way; abort it first, or wait for its end.`);
  const isRolledBack = quarantined.some((each) => each.release === release);
  if (outcome === 'completed' && !isRolledBack)
    throw refused(`${rolloutId} completed; there is nothing to try again.`);
  return attempt + 1;
}

/** The quarantined releases that keep one out: its own entry, and those that had the same versions under another name. */
export function keptOutBy(
  release: string,
  versions: Record<string, string | undefined>,
  { quarantined = [] }: ServiceRecord,
): Quarantined[] {
  const targets = Object.entries(versions);
  return quarantined.filter(
    (each) =>
      each.release === release ||
      (targets.length > 0 && targets.every(([name, version]) => version && each.versions[name] === version)),
  );
}

function refused(message: string): RolloutError {
  return new RolloutError('CommandRefused', message);
}
