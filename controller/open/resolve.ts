import { artifactOf, type Manifest } from '../../core/config/manifest.ts';
import { planFrom } from '../../core/config/rollout-file.ts';
import type { ResolvedTarget, ServiceRecord } from '../../core/ports.ts';
import { completedVersion } from '../../core/rollout/adoption.ts';
import { checkAtDoor } from '../../core/rollout/open.ts';
import { withoutQuarantine } from '../../core/rollout/quarantine.ts';
import { kindOf } from '../../core/target-kind.ts';
import { acquireCalls, WAIT_MS } from '../budget.ts';
import type { Needs } from '../ports.ts';
import type { Parsed } from './parse.ts';

/** The targets as they are, and what the service remembers. */
export interface Resolved extends Parsed {
  /** What the service remembered when this was looked up. */
  decidedOn: ServiceRecord;
  /** The same without the quarantines that do not keep this attempt out. */
  service: ServiceRecord;
  targets: ResolvedTarget[];
}

/** Looks up what can be refused of a release and its targets before a rollout is opened. @throws RolloutError OpeningRefused, TargetInvalid */
export async function resolve(
  parsed: Parsed,
  ports: Needs<'budget' | 'clock' | 'journal' | 'kinds' | 'observer' | 'releases' | 'router'>,
): Promise<Resolved> {
  const { identity, manifest, lifted } = parsed;
  const decidedOn = await ports.journal.service(identity.service);
  const service = withoutQuarantine(decidedOn, lifted);
  checkAtDoor(identity, manifest, service);
  const targets = await resolveTargets(manifest, identity.manifest.bucket, service, ports);
  return { ...parsed, decidedOn, service, targets };
}

/** One target after another: together they would be more calls at once than Lambda's control plane takes. */
export async function resolveTargets(
  manifest: Manifest,
  bucket: string,
  service: ServiceRecord,
  ports: Needs<'budget' | 'clock' | 'kinds' | 'observer' | 'releases' | 'router'>,
): Promise<ResolvedTarget[]> {
  const resolved: ResolvedTarget[] = [];
  // It waits a little in all and then goes, so that it never starves: only a few openings run at once.
  const until = ports.clock.now() + WAIT_MS;
  const { plan } = planFrom(manifest.rollout);
  for (const [name, spec] of Object.entries(manifest.rollout.targets)) {
    const router = ports.router(kindOf(ports.kinds, spec).kind);
    // Each target is charged when it is looked up: what an earlier one refuses costs nothing more.
    await acquireCalls(router.calls.opening(spec), { service: manifest.service, until }, ports);
    const artifact = artifactOf(manifest, name);
    const completed = completedVersion(service, name);
    const request = { name, service: manifest.service, spec, artifact, bucket, completed, plan };
    resolved.push(await router.resolve(request));
    if ('zip' in artifact) await ports.releases.assertCode({ bucket, ...artifact.zip }, artifact.zip.sha256);
  }
  return resolved;
}
