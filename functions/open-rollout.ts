import * as z from 'zod';
import { HISTORY_MS } from '../core/analysis/judge.ts';
import {
  MANIFEST_BYTES_MAX,
  type Manifest,
  manifestFrom,
  manifestKeyFrom,
  rolloutIdFrom,
} from '../core/config/manifest.ts';
import { watchFrom } from '../core/config/rollout-file.ts';
import { type ErrorCode, RolloutError } from '../core/errors.ts';
import type { ResolvedTarget } from '../core/ports.ts';
import type { Identity, Opening, Outcome, RolloutEvent } from '../core/rollout/event.ts';
import { open } from '../core/rollout/open.ts';
import { fold, isEnded, type Rollout } from '../core/rollout/state.ts';
import { WINDOW_MS } from '../core/units.ts';
import { arm, begin } from './_begin.ts';
import type { Needs, Opens, Task } from './_task.ts';

/** The parts of S3's "Object Created" event that count; everything else in it may change. */
const Input = z.object({
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string(), 'version-id': z.string() }),
  }),
});

/** What became of an uploaded manifest. */
export interface Opened {
  rolloutId: string;
  result: 'opened' | 'waiting' | 'ignored' | Outcome;
  reason: string;
}

/** Opens the rollout that an uploaded manifest asks for. A duplicate of the event repeats every step and changes nothing. */
export const openRollout: Task<z.infer<typeof Input>, Opened, Opens> = {
  input: Input,
  run: ({ detail }, ports) =>
    openRelease(
      { bucket: detail.bucket.name, key: detail.object.key, versionId: detail.object['version-id'] },
      ports,
    ),
};

/** What is wrong with a release itself, as opposed to a world that cannot be reached just now. */
const REFUSALS: ErrorCode[] = ['ManifestInvalid', 'RolloutFileInvalid', 'TargetInvalid', 'OpeningRefused'];
const isRefusal = (error: unknown): error is RolloutError =>
  RolloutError.is(error) && REFUSALS.includes(error.code);

/** Opens one attempt of the release whose manifest stands at an object. */
export async function openRelease(
  manifest: Opening['manifest'],
  ports: Needs<Opens>,
  attempt = 1,
): Promise<Opened> {
  const key = manifestKeyFrom(manifest.key);
  if (key === undefined)
    return {
      rolloutId: '',
      result: 'ignored',
      reason: `${manifest.key} is not releases/<service>/<release>/manifest.json`,
    };
  try {
    const identity: Identity = {
      ...key,
      rolloutId: rolloutIdFrom(key.service, key.release, attempt),
      environment: ports.environment,
      attempt,
      manifest,
    };
    const present = await ports.journal.read(identity.rolloutId);
    return present === undefined ? await admit(identity, ports) : await repeat(present, manifest, ports);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { rolloutId: '', result: 'refused', reason: error.message };
  }
}

/** A second event for the same object is a duplicate; another object under the same name is another release. */
async function repeat(rollout: Rollout, manifest: Opening['manifest'], ports: Needs<Opens>): Promise<Opened> {
  const { rolloutId, release, service } = rollout.opening;
  if (rollout.opening.manifest.versionId !== manifest.versionId) {
    return {
      rolloutId,
      result: 'refused',
      reason: `release ${release} of ${service} was already tried (${rollout.outcome ?? 'it is under way'}); upload it again under a new release id`,
    };
  }
  if (!isEnded(rollout)) {
    await arm(rollout, ports);
    await begin(rollout, ports);
  }
  return { rolloutId, result: rollout.outcome ?? 'opened', reason: rollout.reason ?? 'opened before' };
}

async function admit(identity: Identity, ports: Needs<Opens>): Promise<Opened> {
  let events: RolloutEvent[];
  try {
    events = await prepare(identity, ports);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    events = [
      {
        type: 'RolloutDeclined',
        at: ports.clock.now(),
        ...identity,
        outcome: 'refused',
        reason: error.message,
      },
    ];
  }
  const draft = fold(events);
  if (draft !== undefined && !isEnded(draft)) await arm(draft, ports);
  const opened = await ports.journal.open(events);
  if (opened.result === 'locked') return queue(identity, events, opened.by, ports);
  await ports.journal.unwait(identity.service, identity.release);
  const { rollout } = opened;
  if (!isEnded(rollout)) await begin(rollout, ports);
  return {
    rolloutId: identity.rolloutId,
    result: rollout.outcome ?? 'opened',
    reason: rollout.reason ?? 'opened',
  };
}

async function prepare(identity: Identity, ports: Needs<Opens>): Promise<RolloutEvent[]> {
  const bytes = await ports.releases.read(identity.manifest, MANIFEST_BYTES_MAX);
  const manifest = manifestFrom(bytes, identity, ports.environment);
  const targets = await resolve(manifest, ports);
  const [service, alarms, history] = await Promise.all([
    ports.journal.service(identity.service),
    ports.alarms.read(manifest.rollout.alarms ?? []),
    recent(manifest, targets, ports),
  ]);
  const events = open({ identity, manifest, service, targets, alarms, history }, ports.clock.now());
  await assertHooks(events, ports);
  return events;
}

/** A hook that can never be asked refuses the release now, not half-way up. */
async function assertHooks(events: RolloutEvent[], ports: Needs<'hooks'>): Promise<void> {
  for (const event of events) {
    if (event.type !== 'RolloutOpened') continue;
    for (const hook of event.hooks) await ports.hooks(hook.kind).assertHook?.(hook, event.service);
  }
}

function resolve(manifest: Manifest, ports: Needs<Opens>): Promise<ResolvedTarget[]> {
  return Promise.all(
    Object.entries(manifest.rollout.targets).map(([name, spec]) =>
      ports
        .router('lambda-alias')
        .resolve({ name, service: manifest.service, spec, version: manifest.targets[name]?.version ?? '' }),
    ),
  );
}

async function recent(manifest: Manifest, targets: ResolvedTarget[], ports: Needs<Opens>) {
  const to = Math.floor(ports.clock.now() / WINDOW_MS) * WINDOW_MS;
  const rules = watchFrom(manifest.rollout);
  const series = await Promise.all(
    targets.map(
      async ({ target }) =>
        [target.name, await ports.metrics.read(target, rules, to - HISTORY_MS, to)] as const,
    ),
  );
  return Object.fromEntries(series);
}

/** The newest release waits; the one that waited before is superseded. The lock is tried again, in case it went in between. */
async function queue(
  identity: Identity,
  events: RolloutEvent[],
  by: string,
  ports: Needs<Opens>,
): Promise<Opened> {
  const { service, release, rolloutId, manifest, attempt } = identity;
  const order = events[0]?.type === 'RolloutOpened' ? events[0].order : 0;
  const { superseded } = await ports.journal.wait(service, { release, order, manifest, attempt });
  if (superseded !== undefined) {
    const old = {
      ...identity,
      release: superseded.release,
      rolloutId: rolloutIdFrom(service, superseded.release, superseded.attempt),
      manifest: superseded.manifest,
    };
    await ports.journal.open([
      {
        type: 'RolloutDeclined',
        at: ports.clock.now(),
        ...old,
        outcome: 'superseded',
        reason: `${release} was uploaded while it waited`,
      },
    ]);
  }
  const holder = await ports.journal.read(by);
  if (holder !== undefined && !isEnded(holder))
    return { rolloutId, result: 'waiting', reason: `${by} is under way` };
  return admit(identity, ports);
}
