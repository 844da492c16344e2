import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';

/** What SST's program asks of the `sst` command line while it runs. */
interface RpcServer {
  url: string;
  close(): void;
}

interface Build {
  functionID: string;
  handler: string;
  properties?: {
    minify?: boolean;
    esbuild?: { keepNames?: boolean; external?: string[]; sourcemap?: boolean };
  };
}

/** What the mock account has been bootstrapped with. */
const BOOTSTRAP = { asset: 'sst-asset-bootstrap', state: 'sst-state-bootstrap' };

/** Stands in for the command line: bundles handlers as it does (esbuild, one ESM file), and knows one bootstrapped account. */
export async function serveRpc(root: string, artifacts: string): Promise<RpcServer> {
  const methods: Record<string, (input: never) => Promise<unknown>> = {
    'Provider.Aws.Bootstrap': async () => BOOTSTRAP,
    'Provider.Aws.Appsync': async () => ({ http: 'appsync.test', realtime: 'appsync-realtime.test' }),
    'Runtime.AddTarget': async () => null,
    'Runtime.Build': (input: Build) => bundle(input, root, `${artifacts}/${input.functionID}-src`),
  };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { method, params } = JSON.parse(text) as { method: string; params: [never] };
    const answer = methods[method];
    const reply =
      answer === undefined
        ? { error: `rpc: can't find method ${method}` }
        : await answer(params[0]).then(
            (result) => ({ result }),
            (error: unknown) => ({ error: String(error) }),
          );
    response.end(JSON.stringify(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** As `local/bundle.ts` does for all handlers of the controller; this one is given one of any app. */
async function bundle({ handler, properties }: Build, root: string, out: string) {
  const [, file = '', name = ''] = /^(.*)\.(\w+)$/.exec(handler) ?? [];
  const { minify = false, esbuild: { keepNames = true, external = [], sourcemap = true } = {} } =
    properties ?? {};
  await build({
    entryPoints: [`${root}${file}.ts`],
    outfile: `${out}/bundle.mjs`,
    bundle: true,
    minify,
    keepNames,
    external,
    sourcemap,
    mainFields: ['module', 'main'],
    platform: 'node',
    target: 'es2024',
    format: 'esm',
    logLevel: 'silent',
    banner: {
      js: "import { createRequire as topLevelCreateRequire } from 'module'; const require = topLevelCreateRequire(import.meta.url);",
    },
  });
  return {
    handler: `bundle.${name}`,
    out,
    errors: [],
    sourcemaps: sourcemap ? [`${out}/bundle.mjs.map`] : [],
  };
}
