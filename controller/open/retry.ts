import { artifactOf, rolloutIdFrom } from '../../core/config/manifest.ts';
import { RolloutError } from '../../core/errors.ts';
import type { ResolvedTarget, ServiceRecord } from '../../core/ports.ts';
import { isCompleted, madeBy } from '../../core/rollout/open.ts';
import { keptOutBy, madeFrom, type Offered } from '../../core/rollout/quarantine.ts';
import { attemptAfter } from '../../core/rollout/reopen.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Needs, Opens } from '../ports.ts';
import { isRefusal } from './decline.ts';
import { parse } from './parse.ts';
import { read } from './read.ts';
import { type Attempt, openRelease } from './release.ts';
import type { Opened } from './repeat.ts';
import { resolveTargets } from './resolve.ts';

/** Opens a release once more, from the same object. @throws RolloutError CommandRefused if it is refused again */
export async function retry(rollout: Rollout, ports: Needs<Opens>): Promise<Opened> {
  const { manifest, service, release } = rollout.opening;
  const next = await nextAttempt(rollout, (service) => offeredBy(rollout, service, ports), ports);
  const { attempt } = next;
  const opened = await openRelease(manifest, ports, next);
  const rolloutId = rolloutIdFrom(service, release, attempt);
  if (opened.result === 'refused')
    throw new RolloutError('CommandRefused', `${rolloutId} was refused: ${opened.reason}`);
  return { ...opened, rolloutId };
}

/**
 * What a release is made of, looked up as an opening does. If that refuses it, or another rollout has its targets, what the manifest says must do: a
 * zip and an image by their digest, a version by its number.
 */
async function offeredBy(rollout: Rollout, service: ServiceRecord, ports: Needs<Opens>): Promise<Offered> {
  const asked = { identity: rollout.opening, lifted: [] };
  const { manifest } = parse(await read(asked, ports), ports);
  const { release } = manifest;
  try {
    const targets = await resolveTargets(manifest, rollout.opening.manifest.bucket, {}, ports);
    const isChanged = ({ target }: ResolvedTarget) => target.canary !== target.stable;
    const namesOf = (those: ResolvedTarget[]) => those.map(({ target }) => target.name);
    return {
      ...{ release, made: madeBy(targets), changed: namesOf(targets.filter(isChanged)) },
      moved: namesOf(targets.filter((each) => !isChanged(each))),
    };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const names = Object.keys(manifest.targets);
    const made = Object.fromEntries(names.map((name) => [name, madeFrom(artifactOf(manifest, name))]));
    const [moved, changed] = [true, false].map((isIt) =>
      names.filter((name) => isCompleted(name, made[name], service) === isIt),
    ) as [string[], string[]];
    return { release, made, changed, moved };
  }
}

/**
 * The next attempt of a release that a person retries, past every quarantine that keeps it out, also one of the same artifacts under another name.
 * `offered` is asked what its targets are to serve: a release that was rejected before its opening does not know.
 * @throws RolloutError CommandRefused if it was retried already
 */
async function nextAttempt(
  rollout: Rollout,
  offered: (service: ServiceRecord) => Promise<Offered>,
  ports: Needs<'journal'>,
): Promise<Attempt> {
  const { service, release } = rollout.opening;
  const record = await ports.journal.service(service);
  const attempt = attemptAfter(rollout, record);
  const rolloutId = rolloutIdFrom(service, release, attempt);
  const present = await ports.journal.read(rolloutId);
  if (present?.opening.rollsBack !== undefined) return nextAttempt(present, offered, ports);
  if (present !== undefined) {
    throw new RolloutError(
      'CommandRefused',
      `${release} was retried already, as ${rolloutId}; look at that one, and retry it if you must.`,
    );
  }
  return { attempt, lifted: keptOutBy(await offered(record), record).map((each) => each.release) };
}
