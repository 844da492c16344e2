import { builtinModules } from 'node:module';
import { dirname, posix } from 'node:path';
import { type Lexed, lex } from './lex.ts';

/** One import, `export from`, `import()` or `require()` of a file. */
interface Import {
  /** Undefined if it is computed. */
  from: string | undefined;
  /** A whole statement of types, which is gone when the code runs. */
  isType: boolean;
}

interface Rule {
  /** Folders of the project, and single files, that may be imported. */
  folders: readonly string[];
  packages: readonly string[] | 'shipped' | 'any';
  node: boolean;
}

/** What everybody reads of the controller's functions; the rest of its folder needs SST. */
const FACTS = 'infra/facts.ts';

/** Who may import what, by folder, or by file where one may do more than its folder; a folder of code without a line here is a problem. Nobody else may import cli, demo, test, scripts or examples; a script may say what the command line says. */
const RULES: Record<string, Rule> = {
  core: { folders: ['core'], packages: ['zod/mini'], node: false },
  adapters: { folders: ['core', 'adapters'], packages: 'shipped', node: true },
  // What is of one kind of target, and the registries beside it.
  targets: { folders: ['core', 'adapters', 'targets'], packages: 'shipped', node: true },
  'targets/kinds.ts': { folders: ['core', 'targets'], packages: [], node: false },
  'targets/rights.ts': { folders: ['targets'], packages: [], node: false },
  'targets/*/kind.ts': { folders: ['core'], packages: ['zod/mini'], node: false },
  // They see what happens to their targets in the embedded world, which itself never asks them.
  'targets/simulated.ts': { folders: ['core', 'local', 'targets'], packages: [], node: false },
  'targets/*/simulated.ts': { folders: ['core', 'local', 'targets'], packages: 'shipped', node: false },
  // It is data for the infrastructure.
  'targets/*/rights.ts': { folders: [], packages: [], node: false },
  // Use cases over ports: none of them knows AWS.
  controller: { folders: ['core', 'controller'], packages: [], node: false },
  // The one door for people and programs, wherever it is opened: what it reads and gives to others comes in.
  api: {
    folders: ['core', 'client', 'api', 'page/built.json'],
    packages: ['hono', 'zod/mini', 'zod/locales'],
    node: false,
  },
  // It runs in browsers: of the rest it knows what the API answers, and the sentences that everybody prints.
  page: {
    folders: ['core', 'api/answer-shapes.ts', 'page'],
    packages: ['preact', 'preact/hooks'],
    node: false,
  },
  'api/oidc.ts': {
    folders: ['core', 'api'],
    packages: ['hono', 'hono/cookie', 'openid-client'],
    node: false,
  },
  // What people read of rollouts: only Slack's types, which are gone when the code runs.
  notify: { folders: ['core', 'client', 'notify'], packages: ['@slack/types'], node: false },
  functions: {
    folders: ['core', 'adapters', 'targets', 'controller', 'api', 'notify', 'functions', 'infra/stages.json'],
    packages: 'shipped',
    node: false,
  },
  runtime: { folders: [], packages: [], node: false },
  // What runs at the edge is one file without imports; cohorts and paths are those that everybody else knows.
  edge: {
    folders: ['edge', 'core/cohort.ts', 'core/site/segment.ts', 'core/site/served.ts'],
    packages: ['cloudfront', 'node:crypto'],
    node: true,
  },
  local: {
    folders: ['core', 'adapters', 'targets', 'controller', 'api', 'functions', 'local', 'edge', FACTS],
    packages: 'any',
    node: true,
  },
  simulation: {
    folders: ['core', 'adapters', 'targets', 'controller', 'api', 'functions', 'local', 'simulation', FACTS],
    packages: 'any',
    node: true,
  },
  demo: {
    folders: [
      ...['core', 'adapters', 'targets', 'controller', 'api', 'functions', 'local', 'demo', FACTS],
      'client/site-bucket.ts',
    ],
    packages: 'any',
    node: true,
  },
  // What it asks is what the API says that it answers.
  client: {
    folders: ['core', 'client', FACTS, 'adapters/_aws.ts', 'api/answer-shapes.ts', 'api/routes.ts'],
    packages: 'shipped',
    node: false,
  },
  // The one way past the controller: what it knows of targets is what the controller knows.
  'client/direct.ts': {
    folders: ['core', 'client', 'adapters', 'targets'],
    packages: 'shipped',
    node: false,
  },
  // It reads the store of a site as the controller does.
  'client/site.ts': { folders: ['core', 'client', 'adapters'], packages: 'shipped', node: false },
  cli: {
    folders: [
      ...['core', 'client', 'cli', 'adapters/rollout-file.ts', 'adapters/tester-cookie.ts'],
      'targets/kinds.ts',
      'page/saved.json',
    ],
    packages: 'any',
    node: true,
  },
  // It plays the user's file in a world of counts, which no other command knows.
  'cli/commands/rehearse.ts': {
    folders: ['core', 'client', 'cli', 'adapters/rollout-file.ts', 'targets/kinds.ts', 'simulation'],
    packages: 'any',
    node: true,
  },
  scripts: {
    folders: [
      'core',
      'adapters',
      'targets',
      'controller',
      'api',
      'functions',
      'local',
      'simulation',
      'demo',
      'client',
      'cli',
      'edge',
      'scripts',
      FACTS,
    ],
    packages: 'any',
    node: true,
  },
  // It runs in the users' own SST apps, with what SST puts into it.
  sst: { folders: ['edge'], packages: [], node: true },
  // It names files; what it reads of them is data.
  infra: {
    folders: [
      'infra',
      'statemachines',
      'targets/rights.ts',
      'core/people/access.ts',
      'core/people/settings.ts',
    ],
    packages: [],
    node: false,
  },
  // The last two are what the build of a site puts there, and what one of its releases misses.
  examples: {
    folders: ['examples'],
    packages: [
      'spillway',
      'spillway/sst',
      'spillway/sst/site',
      '@release/details.mjs',
      '/assets/stars-1b2c3d4e.js',
    ],
    node: true,
  },
  // A test looks at what it tests, wherever that stands.
  test: {
    folders: [
      ...[
        'core',
        'adapters',
        'targets',
        'controller',
        'api',
        'notify',
        'functions',
        'runtime',
        'infra',
        'local',
        'simulation',
      ],
      ...['demo', 'client', 'cli', 'edge', 'page', 'statemachines', 'test'],
    ],
    packages: 'any',
    node: true,
  },
  '.': { folders: ['infra'], packages: 'any', node: true },
};

