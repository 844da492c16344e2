// Plays the rollouts that it is sent and answers the outcome of each; one of several beside `weather.ts`.
import { parentPort } from 'node:worker_threads';
import { allCells } from '../../simulation/weather/figures.ts';
import { run } from '../../simulation/weather/rows.ts';
import type { Job } from './weather.ts';

const cells = allCells();

parentPort?.on('message', ({ index, from, to, seed }: Job) => {
  const cell = cells[index];
  if (cell === undefined) throw new Error(`There is no cell ${index}.`);
  const runs = Array.from({ length: to - from }, (_, nth) => run(cell, { nth: from + nth, seed }));
  parentPort?.postMessage(runs);
});
