import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Oldest Node that runs the command line; functions of users may be on an older one. */
const NODE_OF_CLI = 22;

/** Programs of the package: the command line, and what it starts besides itself. */
const PROGRAMS = ['cli/spillway.ts'];

/** What CommonJS packages in a bundle of ES modules call. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Parses on any Node, and says which one is needed before anything newer is read. */
const BIN = `#!/usr/bin/env node
const [major] = process.versions.node.split('.');
if (Number(major) < ${NODE_OF_CLI}) {
  console.error('spillway needs Node ${NODE_OF_CLI} or newer; this is ' + process.version + '.');
  process.exitCode = 1;
} else import('./spillway.js');
`;

/** Copied as they are. */
const COPIED = ['LICENSE', 'README.md', 'CHANGELOG.md', 'edge/built.json', 'runtime', 'sst'];
const SCHEMA = 'docs/reference/rollout-file.schema.json';

/**
 * Writes the package that people install to a folder: prebuilt JavaScript split by command, the wrapper, the components for SST and the schema
 * of the rollout file. It has no dependencies: what it is made of is in it, with its licenses.
 */
export async function writePackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  cpSync(join(ROOT, SCHEMA), join(folder, 'schema.json'));
  const { metafile } = await build({
    entryPoints: PROGRAMS.map((path) => join(ROOT, path)),
    outdir: join(folder, 'cli'),
    chunkNames: 'chunks/[hash]',
    ...{ bundle: true, splitting: true, minify: true, format: 'esm', platform: 'node' },
    target: `node${NODE_OF_CLI}`,
    mainFields: ['module', 'main'],
    banner: { js: REQUIRE },
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
    absWorkingDir: ROOT,
  });
  const bin = join(folder, 'cli/bin.cjs');
  writeFileSync(bin, BIN);
  chmodSync(bin, 0o755);
  writeFileSync(join(folder, 'THIRD-PARTY.txt'), licensesOf(Object.keys(metafile.inputs)));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
}

/** The package's own package.json: what the project's says to its users, and nothing of how it is built. */
function manifest(): object {
  const { name, version, description, license, repository, exports, engines } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  );
  return {
    // The registry takes no provenance of a package that names no repository, or another one than its build.
    ...{ name, version, description, license, repository, type: 'module', engines },
    bin: { spillway: './cli/bin.cjs' },
    exports: { ...exports, './schema.json': './schema.json', './package.json': './package.json' },
    peerDependencies: { sst: '>=4' },
    peerDependenciesMeta: { sst: { optional: true } },
    sideEffects: false,
  };
}

/** The licenses of the packages that these files are of. */
function licensesOf(inputs: string[]): string {
  const folders = new Set(
    inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
  );
  return [...folders]
    .sort()
    .map((folder) => {
      const at = join(ROOT, folder);
      const { name, version, license } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
      return `${name} ${version} (${license})\n\n${textOfLicense(at)}`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function textOfLicense(folder: string): string {
  const name = readdirSync(folder).find((file) => /^licen[cs]e(\.\w+)?$/i.test(file));
  if (name !== undefined) return readFileSync(join(folder, name), 'utf8');
  const { license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  // Some of Amazon's packages name it only; its text is the one of this package.
  if (license === 'Apache-2.0') return 'The text is that of the file LICENSE.\n';
  throw new Error(`The text of the license ${license} is not in ${folder}.`);
}
