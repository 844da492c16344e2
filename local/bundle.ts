import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('../functions/', import.meta.url));

/** The handlers by the names of their files; what begins with `_` is shared by them. */
export const HANDLERS: readonly string[] = readdirSync(folder)
  .filter((file) => /^[^_].*\.ts$/.test(file))
  .map((file) => file.replace(/\.ts$/, ''));

/** What SST puts before each bundle, so that CommonJS packages find what they expect. */
const BANNER = [
  "import { createRequire as topLevelCreateRequire } from 'module';",
  'const require = topLevelCreateRequire(import.meta.url);',
  'import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"',
  'const __filename = topLevelFileUrlToPath(import.meta.url)',
  'const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))',
].join('\n');

/** What the infrastructure changes of the defaults: Lambda's credentials are in the environment, so no other provider of them is bundled. */
const bundling = JSON.parse(readFileSync(new URL('../infra/bundling.json', import.meta.url), 'utf8')) as {
  keepNames: boolean;
  sourcemap: boolean;
  external: string[];
};

/** A handler as one file, and what it is made of. */
export interface Bundle {
  bytes: number;
  /** Bytes by package; the controller's own code is `own`. */
  parts: Record<string, number>;
}

/** Bundles every handler into a folder as SST 4.17.1 does for nodejs24.x with what the infrastructure says of it: one minified ES module each. */
export async function bundleHandlers(outdir: string): Promise<Record<string, Bundle>> {
  return bundled(
    HANDLERS.map((handler) => join(folder, `${handler}.ts`)),
    outdir,
  );
}

/** Bundles programs as `bundleHandlers` does the handlers. */
export async function bundled(entryPoints: string[], outdir: string): Promise<Record<string, Bundle>> {
  const { metafile } = await build({
    entryPoints,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    ...bundling,
    format: 'esm',
    platform: 'node',
    target: 'es2024',
    mainFields: ['module', 'main'],
    banner: { js: BANNER },
    metafile: true,
    logLevel: 'error',
  });
  return Object.fromEntries(
    Object.entries(metafile.outputs).map(([file, { bytes, inputs }]) => {
      const parts: Record<string, number> = {};
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? 'own';
        parts[name] = (parts[name] ?? 0) + bytesInOutput;
      }
      return [basename(file, '.mjs'), { bytes, parts }];
    }),
  );
}

/** Loads the bundle of a handler as Lambda does. */
export async function loadBundle(
  outdir: string,
  handler: string,
): Promise<(event: unknown) => Promise<unknown>> {
  const loaded = (await import(pathToFileURL(join(outdir, `${handler}.mjs`)).href)) as {
    handler: (event: unknown) => Promise<unknown>;
  };
  return loaded.handler;
}
