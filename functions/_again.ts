import { rolloutIdFrom } from '../core/config/manifest.ts';
import { RolloutError } from '../core/errors.ts';
import { attemptAfter, rollBackOf } from '../core/rollout/again.ts';
import { keptOutBy, type Offered } from '../core/rollout/quarantine.ts';
import { fold, type Rollout } from '../core/rollout/state.ts';
import { arm, begin } from './_begin.ts';
import type { Needs, Opens } from './_task.ts';

/** Attempts at one release that are looked through for a free number. */
const ATTEMPTS_MAX = 100;

/** Takes a completed release back by a rollout of its own, so that fence, journal and lock hold as always; answers its id. */
export async function rollBack(
  rollout: Rollout,
  why: { by: string; reason: string },
  ports: Needs<Opens>,
): Promise<string> {
  const { service } = rollout.opening;
  const record = await ports.journal.service(service);
  const free = await freeAttempt(
    service,
    record.previous?.release ?? `before-${rollout.opening.release}`,
    ports,
  );
  const event = rollBackOf(rollout, record, why, () => free, ports.clock.now());
  const draft = fold([event]);
  if (draft !== undefined) await arm(draft, ports);
  const opened = await ports.journal.open([event], record);
  if (opened.result === 'outdated')
    throw new RolloutError(
      'CommandRefused',
      `another rollout of ${service} ended at the same moment; look what serves now, and roll that back if you must.`,
    );
  if (opened.result === 'locked')
    throw new RolloutError(
      'CommandRefused',
      `${opened.by} is under way on the same target; abort it, then roll back.`,
    );
  await begin(opened.rollout, ports);
  return free.rolloutId;
}

/**
 * Lifts every quarantine that keeps a release out, also one of the same artifacts under another name; answers which
 * attempt may be opened. `offered` is asked what its targets are to serve: a rollout that was refused at the door does not know.
 */
export async function clear(
  rollout: Rollout,
  offered: () => Promise<Offered>,
  ports: Needs<'journal'>,
): Promise<number> {
  const { service, release } = rollout.opening;
  const record = await ports.journal.service(service);
  const attempt = attemptAfter(rollout, record);
  const rolloutId = rolloutIdFrom(service, release, attempt);
  if ((await ports.journal.read(rolloutId)) !== undefined) {
    throw new RolloutError(
      'CommandRefused',
      `${release} was tried again already, as ${rolloutId}; look at that one, and retry it if you must.`,
    );
  }
  for (const each of keptOutBy(await offered(), record)) await ports.journal.lift(service, each.release);
  return attempt;
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
