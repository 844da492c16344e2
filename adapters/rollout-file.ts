import { readFile, stat } from 'node:fs/promises';
import {
  type Document,
  isAlias,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
  type YAMLMap,
} from 'yaml';
import { type RolloutFile, rolloutFileFrom } from '../core/config/rollout-file.ts';
import { RolloutError } from '../core/errors.ts';
import type { TargetKinds } from '../core/target-kind.ts';

const BYTES_MAX = 1_000_000;

/** Tags that mean nothing but JSON (YAML 1.2.2, section 10.3). */
const JSON_TAGS = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

interface Fault {
  offset: number;
  says: string;
}

/**
 * Reads a rollout file from disk.
 * @throws RolloutError RolloutFileInvalid with a line for each problem, each beginning with the path
 */
export async function readRolloutFile(kinds: TargetKinds, path: string): Promise<RolloutFile> {
  return rolloutFileFrom(kinds, parseRolloutFile(await textOf(path), path), `${path}: `);
}

/**
 * Reads YAML 1.2 (core schema; JSON is part of it) as the plain value it means, and refuses what has no place in JSON.
 * @throws RolloutError RolloutFileInvalid with `fileName:line:column` and a sentence for each problem
 */
export function parseRolloutFile(text: string, fileName: string): unknown {
  refuseSize(Buffer.byteLength(text), fileName);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
    // Its own search for keys that stand twice takes the square of their number.
    uniqueKeys: false,
    lineCounter: lines,
    logLevel: 'silent',
  });
  const faults = 'empty' in documents ? [EMPTY] : documents.flatMap(faultsOf);
  if (faults.length === 0) return documents[0]?.toJS({ maxAliasCount: 0 });
  const sentences = faults.map(({ offset, says }) => {
    const { line, col } = lines.linePos(offset);
    return `${fileName}:${Math.max(1, line)}:${Math.max(1, col)}: ${says}`;
  });
  throw new RolloutError('RolloutFileInvalid', [...new Set(sentences)].slice(0, 20).join('\n'));
}

const EMPTY: Fault = { offset: 0, says: 'The file is empty: write at least service, targets and steps.' };

function faultsOf(document: Document.Parsed, index: number): Fault[] {
  if (index > 0)
    return [{ offset: document.range[0], says: 'A second document begins here: write one file for each.' }];
  const syntax = document.errors.map(({ pos, message }) => ({
    offset: pos[0],
    says: `This is not YAML: ${message}.`,
  }));
  return syntax.length > 0 ? syntax : contentFaults(document);
}

function contentFaults(document: Document.Parsed): Fault[] {
  const faults: Fault[] = [];
  visit(document, {
    Node: (_key, node) => void faults.push(...nodeFaults(node)),
    Map: (_key, map) => void faults.push(...nodeFaults(map), ...keyFaults(map)),
  });
  return faults;
}

function nodeFaults(node: Node): Fault[] {
  const offset = node.range?.[0] ?? 0;
  if (isAlias(node)) return [{ offset, says: `The alias *${node.source} is refused: write the value out.` }];
  if (node.tag === undefined || JSON_TAGS.test(node.tag)) return [];
  return [{ offset, says: `The tag ${node.tag} is refused: write a plain value.` }];
}

function keyFaults(map: YAMLMap): Fault[] {
  const seen = new Set<string>();
  return map.items.flatMap(({ key }: Pair) => {
    const offset = (key as Node | null)?.range?.[0] ?? map.range?.[0] ?? 0;
    if (!isScalar(key) || typeof key.value !== 'string')
      return [{ offset, says: 'A key must be a string: put it in quotes.' }];
    const isNew = !seen.has(key.value);
    seen.add(key.value);
    return isNew
      ? []
      : [
          {
            offset,
            says: `The key ${JSON.stringify(key.value)} is given twice in one map: remove one of the two.`,
          },
        ];
  });
}

/** What a person calls the errors of the file system that are theirs to fix. */
const UNREADABLE: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'you may not read it',
};

async function textOf(path: string): Promise<string> {
  try {
    refuseSize((await stat(path)).size, path);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    if (RolloutError.is(cause)) throw cause;
    const code = String((cause as NodeJS.ErrnoException).code ?? cause);
    const why = cause instanceof TypeError ? 'it is not UTF-8 text' : (UNREADABLE[code] ?? code);
    throw new RolloutError('RolloutFileInvalid', `${path}: The file cannot be read: ${why}.`, { cause });
  }
}

function refuseSize(bytes: number, fileName: string): void {
  if (bytes <= BYTES_MAX) return;
  throw new RolloutError(
    'RolloutFileInvalid',
    `${fileName}: The file has ${bytes} bytes, and at most ${BYTES_MAX} are read.`,
  );
}
