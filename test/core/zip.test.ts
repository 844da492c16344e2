import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { ENTRIES_MAX, UNPACKED_BYTES_MAX, zipFault } from '../../core/zip.ts';

const code = new TextEncoder().encode('export const handler = () => {};');
const good = (): Uint8Array => zipSync({ 'index.mjs': code, 'lib/a.mjs': code });

/** Where a record with this signature begins; the last one unless told `first`. */
function recordAt(zip: Uint8Array, signature: number, first = false): number {
  const view = new DataView(zip.buffer, zip.byteOffset);
  const places = [...Array(zip.length - 3).keys()].filter((at) => view.getUint32(at, true) === signature);
  const at = first ? places[0] : places.at(-1);
  if (at === undefined) throw new Error('There is no such record.');
  return at;
}

const CENTRAL = 0x02014b50;
const END = 0x06054b50;

/** A good zip in which 32 bits of a record are overwritten. */
function forged(signature: number, offset: number, value: number, zip = good()): Uint8Array {
  const at = recordAt(zip, signature);
  new DataView(zip.buffer, zip.byteOffset).setUint32(at + offset, value, true);
  return zip;
}

/** A zip whose directory names its one file `count` times, with the records that count beyond 65,535. */
function crowded(count: number): Uint8Array {
  const zip = zipSync({ 'index.mjs': code });
  const [start, end] = [recordAt(zip, CENTRAL), recordAt(zip, END)];
  const entry = zip.subarray(start, end);
  const made = new Uint8Array(start + entry.length * count + 56 + 20 + 22);
  made.set(zip.subarray(0, start));
  for (let index = 0; index < count; index++) made.set(entry, start + index * entry.length);
  const view = new DataView(made.buffer);
  const long = start + entry.length * count;
  view.setUint32(long, 0x06064b50, true);
  view.setBigUint64(long + 32, BigInt(count), true);
  view.setBigUint64(long + 40, BigInt(entry.length * count), true);
  view.setBigUint64(long + 48, BigInt(start), true);
  view.setUint32(long + 56, 0x07064b50, true);
  view.setBigUint64(long + 64, BigInt(long), true);
  made.set(zip.subarray(end), long + 76);
  for (const offset of [8, 12, 16]) view.setUint32(long + 76 + offset, 0xffffffff, true);
  return made;
}

/** A zip whose one file has its sizes and place in the extra field, as programs that stream write them. */
function streamed(unpacked: bigint): Uint8Array {
  const zip = zipSync({ 'index.mjs': code });
  const [start, end] = [recordAt(zip, CENTRAL), recordAt(zip, END)];
  const before = new DataView(zip.buffer, zip.byteOffset);
  const sizes = [unpacked, BigInt(before.getUint32(start + 20, true)), 0n];
  const extra = new Uint8Array(4 + 8 * sizes.length);
  const field = new DataView(extra.buffer);
  field.setUint16(0, 1, true);
  field.setUint16(2, 8 * sizes.length, true);
  for (const [index, size] of sizes.entries()) field.setBigUint64(4 + 8 * index, size, true);
  const made = new Uint8Array([...zip.subarray(0, end), ...extra, ...zip.subarray(end)]);
  const view = new DataView(made.buffer);
  for (const offset of [20, 24, 42]) view.setUint32(start + offset, 0xffffffff, true);
  view.setUint16(start + 30, extra.length, true);
  view.setUint32(end + extra.length + 12, end - start + extra.length, true);
  return made;
}

