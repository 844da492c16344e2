// Plays the seeds it is sent and answers what came of each; one of several beside `scripts/simulate.ts`.
import { parentPort } from 'node:worker_threads';
import type { FaultName } from '../simulation/faults.ts';
import { playSeed } from '../simulation/seed.ts';

// Every hold ends in an error of the states language, and nobody looks at where it was made.
Error.stackTraceLimit = 0;

parentPort?.on('message', async ({ seeds, faults }: { seeds: number[]; faults: FaultName[] }) => {
  const results = [];
  for (const seed of seeds) results.push(await playSeed(seed, faults));
  parentPort?.postMessage(results);
});
