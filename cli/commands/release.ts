import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { readRolloutFile } from '../../adapters/rollout-file.ts';
import type { Client } from '../../client/client.ts';
import { manifestFrom, rolloutIdFrom } from '../../core/config/manifest.ts';
import { RolloutError } from '../../core/errors.ts';
import { folderOf } from '../../core/site/paths.ts';
import { number } from '../../core/words.ts';
import { KINDS } from '../../targets/kinds.ts';
import { clientFrom, pathFrom } from '../arguments.ts';
import { UsageError } from '../call.ts';
import type { GivenTo, RELEASE } from '../calls.ts';
import { complain, say, sayJson } from '../print.ts';
import { uploadSite } from '../site/upload.ts';
import { watchToEnd } from '../watch.ts';

/** Uploads a release, its manifest last, and with --wait follows it to its end. */
export async function release({ args, options }: GivenTo<typeof RELEASE>): Promise<number> {
  const client = await clientFrom(options);
  const rollout = await readRolloutFile(KINDS, pathFrom(args[0]));
  const { environment } = await client.about();
  const { id, commit } = named(options.release);
  const order = orderFrom(options.order) ?? (await nextOrder(client, rollout.service));
  const folder = `releases/${rollout.service}/${id}`;
  const sites = (options.site ?? []).map((pair) => pairOf(pair, '--site'));
  const isApart = options.assets === 'per-release';
  const targets = {
    ...versions(options.version ?? []),
    ...(await zips(options.zip ?? [], folder)),
    ...Object.fromEntries(sites.map(({ name }) => [name, { draft: { site: { prefix: folderOf(id) } } }])),
  };
  const draft = {
    schema: 1,
    service: rollout.service,
    environment,
    release: id,
    order,
    ...(commit === undefined ? {} : { commit }),
    ...(options.commit === undefined ? {} : { commit: options.commit }),
    ...(options.author === undefined ? {} : { author: options.author }),
    ...(options['allow-older'] ? { allowOlder: true } : {}),
    rollout,
  };
  const bytesOf = (of: Record<string, object>) =>
    new TextEncoder().encode(JSON.stringify({ ...draft, targets: of }));
  // Checked before anything is uploaded: what the controller would refuse is refused here.
  manifestFrom(
    KINDS,
    bytesOf(mapValues(targets, ({ draft }) => draft)),
    { service: rollout.service, release: id },
    environment,
  );
  for (const { name, value } of sites) {
    const { bucket, url: home, layout } = await client.site(String(rollout.targets[name]?.site));
    await uploadSite({
      ...{ bucket, home, folder: pathFrom(value), build: { release: id, layout, isApart } },
      mayMiss: options['allow-missing'] === true,
      notice: (text) => complain(`${name}: ${text}`),
    });
  }
  if (options['no-rollout']) {
    if (options.json) sayJson({ release: id });
    else say(`${id} is uploaded, and no rollout is asked for`);
    return 0;
  }
  const uploaded = await uploadAll(client, targets, options.json ? complain : say);
  await uploadOnce(client, `${folder}/manifest.json`, bytesOf(uploaded), () => {});
  const rolloutId = rolloutIdFrom(rollout.service, id, 1);
  const uploadedText = `${rolloutId} is uploaded`;
  if (options.wait) return watchToEnd(client, rolloutId, options, uploadedText);
  if (options.json) sayJson({ rolloutId });
  else say(uploadedText);
  return 0;
}

/** A whole commit hash: of SHA-1, or of SHA-256. */
const HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;

/** What is left of a hash in the id of its release: with the longest service it fits, and a second hash that begins so is refused, because that release is there already. */
const HASH_CHARACTERS = 12;

/** The release's id: as it was given, the time if it was not, or the beginning of a commit's hash, which is kept whole as its commit. */
function named(release: string | undefined): { id: string; commit?: string } {
  if (release === undefined)
    return { id: new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15) };
  return HASH.test(release) ? { id: release.slice(0, HASH_CHARACTERS), commit: release } : { id: release };
}

/** Uploads only if nothing of that name stands yet: a release is what it was. */
async function uploadOnce(client: Client, ...upload: Parameters<Client['upload']>): Promise<string> {
  try {
    return await client.upload(...upload);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'PreconditionFailed') throw error;
    throw new RolloutError(
      'ManifestInvalid',
      `${upload[0]} was uploaded already, and a release never changes; give this one another name with --release, or retry the rollout that was reverted.`,
    );
  }
}

interface Artifact {
  /** What stands in the manifest before anything is uploaded. */
  draft: object;
  upload?: { key: string; body: Uint8Array; sha256: string };
}

function versions(pairs: string[]): Record<string, Artifact> {
  return Object.fromEntries(
    pairs.map((pair) => [
      pairOf(pair, '--version').name,
      { draft: { version: pairOf(pair, '--version').value } },
    ]),
  );
}

async function zips(pairs: string[], folder: string): Promise<Record<string, Artifact>> {
  const all = pairs.map(async (pair) => {
    const { name, value } = pairOf(pair, '--zip');
    const body = await readFile(pathFrom(value)).catch(() => {
      throw new RolloutError('ManifestInvalid', `--zip ${name}: ${value} cannot be read; build it first.`);
    });
    const sha256 = createHash('sha256').update(body).digest('base64');
    const key = `${folder}/${name}.zip`;
    return [
      name,
      { draft: { zip: { key, versionId: 'not-uploaded-yet', sha256 } }, upload: { key, body, sha256 } },
    ] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

async function uploadAll(
  client: Client,
  targets: Record<string, Artifact>,
  report: (text: string) => void,
): Promise<Record<string, object>> {
  const done: Record<string, object> = {};
  for (const [name, { draft, upload }] of Object.entries(targets)) {
    if (upload === undefined) done[name] = draft;
    else {
      const { key, body, sha256 } = upload;
      const versionId = await uploadOnce(client, key, body, (sent, total) =>
        report(`${key}: ${number(sent)} of ${number(total)} bytes`),
      );
      done[name] = { zip: { key, versionId, sha256 } };
    }
  }
  return done;
}

function pairOf(text: string, option: string): { name: string; value: string } {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new UsageError(`${option} takes TARGET=VALUE, not "${text}"`);
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

/** The seconds since 1970, or one more than the newest release that is known, whichever is higher: releases of one second, or of clocks that are apart, are in order too. */
async function nextOrder(client: Client, service: string): Promise<number> {
  const [{ completed, waiting }, running] = await Promise.all([client.service(service), client.running()]);
  const underWay = running.map(({ opening }) => opening).filter((each) => each.service === service);
  const known = [completed, waiting, ...underWay].map((each) => (each?.order ?? -1) + 1);
  return Math.max(Math.floor(Date.now() / 1000), ...known);
}

function orderFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--order takes a whole number, not "${text}"`);
  return Number(text);
}

function mapValues<A, B>(record: Record<string, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