describe('a zip of code', () => {
  test('has no fault where its directory is sound', () => {
    expect(zipFault(good())).toBeUndefined();
    expect(zipFault(zipSync({ 'a..b/..c.mjs': code, 'a/...': code }))).toBeUndefined();
  });

  test('may lie anywhere in a larger buffer', () => {
    const zip = good();
    const buffer = new Uint8Array(zip.length + 9);
    buffer.set(zip, 7);
    expect(zipFault(buffer.subarray(7, 7 + zip.length))).toBeUndefined();
  });

  test('may end with a comment', () => {
    const comment = new TextEncoder().encode('built by hand');
    const zip = new Uint8Array([...good(), ...comment]);
    new DataView(zip.buffer).setUint16(recordAt(zip, END) + 20, comment.length, true);
    expect(zipFault(zip)).toBeUndefined();
  });

  test.each([
    ['nothing at all', new Uint8Array()],
    ['a page of HTML', new TextEncoder().encode('<!doctype html><title>404 Not Found</title>')],
    ['another kind of archive', new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])],
  ])('is none if it is %s', (_what, bytes) => {
    expect(zipFault(bytes)).toMatch(/^is no zip file; /);
  });

  test('is truncated wherever it is cut off', () => {
    const zip = good();
    for (let length = 40; length < zip.length; length++)
      expect(zipFault(zip.subarray(0, length)), `cut after ${length} bytes`).toMatch(/^is truncated/);
  });

  test('is damaged where its directory points to what is not there', () => {
    expect(zipFault(forged(CENTRAL, 42, 5))).toMatch(/damaged/);
    expect(zipFault(forged(CENTRAL, 20, 1_000_000))).toMatch(/damaged/);
    expect(zipFault(forged(END, 16, 0))).toMatch(/damaged/);
    expect(zipFault(forged(END, 16, 0x7fffffff))).toMatch(/damaged/);
    expect(zipFault(forged(CENTRAL, 28, 0xffff))).toMatch(/damaged/);
  });

  test('holds at least one file', () => {
    expect(zipFault(zipSync({}))).toMatch(/^holds no files; /);
  });

  test.each(['../etc/passwd', 'a/../../b', '/etc/passwd', '\\windows', 'C:/windows', 'a\\..\\b', '..'])(
    'names nothing outside its own folder: %s',
    (name) => {
      expect(zipFault(zipSync({ 'index.mjs': code, [name]: code }))).toBe(
        `holds ${JSON.stringify(name)}, which lies outside its own folder; zip with relative paths`,
      );
    },
  );

  test('holds no symbolic link', () => {
    const zip = zipSync({ 'index.mjs': code, link: [code, { os: 3, attrs: 0o120777 * 0x10000 }] });
    expect(zipFault(zip)).toBe('holds the symbolic link "link"; zip the file that it points to');
    expect(zipFault(zipSync({ run: [code, { os: 3, attrs: 0o100755 * 0x10000 }] }))).toBeUndefined();
  });

  test('is not encrypted', () => {
    const zip = good();
    const view = new DataView(zip.buffer, zip.byteOffset);
    const at = recordAt(zip, CENTRAL) + 8;
    view.setUint16(at, view.getUint16(at, true) | 1, true);
    expect(zipFault(zip)).toBe('holds "lib/a.mjs" encrypted; zip without a password');
  });

  test('unpacks to 250 MB at most, all files together', () => {
    expect(zipFault(forged(CENTRAL, 24, UNPACKED_BYTES_MAX - code.length))).toBeUndefined();
    expect(zipFault(forged(CENTRAL, 24, UNPACKED_BYTES_MAX - code.length + 1))).toMatch(/^unpacks to 251 MB/);
    expect(zipFault(forged(CENTRAL, 24, 300 * 1024 * 1024))).toMatch(/^unpacks to 301 MB, and Lambda takes/);
  });

  test('is read right where its numbers are of 64 bits', () => {
    expect(zipFault(streamed(32n))).toBeUndefined();
    expect(zipFault(streamed(300n * 1024n * 1024n))).toMatch(/^unpacks to 300 MB/);
    expect(zipFault(crowded(70_000))).toBeUndefined();
  });

  test('has 100,000 entries at most', () => {
    expect(zipFault(crowded(ENTRIES_MAX))).toBeUndefined();
    expect(zipFault(crowded(ENTRIES_MAX + 1))).toMatch(/^holds 100001 entries, and at most 100000/);
  });
});
