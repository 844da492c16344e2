import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { build, type Plugin, transform } from 'esbuild';
import { ensurePlatform, PLATFORM, ROOT } from './platform.ts';
import { serveRpc } from './server.ts';

/** One resource as Pulumi's engine would be asked for it. */
export interface Resource {
  type: string;
  name: string;
  parent?: string;
  inputs: Record<string, unknown>;
  /** Names of inputs whose value is a secret, wholly or in part. */
  secretInputs: string[];
  /** What a component says of itself once its parts are there. */
  outputs?: Record<string, unknown>;
  options: {
    protect: boolean;
    retainOnDelete: boolean;
    ignoreChanges: string[];
    /** Resources that must exist before, by `type name`. */
    dependsOn: string[];
  };
}

/** The whole program's resources, sorted by type and name. */
export interface Graph {
  app: { name: string; stage: string; removal: string; protect: boolean };
  resources: Resource[];
  /** What a deployment prints at its end. */
  outputs: Record<string, unknown>;
}

/** How the program is run. */
export interface GraphOptions {
  stage: string;
  /** The folder of the `sst.config.ts`, with a slash at its end; the project's own unless said otherwise. */
  root?: string;
  /** True for the program as `sst dev` runs it. */
  dev?: boolean;
  /** Files whose text is replaced for this run, by how their path ends. */
  replaced?: Record<string, string>;
  /** Where the zips of the functions are left; without it they go with the run. */
  artifacts?: string;
  /** What `sst secret set` was given, by name. */
  secrets?: Record<string, string>;
}

/** Runs the SST program with Pulumi's engine and AWS replaced by mocks. @throws Error with what the program said */
export async function graphOf(options: GraphOptions): Promise<Graph> {
  ensurePlatform();
  const { root = ROOT, stage, dev = false, replaced = {}, secrets = {}, artifacts } = options;
  const app = await appOf(root, stage);
  const work = artifacts ?? mkdtempSync(join(tmpdir(), 'spillway-graph-'));
  // Beside SST's own packages, so that the bundle finds them.
  const program = `${PLATFORM}graph-${process.pid}-${Math.trunc(performance.now())}.mjs`;
  const server = await serveRpc(root, join(work, 'artifacts'));
  try {
    await bundle({ root, work, dev, replaced, app: { ...app, stage } }, program);
    const env = {
      ...plainEnvironment(),
      ...Object.fromEntries(Object.entries(secrets).map(([name, value]) => [`SST_SECRET_${name}`, value])),
      SST_SERVER: server.url,
    };
    const text = await answerOf([program], env);
    // A folder that is gone afterwards would only make two runs differ.
    return {
      app: { ...app, stage },
      ...JSON.parse(artifacts === undefined ? text.replaceAll(work, '') : text),
    };
  } finally {
    server.close();
    rmSync(program, { force: true });
    if (artifacts === undefined) rmSync(work, { recursive: true, force: true });
  }
}

type App = Omit<Graph['app'], 'stage'>;

/** Only what a program needs: nobody's credentials, and no secret of this machine. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) };
}

/** What the configuration says of the app, asked with its stage as the command line asks. */
async function appOf(root: string, stage: string): Promise<App> {
  const { code } = await transform(readFileSync(`${root}sst.config.ts`, 'utf8'), {
    loader: 'ts',
    format: 'iife',
    globalName: 'config',
  });
  const config = runInNewContext(`${code}; config.default`, { $config: (given: unknown) => given });
  const { name, removal = 'retain', protect = false } = config.app({ stage });
  return { name, removal, protect };
}

interface Bundled {
  root: string;
  work: string;
  dev: boolean;
  replaced: Record<string, string>;
  app: Graph['app'];
}

/** Bundles the program the way SST's command line does: providers and `$…` are there in every file without an import. */
async function bundle({ root, work, dev, replaced, app }: Bundled, outfile: string): Promise<void> {
  const cli = {
    command: dev ? 'dev' : 'deploy',
    backend: '',
    paths: { home: work, root: root.slice(0, -1), work, platform: PLATFORM.slice(0, -1) },
    state: { version: {} },
  };
  await build({
    stdin: {
      contents: `
        import * as pulumi from '@pulumi/pulumi';
        import * as mocks from '@pulumi/pulumi/runtime/mocks.js';
        import * as settings from '@pulumi/pulumi/runtime/settings.js';
        import * as state from '@pulumi/pulumi/runtime/state.js';
        import { run } from './src/auto/run.ts';
        import { Link } from './src/components/link.ts';
        import config from ${JSON.stringify(`${root}sst.config.ts`)};
        import { runMocked } from ${JSON.stringify(`${ROOT}scripts/infra/mocks.ts`)};
        runMocked({ pulumi, mocks, settings, state }, $app, () => run(config.run));`,
      resolveDir: PLATFORM,
      loader: 'ts',
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'silent',
    keepNames: true,
    inject: [`${PLATFORM}src/shim/run.js`],
    define: { $app: JSON.stringify(app), $cli: JSON.stringify(cli), $dev: String(dev) },
    banner: {
      js: "import { createRequire as $createRequire } from 'module'; const require = $createRequire(import.meta.url);",
    },
    plugins: [asSst(replaced)],
  });
}

/** Packages of SST's platform stay outside of the bundle; every other file gets the providers in front. */
function asSst(replaced: Record<string, string>): Plugin {
  return {
    name: 'as-sst',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[^./]/ }, ({ path, importer, resolveDir }) => {
        const isPlatforms = resolveDir.startsWith(PLATFORM.slice(0, -1)) || importer.startsWith(PLATFORM);
        const isProvider = /^(@pulumi\/|@aws-sdk\/|node:)/.test(path);
        return isPlatforms || isProvider ? { path, external: true } : undefined;
      });
      onLoad({ filter: /\.(ts|tsx|js|jsx)$/ }, ({ path }) => {
        if (path.startsWith(PLATFORM)) return undefined;
        const ending = Object.keys(replaced).find((each) => path.endsWith(each));
        const text = ending === undefined ? readFileSync(path, 'utf8') : (replaced[ending] ?? '');
        const front = `import * as aws from "@pulumi/aws"; import * as sst from ${JSON.stringify(`${PLATFORM}src/components/index.ts`)};`;
        return { contents: `${front}\n${text}`, loader: path.endsWith('.ts') ? 'ts' : 'js' };
      });
      onLoad({ filter: /\.json$/ }, ({ path }) => {
        const ending = Object.keys(replaced).find((each) => path.endsWith(each));
        return ending === undefined ? undefined : { contents: replaced[ending] ?? '', loader: 'json' };
      });
    },
  };
}

/** Runs a program, given with its arguments, in a process of its own, which answers on its fourth descriptor. @throws Error with what it said */
export function answerOf(program: string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    const texts = ['', '', ''];
    for (const [index, stream] of [child.stdout, child.stderr, child.stdio[3]].entries())
      stream?.on('data', (chunk: Buffer) => {
        texts[index] += chunk.toString();
      });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) return resolve(texts[2] ?? '');
      return reject(new Error(`The program was refused: ${texts[1]}${texts[0]}`.trim()));
    });
  });
}
