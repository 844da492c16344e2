import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundled } from '../../local/bundle.ts';
import type { Figures } from './figures.ts';

/** Megabytes of the quota. Measure has twice as much. */
const MEGABYTES = 256;

/** Lambda gives a function a full core at 1,769 MB (Lambda developer guide, "Configure Lambda function memory"). */
const SHARE = MEGABYTES / 1769;

/** How Lambda's Node.js runtimes start Node: a tenth for new objects, of which a semi-space is half (`bootstrap` of the runtimes nodejs14.x and nodejs18.x; assumed for later ones). */
const MEMORY = [
  `--max-semi-space-size=${Math.floor(Math.floor(MEGABYTES / 10) / 2)}`,
  `--max-old-space-size=${MEGABYTES - Math.floor(MEGABYTES / 10)}`,
];

/** The kernel shares a core out in periods of this many milliseconds. Assumed: Lambda does not document its own. */
const PERIOD_MS = 20;

/** A tick that takes longer than this is ended; Measure itself has 10 s. */
const LIMIT_SECONDS = 40;

/** What a tick of a rollout costs that has so many days of bake behind it, in a fresh process with the share of a core that Measure has. */
export interface Tick {
  /** Bytes that the process holds at most, in MB, with Node itself, all of Measure's code and the whole of what CloudWatch answered. */
  peakMB: number;
  /** Milliseconds of a whole core, without those in which the stub made CloudWatch's answers. */
  cpuMs: number;
  /** Data points that were read. */
  points: number;
  /** What HEAD holds, most of it of the minutes that earlier ticks read. */
  headKB: number;
  status: string;
}

const CASES = [
  { days: 1, targets: 1, latency: false },
  { days: 7, targets: 1, latency: false },
  { days: 7, targets: 5, latency: false },
  { days: 1, targets: 1, latency: true },
  { days: 1, targets: 5, latency: true },
  { days: 7, targets: 5, latency: true },
];

/**
 * The adapter and the judge of one tick that reads and folds as much as any, cold and bundled as Measure is, under a CPU quota: seconds as Measure would take them, memory, and the CPU
 * alone. CloudWatch is a stub in the same process, whose own CPU is taken out; the network and its decoding are not in it.
 */
export async function tick(): Promise<Figures> {
  const figures: Figures = { cpuShare: SHARE, limitSeconds: LIMIT_SECONDS };
  const folder = mkdtempSync(join(tmpdir(), 'spillway-tick-'));
  await bundled([SCRIPT], folder);
  const script = join(folder, 'tick-once.mjs');
  for (const { days, targets, latency } of CASES) {
    const name = `${days}d${targets}targets${latency ? 'Latency' : ''}`;
    const what = [String(days), String(targets), latency ? 'latency' : 'counts'];
    const before = join(folder, `${name}.json`);
    writeFileSync(before, execFileSync(process.execPath, [script, ...what, 'fold']));
    const answer = await underQuota(script, [...what, 'tick', before]);
    figures[`${name}Ended`] = answer === undefined ? 0 : 1;
    figures[`${name}Seconds`] = answer === undefined ? LIMIT_SECONDS : round(answer.cpuMs / SHARE / 1000);
    if (answer === undefined) continue;
    figures[`${name}PeakMB`] = round(answer.peakMB);
    figures[`${name}Points`] = answer.points;
    figures[`${name}HeadKB`] = round(answer.headKB);
  }
  rmSync(folder, { recursive: true });
  return figures;
}

const SCRIPT = fileURLToPath(new URL('./tick-once.ts', import.meta.url));

const round = (value: number) => Math.round(value * 100) / 100;

/** Runs one tick in a process that is stopped for the rest of each period; undefined if it does not end in time or in its memory. */
function underQuota(script: string, args: string[]): Promise<Tick | undefined> {
  const child = spawn(process.execPath, [...MEMORY, script, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const on = PERIOD_MS * SHARE;
  const began = performance.now();
  let isEnded = false;
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const share = () => {
    if (isEnded) return;
    if (performance.now() - began > LIMIT_SECONDS * 1000) {
      child.kill('SIGKILL');
      return;
    }
    child.kill('SIGCONT');
    pause(on);
    child.kill('SIGSTOP');
    pause(PERIOD_MS - on);
    setImmediate(share);
  };
  return new Promise((resolve) => {
    child.on('close', (code) => {
      isEnded = true;
      resolve(code === 0 ? (JSON.parse(text) as Tick) : undefined);
    });
    setImmediate(share);
  });
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
