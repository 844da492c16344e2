import * as z from 'zod/mini';
import { RolloutError } from '../errors.ts';
import { kindIn, perKinds, type TargetKinds } from '../target-kind.ts';
import { ARTIFACT_FORMS, type Artifact, artifactField, artifactFrom } from './artifact.ts';
import { check, type Fault, problem, rule, type Says, shown, strict, textLike, whole } from './check.ts';
import { jsonFault } from './json-text.ts';
import { ROLLOUT_ID_MAX, releaseField, serviceField } from './names.ts';
import { isMap, own, type Problem } from './plain.ts';
import { rolloutFileSchema } from './rollout-file.ts';

/** Largest manifest that is read. */
export const MANIFEST_BYTES_MAX = 1_000_000;

const KEY = /^releases\/([^/]+)\/([^/]+)\/manifest\.json$/;

const noteSays: Says = () =>
  'write a text of 1 to 200 characters, without control characters, or leave it out.';
// Joiners are part of names in Persian and Indic scripts, and of emoji; other characters that show nothing are refused.
const noteField = textLike(/^(?:[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|[\u200c\u200d]){1,200}$/u, noteSays);

const environmentSays: Says = () => 'write the name of an environment: 1 to 100 characters.';
const requiresField = strict({
  completedIn: textLike(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,100}$/u, environmentSays),
});

const manifestSchema = perKinds((kinds) =>
  strict({
    schema: z.literal(1, {
      error: () => 'the schema of a manifest is 1; a newer one needs a newer controller.',
    }),
    service: serviceField,
    environment: z.string({ error: () => 'write the name of the environment that this release is for.' }),
    release: releaseField,
    order: whole(
      0,
      Number.MAX_SAFE_INTEGER,
      () => 'write a whole number that grows with each release, 0 at least.',
    ),
    commit: z.optional(noteField),
    author: z.optional(noteField),
    targets: z.record(z.string(), artifactField, {
      error: () => 'write a map of targets, like {"api": {"version": "12"}}.',
    }),
    rollout: rolloutFileSchema(kinds),
    allowOlder: z.optional(z.boolean({ error: () => 'write true or false.' })),
    reversible: z._default(z.boolean({ error: () => 'write true or false.' }), true),
    requires: z.optional(requiresField),
  }).check(rule((manifest) => disagreements(manifest, kinds))),
);

/** An accepted manifest: one release, which versions it is, and how it goes out. */
export type Manifest = z.output<ReturnType<typeof manifestSchema>>;

/** What a target of an accepted manifest is to serve. @throws Error if the manifest has no such target */
export function artifactOf(manifest: Manifest, name: string): Artifact {
  const target = own(manifest.targets, name) as Manifest['targets'][string] | undefined;
  if (target === undefined) throw new Error(`The manifest has no target "${name}".`);
  return artifactFrom(target);
}

/** Whose release an object is, by its key `releases/<service>/<release>/manifest.json`; undefined for every other key. */
export function manifestKeyFrom(key: string): { service: string; release: string } | undefined {
  const [, service, release] = KEY.exec(key) ?? [];
  const isGood = serviceField.safeParse(service).success && releaseField.safeParse(release).success;
  return isGood && service !== undefined && release !== undefined ? { service, release } : undefined;
}

/**
 * Accepts the manifest that stands at a key, for this controller's environment.
 * @throws RolloutError ManifestInvalid with a line for each problem
 */
export function manifestFrom(
  kinds: TargetKinds,
  bytes: Uint8Array,
  key: { service: string; release: string },
  environment: string,
): Manifest {
  const value = jsonFrom(bytes);
  const checked = check(manifestSchema(kinds), value, 'the manifest', foreign(value, key, environment));
  if (checked.lines !== undefined) throw new RolloutError('ManifestInvalid', checked.lines.join('\n'));
  rolloutIdFrom(key.service, key.release, 1);
  return checked.value;
}

/** The id of one attempt to roll out a release. @throws RolloutError ManifestInvalid if it would be too long */
export function rolloutIdFrom(service: string, release: string, attempt: number): string {
  const id = `${service}--${release}--${attempt}`;
  if (id.length <= ROLLOUT_ID_MAX) return id;
  throw new RolloutError(
    'ManifestInvalid',
    `The rollout id "${id}" has ${id.length} characters, and at most ${ROLLOUT_ID_MAX} are possible: ` +
      `service ${service.length}, release ${release.length}, attempt ${String(attempt).length}, and 4 hyphens. ` +
      'Shorten the name of the release.',
  );
}

