import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../core/errors.ts';
import { FUNCTIONS, fileOf } from '../../infra/facts.ts';
import {
  ASKING,
  assertingNames,
  banned,
  emptyMatches,
  IMPURE,
  machinePaths,
  PRINTING,
  RACING,
  SLEEPING,
  UNPORTED,
  undocumented,
  unfinished,
  weakGroups,
  weakTests,
} from './habits.ts';
import { lex } from './lex.ts';
import { files, lexed, pascal, sources, sourcesIn, textOf } from './project.ts';

const tests = sourcesIn('test').filter((file) => file.endsWith('.test.ts'));
const lambdas = sourcesIn('functions')
  .map((file) => file.slice('functions/'.length).replace(/\.ts$/, ''))
  .filter((name) => !name.startsWith('_'));

/** What runs in a browser, and waits as pages do. */
const IN_A_BROWSER = ['api/link/link.js', 'demo/slack/page.js'];

/** Where the port of the time is made from the machine's own. */
const REAL_CLOCK = 'functions/_aws.ts';

describe('the house', () => {
  test('core knows no clock, no chance and no world', () => {
    const core = sourcesIn('core');
    expect(core.length).toBeGreaterThan(20);
    expect(core.flatMap((file) => banned(file, lexed(file), IMPURE))).toEqual([]);
    expect(core.filter((file) => lexed(file).texts.some((text) => text.startsWith('node:')))).toEqual([]);
  });

  test('adapters, controller and functions ask a port for the time, never the machine', () => {
    const others = sourcesIn('adapters', 'targets', 'controller', 'api', 'functions').filter(
      (file) => file !== REAL_CLOCK,
    );
    expect(others.flatMap((file) => banned(file, lexed(file), UNPORTED))).toEqual([]);
  });

  test('the controller waits only by its Clock', () => {
    const others = sourcesIn(
      'core',
      'adapters',
      'targets',
      'controller',
      'api',
      'functions',
      'runtime',
    ).filter((file) => file !== REAL_CLOCK && file !== 'core/ports.ts' && !IN_A_BROWSER.includes(file));
    expect(others.flatMap((file) => banned(file, lexed(file), SLEEPING))).toEqual([]);
    expect(others.filter((file) => lexed(file).texts.includes('node:timers/promises'))).toEqual([]);
  });

  test('what has only so long is cancelled when it is late, in one place', () => {
    const racing = sourcesIn('core', 'adapters', 'targets', 'controller', 'functions').filter(
      (file) => banned(file, lexed(file), RACING).length > 0,
    );
    expect(racing).toEqual(['core/within.ts']);
  });

  test('nobody prints who does not talk to people, or to CloudWatch through the log', () => {
    const others = sourcesIn('core', 'adapters', 'targets', 'controller', 'api', 'functions');
    expect(others.flatMap((file) => banned(file, lexed(file), PRINTING))).toEqual([]);
  });

  test('every exported symbol of core, adapters, controller, api and functions has a docstring', () => {
    expect(
      sourcesIn('core', 'adapters', 'targets', 'controller', 'api', 'functions').flatMap((file) =>
        undocumented(file, textOf(file)),
      ),
    ).toEqual([]);
  });

  test('nothing is put off in a comment', () => {
    expect(sources.flatMap((file) => unfinished(file, textOf(file)))).toEqual([]);
  });

  test('no file knows the machine it was written on', () => {
    expect(files.length).toBeGreaterThan(sources.length);
    expect(files.flatMap((file) => machinePaths(file, textOf(file)))).toEqual([]);
  });
});

describe('a function of the controller', () => {
  const asl = textOf('statemachines/rollout.asl.json');

  test('is deployed from the file of its name', () => {
    expect(FUNCTIONS.map(fileOf).sort()).toEqual(lambdas);
  });

  test.each(lambdas)('%s is exported under the name of its file', (name) => {
    // `readRollout` is what the functions share.
    if (name === 'read-rollout')
      return expect(textOf(`functions/${name}.ts`)).toContain('readJournal: Task<');
    const camel = pascal(name).replace(/^./, (letter) => letter.toLowerCase());
    expect(textOf(`functions/${name}.ts`)).toMatch(new RegExp(`^export const ${camel}: Task<`, 'm'));
  });

  test.each(lambdas)('%s asks no port itself: a use case of controller/ does', (name) => {
    const file = `functions/${name}.ts`;
    expect(banned(file, lexed(file), ASKING)).toEqual([]);
  });

  test('has the name of its state, where a state calls it', () => {
    const states = [...asl.matchAll(/"(\w+)": \{\s*"Type": "Task"[^}]*?"FunctionName": "\$\{(\w+)\}"/g)];
    expect(states.length).toBeGreaterThanOrEqual(9);
    // A Measure that could not end is recorded by another function.
    for (const [, state, placeholder] of states)
      expect(state).toBe(placeholder === 'Decide' && state === 'Unmeasured' ? 'Unmeasured' : placeholder);
  });
});

