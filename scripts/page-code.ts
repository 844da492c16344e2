import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const folder = new URL('../page/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');

/** The dashboard as it is served: its page, its files by names that hold their digests, and what a saved rollout consists of. */
interface BuiltPage {
  served: { html: string; assets: Record<string, string> };
  saved: { script: string; style: string };
}

/** Builds it: minified, and the same whoever builds it. */
export async function builtPage(): Promise<BuiltPage> {
  const [app, saved, style] = await Promise.all([
    bundled('app.ts'),
    bundled('saved.ts'),
    transform(read('page.css'), { loader: 'css', minify: true }).then(({ code }) => code.trim()),
  ]);
  const icon = read('icon.svg').trim();
  const names = {
    ICON: named('icon', 'svg', icon),
    STYLE: named('page', 'css', style),
    SCRIPT: named('app', 'js', app),
  };
  const html = Object.entries(names).reduce(
    (text, [key, name]) => text.replace(`/assets/${key}`, `/assets/${name}`),
    read('page.html'),
  );
  return {
    served: { html, assets: { [names.SCRIPT]: app, [names.STYLE]: style, [names.ICON]: icon } },
    saved: { script: saved, style },
  };
}

async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(entry, folder))],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    charset: 'utf8',
  });
  return (outputFiles[0]?.text ?? '').trim();
}

const named = (name: string, type: string, text: string): string =>
  `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.${type}`;
