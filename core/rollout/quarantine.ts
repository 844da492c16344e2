import { type Artifact, releaseIn } from '../config/artifact.ts';
import type { ServiceRecord } from '../ports.ts';
import { cut } from '../words.ts';
import type { Cause, Made, Quarantined } from './event.ts';
import type { Rollout } from './state.ts';

/** Quarantined releases that a service remembers; the next one displaces the oldest, never the newest. */
export const QUARANTINED_MAX = 50;

/** Longest reason that is remembered of a quarantined release, so that a full list fits into its item of 400 KB. */
const REASON_MAX = 300;

/** Causes that say something about the release itself. */
const BLAMED: Cause[] = ['canary', 'human'];

/** A release that is asked about: its id, what each of its targets is made of, and which of them it would change. */
export interface Offered {
  release: string;
  made: Record<string, Made>;
  /** Names of the targets that it would change. */
  changed: string[];
  /** Names of those that serve it already, put there by something else. */
  moved?: string[] | undefined;
}

/**
 * True if both are the same artifact: same code and same configuration. What nobody could look up is taken for the
 * same, so that it is refused rather than tried on users. Without both codes the version decides.
 */
export function isSameArtifact(a: Made, b: Made): boolean {
  if (a.code === undefined || b.code === undefined) return a.version !== '' && a.version === b.version;
  if (a.code !== b.code) return false;
  return a.config === undefined || b.config === undefined || a.config === b.config;
}

/**
 * The quarantined releases that keep one out: its own entry, those of which it brings back every blamed artifact, and
 * those of which it would bring nothing but blamed artifacts. A release that replaces one of several blamed artifacts
 * is another release, and is judged again.
 */
export function keptOutBy(
  { release, made, changed, moved = [] }: Offered,
  { quarantined = [] }: ServiceRecord,
): Quarantined[] {
  // It brings nothing to a target that serves it already, unless it only adopts.
  const brought = changed.length > 0 ? changed : moved;
  const touched = [...changed, ...moved];
  return quarantined.filter((bad) => {
    const blamed = Object.keys(bad.made);
    const isBack = (name: string) => {
      const [ours, theirs] = [made[name], bad.made[name]];
      return ours !== undefined && theirs !== undefined && isSameArtifact(ours, theirs);
    };
    const isWhole =
      blamed.length > 0 && blamed.every(isBack) && blamed.some((name) => touched.includes(name));
    return bad.release === release || isWhole || (brought.length > 0 && brought.every(isBack));
  });
}

/** What a service remembers without these releases in quarantine. */
export function withoutQuarantine(service: ServiceRecord, lifted: readonly string[]): ServiceRecord {
  const { quarantined } = service;
  return quarantined === undefined || lifted.length === 0
    ? service
    : { ...service, quarantined: quarantined.filter(({ release }) => !lifted.includes(release)) };
}

/** The releases that leave quarantine for good with an attempt that they were lifted for: only what is admitted does, not what was rejected. */
export function liftedWith({ outcome }: Rollout, lifted: readonly string[]): readonly string[] {
  return outcome === undefined || outcome === 'completed' ? lifted : [];
}

/** What a manifest alone says an artifact is made of. */
export function madeFrom(artifact: Artifact): Made {
  if ('version' in artifact) return { version: artifact.version };
  if ('site' in artifact) return { version: releaseIn(artifact.site.prefix) };
  return { version: '', code: 'zip' in artifact ? artifact.zip.sha256 : artifact.image.split('@')[1] };
}

/** Why a release is refused that a quarantine keeps out, with the way past it; `served` is what else must be known, such as that it serves. */
export function keptOut(release: string, rolloutId: string, bad: Quarantined, served = ''): string {
  const what = Object.entries(bad.made).map(([name, { version }]) =>
    version === '' ? name : `${name} version ${version}`,
  );
  const same =
    bad.release === release
      ? `release ${release} was reverted`
      : `release ${release} has the same artifacts (${what.join(', ')}) as release ${bad.release}, which was reverted`;
  return `${same} as ${bad.rolloutId} (${bad.reason})${served}; upload a fixed release, or run retry ${rolloutId} to release it anyway.`;
}

/** What is quarantined of a rollout that left for a fault of its release, or by a person's command; undefined for any other end. */
export function quarantineOf({ opening, leaving, verdict, hooks }: Rollout): Quarantined | undefined {
  if (leaving === undefined || !BLAMED.includes(leaving.cause) || opening.rollsBack !== undefined)
    return undefined;
  const changed = opening.targets.map(({ name }) => name);
  const named =
    leaving.cause === 'canary'
      ? [
          ...(verdict?.status === 'fail' ? [...verdict.findings, ...(verdict.limits ?? [])] : [])
            .filter(({ status }) => status === 'fail')
            .map(({ target }) => target),
          ...opening.hooks
            .filter(({ id }) =>
              Object.keys(hooks).some((each) => each.split('@')[0] === id && hooks[each]?.status === 'fail'),
            )
            .map(({ target }) => target),
        ]
      : [];
  // If the evidence names no target, none of them is above suspicion.
  const blamed = changed.filter((name) => named.includes(name));
  const made = madeOf(opening);
  const { release, rolloutId } = opening;
  return {
    release,
    rolloutId,
    reason: leaving.reason,
    made: Object.fromEntries(
      (blamed.length > 0 ? blamed : changed).map((name) => [name, made[name] ?? { version: '' }]),
    ),
  };
}

/** What each target of a rollout serves, or is to serve: those that it changes, and the unchanged ones that were looked up with them. */
export function madeOf({ made = {}, targets }: Rollout['opening']): Record<string, Made> {
  const changed = targets.map(({ name, canary }) => [name, { ...made[name], version: canary }] as const);
  return { ...made, ...Object.fromEntries(changed) };
}

/** The list with one more release in it, once: the oldest gives way if it is full. */
export function withQuarantined(quarantined: Quarantined[] | undefined, bad: Quarantined): Quarantined[] {
  const others = (quarantined ?? []).filter(({ release }) => release !== bad.release);
  return [...others, { ...bad, reason: cut(bad.reason, REASON_MAX) }].slice(-QUARANTINED_MAX);
}

/** The list without artifacts that completed: what serves everybody is not kept out any more, under no name. */
export function withoutCompleted(
  quarantined: Quarantined[] | undefined,
  release: string,
  made: Record<string, Made>,
): Quarantined[] | undefined {
  return quarantined?.flatMap((bad) => {
    if (bad.release === release) return [];
    const left = Object.entries(bad.made).filter(([name, each]) => {
      const now = made[name];
      return now === undefined || !isSameArtifact(now, each);
    });
    return left.length === 0 ? [] : [{ ...bad, made: Object.fromEntries(left) }];
  });
}