/** The folder of one kind of target. */
const KIND = /^targets\/[^/]+\//;

/** What package.json declares. */
export interface Declared {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const STATIC = /\bimport\s*(type\s)?(?:[\w$*{}\s,]+?\bfrom\s*)?"(\d+)"/g;
const RE_EXPORT = /\bexport\s*(type\s)?\s*(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\})\s*from\s*"(\d+)"/g;
const DYNAMIC = /\b(?:import|require(?:\.resolve)?|createRequire\s*\([^)]*\))\s*\(\s*(?:"(\d+)")?/g;

/** Everything that a file of code imports. */
export const importsOf = (source: string): Import[] => importsIn(lex(source));

/** The same of a file that was taken apart. */
export function importsIn({ code, texts }: Lexed): Import[] {
  const whole = [...code.matchAll(STATIC), ...code.matchAll(RE_EXPORT)].map(([, type, text]) => ({
    from: texts[Number(text)],
    isType: type !== undefined,
  }));
  const dynamic = [...code.matchAll(DYNAMIC)].map(([, text]) => ({
    from: text === undefined ? undefined : texts[Number(text)],
    isType: false,
  }));
  return [...whole, ...dynamic];
}

/** What is wrong with the imports of one file, given as its path from the root and its text. */
export function importProblems(file: string, source: string, declared: Declared): string[] {
  const rule = RULES[file] ?? RULES[file.replace(KIND, 'targets/*/')] ?? RULES[folderOf(file)];
  if (rule === undefined) return [`${file}: the folder ${folderOf(file)} has no import rule; give it one`];
  return importsOf(source).flatMap(({ from }) => {
    const why = problemOf(file, from, rule, declared);
    return why === undefined ? [] : [`${file}: imports ${from ?? 'something computed'}, ${why}`];
  });
}

function problemOf(
  file: string,
  from: string | undefined,
  rule: Rule,
  declared: Declared,
): string | undefined {
  // Only the embedded world loads code that is not known beforehand: the user's.
  if (from === undefined) return folderOf(file) === 'local' ? undefined : 'which cannot be checked';
  if (from.startsWith('.')) {
    const path = posix.join(dirname(file), from);
    const folder = folderOf(path);
    const [own, other] = [KIND.exec(file)?.[0], KIND.exec(path)?.[0]];
    if (own !== undefined && other !== undefined && own !== other)
      return 'but a kind of target may not import another';
    return rule.folders.includes(folder) || rule.folders.includes(path)
      ? undefined
      : `but ${folderOf(file)} may not import ${folder}`;
  }
  // Code that a test has made of a text.
  if (from.startsWith('data:')) return folderOf(file) === 'test' ? undefined : 'which is code in a text';
  if (from.startsWith('node:'))
    return rule.node ? undefined : `but ${folderOf(file)} may not use Node itself`;
  if (builtinModules.includes(from)) return 'a part of Node without node: in front';
  return packageProblem(file, from, rule, declared);
}

function packageProblem(
  file: string,
  from: string,
  { packages }: Rule,
  declared: Declared,
): string | undefined {
  const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/');
  if (typeof packages === 'object')
    return packages.includes(from) ? undefined : `but ${folderOf(file)} may not use this package`;
  if (name in declared.dependencies) return undefined;
  if (packages === 'shipped') return 'which is not among the dependencies of package.json';
  return name in declared.devDependencies ? undefined : 'which package.json does not declare';
}

function folderOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : '.';
}

