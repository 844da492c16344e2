import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleHandlers } from '../../local/bundle.ts';
import type { Figures } from './figures.ts';

/** Each handler and the empty one in turn, so that what else the machine does is the same for both. */
const REPEATS = 9;

/** How large each handler is when it is deployed, and how much longer it takes to load than a handler that does nothing. */
export async function bundles(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bundles-'));
  try {
    const empty = join(folder, 'empty.mjs');
    writeFileSync(empty, 'export const handler = async () => ({});\n');
    const table = [];
    for (const [handler, { bytes, parts }] of Object.entries(await bundleHandlers(folder))) {
      const { msAboveEmpty, cpuMsAboveEmpty } = compared(join(folder, `${handler}.mjs`), empty);
      table.push({ handler, bytes, msAboveEmpty, cpuMsAboveEmpty, parts: largest(parts) });
      console.log(
        `${handler.padEnd(20)} ${bytes} bytes, ${msAboveEmpty} ms above empty (${cpuMsAboveEmpty} ms of processor)`,
      );
    }
    return {
      'bytes of the largest bundle': Math.max(...table.map(({ bytes }) => bytes)),
      'bundles over 700 KB': table.filter(({ bytes }) => bytes > 700_000).length,
      'ms above an empty handler, the slowest': Math.max(...table.map(({ msAboveEmpty }) => msAboveEmpty)),
      'ms of processor above an empty handler, the slowest': Math.max(
        ...table.map(({ cpuMsAboveEmpty }) => cpuMsAboveEmpty),
      ),
      'handlers over 110 ms above empty': table.filter(({ msAboveEmpty }) => msAboveEmpty > 110).length,
      handlers: table,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Loading {
  ms: number;
  cpuMs: number;
}

/** Medians over processes of their own, since a module is loaded only once in each. The time of the processor tells a slow handler from a busy machine. */
function compared(file: string, empty: string): { msAboveEmpty: number; cpuMsAboveEmpty: number } {
  const differences: Loading[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const nothing = loading(empty);
    const { ms, cpuMs } = loading(file);
    differences.push({ ms: ms - nothing.ms, cpuMs: cpuMs - nothing.cpuMs });
  }
  return {
    msAboveEmpty: median(differences.map(({ ms }) => ms)),
    cpuMsAboveEmpty: median(differences.map(({ cpuMs }) => cpuMs)),
  };
}

/** What a fresh process takes to load a module, without the start of Node itself. */
function loading(file: string): Loading {
  const code = `
    const began = performance.now();
    const used = process.cpuUsage();
    await import(${JSON.stringify(pathToFileURL(file).href)});
    const { user, system } = process.cpuUsage(used);
    console.log(JSON.stringify({ ms: performance.now() - began, cpuMs: (user + system) / 1000 }));`;
  const env = { ...process.env, AWS_LAMBDA_FUNCTION_NAME: 'bench', AWS_REGION: 'eu-west-1' };
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { env, encoding: 'utf8' }),
  ) as Loading;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? Number.NaN) * 10) / 10;
}

/** The five packages that take most. */
function largest(parts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(parts)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 5),
  );
}
