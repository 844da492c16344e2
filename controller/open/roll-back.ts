import { rolloutIdFrom } from '../../core/config/manifest.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Actor } from '../../core/rollout/actor.ts';
import {
  asleep,
  type BlockedWay,
  noWayBack,
  passedOver,
  rollBackOf,
  type WayBack,
  waysBack,
} from '../../core/rollout/reopen.ts';
import { fold, isEnded, type Rollout } from '../../core/rollout/state.ts';
import { soon } from '../../core/within.ts';
import type { Needs, Opens } from '../ports.ts';
import { arm, begin, restart } from './begin.ts';

/** Attempts at one release that are looked through for a free number. */
const ATTEMPTS_MAX = 100;

/** Reverts a completed release by a rollout of its own, so that fence, journal and lock apply as always; answers its id. Repeatable: the same request gets the same id. */
export async function rollBack(
  rollout: Rollout,
  why: { by: Actor; reason: string },
  ports: Needs<Opens>,
): Promise<string> {
  const { service } = rollout.opening;
  const record = await ports.journal.service(service);
  const { way, notices } = await firstWay(rollout, waysBack(rollout, record), ports);
  const free = await freeAttempt(service, way.to.release, ports);
  const events = rollBackOf(rollout, way, why, free, notices, ports.clock.now());
  const draft = fold(events);
  if (draft !== undefined) await arm(draft, ports);
  const opened = await ports.journal.open(events, record);
  if (opened.result === 'outdated')
    throw new RolloutError(
      'CommandRefused',
      `another rollout of ${service} ended at the same moment; look what serves now, and roll that back if you must.`,
    );
  if (opened.result === 'locked') return underWay(opened.by, rollout, ports);
  // Two that asked at the same moment found the same number free.
  if (opened.result === 'exists') return underWay(free.rolloutId, rollout, ports);
  await begin(opened.rollout, ports);
  await publishRolledBack(rollout, free.rolloutId, ports);
  return free.rolloutId;
}

/** The first way whose versions can all serve, and what must be said of those that were passed over. What cannot be looked up is no reason not to go. */
async function firstWay(
  rollout: Rollout,
  ways: WayBack[],
  ports: Needs<'router'>,
): Promise<{ way: WayBack; notices: string[] }> {
  const blocked: BlockedWay[] = [];
  for (const way of ways) {
    const states: BlockedWay['lost'] = [];
    for (const target of way.targets)
      states.push({ target, state: await ports.router(target.kind).has(target, target.stable) });
    const lost = states.filter(({ state }) => state === 'gone' || state === 'failed');
    const inactive = states.filter(({ state }) => state === 'inactive');
    if (lost.length === 0)
      return { way, notices: [...blocked.map(passedOver), ...inactive.map(({ target }) => asleep(target))] };
    blocked.push({ way, lost });
  }
  throw noWayBack(rollout, blocked);
}

/** The rollback of the same release that is under way. @throws RolloutError CommandRefused if something else is */
async function underWay(holder: string, { opening }: Rollout, ports: Needs<Opens>): Promise<string> {
  const present = await ports.journal.read(holder);
  if (present !== undefined && present.opening.rollsBack?.rolloutId === opening.rolloutId) {
    if (!isEnded(present)) {
      await arm(present, ports);
      await restart(present, ports);
    }
    return holder;
  }
  throw new RolloutError(
    'CommandRefused',
    `${holder} is under way on the same target; abort it, then roll back.`,
  );
}

/** How long publishing to other environments may take. */
const PUBLISHING_MS = 3_000;

/** Publishes that what was ordered to leave no longer counts as completed, best effort: a rollback must not wait for it. */
async function publishRolledBack(
  { opening }: Rollout,
  rolloutId: string,
  ports: Needs<'clock' | 'completions'>,
): Promise<void> {
  const { environment, service, digests } = opening;
  if (digests === undefined) return;
  const at = ports.clock.now();
  const completion = { environment, service, digests, rolloutId, completed: false, at };
  await soon(PUBLISHING_MS, () => ports.completions.publish(completion), ports);
}

async function freeAttempt(
  service: string,
  release: string,
  ports: Needs<Opens>,
): Promise<{ rolloutId: string; attempt: number }> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const rolloutId = rolloutIdFrom(service, release, attempt);
    if ((await ports.journal.read(rolloutId)) === undefined) return { rolloutId, attempt };
  }
  throw new RolloutError(
    'CommandRefused',
    `${release} of ${service} was tried ${ATTEMPTS_MAX} times; upload a new release.`,
  );
}