describe('tests', () => {
  const helpers = sourcesIn('test').filter((file) => !tests.includes(file));

  // The suites of contracts hold tests too; what makes tests of their cases holds none itself.
  const suites = helpers.filter((file) => file !== 'test/contract/cases.ts');
  const weak = [...tests, ...suites].flatMap((file) =>
    weakTests(file, lexed(file), textOf(file), assertingNames([file, ...helpers].map(lexed))),
  );

  test('none runs alone, and none is left out without a reason', () => {
    expect(tests.length).toBeGreaterThan(20);
    expect(weak.filter((found) => !found.endsWith(': asserts nothing'))).toEqual([]);
    expect(sourcesIn('test').flatMap((file) => weakGroups(file, lexed(file)))).toEqual([]);
  });

  test('each asserts something', () => {
    expect(weak.filter((found) => found.endsWith(': asserts nothing'))).toEqual([]);
  });

  test('none asks for an empty object where any object would do', () => {
    expect(sourcesIn('test').flatMap((file) => emptyMatches(file, lexed(file)))).toEqual([]);
  });
});

describe('dependencies', () => {
  const manifest = JSON.parse(textOf('package.json')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  const lock = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, { version: string }> };

  test('are pinned to exact versions, which the lock file has', () => {
    const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(all.length).toBeGreaterThan(15);
    for (const [name, version] of all) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });

  test('jsonata is 2.0.6, the version that Step Functions runs', () => {
    const copies = Object.entries(lock.packages).filter(([path]) => path.endsWith('node_modules/jsonata'));
    expect(copies.map(([, { version }]) => version)).toEqual(['2.0.6']);
    expect(manifest.devDependencies.jsonata).toBe('2.0.6');
  });
});

