/** Largest unpacked code: 250 MB (Lambda quotas, "Deployment package size"), of 1024 x 1024 bytes each. */
export const UNPACKED_BYTES_MAX = 250 * 1024 * 1024;

/** Most entries that are looked at; real code has some thousands. */
export const ENTRIES_MAX = 100_000;

/** Where the directory of a zip stands, and how many entries it names. */
interface Directory {
  start: number;
  size: number;
  count: number;
}

/** One entry of the directory, and where the next one begins. */
interface Entry {
  name: string;
  isLink: boolean;
  isEncrypted: boolean;
  unpacked: number;
  next: number;
}

/** The signatures and lengths of its records, as far as they are read here (PKWARE, APPNOTE.TXT 6.3.10, section 4.3). */
const LOCAL = { signature: 0x04034b50, bytes: 30 };
const CENTRAL = { signature: 0x02014b50, bytes: 46 };
const END = { signature: 0x06054b50, bytes: 22 };
const END64 = { signature: 0x06064b50, bytes: 56 };
const LOCATOR64 = { signature: 0x07064b50, bytes: 20 };

/** A longer comment than this cannot stand behind the last record. */
const COMMENT_BYTES_MAX = 0xffff;

/** Stands where a number needs more than 32 bits and is found elsewhere. */
const ELSEWHERE = 0xffffffff;

/** The kind of file in its Unix mode, and the kind that points to another file. */
const KIND = 0xf000;
const SYMLINK = 0xa000;

const OUTSIDE = /^(?:[/\\]|[a-zA-Z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)|\0/;

/**
 * Says why a zip cannot be the code of a function, with the fix, as the end of a sentence about it; undefined if
 * nothing is wrong. Reads the directory alone: nothing is unpacked.
 */
export function zipFault(zip: Uint8Array): string | undefined {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  if (!has(view, 0, LOCAL) && !has(view, 0, END)) return 'is no zip file; upload what the build zipped';
  const directory = directoryOf(view);
  if (directory === undefined) return TRUNCATED;
  if (directory.count === 0) return 'holds no files; zip the code itself';
  if (directory.count > ENTRIES_MAX)
    return `holds ${directory.count} entries, and at most ${ENTRIES_MAX} are possible; leave out what does not run`;
  return directoryFault(zip, view, directory);
}

const TRUNCATED = 'is truncated or damaged: its directory cannot be read; upload it again';

function directoryFault(
  zip: Uint8Array,
  view: DataView,
  { start, size, count }: Directory,
): string | undefined {
  let at = start;
  let unpacked = 0;
  for (let index = 0; index < count; index++) {
    const entry = entryAt(zip, view, at, start);
    if (entry === undefined || entry.next > start + size) return TRUNCATED;
    const fault = entryFault(entry);
    if (fault !== undefined) return fault;
    unpacked += entry.unpacked;
    at = entry.next;
  }
  if (unpacked <= UNPACKED_BYTES_MAX) return undefined;
  return `unpacks to ${Math.ceil(unpacked / 1024 / 1024)} MB, and Lambda takes at most 250 MB; leave out what does not run, or use an image`;
}

function entryFault({ name, isLink, isEncrypted }: Entry): string | undefined {
  if (OUTSIDE.test(name))
    return `holds ${JSON.stringify(name)}, which lies outside its own folder; zip with relative paths`;
  if (isLink) return `holds the symbolic link ${JSON.stringify(name)}; zip the file that it points to`;
  if (isEncrypted) return `holds ${JSON.stringify(name)} encrypted; zip without a password`;
  return undefined;
}

function has(
  view: DataView,
  at: number,
  { signature, bytes }: { signature: number; bytes: number },
): boolean {
  return at >= 0 && at + bytes <= view.byteLength && view.getUint32(at, true) === signature;
}

/** The record that ends a zip names its directory; one that does not fit into what is there was cut off. */
function directoryOf(view: DataView): Directory | undefined {
  const end = endOf(view);
  if (end === undefined) return undefined;
  const directory = directory64(view, end) ?? {
    count: view.getUint16(end + 10, true),
    size: view.getUint32(end + 12, true),
    start: view.getUint32(end + 16, true),
  };
  return directory.start + directory.size <= end ? directory : undefined;
}

function endOf(view: DataView): number | undefined {
  const last = view.byteLength - END.bytes;
  for (let at = last; at >= Math.max(0, last - COMMENT_BYTES_MAX); at--) {
    if (has(view, at, END) && at + END.bytes + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  return undefined;
}

/** If there are more entries or bytes than the old record can count, a newer one stands before it. */
function directory64(view: DataView, end: number): Directory | undefined {
  const locator = end - LOCATOR64.bytes;
  if (!has(view, locator, LOCATOR64)) return undefined;
  const at = Number(view.getBigUint64(locator + 8, true));
  if (!has(view, at, END64)) return undefined;
  const number = (offset: number) => Number(view.getBigUint64(at + offset, true));
  return { count: number(32), size: number(40), start: number(48) };
}

function entryAt(zip: Uint8Array, view: DataView, at: number, end: number): Entry | undefined {
  if (!has(view, at, CENTRAL)) return undefined;
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) =>
    view.getUint16(at + offset, true),
  ) as [number, number, number];
  const extra = at + CENTRAL.bytes + nameBytes;
  const next = extra + extraBytes + commentBytes;
  if (next > view.byteLength) return undefined;
  const [packed, unpacked, local] = sizesAt(view, at, extra, extra + extraBytes);
  if (!has(view, local, LOCAL) || local + LOCAL.bytes + packed > end) return undefined;
  return {
    name: new TextDecoder().decode(zip.subarray(at + CENTRAL.bytes, extra)),
    isLink: ((view.getUint32(at + 38, true) >>> 16) & KIND) === SYMLINK,
    isEncrypted: (view.getUint16(at + 8, true) & 1) === 1,
    unpacked,
    next,
  };
}

/** Packed size, unpacked size and place of an entry; what does not fit into 32 bits stands in its extra field, in the order of the second list. */
function sizesAt(view: DataView, at: number, extra: number, end: number): [number, number, number] {
  const [packed, unpacked, local] = [20, 24, 42].map((offset) => view.getUint32(at + offset, true)) as [
    number,
    number,
    number,
  ];
  let long = longFieldAt(view, extra, end);
  const read = (value: number) => {
    if (value !== ELSEWHERE || long === undefined || long + 8 > end) return value;
    long += 8;
    return Number(view.getBigUint64(long - 8, true));
  };
  const sizes = { unpacked: read(unpacked), packed: read(packed), local: read(local) };
  return [sizes.packed, sizes.unpacked, sizes.local];
}

/** Where the content of the extra field with the long numbers begins (field 0x0001). */
function longFieldAt(view: DataView, from: number, end: number): number | undefined {
  for (let at = from; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) === 1) return at + 4;
  }
  return undefined;
}
