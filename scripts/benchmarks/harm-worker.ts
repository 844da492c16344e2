// Plays the scenes that it is sent and answers the outcome of them; one of several beside `harm.ts`.
import { parentPort } from 'node:worker_threads';
import type { Job } from './harm.ts';
import { SCENES, scored } from './harm-cells.ts';
import { SLOWNESS, slowness } from './harm-latency.ts';
import { TAILS, tail } from './harm-tails.ts';

parentPort?.on('message', ({ of, nth, ...effort }: Job) => {
  const [scene, slow, cell] = [SCENES[nth], SLOWNESS[nth], TAILS[nth]];
  if (of === 'scenes' && scene !== undefined) parentPort?.postMessage(scored(scene, effort));
  else if (of === 'slowness' && slow !== undefined) parentPort?.postMessage(slowness(slow, effort));
  else if (of === 'tails' && cell !== undefined) parentPort?.postMessage(tail(cell, effort));
  else throw new Error(`There is no job ${nth} of ${of}.`);
});