/** Problems of how a file exports: by default, or as nothing but a list of what others export. */
export function exportProblems(file: string, source: string): string[] {
  const { code } = lex(source);
  const own = code.replace(STATIC, '').replace(RE_EXPORT, '').replace(/[;\s]/g, '');
  return [
    ...(/\bexport\s+default\b|\bas\s+default\b/.test(code) ? [`${file}: has a default export`] : []),
    ...(/^index\.\w+$/.test(posix.basename(file)) ? [`${file}: is an index file`] : []),
    ...(/\bexport\s*(type\s)?\s*\*/.test(code) ? [`${file}: exports all of another file`] : []),
    ...(own === '' && code.trim() !== '' ? [`${file}: does nothing but export what others export`] : []),
  ];
}

/** The files that each file imports. */
const edgesOf = (sources: Record<string, string>, withTypes: boolean): Map<string, string[]> =>
  new Map(
    Object.entries(sources).map(([file, source]) => [
      file,
      importsOf(source)
        .filter(({ from, isType }) => from?.startsWith('.') && (withTypes || !isType))
        .map(({ from = '' }) => posix.join(dirname(file), from)),
    ]),
  );

/** A shortest way from each file of one folder that leads into the other, directly or through others, as `a -> b -> c`; types count. */
export function waysBetween(sources: Record<string, string>, folder: string, other: string): string[] {
  const edges = edgesOf(sources, true);
  return [...edges.keys()]
    .filter((file) => file.startsWith(folder))
    .flatMap((file) => {
      const ways = [[file]];
      const met = new Set([file]);
      for (const way of ways)
        for (const to of edges.get(way.at(-1) ?? '') ?? []) {
          if (to.startsWith(other)) return [[...way, to].join(' -> ')];
          if (!met.has(to)) ways.push([...way, to]);
          met.add(to);
        }
      return [];
    });
}

/** The files that lead back to themselves, each with its way, as `a -> b -> a`. */
export function cycles(sources: Record<string, string>, withTypes: boolean): string[] {
  const edges = edgesOf(sources, withTypes);
  const found = new Map<string, string>();
  const done = new Set<string>();
  const walk = (path: string[]) => {
    for (const to of edges.get(path.at(-1) ?? '') ?? []) {
      if (!path.includes(to)) {
        if (!done.has(to)) walk([...path, to]);
        continue;
      }
      const cycle = path.slice(path.indexOf(to));
      found.set([...cycle].sort().join(), [...cycle, to].join(' -> '));
    }
    done.add(path.at(-1) ?? '');
  };
  for (const file of edges.keys()) if (!done.has(file)) walk([file]);
  return [...found.values()];
}
