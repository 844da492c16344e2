import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uploadSite } from '../../cli/site/upload.ts';
import type { SiteBucket, StoredObject } from '../../client/site-bucket.ts';
import type { Figures } from './figures.ts';

const FILES = 10_000;
const PAGES = 100;
const BYTES_EACH = 20_000;
const MEGABYTES_MAX = 200;

/** The upload of a site of many files, and of its next release, in which one chunk and the page that names it changed. */
export async function siteUpload(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-site-'));
  try {
    await writeSite(folder);
    const bucket = countingBucket();
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 20);
    const began = performance.now();
    const release = (id: string) =>
      uploadSite({
        ...{ bucket, folder, mayMiss: false, notice: () => {} },
        build: { release: id, layout: 'dir', isApart: false },
      });
    await release('r1');
    const seconds = (performance.now() - began) / 1000;
    const first = bucket.take();
    await rm(join(folder, 'assets', chunk(0)));
    await writeFile(join(folder, 'assets', chunk(FILES)), 'x'.repeat(BYTES_EACH));
    await writeFile(join(folder, 'index.html'), page(FILES));
    await release('r2');
    clearInterval(watch);
    const second = bucket.take();
    const megabytes = Math.round((peak - before) / 1e6);
    return {
      'files of the site': FILES + PAGES,
      'bytes sent by its first upload': first.bytes,
      'puts of its first upload': first.puts,
      'seconds of its first upload, without a network': Number(seconds.toFixed(1)),
      'bytes sent if one chunk changed, its pages and its list': second.bytes,
      'hashed files sent if one chunk changed': second.hashed,
      'readings of the bucket, each of 1,000 keys at most': second.lists,
      'MB of memory more than before, at the peak': megabytes,
      'goal: one hashed file is sent if one chunk changed': second.hashed === 1,
      [`goal: less than ${MEGABYTES_MAX} MB`]: megabytes < MEGABYTES_MAX,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const chunk = (nth: number): string => `chunk-${nth.toString(16).padStart(7, '0')}a.js`;
const page = (nth: number): string => `<script type="module" src="/assets/${chunk(nth)}"></script>`;

async function writeSite(folder: string): Promise<void> {
  await mkdir(join(folder, 'assets'));
  for (let nth = 0; nth < FILES; nth++)
    await writeFile(join(folder, 'assets', chunk(nth)), `${nth}${'x'.repeat(BYTES_EACH)}`);
  await writeFile(join(folder, 'index.html'), page(0));
  for (let nth = 1; nth < PAGES; nth++) {
    await mkdir(join(folder, `p${nth}`));
    await writeFile(join(folder, `p${nth}`, 'index.html'), page(nth));
  }
}

/** A bucket that keeps what it must know of its objects, without their bytes, and counts. */
function countingBucket(): Pick<SiteBucket, 'list' | 'put' | 'sha256'> & {
  take(): { bytes: number; puts: number; hashed: number; lists: number };
} {
  const objects = new Map<string, StoredObject & { sha256: string }>();
  let counts = { bytes: 0, puts: 0, hashed: 0, lists: 0 };
  return {
    async *list(prefix, after = '') {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      counts.lists += Math.max(1, Math.ceil(keys.length / 1000));
      for (const key of keys) yield objects.get(key) as StoredObject;
    },
    async put({ key, bytes, sha256 }) {
      if (objects.has(key)) throw Object.assign(new Error(key), { name: 'PreconditionFailed' });
      objects.set(key, { key, bytes, sha256, etag: '', at: 0 });
      counts = {
        ...counts,
        bytes: counts.bytes + bytes,
        puts: counts.puts + 1,
        hashed: counts.hashed + (key.startsWith('assets/') ? 1 : 0),
      };
    },
    sha256: async (key) => objects.get(key)?.sha256,
    take() {
      const taken = counts;
      counts = { bytes: 0, puts: 0, hashed: 0, lists: 0 };
      return taken;
    },
  };
}
