// `npm run -s bench -- NAME --markdown | node scripts/run.mjs scripts/section.ts PAGE`: replaces what stands between two marks of a page by what was printed between the same marks.
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

const MARKED = /<!-- (\w+): from here -->[\s\S]*<!-- \1: to here -->/;

const [page = ''] = process.argv.slice(2);
const [printed, name] = MARKED.exec(await text(process.stdin)) ?? [];
const before = readFileSync(page, 'utf8');
if (printed === undefined || MARKED.exec(before)?.[1] !== name)
  throw new Error(`What was printed and ${page} do not have the same two marks.`);
writeFileSync(
  page,
  before.replace(MARKED, () => printed),
);
