import { RolloutError } from '../errors.ts';
import type { ServiceRecord } from '../ports.ts';
import type { Instant } from '../units.ts';
import type { Made, Opening, RolloutEvent } from './event.ts';
import { madeOf } from './quarantine.ts';
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
  const made = madeOf(opening);
  const blamed = Object.fromEntries(
    targets.map(({ name, canary }) => [name, made[name] ?? { version: canary }]),
  );
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
      made: blamed,
    },
    made: Object.fromEntries(
      targets.map(({ name, stable }) => [name, knownAs(stable, service.previous?.made?.[name])]),
    ),
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

/** A version, and what it is made of if that is what was remembered of it. */
const knownAs = (version: string, known: Made | undefined): Made =>
  known?.version === version ? known : { version };

function refused(message: string): RolloutError {
  return new RolloutError('CommandRefused', message);
}