test.each(ERROR_CODES)('the error %s is thrown somewhere', (code) => {
  const throwers = sourcesIn('core', 'adapters', 'targets', 'controller', 'api', 'functions').filter(
    (file) => {
      const { code: text, texts } = lexed(file);
      return [...text.matchAll(/new (?:RolloutError|Refusal)\(\s*"(\d+)"/g)].some(
        ([, index]) => texts[Number(index)] === code,
      );
    },
  );
  expect(throwers).not.toEqual([]);
});

describe('the checkers', () => {
  const bannedIn = (source: string, bans: typeof IMPURE) => banned('core/x.ts', lex(source), bans);

  test.each([
    'const now = Date.now();',
    'const at = new Date(0);',
    'const { random } = Math;',
    'const dice = Math.random();',
    'if (process.env.DEBUG) {}',
    'setTimeout(go, 5);',
    "console.log('x');",
    'const answer = await fetch(url);',
    'const t = performance.now();',
    `const text = \`at \${Date.now()}\`;`,
    'globalThis.x = 1;',
  ])('find what is impure in %s', (source) => {
    expect(bannedIn(source, IMPURE)).toHaveLength(1);
  });

  test.each([
    '/** Date, Math.random() and process */ const x = Math.max(1, 2);',
    "const says = 'Date.now() is banned';",
    'const p = reading.process; const q = { fetch: 1, console: 2 };',
  ])('find nothing impure in %s', (source) => {
    expect(bannedIn(source, IMPURE)).toEqual([]);
  });

  test('tell the time that a port says from a moment that is only written', () => {
    expect(bannedIn('const a = Date.now(); const b = 1;', UNPORTED)).toHaveLength(1);
    expect(bannedIn('const a = new Date();', UNPORTED)).toHaveLength(1);
    expect(bannedIn('const a = new Date(from); const b = Date.parse(text);', UNPORTED)).toEqual([]);
  });

  test('find a function that asks a port itself', () => {
    expect(bannedIn('run: async (input, ports) => ports.journal.read(input.id),', ASKING)).toHaveLength(1);
    expect(bannedIn('async run({ id }, { journal }) { return journal.read(id); }', ASKING)).toHaveLength(1);
    expect(bannedIn('run: async ({ id }, { journal }) => journal.read(id),', ASKING)).toHaveLength(1);
    expect(
      bannedIn(
        "import { journalOn } from './_ports.ts';\nrun: (input, ports) => read(input, ports),",
        ASKING,
      ),
    ).toEqual([]);
  });

  test('find who sleeps and who prints', () => {
    expect(bannedIn('await Promise.race([late, work]);', RACING)).toHaveLength(1);
    expect(bannedIn('await sleep(5);', SLEEPING)).toHaveLength(1);
    expect(bannedIn('await clock.sleep(5);', SLEEPING)).toEqual([]);
    expect(bannedIn('process.stdout.write(line)', PRINTING)).toHaveLength(1);
  });

  test('find an export without a docstring', () => {
    const find = (text: string) => undocumented('core/x.ts', text);
    expect(find('export const a = 1;')).toEqual(['core/x.ts:1: a']);
    expect(find('/* not a docstring */\nexport interface A {}')).toHaveLength(1);
    expect(find('/** Of another. */\nconst b = 1;\nexport async function c() {}')).toEqual([
      'core/x.ts:3: c',
    ]);
    expect(find('/** Says it. */\nexport type A = string;')).toEqual([]);
    expect(find('/**\n * Says it.\n */\nexport class A {}')).toEqual([]);
    expect(find("export { a } from './a.ts';\nexport type { B } from './b.ts';")).toEqual([]);
  });

  test('find what is put off, and the paths of one machine', () => {
    expect(unfinished('x.ts', `// ${'TO'}${'DO'} later`)).toHaveLength(1);
    expect(unfinished('x.ts', '// a list of todos')).toEqual([]);
    for (const path of ['work/main', 'root/.npmrc', 'home/me/x'])
      expect(machinePaths('x.ts', `open('/${path}')`)).toHaveLength(1);
    expect(machinePaths('x.ts', `${'/tmp'}/bash_jobs`)).toHaveLength(1);
    expect(machinePaths('x.ts', 'https://example.com/home/page and ../mork/x')).toEqual([]);
  });

  const weak = (source: string) => {
    const taken = lex(source);
    return [
      ...weakTests('x.test.ts', taken, source, assertingNames([taken])),
      ...weakGroups('x.test.ts', taken),
    ];
  };

  test.each([
    "test('a', () => { run(); });",
    "it('a', async () => { await run(); /* expect(1) */ });",
    "test.each([1, 2])('a %s', (n) => { run(n, 'expect'); });",
    "test.only('a', () => { expect(1).toBe(1); });",
    "test.only.each([1])('a %s', () => { expect(1).toBe(1); });",
    "test.skip('a', () => { expect(1).toBe(1); });",
    "describe.skip('a', () => {});",
    "describe.only('a', () => {});",
    "function check() { run(); }\ntest('a', () => check());",
  ])('find the weak test in %s', (source) => {
    expect(weak(source)).toHaveLength(1);
  });

  test.each([
    "test('a', () => { expect(run()).toBe(1); });",
    "test('a', () => { fc.assert(property); });",
    "test.each<[string]>([['x']])('a %s', (x) => { expect(x).toBe('x'); });",
    "function check() { inner(); }\nfunction inner() { expect(1).toBe(1); }\ntest('a', () => check());",
    "// AWS is needed here.\ntest.skip('a', () => { expect(1).toBe(1); });",
    'const found = /x/.test(text); pattern.test(text);',
  ])('find nothing weak in %s', (source) => {
    expect(weak(source)).toEqual([]);
  });

  test('find an empty object that any object matches', () => {
    const find = (source: string) => emptyMatches('x.test.ts', lex(source));
    expect(find("expect(alias).toMatchObject({ primary: '1', weights: {} });")).toEqual(['x.test.ts:1']);
    expect(find('expect(f({})).toMatchObject({ weights: { 2: 10 }, list: [] });')).toEqual([]);
  });
});
