import * as z from 'zod/mini';
import { WAIT_MS, waitForTurn } from '../controller/budget.ts';
import { readRollout } from '../controller/execution.ts';
import { arm, begin, beginAgain } from '../controller/open/begin.ts';
import { declined } from '../controller/open/decline.ts';
import { type Again, attemptAgain, FIRST, rollBack } from '../controller/open/reopen.ts';
import type { Needs, Opens } from '../controller/ports.ts';
import { PAST_MS } from '../core/analysis/silence.ts';
import type { Series, WatchRule } from '../core/analysis/types.ts';
import { HISTORY_MS } from '../core/analysis/windows.ts';
import { OPENING_CALLS } from '../core/budget.ts';
import {
  artifactOf,
  MANIFEST_BYTES_MAX,
  type Manifest,
  manifestFrom,
  manifestKeyFrom,
  rolloutIdFrom,
} from '../core/config/manifest.ts';
import { limitsFrom, watchFrom } from '../core/config/rollout-file.ts';
import { type ErrorCode, RolloutError } from '../core/errors.ts';
import type { ResolvedTarget, ServiceRecord } from '../core/ports.ts';
import { completedVersion } from '../core/rollout/adoption.ts';
import type { Identity, Opening, Outcome, RolloutEvent } from '../core/rollout/event.ts';
import { checkAtDoor, checkOrder, digestsOf, type Found, madeBy, open } from '../core/rollout/open.ts';
import { liftedWith, madeFrom, type Offered, withoutQuarantine } from '../core/rollout/quarantine.ts';
import { fold, isEnded, type Rollout } from '../core/rollout/state.ts';
import { WINDOW_MS } from '../core/units.ts';
import {
  awsAlarms,
  awsBudget,
  awsCompletions,
  awsDeadMan,
  awsExecutions,
  awsHookCheck,
  awsJournal,
  awsMetrics,
  awsReleases,
  awsRouters,
  clock,
  environment,
} from './_aws.ts';
import { ActorShape, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';

/** What starts an opening: an upload, or what Command and JournalStream hand over. */
const Input = z.discriminatedUnion('open', [
  // The parts of S3's "Object Created" event that count; everything else in it may change.
  z.object({
    open: z.optional(z.undefined()),
    detail: z.object({
      bucket: z.object({ name: z.string() }),
      object: z.object({
        key: z.string(),
        'version-id': z.string({
          error: () => 'it is missing: turn versioning on for the bucket of releases.',
        }),
      }),
    }),
  }),
  z.strictObject({ open: z.literal('waiting'), service: z.string() }),
  z.strictObject({ open: z.literal('retry'), rolloutId: z.string() }),
  z.strictObject({
    open: z.literal('rollback'),
    rolloutId: z.string(),
    by: ActorShape,
    reason: z.string(),
  }),
]);

/** What became of a release that was to be opened. */
interface Opened {
  rolloutId: string;
  result: 'opened' | 'waiting' | 'ignored' | Outcome;
  reason: string;
}

/** Opens the rollout that an uploaded manifest asks for, or that was handed over. A duplicate repeats every step and changes nothing. */
export const openRollout: Task<z.infer<typeof Input>, Opened, Opens> = {
  input: Input,
  async run(input, ports) {
    switch (input.open) {
      case undefined: {
        const { bucket, object } = input.detail;
        const manifest = { bucket: bucket.name, key: object.key, versionId: object['version-id'] };
        return openRelease(manifest, ports);
      }
      case 'waiting':
        return openWaiting(input.service, ports);
      case 'retry':
        return retry(await readRollout(input.rolloutId, ports), ports);
      case 'rollback': {
        const rolloutId = await rollBack(await readRollout(input.rolloutId, ports), input, ports);
        return { rolloutId, result: 'opened', reason: input.reason };
      }
    }
  },
};

async function openWaiting(service: string, ports: Needs<Opens>): Promise<Opened> {
  const { waiting } = await ports.journal.service(service);
  if (waiting === undefined)
    return { rolloutId: '', result: 'ignored', reason: `no release of ${service} waits` };
  const opened = await openRelease(waiting.manifest, ports, { ...FIRST, attempt: waiting.attempt });
  // An opening that died after it was written down had not come to this.
  if (opened.result !== 'waiting') await ports.journal.unwait(service, waiting.release);
  return opened;
}

/** Opens a release once more, from the same object. @throws RolloutError CommandRefused where it is refused again */
async function retry(rollout: Rollout, ports: Needs<Opens>): Promise<Opened> {
  const { manifest, service, release } = rollout.opening;
  const again = await attemptAgain(rollout, () => offeredBy(rollout, ports), ports);
  const { attempt } = again;
  const opened = await openRelease(manifest, ports, again);
  const rolloutId = rolloutIdFrom(service, release, attempt);
  if (opened.result === 'refused')
    throw new RolloutError('CommandRefused', `${rolloutId} was refused: ${opened.reason}`);
  return { ...opened, rolloutId };
}

/**
 * What a release is made of, looked up as an opening does. Where that refuses it, or another rollout has its targets, what the manifest says must do: a
 * zip and an image by their digest, a version by its number.
 */
async function offeredBy(rollout: Rollout, ports: Needs<Opens>): Promise<Offered> {
  const manifest = await readManifest(rollout.opening, ports);
  const { release } = manifest;
  try {
    const made = madeBy(await resolve(manifest, rollout.opening.manifest.bucket, ports));
    return { release, made, changed: Object.keys(made) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const names = Object.keys(manifest.targets);
    const made = names.map((name) => [name, madeFrom(artifactOf(manifest, name))]);
    return { release, made: Object.fromEntries(made), changed: names };
  }
}

/** What is wrong with a release itself, as opposed to a world that cannot be reached just now. */
const REFUSALS: ErrorCode[] = ['ManifestInvalid', 'RolloutFileInvalid', 'TargetInvalid', 'OpeningRefused'];
const isRefusal = (error: unknown): error is RolloutError =>
  RolloutError.is(error) && REFUSALS.includes(error.code);

/** Opens one attempt of the release whose manifest stands at an object. */
async function openRelease(
  manifest: Opening['manifest'],
  ports: Needs<Opens>,
  { attempt, lifted }: Again = FIRST,
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
    return present === undefined
      ? await admit(identity, ports, lifted)
      : await repeat(present, manifest, ports);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { rolloutId: '', result: 'refused', reason: error.message };
  }
}

/** A second event for the same object is a duplicate; another object under the same name is another release. */
async function repeat(rollout: Rollout, manifest: Opening['manifest'], ports: Needs<Opens>): Promise<Opened> {
  const { rolloutId, release, service, environment } = rollout.opening;
  if (environment !== ports.environment) {
    return {
      rolloutId,
      result: 'refused',
      reason: `${rolloutId} is in the journal already, of environment ${environment}: two environments write one table; give each controller a table of its own`,
    };
  }
  if (rollout.opening.manifest.versionId !== manifest.versionId) {
    return {
      rolloutId,
      result: 'refused',
      reason: `release ${release} of ${service} was already tried (${rollout.outcome ?? 'it is under way'}); upload it again under a new release id`,
    };
  }
  if (!isEnded(rollout)) {
    await arm(rollout, ports);
    await beginAgain(rollout, ports);
  }
  return { rolloutId, result: rollout.outcome ?? 'opened', reason: rollout.reason ?? 'opened before' };
}

async function admit(identity: Identity, ports: Needs<Opens>, lifted: Again['lifted']): Promise<Opened> {
  try {
    const manifest = await readManifest(identity, ports);
    return await admitManifest(identity, manifest, ports, lifted);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return settle(identity, [declined(identity, 'refused', error.message, ports)], ports);
  }
}

/** Times that an opening is prepared: what it rests on changes only where a rollout of the service ends, or a quarantine is lifted. */
const OPENINGS_MAX = 3;

async function admitManifest(
  identity: Identity,
  manifest: Manifest,
  ports: Needs<Opens>,
  lifted: Again['lifted'],
  tries = 1,
): Promise<Opened> {
  let prepared: Prepared;
  try {
    prepared = await prepare(identity, manifest, ports, lifted);
  } catch (error) {
    const by = isRefusal(error) ? await heldBy(error, ports) : undefined;
    if (by === undefined) throw error;
    // A duplicate that was slower than its twin meets that one's own stamp.
    const own = by === identity.rolloutId ? await ports.journal.read(by) : undefined;
    if (own !== undefined) return repeat(own, identity.manifest, ports);
    return queue(identity, manifest, by, ports, lifted);
  }
  const { events, decidedOn } = prepared;
  const draft = fold(events);
  if (draft !== undefined && !isEnded(draft)) await arm(draft, ports);
  const opened = await ports.journal.open(events, decidedOn);
  if (opened.result === 'outdated') {
    if (tries < OPENINGS_MAX) return admitManifest(identity, manifest, ports, lifted, tries + 1);
    const why = `what ${identity.service} remembers changed ${tries} times while ${identity.rolloutId} was being opened`;
    throw new RolloutError('Unavailable', `${why}; it will be tried again.`);
  }
  if (opened.result === 'locked') return queue(identity, manifest, opened.by, ports, lifted);
  // Before anything of it is published.
  await lift(identity, liftedWith(opened.rollout, lifted), ports);
  await ports.journal.unwait(identity.service, identity.release);
  return opened.result === 'exists' ? lost(opened.rollout, identity, ports) : started(opened.rollout, ports);
}

async function lift(
  { service }: Identity,
  lifted: Again['lifted'],
  { journal }: Needs<'journal'>,
): Promise<void> {
  for (const release of lifted) await journal.lift(service, release);
}

/** Another event was first; if it was for another object, the dead man must guard that one and not this. */
async function lost(rollout: Rollout, identity: Identity, ports: Needs<Opens>): Promise<Opened> {
  if (!isEnded(rollout)) await arm(rollout, ports);
  return repeat(rollout, identity.manifest, ports);
}

async function started(rollout: Rollout, ports: Needs<Opens>): Promise<Opened> {
  const { rolloutId } = rollout.opening;
  if (!isEnded(rollout)) await begin(rollout, ports);
  return { rolloutId, result: rollout.outcome ?? 'opened', reason: rollout.reason ?? 'opened' };
}

/** Writes down a release that ended at the door. */
async function settle(identity: Identity, events: RolloutEvent[], ports: Needs<Opens>): Promise<Opened> {
  const opened = await ports.journal.open(events);
  await ports.journal.unwait(identity.service, identity.release);
  if (!('rollout' in opened)) throw new Error('A rollout that ended at the door needs nothing to be free.');
  return opened.result === 'exists' ? lost(opened.rollout, identity, ports) : started(opened.rollout, ports);
}

/** The rollout that moves the target now, if that is why this one was refused: then it can wait for it. */
async function heldBy(error: RolloutError, { journal }: Needs<'journal'>): Promise<string | undefined> {
  const { heldBy = undefined } = (error.cause ?? {}) as { heldBy?: string };
  const holder = heldBy === undefined ? undefined : await journal.read(heldBy);
  return holder !== undefined && !isEnded(holder) ? heldBy : undefined;
}

/** The manifest that asked for a rollout. @throws RolloutError ManifestInvalid where it is gone or wrong */
async function readManifest(
  { manifest, ...key }: Identity,
  ports: Needs<'environment' | 'releases'>,
): Promise<Manifest> {
  return manifestFrom(await ports.releases.read(manifest, MANIFEST_BYTES_MAX), key, ports.environment);
}

/** The first events of a rollout, and what its service remembered when they were decided. */
interface Prepared {
  events: RolloutEvent[];
  decidedOn: ServiceRecord;
}

async function prepare(
  identity: Identity,
  manifest: Manifest,
  ports: Needs<Opens>,
  lifted: Again['lifted'],
): Promise<Prepared> {
  const decidedOn = await ports.journal.service(identity.service);
  const service = withoutQuarantine(decidedOn, lifted);
  checkAtDoor(identity, manifest, service);
  const targets = await resolve(manifest, identity.manifest.bucket, ports, service);
  const [running, alarms, completion, known] = await Promise.all([
    ports.journal.crowd(),
    ports.alarms.read(manifest.rollout.alarms ?? []),
    required(manifest, targets, ports),
    recent(manifest, targets, ports),
  ]);
  const found: Found = { identity, manifest, service, targets, alarms, completion, ...known, running };
  const events = open(found, ports.clock.now());
  await assertHooks(events, ports);
  return { events, decidedOn };
}

/** What the environment that this release must have completed in has told of it. */
async function required(
  { requires, service }: Manifest,
  targets: ResolvedTarget[],
  { completions }: Needs<'completions'>,
) {
  const digests = digestsOf(targets);
  if (requires === undefined || digests === undefined) return undefined;
  return completions.find({ environment: requires.completedIn, service, digests });
}

/** A hook that can never be asked refuses the release now, not half-way up. */
async function assertHooks(events: RolloutEvent[], ports: Needs<'hookCheck'>): Promise<void> {
  for (const event of events) {
    if (event.type !== 'RolloutOpened') continue;
    for (const hook of event.hooks) await ports.hookCheck(hook.kind)(hook, event.service);
  }
}

/** One target after another: together they would be more calls at once than Lambda's control plane takes. */
async function resolve(
  manifest: Manifest,
  bucket: string,
  ports: Needs<Opens>,
  service: ServiceRecord = {},
): Promise<ResolvedTarget[]> {
  const resolved: ResolvedTarget[] = [];
  // It waits a little in all and then goes, so that it never starves: only a few openings run at once.
  const until = ports.clock.now() + WAIT_MS;
  for (const [name, spec] of Object.entries(manifest.rollout.targets)) {
    // Each target is charged when it is looked up: what an earlier one refuses costs nothing more.
    await waitForTurn(OPENING_CALLS, { service: manifest.service, until }, ports);
    const artifact = artifactOf(manifest, name);
    const completed = completedVersion(service, name);
    const request = { name, service: manifest.service, spec, artifact, bucket, completed };
    resolved.push(await ports.router('lambda-alias').resolve(request));
    if ('zip' in artifact) await ports.releases.assertCode({ bucket, ...artifact.zip }, artifact.zip.sha256);
  }
  return resolved;
}

async function recent(manifest: Manifest, targets: ResolvedTarget[], ports: Needs<Opens>) {
  const to = Math.floor(ports.clock.now() / WINDOW_MS) * WINDOW_MS;
  // Invocations tell a function without response counters from one without traffic.
  const rules: WatchRule[] = [...watchFrom(manifest.rollout), { metric: 'errors', ratio: 1 }];
  // A version that is not published yet has no metrics, and CloudWatch takes no empty dimension.
  const series = targets.map(async ({ target }) => {
    const known = { ...target, canary: target.canary || target.stable };
    const [lately, before] = await Promise.all([
      ports.metrics.read(known, rules, to - HISTORY_MS, to, limitsFrom(manifest.rollout)),
      // What it did in the day before is what is due of it in the rollout, and usual.
      ports.metrics
        .past(known, [...rules, { metric: 'traffic', ratio: 1 }], to - PAST_MS, to)
        .catch((error: Error): Series => ({ traffic: [{ start: to, unknown: error.message }] })),
    ]);
    return [target.name, { lately, before }] as const;
  });
  const each = await Promise.all(series);
  return {
    history: Object.fromEntries(each.map(([name, { lately }]) => [name, lately])),
    day: Object.fromEntries(each.map(([name, { before }]) => [name, before])),
  };
}

/** The newest release waits; the one that waited before is superseded. The lock is tried again, in case it went in between. */
async function queue(
  identity: Identity,
  manifest: Manifest,
  by: string,
  ports: Needs<Opens>,
  lifted: Again['lifted'],
): Promise<Opened> {
  const { service, release, rolloutId, attempt } = identity;
  const { order } = manifest;
  const holder = await ports.journal.read(by);
  checkOrder(manifest, await ports.journal.service(service), holder?.opening);
  const { superseded } = await ports.journal.wait(service, {
    release,
    order,
    manifest: identity.manifest,
    attempt,
  });
  await lift(identity, lifted, ports);
  if (superseded !== undefined) {
    const old = {
      ...identity,
      attempt: superseded.attempt,
      release: superseded.release,
      rolloutId: rolloutIdFrom(service, superseded.release, superseded.attempt),
      manifest: superseded.manifest,
    };
    await ports.journal.open([declined(old, 'superseded', `${release} was uploaded while it waited`, ports)]);
  }
  const present = await ports.journal.read(by);
  if (present !== undefined && !isEnded(present))
    return { rolloutId, result: 'waiting', reason: `${by} is under way` };
  return admit(identity, ports, lifted);
}

/** The function on AWS. */
export const handler = lambda(openRollout, () => ({
  alarms: awsAlarms(),
  budget: awsBudget(),
  clock,
  completions: awsCompletions(),
  deadMan: awsDeadMan(),
  environment: environment(),
  executions: awsExecutions(),
  hookCheck: awsHookCheck(),
  journal: awsJournal(),
  metrics: awsMetrics(),
  observer,
  releases: awsReleases(),
  router: awsRouters(),
}));
