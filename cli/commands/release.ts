import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { readRolloutFile } from '../../adapters/rollout-file.ts';
import type { Client } from '../../client/client.ts';
import { manifestFrom, rolloutIdFrom } from '../../core/config/manifest.ts';
import { RolloutError } from '../../core/errors.ts';
import { folderOf } from '../../core/site/paths.ts';
import { number } from '../../core/words.ts';
import { KINDS } from '../../targets/kinds.ts';
import { clientFrom, pathFrom, WHERE } from '../arguments.ts';
import { UsageError } from '../call.ts';
import { command } from '../command.ts';
import { complain, say } from '../print.ts';
import { uploadSite } from '../site/upload.ts';
import { EXIT_CODES, sayUploaded, watchToEnd } from '../watch.ts';

const codes = Object.entries(EXIT_CODES).map(([outcome, code]) => `${code} ${outcome}`);

/** Uploads a release, its manifest last, and with --wait follows it to its end. */
export const release = command(
  'release',
  {
    does: 'uploads a release: for each target of the rollout file a version that is published already, a zip, or the folder of a site',
    takes: ['FILE'],
    options: {
      version: { value: 'TARGET=N', isMany: true, does: 'the version that is published already' },
      zip: { value: 'TARGET=PATH', isMany: true, does: 'the code, which Spillway publishes' },
      site: { value: 'TARGET=DIR', isMany: true, does: 'the folder that a site was built to' },
      assets: {
        value: 'HOW',
        does: 'with --site: "shared" is what bundlers make, where releases share files with a hash in their name; "per-release" if it was built for paths under /_r/ID/; without it, shared',
      },
      'allow-missing': {
        does: 'with --site: also if pages need files that are neither in the folder nor in the bucket, because something else serves them',
      },
      'no-rollout': {
        does: 'with --site: uploads the files, and asks for no rollout; for the first release of a site',
      },
      release: { value: 'ID', does: 'its name, or a whole commit hash; without it, the time' },
      order: {
        value: 'N',
        does: 'its place among the releases of the service; without it, after the newest',
      },
      commit: { value: 'SHA', does: 'the commit that it was made of, for readers of the journal' },
      author: { value: 'NAME', does: 'who made it, for readers of the journal' },
      'allow-older': { does: 'also if a newer release completed already' },
      wait: { does: `follows the rollout to its end; the exit code is its outcome: ${codes.join(', ')}` },
      verbose: { does: 'with --wait, prints the statistics below each verdict' },
      ...WHERE,
    },
  },
  async ({ args, options }) => {
    const client = clientFrom(options);
    const rollout = await readRolloutFile(KINDS, pathFrom(args[0]));
    const { environment } = await client.about();
    const { id, commit } = named(options.release);
    const order = orderFrom(options.order) ?? (await nextOrder(client, rollout.service));
    const folder = `releases/${rollout.service}/${id}`;
    const sites = (options.site ?? []).map((pair) => pairOf(pair, '--site'));
    const isApart = isApartFrom(options.assets);
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
      say(`${id} is uploaded, and no rollout is asked for`);
      return 0;
    }
    const uploaded = await uploadAll(client, targets);
    await uploadOnce(client, `${folder}/manifest.json`, bytesOf(uploaded), () => {});
    const rolloutId = rolloutIdFrom(rollout.service, id, 1);
    if (options.wait) return watchToEnd(client, rolloutId, options.verbose);
    sayUploaded(rolloutId);
    return 0;
  },
);

/** True if a site was built to share no file with another release. @throws UsageError */
function isApartFrom(assets: string | undefined): boolean {
  if (assets === undefined || assets === 'shared') return false;
  if (assets === 'per-release') return true;
  throw new UsageError(`--assets takes shared or per-release, not "${assets}"`);
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

async function uploadAll(client: Client, targets: Record<string, Artifact>): Promise<Record<string, object>> {
  const done: Record<string, object> = {};
  for (const [name, { draft, upload }] of Object.entries(targets)) {
    if (upload === undefined) done[name] = draft;
    else {
      const { key, body, sha256 } = upload;
      const versionId = await uploadOnce(client, key, body, (sent, total) =>
        say(`${key}: ${number(sent)} of ${number(total)} bytes`),
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
