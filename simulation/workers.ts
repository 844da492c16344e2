import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** Whoever watches the answers come. */
interface Watching<Answer> {
  heard?: (answer: Answer) => void;
  isOver?: () => boolean;
  /** What the module is to know that it is a worker of. */
  workerData?: unknown;
}

/**
 * The answers of a worker's module to all jobs, in their order. Each job goes to the next worker that is free, so the same jobs have the
 * same answers on any number of workers. The module answers each message with one. `heard` is called
 * with each answer as it comes; once `isOver` says so, no job is begun any more, and those left have no answer.
 */
export async function answersOf<Job, Answer>(
  module: URL,
  jobs: readonly Job[],
  { heard = () => {}, isOver = () => false, workerData }: Watching<Answer> = {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(module, { workerData });
      let present = 0;
      const give = () => {
        present = next++;
        if (present < jobs.length && !isOver()) worker.postMessage(jobs[present]);
        else void worker.terminate().then(() => resolve());
      };
      worker.on('message', (answer: Answer) => {
        answers[present] = answer;
        heard(answer);
        give();
      });
      worker.on('error', reject);
      give();
    });
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, work));
  return answers;
}
