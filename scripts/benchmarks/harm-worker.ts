// Plays the trials that it is sent and answers the outcome of them; one of several beside `harm.ts`.
import { parentPort } from 'node:worker_threads';
import type { Job } from './harm.ts';
import { scored, TRIALS } from './harm-cells.ts';
import { SLOWNESS, slowness } from './harm-latency.ts';

parentPort?.on('message', ({ of, nth, ...effort }: Job) => {
  const [trial, slow] = [TRIALS[nth], SLOWNESS[nth]];
  if (of === 'trials' && trial !== undefined) parentPort?.postMessage(scored(trial, effort));
  else if (of === 'slowness' && slow !== undefined) parentPort?.postMessage(slowness(slow, effort));
  else throw new Error(`There is no job ${nth} of ${of}.`);
});
