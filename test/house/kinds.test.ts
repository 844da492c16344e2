import { describe, expect, test } from 'vitest';
import { KINDS } from '../../targets/kinds.ts';
import { type Lexed, lex } from './lex.ts';
import { files, sourcesIn, textOf } from './project.ts';

/** What only a kind of target may say: its own name, the members of its `ref`, and the calls that read or move it. */
const OWN = /lambda-alias|^cloudfront$|\bfunctionName\b|\b(?:Get|Create|Update|Delete)AliasCommand\b/;

/** Rooms that take any kind. */
const ROOMS = [
  ...['core', 'adapters', 'controller', 'functions', 'api', 'notify', 'client', 'cli'],
  'simulation/checkers',
];

/** A hook that is a function names that function, and a request that is signed for a service names that; neither is a target. */
const OTHERS = ['core/config/hooks.ts', 'adapters/lambda-hook.ts', 'adapters/key-value-store.ts'];

/** What a message may say of a target: its noun, and never that it is an alias. */
const WORD = /\balias/i;
const SPEAKING = ['core', 'adapters', 'controller', 'functions', 'api', 'notify', 'client'];
/** YAML has aliases. */
const YAML = 'adapters/rollout-file.ts';

const saysOf = ({ code, texts }: Lexed): boolean =>
  OWN.test(code) || texts.some((text) => !text.startsWith('.') && OWN.test(text));

describe('kinds of targets', () => {
  test('are named in no other room', () => {
    const all = ROOMS.flatMap((room) => sourcesIn(room));
    expect(all.length).toBeGreaterThan(150);
    const naming = all.filter((file) => !OTHERS.includes(file) && saysOf(lex(textOf(file))));
    expect(naming).toEqual([]);
  });

  test('are not what a message elsewhere calls a target', () => {
    const speaking = SPEAKING.flatMap((room) => sourcesIn(room)).filter((file) => file !== YAML);
    const named = speaking.filter((file) =>
      lex(textOf(file)).texts.some((text) => !text.startsWith('.') && WORD.test(text)),
    );
    expect(named).toEqual([]);
  });

  test('are each a folder, and in each registry', () => {
    const folders = [...new Set(files.flatMap((file) => /^targets\/([^/]+)\//.exec(file)?.[1] ?? []))];
    expect(KINDS.map(({ kind }) => kind).sort()).toEqual(folders.sort());
    for (const registry of ['kinds', 'adapters', 'rights', 'simulated'])
      for (const kind of folders) expect(textOf(`targets/${registry}.ts`)).toContain(`'./${kind}/`);
  });

  test.each([
    "if (target.kind === 'lambda-alias') return;",
    "if (target.kind === 'cloudfront') return;",
    'const { functionName } = target.ref;',
    'await client.send(new GetAliasCommand({ FunctionName, Name }));',
  ])('are found where a room says %s', (source) => {
    expect(saysOf(lex(source))).toBe(true);
  });

  test.each([
    "import { lambdaAlias } from './lambda-alias/router.ts';",
    '/* of lambda-alias alone */ const noun = target.traits.noun;',
    'new InvokeCommand({ FunctionName })',
  ])('are not found in %s', (source) => {
    expect(saysOf(lex(source))).toBe(false);
  });
});