function jsonFrom(bytes: Uint8Array): unknown {
  if (bytes.length > MANIFEST_BYTES_MAX) {
    const sizes = `has ${bytes.length} bytes, and at most ${MANIFEST_BYTES_MAX} are read`;
    throw new RolloutError('ManifestInvalid', `The manifest ${sizes}: leave the artifacts out of it.`);
  }
  const text = textFrom(bytes);
  const fault = jsonFault(text);
  if (fault === undefined) return JSON.parse(text);
  const place = `line ${fault.line}, column ${fault.column}`;
  throw new RolloutError('ManifestInvalid', `The manifest cannot be read as JSON at ${place}: ${fault.why}.`);
}

function textFrom(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RolloutError('ManifestInvalid', 'The manifest is not UTF-8 text: save it as UTF-8.', { cause });
  }
}

/** What the body says about itself must be what its place says: whoever may write a prefix may deploy that service alone. */
function foreign(value: unknown, key: { service: string; release: string }, environment: string): Problem[] {
  const rules = [
    ['service', key.service, `its path is that of \`${key.service}\`; make the two agree.`],
    ['release', key.release, `its path is that of \`${key.release}\`; make the two agree.`],
    [
      'environment',
      environment,
      `this controller serves \`${environment}\`; upload it to its own environment.`,
    ],
  ] as const;
  const fields = rules.flatMap(([field, ours, wrong]) => {
    const theirs = own(value, field);
    return typeof theirs === 'string' && theirs !== ours ? [problem([field], theirs, wrong)] : [];
  });
  return [...fields, ...strayZips(value, `releases/${key.service}/${key.release}/`)];
}

function strayZips(value: unknown, folder: string): Problem[] {
  const targets = own(value, 'targets');
  return Object.keys(isMap(targets) ? targets : {}).flatMap((name) => {
    const path = ['targets', name, 'zip', 'key'];
    const key = path.reduce(own, value);
    if (typeof key !== 'string' || key.startsWith(folder)) return [];
    return [problem(path, key, `it must lie under \`${folder}\`, where this release is uploaded.`)];
  });
}

/** What the manifest and the rollout file in it must say alike. */
function disagreements(manifest: unknown, kinds: TargetKinds): Fault[] {
  const [service, targets, rollout] = ['service', 'targets', 'rollout'].map((field) => own(manifest, field));
  const [planned, plannedService] = [own(rollout, 'targets'), own(rollout, 'service')];
  const found: Fault[] = [];
  const [environment, required] = [
    own(manifest, 'environment'),
    own(own(manifest, 'requires'), 'completedIn'),
  ];
  if (required !== undefined && required === environment) {
    found.push({
      path: ['requires', 'completedIn'],
      message: 'it is the environment of this release itself; name the one that comes before it.',
    });
  }
  if (typeof plannedService === 'string' && plannedService !== service) {
    found.push({
      path: ['rollout', 'service'],
      message: `the manifest is of ${shown(service)}; make the two agree.`,
    });
  }
  const gates = own(rollout, 'gates');
  const excludes = Array.isArray(gates) && gates.some((gate) => own(gate, 'notAuthor') === true);
  if (excludes && own(manifest, 'author') === undefined)
    found.push({
      path: ['author'],
      message: 'a gate of the rollout file does not count the author (`notAuthor`); write who that is.',
    });
  if (!isMap(targets) || !isMap(planned)) return found;
  const [unplanned, unversioned] = [without(targets, planned), without(planned, targets)];
  return [
    ...found,
    ...unplanned.map((name) => ({
      path: ['targets', name],
      message: 'the rollout file has no such target; remove it.',
    })),
    ...unversioned.map((name) => ({
      path: ['targets', name],
      message: `the rollout file has this target; write its ${listed(kindIn(kinds, own(planned, name))?.artifacts ?? ARTIFACT_FORMS)}.`,
    })),
    ...Object.entries(planned).flatMap(([name, spec]) => {
      const kind = kindIn(kinds, spec);
      const offered = own(targets, name);
      const strange = ARTIFACT_FORMS.filter(
        (form) => own(offered, form) !== undefined && kind?.artifacts.includes(form) === false,
      );
      return strange.map((form) => ({
        path: ['targets', name, form],
        message: `the rollout file says that this target is a ${kind?.field}, which takes ${listed(kind?.artifacts ?? [])}; write that instead.`,
      }));
    }),
  ];
}

const listed = (names: readonly string[]) =>
  names
    .map((name) => `\`${name}\``)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1');

const without = (map: Record<string, unknown>, other: Record<string, unknown>) =>
  Object.keys(map).filter((name) => !Object.hasOwn(other, name));
