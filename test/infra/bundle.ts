import { build } from 'esbuild';
import { type FunctionName, fileOf } from '../../infra/facts.ts';

/** A function's own code and that of the project which it reaches, without the packages; what it never uses is left out. */
export async function codeOf(name: FunctionName): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`functions/${fileOf(name)}.ts`],
    bundle: true,
    write: false,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

/** The environment variables that code reads of what the deployment sets: Lambda itself sets AWS_…, people who look closer set POWERTOOLS_…. */
export function variablesIn(code: string): string[] {
  const read = [...code.matchAll(/\b(?:setting|optionalSetting)\d*\("(\w+)"\)|\bprocess\.env\.(\w+)/g)];
  const names = read.map(([, asked, plain]) => asked ?? plain ?? '');
  return [...new Set(names)].filter((name) => !/^(AWS|POWERTOOLS)_/.test(name)).sort();
}

/** The secrets of the controller's own that code reads. */
export function secretsIn(code: string): string[] {
  const read = [...code.matchAll(/\bsecret\d*\("(\w+)"\)/g)].map(([, name = '']) => name);
  return [...new Set(read)].sort();
}

/** The SDK commands that code makes; the bundler numbers a name that it meets twice. */
export function commandsIn(code: string): string[] {
  return [
    ...new Set([...code.matchAll(/\bnew (\w+?Command)\d*\(/g)].map(([, command = '']) => command)),
  ].sort();
}
