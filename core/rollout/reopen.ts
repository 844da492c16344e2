import { RolloutError } from '../errors.ts';
import type { Completed, Served, ServiceRecord, VersionState } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Instant } from '../units.ts';
import { type Actor, nameOf } from './actor.ts';
import type { Made, Opening, RolloutEvent } from './event.ts';
import { keptOutBy } from './quarantine.ts';
import type { Rollout } from './state.ts';
import { deadlineOf } from './timing.ts';

/** How long a rollback may take: it is one write to each target, and its watchdog needs a time. */
const PLAN: Opening['plan'] = { steps: [], verifySeconds: 0, onInconclusive: 'pause' };

/** One way back: the release that would serve again, and each target that has to move for it. `stable` is the version to go back to, `canary` the one to leave. */
export interface WayBack {
  to: Completed;
  from: Completed;
  targets: Target[];
}

/**
 * The ways back from the release that serves, nearest first; none of them leads to what is in quarantine.
 * @throws RolloutError CommandRefused if this is not the release that serves, or nothing good served before it
 */
export function waysBack({ opening, outcome }: Rollout, service: ServiceRecord): WayBack[] {
  const { rolloutId } = opening;
  const { completed: from, earlier = [] } = service;
  if (outcome === undefined)
    throw refused(
      `${rolloutId} is still under way; only a completed release can be rolled back, so abort it instead.`,
    );
  if (outcome !== 'completed')
    throw refused(`${rolloutId} is ${outcome}; only a completed release can be rolled back.`);
  if (from?.rolloutId !== rolloutId)
    throw refused(
      `${rolloutId} is not what serves now (${from?.rolloutId ?? 'nothing completed here'}); roll that one back.`,
    );
  const ways = earlier
    .map((to) => ({ to, from, targets: movesBetween(from, to) }))
    .filter(({ targets }) => targets.length > 0);
  const good = ways.filter(({ to, targets }) => {
    const offered = { release: to.release, made: madeOfAll(to), changed: targets.map(({ name }) => name) };
    return keptOutBy(offered, service).length === 0;
  });
  if (good.length > 0) return good;
  const bad = ways.map(
    ({ to: { release, targets = [] } }) => `${release} (${servedText(targets)}) is in quarantine`,
  );
  throw refused(
    `${rolloutId} cannot be rolled back: ${bad.length > 0 ? bad.join(', and ') : 'no good release served before it'}; release a repaired version instead.`,
  );
}

/** Opens the way back: one write to each target, no steps, nobody is asked. `name` gives the id of an attempt at a release. Pure. */
export function rollBackOf(
  { opening }: Rollout,
  { to, from, targets }: WayBack,
  { by, reason }: { by: Actor; reason: string },
  { rolloutId, attempt }: { rolloutId: string; attempt: number },
  notices: string[],
  at: Instant,
): RolloutEvent[] {
  const why = `${nameOf(by)} rolled ${from.release} back: ${reason}`;
  const blamed = madeOfAll(from);
  const opened: RolloutEvent = {
    ...opening,
    type: 'RolloutOpened',
    at,
    rolloutId,
    attempt,
    release: to.release,
    order: to.order,
    manifest: to.manifest ?? opening.manifest,
    commit: undefined,
    author: undefined,
    targets,
    unchanged: undefined,
    adopted: undefined,
    digests: undefined,
    plan: PLAN,
    hooks: [],
    probe: undefined,
    gates: [],
    alarms: [],
    limits: [],
    reversible: true,
    deadline: deadlineOf(PLAN, opening.settleSeconds, at),
    by,
    rollsBack: {
      release: from.release,
      rolloutId: from.rolloutId ?? opening.rolloutId,
      reason: `${nameOf(by)} rolled it back: ${reason}`,
      made: Object.fromEntries(
        targets.map(({ name, canary }) => [name, blamed[name] ?? { version: canary }]),
      ),
    },
    made: madeOfAll(to),
    notices: [`${nameOf(by)} rolls back ${opening.rolloutId}: ${reason}`, ...notices],
  };
  // The order stands from the first event on, so that whatever goes wrong afterwards leads to the version that was ordered.
  return [opened, { type: 'RevertOrdered', at, cause: 'human', reason: why, outcome: 'reverted' }];
}

/** A way back and its targets whose version to go back to cannot serve. */
export interface BlockedWay {
  way: WayBack;
  lost: { target: Target; state: VersionState }[];
}

/** What to say if no way back can be gone, since each leads to a version that was deleted or cannot serve. */
export function noWayBack({ opening }: Rollout, ways: BlockedWay[]): RolloutError {
  const why = ways.map(({ way, lost }) => `${way.to.release} needs ${lostText(lost)}`);
  return refused(
    `${opening.rolloutId} cannot be rolled back: ${why.join('; ')}; nothing was changed. Publish the older code as a new version and release that.`,
  );
}

/** What a person should know of a way that was passed over. */
export const passedOver = ({ way, lost }: BlockedWay): string =>
  `${way.to.release} was passed over: it needs ${lostText(lost)}`;

/** What a person should know of an older version that Lambda must prepare again, upon its first request (Lambda developer guide, "Lambda function states"). */
export const asleep = ({ name, stable }: Pick<Target, 'name' | 'stable'>): string =>
  `version ${stable} of ${name} is Inactive: requests to it fail until Lambda has prepared it again, which begins with the first of them`;

const lostText = (lost: BlockedWay['lost']) =>
  lost
    .map(({ target: { name, stable }, state }) =>
      state === 'failed'
        ? `version ${stable} of ${name}, which exists but cannot serve`
        : `version ${stable} of ${name}, which does not exist any more`,
    )
    .join(' and ');

/** The targets that serve something else in the one than in the other; what the older one did not have stays as it is. */
function movesBetween(from: Completed, to: Completed): Target[] {
  return (from.targets ?? []).flatMap(({ version: canary, ...target }): Target[] => {
    const stable = to.targets?.find(({ key }) => key === target.key)?.version;
    return stable === undefined || stable === canary ? [] : [{ ...target, stable, canary }];
  });
}

/** What each target of a release is made of; of what nobody looked up there is its version. */
const madeOfAll = ({ made = {}, targets = [] }: Completed): Record<string, Made> =>
  Object.fromEntries(
    targets.map(({ name, version }) => [name, made[name]?.version === version ? made[name] : { version }]),
  );

const servedText = (targets: Served[]) =>
  targets.map(({ name, version }) => `version ${version} of ${name}`).join(', ');

/**
 * Which attempt a retry makes: of a release that was reverted, by its own rollout or by a rollback afterwards.
 * @throws RolloutError CommandRefused if there is nothing to try again
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

function refused(message: string): RolloutError {
  return new RolloutError('CommandRefused', message);
}
